/* UTF-8 text measured and cut in UTF-16 code units. Text held inside may be WTF-8: three-byte
 * surrogates stand for unpaired halves (they arrive only through update v2). Every character above
 * U+FFFF takes four bytes and two units. */
#ifndef CRDT_BASE_UTF16_H
#define CRDT_BASE_UTF16_H

#include "crdt.h"

/* True if the bytes are UTF-8 as a fatal TextDecoder accepts it: no overlong forms, no surrogates,
 * none above U+10FFFF. If so, *utf16_len (may be NULL) is the length in UTF-16 units. Cost: linear,
 * fast on ASCII. */
bool crdt__utf8_valid(crdt_bytes text, uint64_t *utf16_len);

/* UTF-16 units of valid (W)UTF-8. It equals text.len exactly when the text is ASCII. */
uint64_t crdt__utf16_len(crdt_bytes text);

/* The byte offset of UTF-16 unit `unit` (0 ... length). When it lies between the halves of a pair,
 * *inside_pair is true and the offset is that of the pair's first byte. Cost: linear in the way
 * from the nearer end, constant for ASCII text (text.len == utf16_len). */
size_t crdt__utf16_offset(crdt_bytes text, uint64_t utf16_len, uint64_t unit, bool *inside_pair);

/* Compares valid (W)UTF-8 as JavaScript compares strings, by UTF-16 units: below, 0, or above 0. */
int crdt__utf16_compare(crdt_bytes a, crdt_bytes b);

/* ---- unpaired halves, in valid WTF-8 ---- */

/* Bytes of an unpaired half, and of U+FFFD, which stands for one in UTF-8. */
#define CRDT__HALF_LEN 3u
extern const uint8_t crdt__replacement[CRDT__HALF_LEN];

/* Bytes of the character that begins with `lead`. */
static inline size_t crdt__wtf8_width(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* The character, or unpaired half, at *p, which moves behind it. */
static inline uint32_t crdt__wtf8_next(const uint8_t **p)
{
    const uint8_t *at = *p;
    size_t width = crdt__wtf8_width(*at);
    *p += width;
    uint32_t character = width == 1 ? at[0] : at[0] & (0x7fu >> width);
    for (size_t i = 1; i < width; i++)
        character = character << 6 | (at[i] & 0x3fu);
    return character;
}

/* True if there is an unpaired half. Cost: linear, fast where no character is of U+D000...U+DFFF.
 */
bool crdt__wtf8_has_half(crdt_bytes text);

/* Makes UTF-8 of it, in place: every unpaired half becomes U+FFFD, which is as long. */
void crdt__wtf8_to_utf8(uint8_t *text, size_t len);

/* Whether it begins with an unpaired low half, and ends with an unpaired high half. */
bool crdt__wtf8_begins_low(crdt_bytes text);
bool crdt__wtf8_ends_high(crdt_bytes text);

/* The halves of a character of four bytes, and the character of two halves. */
void crdt__wtf8_high_of(const uint8_t pair[4], uint8_t out[CRDT__HALF_LEN]);
void crdt__wtf8_low_of(const uint8_t pair[4], uint8_t out[CRDT__HALF_LEN]);
void crdt__wtf8_join(const uint8_t high[CRDT__HALF_LEN], const uint8_t low[CRDT__HALF_LEN],
                     uint8_t out[4]);

#endif
