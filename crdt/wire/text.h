/* The content of a STRING struct, cut in UTF-16 units as Yjs cuts it.
 *
 * A struct's text is whole characters, `content`. What does not fit that is told beside it: `cut`,
 * that U+FFFD stands before them, and `low`, that of the first of them the low half alone counts.
 */
#ifndef CRDT_WIRE_TEXT_H
#define CRDT_WIRE_TEXT_H

#include "base/utf16.h"
#include "wire/update.h"

/* A text as it is written: one part behind the other. WTF-8 if `halves`. */
typedef struct crdt__text {
    uint8_t head[2 * CRDT__HALF_LEN];
    size_t head_len;
    crdt_bytes body;
    bool halves; /* there may be unpaired ones */
} crdt__text;

/* The text from unit `offset` on; of a pair that is cut there the low half remains. (yjs:
 * ContentString#write) */
crdt__text crdt__text_from(const crdt__wstruct *s, uint64_t offset);

/* Makes the text of *s its own right part from unit `offset` on; len is left to the caller. Where
 * the left part would end with a high half, its last and our first unit become U+FFFD. (yjs:
 * ContentString#splice) */
void crdt__text_slice(crdt__wstruct *s, uint64_t offset);

#endif
