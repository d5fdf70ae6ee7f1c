#include "base/utf16.h"

#include <string.h>

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static uint64_t load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes that a character takes, by its first byte; 0 for a byte that can begin none. */
static size_t utf8_width(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* The second byte has a smaller range after some leads: it keeps out overlong forms, surrogates and
 * what lies above U+10FFFF (Unicode, table 3-7). */
static bool second_allowed(uint8_t lead, uint8_t second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static bool character_valid(const uint8_t *p, size_t width)
{
    return second_allowed(p[0], p[1]) && (width < 3 || is_continuation(p[2])) &&
           (width < 4 || is_continuation(p[3]));
}

bool crdt__utf8_valid(crdt_bytes text, uint64_t *utf16_len)
{
    const uint8_t *p = text.data;
    size_t left = text.len;
    uint64_t units = 0;
    while (left > 0) {
        if (*p < 0x80) {
            size_t ascii = 1;
            while (left - ascii >= 8 && (load_word(p + ascii) & HIGHS) == 0)
                ascii += 8;
            p += ascii;
            left -= ascii;
            units += ascii;
            continue;
        }
        size_t width = utf8_width(*p);
        if (width == 0 || width > left || !character_valid(p, width))
            return false;
        p += width;
        left -= width;
        units += width == 4 ? 2 : 1;
    }
    if (utf16_len != NULL)
        *utf16_len = units;
    return true;
}

/* UTF-16 units begun by the first bytes among the eight: one each, two for those of four-byte
 * characters. */
static uint64_t word_units(uint64_t word)
{
    if ((word & HIGHS) == 0)
        return 8;
    uint64_t continuation = (word >> 7) & ~(word >> 6) & ONES;
    uint64_t four_bytes = (word >> 7) & (word >> 6) & (word >> 5) & (word >> 4) & ONES;
    return ((ONES - continuation + four_bytes) * ONES) >> 56;
}

static uint64_t byte_units(uint8_t byte)
{
    return is_continuation(byte) ? 0 : byte >= 0xf0 ? 2 : 1;
}

uint64_t crdt__utf16_len(crdt_bytes text)
{
    uint64_t units = 0;
    size_t at = 0;
    for (; text.len - at >= 8; at += 8)
        units += word_units(load_word(text.data + at));
    for (; at < text.len; at++)
        units += byte_units(text.data[at]);
    return units;
}

static size_t offset_from_start(crdt_bytes text, uint64_t unit, bool *inside_pair)
{
    uint64_t before = 0; /* units begun before `at` */
    size_t at = 0;
    while (text.len - at >= 8) {
        uint64_t units = word_units(load_word(text.data + at));
        if (before + units > unit)
            break;
        before += units;
        at += 8;
    }
    for (; at < text.len; at++) {
        uint64_t units = byte_units(text.data[at]);
        if (before + units > unit) {
            *inside_pair = before < unit;
            return at;
        }
        before += units;
    }
    return text.len;
}

static size_t offset_from_end(crdt_bytes text, uint64_t rest, bool *inside_pair)
{
    uint64_t behind = 0; /* units begun at or behind `at` */
    size_t at = text.len;
    while (at >= 8) {
        uint64_t units = word_units(load_word(text.data + at - 8));
        if (behind + units >= rest)
            break;
        behind += units;
        at -= 8;
    }
    while (behind < rest)
        behind += byte_units(text.data[--at]);
    *inside_pair = behind > rest;
    return at;
}

size_t crdt__utf16_offset(crdt_bytes text, uint64_t utf16_len, uint64_t unit, bool *inside_pair)
{
    *inside_pair = false;
    if (text.len == utf16_len)
        return (size_t)unit;
    return unit <= utf16_len / 2 ? offset_from_start(text, unit, inside_pair)
                                 : offset_from_end(text, utf16_len - unit, inside_pair);
}

/* Where two characters differ in their first byte, that of a pair (0xf0 and above) stands for a
 * surrogate, which is less than what 0xee and 0xef begin: U+E000 and above. */
static int unit_order(uint8_t byte)
{
    return byte >= 0xf0 ? 0xed * 2 + 1 : byte * 2;
}

int crdt__utf16_compare(crdt_bytes a, crdt_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    size_t at = 0;
    while (at < len && a.data[at] == b.data[at])
        at++;
    if (at < len && unit_order(a.data[at]) != unit_order(b.data[at]))
        return unit_order(a.data[at]) - unit_order(b.data[at]);
    if (at < len)
        return a.data[at] - b.data[at];
    return a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

/* ---- unpaired halves ---- */

const uint8_t crdt__replacement[CRDT__HALF_LEN] = {0xef, 0xbf, 0xbd};

/* Halves are U+D800 ... U+DFFF: 0xed, then 0xa0 and more; the low ones from 0xb0 on. */
static bool is_half(const uint8_t *p)
{
    return p[0] == 0xed && p[1] >= 0xa0;
}

/* The next unpaired half from `p` on, or NULL. */
static const uint8_t *find_half(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (p = memchr(p, 0xed, (size_t)(end - p))) != NULL && !is_half(p))
        p += CRDT__HALF_LEN;
    return p < end ? p : NULL;
}

bool crdt__wtf8_has_half(crdt_bytes text)
{
    return text.len > 0 && find_half(text.data, text.data + text.len) != NULL;
}

void crdt__wtf8_to_utf8(uint8_t *text, size_t len)
{
    if (len == 0)
        return;
    const uint8_t *end = text + len;
    for (const uint8_t *half = text; (half = find_half(half, end)) != NULL;)
        memcpy(text + (half - text), crdt__replacement, CRDT__HALF_LEN);
}

bool crdt__wtf8_begins_low(crdt_bytes text)
{
    return text.len >= CRDT__HALF_LEN && text.data[0] == 0xed && text.data[1] >= 0xb0;
}

bool crdt__wtf8_ends_high(crdt_bytes text)
{
    if (text.len < CRDT__HALF_LEN)
        return false;
    const uint8_t *last = text.data + text.len - CRDT__HALF_LEN;
    return is_half(last) && last[1] < 0xb0;
}

/* A pair is four bytes with 3, 6, 6 and 6 bits of its code; a high half has the upper ten of them,
 * less 0x10000, behind 0xd800. */
static uint32_t code_of(const uint8_t pair[4])
{
    return (uint32_t)(pair[0] & 7) << 18 | (uint32_t)(pair[1] & 0x3f) << 12 |
           (uint32_t)(pair[2] & 0x3f) << 6 | (pair[3] & 0x3f);
}

static void put_half(uint32_t half, uint8_t out[CRDT__HALF_LEN])
{
    out[0] = (uint8_t)(0xe0 | half >> 12);
    out[1] = (uint8_t)(0x80 | (half >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (half & 0x3f));
}

void crdt__wtf8_high_of(const uint8_t pair[4], uint8_t out[CRDT__HALF_LEN])
{
    put_half(0xd800 + ((code_of(pair) - 0x10000) >> 10), out);
}

void crdt__wtf8_low_of(const uint8_t pair[4], uint8_t out[CRDT__HALF_LEN])
{
    put_half(0xdc00 + (code_of(pair) & 0x3ff), out);
}

void crdt__wtf8_join(const uint8_t high[CRDT__HALF_LEN], const uint8_t low[CRDT__HALF_LEN],
                     uint8_t out[4])
{
    uint32_t upper = (uint32_t)(high[1] & 0x0f) << 6 | (high[2] & 0x3f);
    uint32_t lower = (uint32_t)(low[1] & 0x0f) << 6 | (low[2] & 0x3f);
    uint32_t code = 0x10000 + (upper << 10 | lower);
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
}
