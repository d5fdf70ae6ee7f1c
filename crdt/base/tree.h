/* Ordered trees in an arena of objects: treaps, whose shape is drawn and so owes nothing to the
 * order in which entries come or to the keys that somebody chose.
 *
 * An entry begins with a `crdt__node`; a tree is the handle of its top (0: empty). Entries are the
 * caller's: they are linked and unlinked here, never made or freed. Entries of equal keys are told
 * apart by `tie`. Cost of everything: logarithmic, whoever does not know the seed.
 */
#ifndef CRDT_BASE_TREE_H
#define CRDT_BASE_TREE_H

#include "base/arena.h"

typedef struct crdt__node {
    uint64_t key;
    uint32_t tie;
    uint32_t rank; /* drawn: nobody below has a greater one */
    crdt__ref left;
    crdt__ref right;
} crdt__node;

/* What the trees of one document share. */
typedef struct crdt__forest {
    crdt__arena *objects;
    uint64_t seed;
    uint64_t drawn;  /* ranks so far */
    uint64_t *steps; /* counts the entries that were looked at */
} crdt__forest;

/* Keeps `objects` and `steps`. */
void crdt__forest_init(crdt__forest *forest, crdt__arena *objects, uint64_t seed, uint64_t *steps);

static inline crdt__node *crdt__node_at(const crdt__forest *forest, crdt__ref ref)
{
    return crdt__arena_at(forest->objects, ref);
}

/* Links an entry whose key and tie are set, and not in the tree yet. */
void crdt__tree_insert(crdt__forest *forest, crdt__ref *tree, crdt__ref entry);
/* Unlinks an entry of the tree. */
void crdt__tree_remove(crdt__forest *forest, crdt__ref *tree, crdt__ref entry);

/* The first entry, or 0. */
crdt__ref crdt__tree_first(crdt__forest *forest, crdt__ref tree);
/* The last entry whose key is at most `key`, or 0. */
crdt__ref crdt__tree_floor(crdt__forest *forest, crdt__ref tree, uint64_t key);
/* The first entry whose key is above `key`, or 0. */
crdt__ref crdt__tree_above(crdt__forest *forest, crdt__ref tree, uint64_t key);

#endif
