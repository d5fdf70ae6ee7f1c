/* Conflict resolution (YATA): where an item goes among those that others have put between the same
 * neighbours (yjs/src/structs/Item.js, Item#integrate).
 *
 * Many clients may insert at one spot, each without knowing of the others: Yjs walks over all
 * smaller clients for each of them. Where such a walk has grown long, the document remembers the
 * spot: the items with one origin and one right origin, by client.
 *
 *     origin | s1 ... | s2 ... | x ... | s3 ... |    s: siblings, by ascending clients
 *
 * What lies behind the origin are blocks: each begins with an item that has this origin, and the
 * rest of it hangs on that (has its origin there, or in what hangs there). As long as this is so, a
 * new sibling goes somewhere behind the block of the next smaller sibling and before that of the
 * next greater one, and walking may begin at the former. With nothing but siblings (no `x`, with
 * another right origin) it goes right before the greater one. Whatever puts something else in
 * between, or takes a sibling away, makes the document forget the spot: walking is always right. */
#ifndef CRDT_CORE_CONFLICT_H
#define CRDT_CORE_CONFLICT_H

#include "core/integrate.h"

/* Steps of a walk from which on its spot is remembered, and how many spots are. */
#define CRDT__SPOT_STEPS_MIN 256u
#define CRDT__SPOTS_MAX      4u

typedef struct crdt__spot {
    crdt__ref parent; /* 0: not in use */
    uint32_t key;
    uint32_t origin_client;
    uint32_t right_client;
    uint64_t origin_clock;
    uint64_t right_clock;
    bool pure;             /* all blocks are siblings' */
    crdt__ref first;       /* the first item of the first block */
    crdt__blocks siblings; /* client + 1 -> item; before them 0 -> 0 */
} crdt__spot;

/* Where `it`, of handle `ref` and not linked yet, goes between place->left and place->right, its
 * origins; sets them to its neighbours-to-be. False when out of memory. */
bool crdt__conflict_resolve(crdt_doc *doc, crdt__ref ref, const crdt__item *it, crdt__place *place);

/* `it` was linked. */
void crdt__conflict_added(crdt_doc *doc, crdt__ref ref, const crdt__item *it);

/* Forgets the spots of one origin; all of a type. */
void crdt__conflict_forget_origin(crdt_doc *doc, crdt__ref parent, uint32_t origin_client,
                                  uint64_t origin_clock);
void crdt__conflict_forget(crdt_doc *doc, crdt__ref parent);

/* An item was joined to its left neighbour or is about to change its origin: what is remembered of
 * its siblings may not be true. */
static inline void crdt__conflict_moved(crdt_doc *doc, const crdt__item *it)
{
    if (doc->spot_count > 0)
        crdt__conflict_forget_origin(doc, it->parent, it->origin_client, it->origin_clock);
}

/* Gives everything back but what is in the arenas, which are about to go. */
void crdt__conflict_deinit(crdt_doc *doc);

/* Verifies what the document remembers. Returns NULL or what is wrong. */
const char *crdt__conflict_check(const crdt_doc *doc);

#endif
