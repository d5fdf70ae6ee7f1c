/* Per client, its structs in the order of their clocks: a B+ tree from clock to item.
 *
 * Leaves hold (clock, item) in two arrays and are linked both ways. A clock is kept as a 32-bit
 * difference to the leaf's `base`: a struct whose clock lies farther off begins a leaf of its own.
 * Leaves grow from 4 entries, since most clients have few structs; the last one is filled to the
 * brim, since clocks come in ascending order. A leaf's entries lie at or above its base, which is
 * its separator, and below the next leaf's. Merging takes entries away: an empty leaf leaves the
 * tree, others are not rebalanced, so a separator may lie below the first clock of its leaf; a
 * search that lands before a leaf's first entry steps to the leaf before.
 */
#ifndef CRDT_CORE_BLOCKS_H
#define CRDT_CORE_BLOCKS_H

#include "base/arena.h"

typedef struct crdt__leaf {
    uint64_t base;
    crdt__ref prev;
    crdt__ref next;
    uint16_t count;
    uint16_t cap;
    uint32_t unused[3];
    uint32_t slots[]; /* cap differences, then cap items */
} crdt__leaf;

typedef struct crdt__blocks {
    crdt__ref root; /* a leaf when height is 0 */
    crdt__ref first;
    crdt__ref last;
    crdt__ref recent; /* the leaf that was sought last, or 0 */
    uint32_t height;
} crdt__blocks;

/* A place in the index. Good until the next insert or remove in the same tree. */
typedef struct crdt__pos {
    crdt__ref leaf;
    uint32_t i;
} crdt__pos;

static inline crdt__leaf *crdt__leaf_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

static inline crdt__ref crdt__blocks_item(const crdt__arena *objects, crdt__pos pos)
{
    const crdt__leaf *leaf = crdt__leaf_at(objects, pos.leaf);
    return leaf->slots[leaf->cap + pos.i];
}

static inline uint64_t crdt__blocks_clock(const crdt__arena *objects, crdt__pos pos)
{
    const crdt__leaf *leaf = crdt__leaf_at(objects, pos.leaf);
    return leaf->base + leaf->slots[pos.i];
}

/* Gives back all of it and leaves it empty. */
void crdt__blocks_free(crdt__arena *objects, crdt__blocks *blocks);

/* The entry with the greatest clock at or below `clock`. The tree must not be empty and its first
 * clock not above it. */
crdt__pos crdt__blocks_find(const crdt__arena *objects, const crdt__blocks *blocks, uint64_t clock);
/* The same, and remembers the leaf: finding is short while it goes on there. */
crdt__pos crdt__blocks_seek(const crdt__arena *objects, crdt__blocks *blocks, uint64_t clock);

crdt__pos crdt__blocks_first(const crdt__blocks *blocks);
crdt__pos crdt__blocks_last(const crdt__arena *objects, const crdt__blocks *blocks);
/* Steps; false at the end, and the place stays. */
bool crdt__blocks_next(const crdt__arena *objects, crdt__pos *pos);
bool crdt__blocks_prev(const crdt__arena *objects, crdt__pos *pos);

/* Adds an entry behind all others. False when out of memory: unchanged. */
bool crdt__blocks_append(crdt__arena *objects, crdt__blocks *blocks, uint64_t clock,
                         crdt__ref item);
/* The units of the arena that a tree takes whose leaves were all made by crdt__blocks_add_leaf,
 * about.
 */
uint32_t crdt__blocks_units(uint32_t entries);
/* Adds an empty leaf behind all others, for entries from `clock` on, of which `entries` (above 0)
 * are to come; NULL when out of memory. Entries are put into it with crdt__leaf_push, at least one.
 */
crdt__leaf *crdt__blocks_add_leaf(crdt__arena *objects, crdt__blocks *blocks, uint64_t clock,
                                  uint64_t entries);
/* Adds an entry behind the others of the tree's last leaf. False, and nothing changed, where it
 * does not fit: it needs a leaf of its own. */
static inline bool crdt__leaf_push(crdt__leaf *leaf, uint64_t clock, crdt__ref item)
{
    if (leaf->count == leaf->cap || clock - leaf->base > UINT32_MAX)
        return false;
    leaf->slots[leaf->count] = (uint32_t)(clock - leaf->base);
    leaf->slots[leaf->cap + leaf->count] = item;
    leaf->count++;
    return true;
}
/* Adds an entry right behind `pos`. False when out of memory: unchanged. */
bool crdt__blocks_insert_after(crdt__arena *objects, crdt__blocks *blocks, crdt__pos pos,
                               uint64_t clock, crdt__ref item);
/* The same, and *pos becomes the place of the new entry. */
bool crdt__blocks_insert_behind(crdt__arena *objects, crdt__blocks *blocks, crdt__pos *pos,
                                uint64_t clock, crdt__ref item);
/* Takes an entry away. Returns the place of the entry before it (there must be one). */
crdt__pos crdt__blocks_remove(crdt__arena *objects, crdt__blocks *blocks, crdt__pos pos);

/* Moves the clock of an entry up or down, towards a neighbour that gives or takes the units.
 * False, and nothing changed, where its leaf cannot hold it. */
bool crdt__blocks_shift(crdt__arena *objects, crdt__pos pos, int64_t by);

/* Verifies order and links. Returns NULL or what is wrong. */
const char *crdt__blocks_check(const crdt__arena *objects, const crdt__blocks *blocks);

#endif
