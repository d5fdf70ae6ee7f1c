#include "types/out.h"

#include "base/tokens.h"
#include "base/utf16.h"

crdt__out crdt__out_on(crdt_buf *buf, const crdt_mem *mem)
{
    return (crdt__out){.w = crdt__writer_on(buf), .mem = mem};
}

void crdt__out_raw(crdt__out *out, const char *json)
{
    crdt__write_bytes(&out->w, json, strlen(json));
}

/* ---- text ---- */

static bool waits(const crdt__out *out)
{
    return out->high[0] != 0;
}

static void write_replacement(crdt__out *out)
{
    crdt__write_bytes(&out->w, crdt__replacement, CRDT__HALF_LEN);
}

void crdt__out_settle(crdt__out *out)
{
    if (waits(out))
        write_replacement(out);
    out->high[0] = 0;
}

void crdt__out_half(crdt__out *out)
{
    crdt__out_settle(out);
    write_replacement(out);
}

static bool is_half(const uint8_t *p, const uint8_t *end)
{
    return *p == 0xed && end - p >= 3 && p[1] >= 0xa0;
}

static void write_half(crdt__out *out, const uint8_t *half)
{
    const bool low = half[1] >= 0xb0;
    if (low && waits(out)) {
        uint8_t pair[4];
        crdt__wtf8_join(out->high, half, pair);
        crdt__write_bytes(&out->w, pair, sizeof pair);
        out->high[0] = 0;
    } else if (low) {
        write_replacement(out);
    } else {
        crdt__out_settle(out);
        memcpy(out->high, half, CRDT__HALF_LEN);
    }
}

static void write_escape(crdt__writer *w, uint8_t c)
{
    static const char letters[] =
        "\"\"\\\\\bb\ff\nn\rr\tt"; /* each followed by what stands for it */
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if (c == (uint8_t)letters[i]) {
            crdt__write_u8(w, '\\');
            crdt__write_u8(w, (uint8_t)letters[i + 1]);
            return;
        }
    }
    crdt__write_bytes(w, "\\u00", 4);
    crdt__write_u8(w, (uint8_t)digits[c >> 4]);
    crdt__write_u8(w, (uint8_t)digits[c & 0xf]);
}

static bool needs_escape(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* The first byte from `p` on that is not simply copied. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end, bool quoted)
{
    if (quoted)
        while (p < end && *p != 0xed && !needs_escape(*p))
            p++;
    else
        while (p < end && *p != 0xed)
            p++;
    return p;
}

void crdt__out_text(crdt__out *out, crdt_bytes text)
{
    const uint8_t *p = text.data;
    const uint8_t *end = crdt__reader_of(text).end;
    while (p < end) {
        if (is_half(p, end)) {
            write_half(out, p);
            p += CRDT__HALF_LEN;
            continue;
        }
        crdt__out_settle(out);
        if (out->quoted && needs_escape(*p)) {
            write_escape(&out->w, *p++);
            continue;
        }
        const uint8_t *plain = skip_plain(p + 1, end, out->quoted);
        crdt__write_bytes(&out->w, p, (size_t)(plain - p));
        p = plain;
    }
}

void crdt__out_open(crdt__out *out)
{
    crdt__write_u8(&out->w, '"');
    out->quoted = true;
}

void crdt__out_close(crdt__out *out)
{
    crdt__out_settle(out);
    out->quoted = false;
    crdt__write_u8(&out->w, '"');
}

void crdt__out_string(crdt__out *out, crdt_bytes text)
{
    crdt__out_open(out);
    crdt__out_text(out, text);
    crdt__out_close(out);
}

/* ---- bytes ---- */

static void write_group(crdt__writer *w, const uint8_t *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits =
        (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) | (len > 2 ? (uint32_t)p[2] : 0);
    for (size_t i = 0; i < 4; i++) {
        const char *digit = i <= len ? &digits[bits >> (18 - 6 * i) & 0x3f] : "=";
        crdt__write_u8(w, (uint8_t)*digit);
    }
}

void crdt__out_base64(crdt__out *out, crdt_bytes bytes)
{
    crdt__write_u8(&out->w, '"');
    for (size_t i = 0; i < bytes.len; i += 3)
        write_group(&out->w, bytes.data + i, bytes.len - i);
    crdt__write_u8(&out->w, '"');
}

/* ---- values ---- */

/* What stands between the quotes of canonical JSON, where only unpaired halves are escaped as
 * \udxxx. */
static bool is_escaped_half(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 6 && p[1] == 'u' && p[2] == 'd' && p[3] >= '8';
}

static void write_canonical(crdt__out *out, crdt_bytes text)
{
    const uint8_t *p = text.data;
    const uint8_t *end = crdt__reader_of(text).end;
    for (const uint8_t *escape; p < end && (escape = memchr(p, '\\', (size_t)(end - p)));) {
        crdt__write_bytes(&out->w, p, (size_t)(escape - p));
        bool half = is_escaped_half(escape, end);
        if (half)
            write_replacement(out);
        else
            crdt__write_bytes(&out->w, escape, 2);
        p = escape + (half ? 6 : 2);
    }
    crdt__write_bytes(&out->w, p, (size_t)(end - p));
}

static void write_string(crdt__out *out, crdt__token t)
{
    if (!t.is_json) {
        crdt__out_string(out, t.text);
        return;
    }
    crdt__write_u8(&out->w, '"');
    write_canonical(out, t.text);
    crdt__write_u8(&out->w, '"');
}

static void write_bigint(crdt__out *out, uint64_t bits)
{
    char digits[20];
    size_t at = sizeof digits;
    bool negative = bits >> 63 != 0;
    uint64_t magnitude = negative ? 0 - bits : bits;
    bool quoted = magnitude > CRDT_CLOCK_MAX; /* which is Number.MAX_SAFE_INTEGER */
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    crdt__out_raw(out, quoted ? "\"" : "");
    crdt__out_raw(out, negative ? "-" : "");
    crdt__write_bytes(&out->w, digits + at, sizeof digits - at);
    crdt__out_raw(out, quoted ? "\"" : "");
}

static void write_scalar(crdt__out *out, crdt__token t)
{
    switch (t.kind) {
    case CRDT__TOKEN_STRING:
        write_string(out, t);
        break;
    case CRDT__TOKEN_NUMBER:
        crdt__json_write_number(crdt__token_number(t), &out->w);
        break;
    case CRDT__TOKEN_TRUE:
        crdt__out_raw(out, "true");
        break;
    case CRDT__TOKEN_FALSE:
        crdt__out_raw(out, "false");
        break;
    case CRDT__TOKEN_BIGINT:
        write_bigint(out, t.bits);
        break;
    case CRDT__TOKEN_BYTES:
        crdt__out_base64(out, t.text);
        break;
    case CRDT__TOKEN_NULL:
    case CRDT__TOKEN_UNDEFINED:
    case CRDT__TOKEN_BAD:
    case CRDT__TOKEN_END:
    case CRDT__TOKEN_OBJECT:
    case CRDT__TOKEN_ARRAY:
    case CRDT__TOKEN_CLOSE:
    case CRDT__TOKEN_KEY:
        crdt__out_raw(out, "null");
        break;
    }
}

static void write_tokens(crdt__out *out, crdt__tokens *tokens)
{
    bool is_object[CRDT_VALUE_DEPTH_MAX];
    size_t depth = 0;
    bool behind = false; /* a comma before the next key or element */
    for (crdt__token t; out->w.ok && (t = crdt__tokens_next(tokens), !crdt__token_is_last(t));) {
        if (t.kind == CRDT__TOKEN_CLOSE) {
            crdt__out_raw(out, is_object[--depth] ? "}" : "]");
            behind = true;
            continue;
        }
        crdt__out_raw(out, behind ? "," : "");
        behind = !crdt__token_opens(t.kind) && t.kind != CRDT__TOKEN_KEY;
        if (crdt__token_opens(t.kind)) {
            is_object[depth++] = t.kind == CRDT__TOKEN_OBJECT;
            crdt__out_raw(out, t.kind == CRDT__TOKEN_OBJECT ? "{" : "[");
        } else if (t.kind == CRDT__TOKEN_KEY) {
            write_string(out, t);
            crdt__out_raw(out, ":");
        } else {
            write_scalar(out, t);
        }
    }
}

void crdt__out_any(crdt__out *out, crdt__reader *r)
{
    crdt__tokens tokens; /* some kilobytes, of which a shallow value touches few */
    crdt__tokens_of_any(&tokens, (crdt_bytes){r->pos, crdt__reader_left(r)});
    write_tokens(out, &tokens);
    r->pos = tokens.any.r.pos;
}

void crdt__out_json(crdt__out *out, crdt_bytes text)
{
    if (crdt__bytes_equal(text, crdt_bytes_of("undefined")))
        crdt__out_raw(out, "null");
    else
        write_canonical(out, text);
}

void crdt__out_value(crdt__out *out, crdt_bytes value)
{
    if (crdt__value_is_any(value)) {
        crdt__reader r = crdt__reader_of((crdt_bytes){value.data + 1, value.len - 1});
        crdt__out_any(out, &r);
    } else {
        write_canonical(out, value);
    }
}
