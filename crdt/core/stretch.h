/* The structs that wait of one client: stretches without gaps, of runs in the order of clocks.
 *
 * A run is a copy of structs as they stood in their update, one behind the other, or one GC struct.
 * Where updates tell of the same clocks, what is kept of each, and which GC structs become one, is
 * as Yjs' mergeUpdates has it, so that the update of all that waits, once somebody asks for it, has
 * Yjs' bytes. Its rules, applied to two sequences of stretches (yjs/src/utils/updates.js,
 * mergeUpdatesV2):
 *
 *     the stretch that begins first is kept whole; others lose what it tells, and are cut
 *     of two that begin at the same clock, the one that was known goes first, or the new one,
 *         depending on what was merged before
 *     GC structs that come to touch where two updates meet become one
 */
#ifndef CRDT_CORE_STRETCH_H
#define CRDT_CORE_STRETCH_H

#include "core/doc.h"

typedef struct crdt__run {
    crdt__ref next; /* the run behind it in its stretch, or 0 */
    uint32_t len;   /* bytes; 0: one GC struct */
    uint32_t at;    /* where among the bytes it begins: those before are gone */
    uint32_t unused;
    uint64_t end; /* the clock behind its last unit */
    uint64_t cut; /* units of the first struct that are gone */
    uint8_t bytes[];
} crdt__run;

typedef struct crdt__stretch {
    crdt__node node; /* key: its first clock */
    uint64_t end;
    crdt__ref first;
    crdt__ref last;
} crdt__stretch;

static inline crdt__run *crdt__run_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

static inline crdt__stretch *crdt__stretch_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

/* What it takes encoded, about. */
size_t crdt__run_bytes(const crdt__run *run);

/* Takes in what is left of an update: of each section what remains, `count` of them, by client
 * descending. Clients whose first struct is another one now are made ready. *is_new becomes true if
 * some of it did not wait already. False when out of memory. */
bool crdt__stretch_add(crdt_doc *doc, const crdt__section *rest, size_t count, bool *is_new);

/* The first struct that waits of a client. */
typedef struct crdt__head {
    crdt__wstruct ws; /* borrows from the queue */
    uint32_t next_at; /* where in its run the next one begins */
} crdt__head;

/* False if there is none. */
bool crdt__stretch_head(const crdt_doc *doc, uint32_t client, crdt__head *out);
/* Forgets it. */
void crdt__stretch_drop_head(crdt_doc *doc, uint32_t client, const crdt__head *head);

/* The structs of a run that begins at `first`, one behind the other. */
typedef struct crdt__run_walk {
    crdt__reader r;
    crdt_id next;
    uint64_t end;
    uint64_t cut;
    bool is_gc;
} crdt__run_walk;

crdt__run_walk crdt__run_begin(const crdt__run *run, crdt_id first);
/* False at the end. */
bool crdt__run_next(crdt__run_walk *walk, crdt__wstruct *out);

#endif
