/* JSON text as JavaScript would print it again: JSON.stringify(JSON.parse(text)).
 *
 * No white space; keys in JavaScript's order (array indices first), last of equal keys wins at the
 * first one's place,
 * `__proto__` an ordinary key; numbers as ECMAScript Number::toString (overflow to infinity prints
 * null, -0 prints 0); unpaired surrogate escapes kept as \udxxx in lower case. Depth bounded by
 * CRDT_VALUE_DEPTH_MAX, without recursion.
 */
#ifndef CRDT_BASE_JSON_H
#define CRDT_BASE_JSON_H

#include "base/bytes.h"

typedef enum crdt__json_kind {
    CRDT__JSON_INVALID,
    CRDT__JSON_CANONICAL, /* valid, and already as JavaScript prints it */
    CRDT__JSON_VALID      /* valid, but would be printed otherwise */
} crdt__json_kind;

/* Judges a whole text (one JSON value, white space around it allowed). Never allocates; may say
 * VALID for a text that would come out the same (say, an object whose keys would have to be
 * compared). */
crdt__json_kind crdt__json_check(crdt_bytes text);

/* Appends the canonical form of a text that crdt__json_check did not call invalid. CRDT_MALFORMED
 * or CRDT_NO_MEMORY show as false with w->ok telling memory. */
bool crdt__json_canonicalize(crdt_bytes text, crdt__writer *w, const crdt_mem *mem);

#endif
