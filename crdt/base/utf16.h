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
 * *inside_pair is true and the offset is that of the pair's first byte. Cost: linear in the offset,
 * constant for ASCII text (text.len == utf16_len). */
size_t crdt__utf16_offset(crdt_bytes text, uint64_t utf16_len, uint64_t unit, bool *inside_pair);

#endif
