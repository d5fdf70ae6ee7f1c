/* The formats in force at a place of a text, in the order in which they were set, and whether they
 * are still those that a rendering told of last (yjs/src/types/YText.js, currentAttributes).
 *
 * Values are borrowed from the document. A text may use any number of keys: beyond a few, they are
 * found by a hash table.
 */
#ifndef CRDT_TYPES_MARKS_H
#define CRDT_TYPES_MARKS_H

#include "core/doc.h"

typedef struct crdt__mark {
    uint32_t key;     /* a name */
    crdt_bytes value; /* as kept (base/value.h); no bytes: not in force */
    crdt_bytes told;
} crdt__mark;

/* {0} but for the memory: crdt__marks_init. */
typedef struct crdt__marks {
    crdt__budget *budget;
    crdt__mark *items;
    size_t count;
    size_t cap;
    size_t untold;      /* keys whose value is not the one told */
    crdt__u64map index; /* key -> place; empty while there are few */
} crdt__marks;

/* Keeps `budget` until deinit; `seed`: see crdt_doc_options.hash_seed. */
void crdt__marks_init(crdt__marks *marks, crdt__budget *budget, uint64_t seed);
void crdt__marks_deinit(crdt__marks *marks);

/* The value of a key; no bytes if it is not in force. */
crdt_bytes crdt__marks_get(const crdt__marks *marks, uint32_t key);
/* Sets it; no bytes take it away. False when out of memory. */
bool crdt__marks_set(crdt__marks *marks, uint32_t key, crdt_bytes value);

/* Makes those in force the ones told, and forgets the others: until the next mark, exactly items[0
 * ... count-1] are in force. False when out of memory. */
bool crdt__marks_tell(crdt__marks *marks);

/* Passes a formatting mark: null takes its key away. False when out of memory. (yjs:
 * updateCurrentAttributes) */
bool crdt__marks_pass(crdt__marks *marks, const crdt_doc *doc, const crdt__item *it);

#endif
