#include "types/out.h"

#include <math.h>

#include "base/any.h"
#include "base/number.h"
#include "base/value.h"

static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd}; /* U+FFFD */

crdt__out crdt__out_on(crdt_buf *buf, const crdt_mem *mem)
{
    return (crdt__out){.w = crdt__writer_on(buf), .mem = mem};
}

void crdt__out_raw(crdt__out *out, const char *json)
{
    crdt__write_bytes(&out->w, json, strlen(json));
}

/* ---- text ---- */

void crdt__out_settle(crdt__out *out)
{
    if (out->high)
        crdt__write_bytes(&out->w, replacement, sizeof replacement);
    out->high = 0;
}

void crdt__out_half(crdt__out *out)
{
    crdt__out_settle(out);
    crdt__write_bytes(&out->w, replacement, sizeof replacement);
}

/* A pair of halves that met. */
static void write_pair(crdt__out *out, uint32_t low)
{
    uint32_t code = 0x10000 + ((out->high - 0xd800) << 10) + (low - 0xdc00);
    const uint8_t bytes[4] = {(uint8_t)(0xf0 | code >> 18), (uint8_t)(0x80 | (code >> 12 & 0x3f)),
                              (uint8_t)(0x80 | (code >> 6 & 0x3f)),
                              (uint8_t)(0x80 | (code & 0x3f))};
    crdt__write_bytes(&out->w, bytes, sizeof bytes);
    out->high = 0;
}

/* The three bytes of an unpaired half. */
static void write_surrogate(crdt__out *out, const uint8_t *p)
{
    uint32_t unit = (uint32_t)((p[0] & 0xf) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f));
    if (unit < 0xdc00) {
        crdt__out_settle(out);
        out->high = unit;
    } else if (out->high) {
        write_pair(out, unit);
    } else {
        crdt__out_half(out);
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

static bool is_surrogate(const uint8_t *p, const uint8_t *end)
{
    return *p == 0xed && end - p >= 3 && p[1] >= 0xa0;
}

/* The first byte from `p` on that cannot be copied. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end, bool quoted)
{
    while (p < end && *p != 0xed && !(quoted && needs_escape(*p)))
        p++;
    return p;
}

void crdt__out_text(crdt__out *out, crdt_bytes text)
{
    const uint8_t *p = text.data;
    const uint8_t *end = crdt__reader_of(text).end;
    while (p < end) {
        if (is_surrogate(p, end)) {
            write_surrogate(out, p);
            p += 3;
            continue;
        }
        crdt__out_settle(out);
        const uint8_t *plain = skip_plain(p, end, out->quoted);
        crdt__write_bytes(&out->w, p, (size_t)(plain - p));
        p = plain;
        if (p < end && *p == 0xed && !is_surrogate(p, end))
            crdt__write_u8(&out->w, *p++);
        else if (p < end && *p != 0xed)
            write_escape(&out->w, *p++);
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
        char digit = i <= len ? digits[bits >> (18 - 6 * i) & 0x3f] : '=';
        crdt__write_u8(w, (uint8_t)digit);
    }
}

void crdt__out_base64(crdt__out *out, crdt_bytes bytes)
{
    crdt__write_u8(&out->w, '"');
    for (size_t i = 0; i < bytes.len; i += 3)
        write_group(&out->w, bytes.data + i, bytes.len - i);
    crdt__write_u8(&out->w, '"');
}

/* ---- Any ---- */

static uint64_t load_be(crdt_bytes bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.len; i++)
        bits = bits << 8 | bytes.data[i];
    return bits;
}

static void write_number(crdt__out *out, double value)
{
    char text[CRDT__NUMBER_LEN_MAX];
    if (isfinite(value))
        crdt__write_bytes(&out->w, text, crdt__number_print(value, text));
    else
        crdt__out_raw(out, "null");
}

static void write_integer(crdt__writer *w, uint64_t magnitude, bool negative)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative)
        crdt__write_u8(w, '-');
    crdt__write_bytes(w, digits + at, sizeof digits - at);
}

static void write_bigint(crdt__out *out, uint64_t bits)
{
    bool negative = bits >> 63 != 0;
    uint64_t magnitude = negative ? 0 - bits : bits;
    bool is_number = magnitude <= CRDT_CLOCK_MAX; /* Number.MAX_SAFE_INTEGER, too */
    if (!is_number)
        crdt__write_u8(&out->w, '"');
    write_integer(&out->w, magnitude, negative);
    if (!is_number)
        crdt__write_u8(&out->w, '"');
}

static void write_scalar(crdt__out *out, crdt__reader *r, uint8_t tag)
{
    switch (tag) {
    case CRDT__ANY_TRUE:
        crdt__out_raw(out, "true");
        break;
    case CRDT__ANY_FALSE:
        crdt__out_raw(out, "false");
        break;
    case CRDT__ANY_INTEGER: {
        bool negative;
        uint64_t magnitude = crdt__read_varint(r, &negative);
        write_integer(&out->w, magnitude, negative && magnitude > 0);
        break;
    }
    case CRDT__ANY_FLOAT32: {
        uint32_t bits = (uint32_t)load_be(crdt__read_bytes(r, 4));
        float value;
        memcpy(&value, &bits, sizeof value);
        write_number(out, (double)value);
        break;
    }
    case CRDT__ANY_FLOAT64: {
        uint64_t bits = load_be(crdt__read_bytes(r, 8));
        double value;
        memcpy(&value, &bits, sizeof value);
        write_number(out, value);
        break;
    }
    case CRDT__ANY_BIGINT:
        write_bigint(out, load_be(crdt__read_bytes(r, 8)));
        break;
    case CRDT__ANY_STRING:
        crdt__out_string(out, crdt__read_varbytes(r));
        break;
    case CRDT__ANY_BYTES:
        crdt__out_base64(out, crdt__read_varbytes(r));
        break;
    default: /* null, undefined */
        crdt__out_raw(out, "null");
    }
}

typedef struct level {
    uint64_t left; /* members to come */
    bool is_object;
    bool behind; /* a member was written */
} level;

static void begin_member(crdt__out *out, crdt__reader *r, level *top)
{
    if (top->behind)
        crdt__out_raw(out, ",");
    top->behind = true;
    top->left--;
    if (top->is_object) {
        crdt__out_string(out, crdt__read_varbytes(r));
        crdt__out_raw(out, ":");
    }
}

void crdt__out_any(crdt__out *out, crdt__reader *r)
{
    level levels[CRDT_VALUE_DEPTH_MAX];
    size_t depth = 0;
    do {
        uint8_t tag = crdt__read_u8(r);
        bool is_object = tag == CRDT__ANY_OBJECT;
        if ((is_object || tag == CRDT__ANY_ARRAY) && depth < CRDT_VALUE_DEPTH_MAX) {
            levels[depth++] = (level){crdt__read_varuint(r), is_object, false};
            crdt__out_raw(out, is_object ? "{" : "[");
        } else {
            write_scalar(out, r, tag);
        }
        for (; depth > 0 && levels[depth - 1].left == 0; depth--)
            crdt__out_raw(out, levels[depth - 1].is_object ? "}" : "]");
        if (depth > 0)
            begin_member(out, r, &levels[depth - 1]);
    } while (depth > 0 && r->ok);
}

/* ---- JSON ---- */

/* In canonical JSON text, only unpaired halves are escaped as \udxxx. */
static bool is_escaped_half(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 6 && p[1] == 'u' && p[2] == 'd' && p[3] >= '8';
}

static void write_canonical(crdt__out *out, crdt_bytes text)
{
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    for (const uint8_t *escape; p < end && (escape = memchr(p, '\\', (size_t)(end - p)));) {
        crdt__write_bytes(&out->w, p, (size_t)(escape - p));
        bool half = is_escaped_half(escape, end);
        crdt__write_bytes(&out->w, half ? replacement : escape, half ? sizeof replacement : 2);
        p = escape + (half ? 6 : 2);
    }
    crdt__write_bytes(&out->w, p, (size_t)(end - p));
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
