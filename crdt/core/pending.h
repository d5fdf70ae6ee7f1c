/* Structs and deletes that wait for updates which have not come (yjs: StructStore.pendingStructs,
 * pendingDs).
 *
 * What waits is kept as updates in extended v1 (wire/update.h) in the order they came, and folded
 * into one, as Yjs folds them with each arrival, only when somebody needs it: to encode the state,
 * or to try again.
 */
#ifndef CRDT_CORE_PENDING_H
#define CRDT_CORE_PENDING_H

#include "base/idset.h"
#include "base/u64map.h"

typedef struct crdt__pending {
    crdt_bytes *pieces; /* owned, through the document's budget */
    size_t piece_count;
    size_t piece_cap;
    size_t bytes;         /* of all pieces */
    crdt__u64map missing; /* client -> the smallest clock that somebody waits behind */
    crdt__idset structs;  /* the clocks that the pieces hold */
    uint64_t units;      /* of all structs of all pieces: more than `structs` has if some overlap */
    bool has_gc;         /* there are GC structs among them, */
    bool has_halves;     /* texts with unpaired surrogates */
    crdt__idset deletes; /* deleted ranges of clocks that are not known yet */
    size_t deletes_count; /* ranges in it, about */
} crdt__pending;

void crdt__pending_init(crdt_doc *doc);
void crdt__pending_deinit(crdt_doc *doc);

static inline bool crdt__pending_any(const crdt__pending *p)
{
    return p->piece_count > 0 || p->deletes_count > 0;
}

/* Makes the pieces one, as Yjs does it with mergeUpdates, two by two. CRDT_OK, or CRDT_NO_MEMORY:
 * unchanged. */
CRDT_MUST_CHECK crdt_err crdt__pending_fold(crdt_doc *doc);

/* Adds one encoded update without deletes, copied. False when out of memory. */
bool crdt__pending_add(crdt_doc *doc, crdt_bytes update);

/* Takes the folded piece out and forgets what was missing; the caller releases it through the
 * budget. */
crdt_bytes crdt__pending_take(crdt_doc *doc);

/* True if a client that something waits for has moved on in this transaction. */
bool crdt__pending_retry(const crdt_doc *doc);

#endif
