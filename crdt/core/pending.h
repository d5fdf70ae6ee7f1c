/* Structs and deletes that wait for updates which have not come (yjs: StructStore.pendingStructs,
 * pendingDs).
 *
 * Yjs keeps one update of all that waits, merges into it whatever comes too early, and tries it
 * whole again whenever a client that it noted as missing has moved. Here what waits lies in order,
 * and only what can go by now is touched:
 *
 *     client 7:   [12 .. 20)          [31 .. 40)              stretches, with gaps between them
 *                  run, run, GC        run                    each of runs, in the order of clocks
 *                  |
 *                  waits behind (9, 4)   --> one of the waiters of client 9, in the order of clocks
 *
 * Of a client only the first struct counts: what follows it cannot go before. It waits behind one
 * unit: the one right before it, or the first that is not known of its origin, right origin and
 * parent.
 *
 * That the unit has come is not enough for Yjs to look: it notes where a chain of waiting clients
 * ends, not every link. So a client that has come to be known far enough for another one need not
 * have been noted; the other then goes when Yjs looks next. To look is a pass: then everything goes
 * that can. What a pass notes follows from who waits behind whom, and is found when it is needed;
 * what updates bring between passes notes for itself.
 */
#ifndef CRDT_CORE_PENDING_H
#define CRDT_CORE_PENDING_H

#include "base/idset.h"
#include "base/tree.h"
#include "wire/update.h"

/* Deleted units that are not known yet. Two ranges of a client never touch. */
typedef struct crdt__absent {
    crdt__node node; /* key: the first clock */
    uint64_t end;
} crdt__absent;

/* What waits of one client, and who waits for it. Once made, it stays with the client. */
typedef struct crdt__queue {
    crdt__node node;      /* among the waiters of `behind`; key: the clock it waits behind */
    uint32_t behind;      /* the client it waits behind; 0: it has no structs, or is ready to be
                             tried */
    crdt__ref stretches;  /* tree of crdt__stretch (core/stretch.h) */
    crdt__ref absent;     /* tree of crdt__absent */
    crdt__ref waiters;    /* tree of crdt__queue */
    uint32_t waits_since; /* the pass behind which it began to wait, if an update made it; or 0 */
    uint32_t here_since;  /* the pass behind which an update brought the first structs */
    uint32_t noted_since; /* the pass behind which an update noted the client as missing ... */
    bool passed_over;     /* the client has moved, and its waiters were not looked at */
    uint64_t noted;       /* ... at this clock */
} crdt__queue;

typedef struct crdt__pending {
    crdt__forest forest;
    uint32_t passes;  /* so far, from 1 */
    size_t stretches; /* in all queues */
    size_t bytes;     /* of the structs in them */
    size_t ranges;    /* absent ones, in all queues */
    bool halves;      /* there may be unpaired surrogates among the structs */
    uint32_t *heap;   /* clients to be looked at, the highest number first */
    size_t heap_count;
    size_t heap_cap;
    uint32_t *moved; /* clients that local edits moved since the last update from others */
    size_t moved_count;
    size_t moved_cap;
    uint32_t *passed_over; /* clients that moved without a pass */
    size_t passed_over_count;
    size_t passed_over_cap;
} crdt__pending;

void crdt__pending_init(crdt_doc *doc);
void crdt__pending_deinit(crdt_doc *doc);

static inline bool crdt__pending_any(const crdt__pending *p)
{
    return p->stretches > 0 || p->ranges > 0;
}

/* The queue of a client, or NULL; the second makes one, or returns NULL when out of memory. */
crdt__queue *crdt__pending_queue(const crdt_doc *doc, uint32_t client);
crdt__queue *crdt__pending_get_queue(crdt_doc *doc, uint32_t client);

/* ---- waiting ---- what returns bool and asks nothing returns false when out of memory */

typedef enum crdt__cause { CRDT__CAUSE_UPDATE, CRDT__CAUSE_PASS } crdt__cause;

/* The client, which has structs and is ready, waits behind a unit of `behind`. */
bool crdt__pending_wait(crdt_doc *doc, uint32_t client, uint32_t behind, uint64_t clock,
                        crdt__cause cause);

/* An update that had to wait noted that the client is missing at this clock. */
bool crdt__pending_note(crdt_doc *doc, uint32_t client, uint64_t clock);

/* Asks whether the client, which has moved, was noted as missing: there is to be a pass. */
bool crdt__pending_was_missing(crdt_doc *doc, uint32_t client);

/* The client has moved, and there is no pass. */
bool crdt__pending_pass_over(crdt_doc *doc, uint32_t client);

/* Begins a pass: what could have gone before is ready. */
bool crdt__pending_begin_pass(crdt_doc *doc);

/* Makes a client ready whose first struct has become another one. */
bool crdt__pending_make_ready(crdt_doc *doc, uint32_t client);

/* Makes ready what waited behind units of `behind` that are known now. */
bool crdt__pending_wake(crdt_doc *doc, uint32_t behind);

/* Adds a client to those to be looked at: the ready ones, or others while none is ready. */
bool crdt__pending_push(crdt_doc *doc, uint32_t client);
/* The one with the highest number, or 0; the second takes it out. */
uint32_t crdt__pending_first(const crdt_doc *doc);
uint32_t crdt__pending_pop(crdt_doc *doc);

/* A client got new structs by local edits. What waits for them is looked at with the next update
 * from others, as in Yjs. */
bool crdt__pending_moved(crdt_doc *doc, uint32_t client);

/* ---- deletes ---- */

/* Adds the deleted units clock ... end-1, none of them known. *is_new becomes true if some of them
 * did not wait already. False when out of memory. */
bool crdt__pending_add_absent(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t end,
                              bool *is_new);

/* Takes out the first range of a client, as far as it is known by now. False if nothing of it is.
 */
bool crdt__pending_take_present(crdt_doc *doc, uint32_t client, uint64_t *clock, uint64_t *end);

/* Adds all of them to a set. False when out of memory. */
bool crdt__pending_absent(crdt_doc *doc, crdt__idset *out);

/* ---- checking ---- */

/* NULL, or what is wrong (I11). */
const char *crdt__pending_check(const crdt_doc *doc);

#endif
