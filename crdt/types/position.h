/* From the index of a unit to its place in a list (yjs/src/types/AbstractType.js, findMarker and
 * ListIterator; YText.js, findPosition). */
#ifndef CRDT_TYPES_POSITION_H
#define CRDT_TYPES_POSITION_H

#include "core/doc.h"

/* A place between two items of a list. */
typedef struct crdt__position {
    crdt__ref left;  /* 0: the start of the list */
    crdt__ref right; /* 0: its end */
} crdt__position;

/* The place before unit `index` of a list that is at least so long: behind the item in which the
 * unit before lies, and before all that is deleted or not countable there. An item that lies across
 * is split, which needs an open transaction. False when out of memory. Cost: logarithmic in the
 * items once the list is long, constant next to the last place asked for. */
bool crdt__position_find(crdt_doc *doc, crdt__ref type, uint64_t index, crdt__position *out);

/* The item that holds the visible unit `index`, which must exist, and how many of its units lie
 * before. Splits nothing. */
crdt__ref crdt__position_item(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset);

/* How many visible units lie before the item. */
uint64_t crdt__position_index(crdt_doc *doc, crdt__ref item);

#endif
