/* A value of a format or an embed, as a document keeps it and as updates are handed on inside.
 *
 * Format v1 has such values as JSON text, format v2 as Any; Yjs holds a JavaScript value in
 * between. We keep canonical JSON text wherever it tells all there is. What JSON cannot tell
 * (undefined, -0, NaN, infinities, BigInt, bytes, also deep inside) is kept as the byte 0xff, which
 * begins no JSON text, and one canonical Any behind it.
 *
 * JSON text keeps unpaired surrogates as escapes and `__proto__` as a key; neither survives the way
 * through Any on the wire.
 */
#ifndef CRDT_BASE_VALUE_H
#define CRDT_BASE_VALUE_H

#include "base/bytes.h"

#define CRDT__VALUE_ANY_MARK 0xffu

/* True if the value is kept as Any; `value` is not empty. */
static inline bool crdt__value_is_any(crdt_bytes value)
{
    return value.data[0] == CRDT__VALUE_ANY_MARK;
}

/* Writes a valid JSON text as a value is kept. Failure shows in w->ok. */
void crdt__value_from_json(crdt_bytes text, crdt__writer *w, const crdt_mem *mem);

/* Reads one Any, checks it, and writes it as a value is kept. Failure shows in r->ok (malformed) or
 * w->ok (memory). */
void crdt__value_from_any(crdt__reader *r, crdt__writer *w, const crdt_mem *mem);

/* Writes a kept value as the JSON text that Yjs would write: JSON.stringify. An undefined, of which
 * Yjs can write nothing, is `null`; a BigInt, at which it throws, its decimal digits. */
void crdt__value_to_json(crdt_bytes value, crdt__writer *w, const crdt_mem *mem);

/* Writes a kept value as one canonical Any. */
void crdt__value_to_any(crdt_bytes value, crdt__writer *w, const crdt_mem *mem);

/* Equal as Yjs compares formats (yjs/src/types/YText.js, equalAttrs): scalars by value; objects and
 * arrays by their members, one level deep, where members that are objects again are never equal. */
bool crdt__value_equal(crdt_bytes a, crdt_bytes b);

/* Equal as `===` finds two values that came in at different times: scalars by value, objects and
 * arrays never. */
bool crdt__value_identical(crdt_bytes a, crdt_bytes b);

bool crdt__value_is_null(crdt_bytes value);

#endif
