/* From the index of a unit to its place in a list, and on from there (yjs/src/types/
 * AbstractType.js, findMarker and ListIterator; YText.js, findPosition).
 *
 * The document remembers the last place that was asked for (`cursor`). What lies a few items away
 * from it, or from the start of its list, is walked to; for what lies farther off the list gets an
 * index (core/order.h). So everything here costs time logarithmic in the items of a list, and
 * constant next to the last place. */
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
 * is split, which needs an open transaction. False when out of memory. */
bool crdt__position_find(crdt_doc *doc, crdt__ref type, uint64_t index, crdt__position *out);

/* The end of a list, behind all that is deleted there. */
crdt__position crdt__position_end(crdt_doc *doc, crdt__ref type);

crdt__ref crdt__position_seek(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset);

/* The item that holds the visible unit `index`, which must exist, and how many of its units lie
 * before. Splits nothing. */
static inline crdt__ref crdt__position_item(crdt_doc *doc, crdt__ref type, uint64_t index,
                                            uint64_t *offset)
{
    const crdt__cursor *cursor = &doc->cursor;
    if (cursor->type == type && index >= cursor->index) {
        *offset = index - cursor->index;
        if (*offset < crdt__item_visible(crdt__item_at(doc, cursor->item)))
            return cursor->item;
    }
    return crdt__position_seek(doc, type, index, offset);
}

/* How many visible units lie before the item. */
uint64_t crdt__position_index(crdt_doc *doc, crdt__ref item);

/* The first item from `ref` on that is not deleted; 0: none is, or `ref` is 0. */
crdt__ref crdt__position_live(crdt_doc *doc, crdt__ref ref);

/* Moves a place over what is deleted to its right. */
void crdt__position_pass_deleted(crdt_doc *doc, crdt__position *at);

/* The first formatting mark, not deleted, from `ref` on and before `end` (0: the end of the list);
 * 0: there is none, or `ref` is 0. */
crdt__ref crdt__position_mark(crdt_doc *doc, crdt__ref ref, crdt__ref end);

#endif
