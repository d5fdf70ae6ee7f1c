/* A moment of a document: who had come how far, and what was deleted (yjs/src/utils/Snapshot.js).
 *
 * What an item showed at that moment may be less than it shows now, or more: units that came later
 * are joined to it, and units may have been deleted since. Yjs cuts the document's items at the
 * moment's edges before it reads; we tell the stretches of each item instead, and change nothing.
 */
#ifndef CRDT_CORE_SNAPSHOT_H
#define CRDT_CORE_SNAPSHOT_H

#include "base/idset.h"
#include "core/doc.h"

/* How far a client had come. */
typedef struct crdt__known {
    uint64_t client;
    uint64_t clock; /* the next one */
    size_t place;   /* among the clients, as they were told: an encoding follows it */
} crdt__known;

struct crdt_snapshot {
    const crdt_mem *mem;
    crdt__known *known; /* by client, descending, none twice */
    size_t known_count;
    size_t known_cap;
    crdt__idset deletes; /* normalized */
};

/* The next clock of `client` at that moment; 0: it had made nothing. Cost: logarithmic. */
uint64_t crdt__snapshot_clock(const crdt_snapshot *at, uint64_t client);

/* A walk over the stretches of one item that were visible. */
typedef struct crdt__visible {
    uint64_t start; /* the clock of the item's first unit */
    uint64_t next;  /* the first clock not looked at */
    uint64_t end;   /* behind the last unit that existed */
    uint64_t client;
    const crdt__range *deleted; /* the ranges that may still cover some of them ... */
    const crdt__range *deleted_end;
} crdt__visible;

/* Begins the walk over an item's units at the moment `at`; NULL: now. Borrows both until the walk
 * is over. Cost: logarithmic in the snapshot. (yjs: isVisible) */
crdt__visible crdt__snapshot_visible(const crdt_doc *doc, const crdt_snapshot *at,
                                     const crdt__item *it);

/* The next stretch: units *from up to but without *to, counted from the item's first. False: there
 * are no more. A stretch may begin or end inside a surrogate pair, whose half then reads U+FFFD. */
bool crdt__visible_next(crdt__visible *walk, uint64_t *from, uint64_t *to);

#endif
