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

size_t crdt__utf16_offset(crdt_bytes text, uint64_t utf16_len, uint64_t unit, bool *inside_pair)
{
    *inside_pair = false;
    if (text.len == utf16_len)
        return (size_t)unit;
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
