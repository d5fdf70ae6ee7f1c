#include "types/xml_value.h"

#include <math.h>

typedef struct xml_out {
    crdt__out *out;
    crdt_xml_style style;
    crdt__xml_place place;
} xml_out;

static void put(const xml_out *x, const char *text)
{
    crdt__out_text(x->out, crdt_bytes_of(text));
}

void crdt__xml_bytes(crdt__out *out, crdt_bytes bytes)
{
    char digits[CRDT__NUMBER_LEN_MAX];
    for (size_t i = 0; i < bytes.len; i++) {
        crdt__out_text(out, crdt_bytes_of(i > 0 ? "," : ""));
        size_t len = crdt__number_print((double)bytes.data[i], digits);
        crdt__out_text(out, (crdt_bytes){(uint8_t *)digits, len});
    }
}

static void put_bigint(const xml_out *x, uint64_t bits)
{
    bool negative = bits >> 63 != 0;
    uint64_t magnitude = negative ? 0 - bits : bits;
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    put(x, negative ? "-" : "");
    crdt__out_text(x->out, (crdt_bytes){digits + at, sizeof digits - at});
}

static void put_number(const xml_out *x, double number)
{
    char text[CRDT__NUMBER_LEN_MAX];
    if (isnan(number))
        put(x, "NaN");
    else if (isinf(number))
        put(x, number > 0 ? "Infinity" : "-Infinity");
    else
        crdt__out_text(x->out, (crdt_bytes){(uint8_t *)text, crdt__number_print(number, text)});
}

static void put_string(const xml_out *x, crdt__token t)
{
    crdt_buf plain = {.mem = x->out->mem};
    crdt_bytes text = t.text;
    if (t.is_json) {
        crdt__writer w = crdt__writer_on(&plain);
        crdt__json_unescape(t.text, &w);
        x->out->w.ok = crdt__writer_finish(&w) == CRDT_OK && x->out->w.ok;
        text = (crdt_bytes){plain.data, plain.len};
    }
    crdt__xml_text(x->out, x->style, x->place, text);
    crdt_buf_free(&plain);
}

static void put_scalar(const xml_out *x, crdt__token t)
{
    switch (t.kind) {
    case CRDT__TOKEN_STRING:
        put_string(x, t);
        break;
    case CRDT__TOKEN_NUMBER:
        put_number(x, crdt__token_number(t));
        break;
    case CRDT__TOKEN_TRUE:
        put(x, "true");
        break;
    case CRDT__TOKEN_FALSE:
        put(x, "false");
        break;
    case CRDT__TOKEN_NULL:
        put(x, "null");
        break;
    case CRDT__TOKEN_UNDEFINED:
        put(x, "undefined");
        break;
    case CRDT__TOKEN_BIGINT:
        put_bigint(x, t.bits);
        break;
    case CRDT__TOKEN_BYTES:
        crdt__xml_bytes(x->out, t.text);
        break;
    case CRDT__TOKEN_BAD:
    case CRDT__TOKEN_END:
    case CRDT__TOKEN_OBJECT:
    case CRDT__TOKEN_ARRAY:
    case CRDT__TOKEN_CLOSE:
    case CRDT__TOKEN_KEY:
        break;
    }
}

void crdt__tokens_skip(crdt__tokens *tokens, crdt__token t)
{
    size_t depth = crdt__token_opens(t.kind);
    while (depth > 0 && !crdt__token_is_last(t = crdt__tokens_next(tokens))) {
        depth += crdt__token_opens(t.kind);
        depth -= t.kind == CRDT__TOKEN_CLOSE;
    }
}

/* Null and undefined are nothing among the elements of an array. */
static bool is_nothing(crdt__token t)
{
    return t.kind == CRDT__TOKEN_NULL || t.kind == CRDT__TOKEN_UNDEFINED;
}

static void put_value(const xml_out *x, crdt__tokens *tokens)
{
    size_t depth = 0;
    bool behind = false; /* an element came before */
    do {
        crdt__token t = crdt__tokens_next(tokens);
        if (crdt__token_is_last(t))
            return;
        if (t.kind == CRDT__TOKEN_CLOSE) {
            depth--;
            behind = true;
            continue;
        }
        put(x, depth > 0 && behind ? "," : "");
        behind = t.kind != CRDT__TOKEN_ARRAY;
        if (t.kind == CRDT__TOKEN_OBJECT) {
            put(x, "[object Object]");
            crdt__tokens_skip(tokens, t);
        } else if (t.kind == CRDT__TOKEN_ARRAY) {
            depth++;
        } else if (depth == 0 || !is_nothing(t)) {
            put_scalar(x, t);
        }
    } while (depth > 0);
}

void crdt__xml_any(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes any)
{
    const xml_out x = {out, style, place};
    crdt__tokens tokens;
    crdt__tokens_of_any(&tokens, any);
    put_value(&x, &tokens);
}

void crdt__xml_json(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes text)
{
    const xml_out x = {out, style, place};
    crdt__tokens tokens;
    if (crdt__bytes_equal(text, crdt_bytes_of("undefined"))) {
        put(&x, "undefined");
        return;
    }
    crdt__tokens_of_json(&tokens, text);
    put_value(&x, &tokens);
}

void crdt__xml_kept(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes value)
{
    const xml_out x = {out, style, place};
    crdt__tokens tokens;
    crdt__tokens_of_kept(&tokens, value);
    put_value(&x, &tokens);
}
