#include "core/blocks.h"

#define LEAF_HEADER_UNITS 2u
#define LEAF_CAP_MIN      4u
#define LEAF_CAP_MAX      60u
#define INNER_MAX         40u
#define HEIGHT_MAX        12u

typedef struct inner {
    uint32_t count;
    uint32_t unused[3];
    uint64_t first[INNER_MAX]; /* no clock below the child is smaller */
    crdt__ref child[INNER_MAX];
} inner;

_Static_assert(sizeof(crdt__leaf) == 16 * LEAF_HEADER_UNITS, "the header of a leaf");
_Static_assert(sizeof(inner) % 16 == 0, "inner nodes are whole units");
#define INNER_UNITS ((uint32_t)(sizeof(inner) / 16))

static inner *inner_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

static uint32_t leaf_units(uint32_t cap)
{
    return LEAF_HEADER_UNITS + cap / 2;
}

/* 4, 12, 28, 60: whole units, and 64, 128, 256, 512 bytes. */
static uint32_t leaf_cap_grown(uint32_t cap)
{
    return cap * 2 + 4;
}

static uint32_t *leaf_items(crdt__leaf *leaf)
{
    return leaf->slots + leaf->cap;
}

static crdt__ref leaf_new(crdt__arena *objects, uint32_t cap, uint64_t base)
{
    crdt__ref ref = crdt__arena_alloc(objects, leaf_units(cap));
    if (ref)
        *crdt__leaf_at(objects, ref) = (crdt__leaf){.base = base, .cap = (uint16_t)cap};
    return ref;
}

static void leaf_free(crdt__arena *objects, crdt__ref ref)
{
    crdt__arena_free(objects, ref, leaf_units(crdt__leaf_at(objects, ref)->cap));
}

void crdt__blocks_free(crdt__arena *objects, crdt__blocks *blocks)
{
    for (crdt__ref ref = blocks->first, next; ref; ref = next) {
        next = crdt__leaf_at(objects, ref)->next;
        leaf_free(objects, ref);
    }
    crdt__ref way[HEIGHT_MAX];
    uint32_t depth = 0; /* nodes on the way; children are taken from the back */
    if (blocks->height > 0)
        way[depth++] = blocks->root;
    while (depth > 0) {
        inner *node = inner_at(objects, way[depth - 1]);
        if (depth < blocks->height && node->count > 0)
            way[depth++] = node->child[--node->count];
        else
            crdt__arena_free(objects, way[--depth], INNER_UNITS);
    }
    *blocks = (crdt__blocks){0};
}

/* ---- searching ---- */

static uint32_t inner_slot(const inner *node, uint64_t clock)
{
    uint32_t low = 0;
    uint32_t count = node->count;
    while (count > 1) {
        uint32_t half = count / 2;
        if (node->first[low + half] <= clock)
            low += half;
        count -= half;
    }
    return low;
}

/* The last entry at or below `delta`, which is not below the first. */
static uint32_t leaf_slot(const crdt__leaf *leaf, uint64_t delta)
{
    uint32_t low = 0;
    uint32_t count = leaf->count;
    while (count > 1) {
        uint32_t half = count / 2;
        if (leaf->slots[low + half] <= delta)
            low += half;
        count -= half;
    }
    return low;
}

static bool begins_above(const crdt__leaf *leaf, uint64_t clock)
{
    return clock < leaf->base + leaf->slots[0];
}

/* A search goes through a leaf's cache lines one after the other; asked for together, they come at
 * once. */
static void fetch_leaf(const crdt__leaf *leaf)
{
    const uint8_t *line = (const uint8_t *)leaf;
    for (size_t at = 64; at < 512; at += 64)
        __builtin_prefetch(line + at);
}

/* True if the clock is certain to be in the leaf, without a look at the next one. */
static bool spans(const crdt__leaf *leaf, uint64_t clock)
{
    return !begins_above(leaf, clock) && clock <= leaf->base + leaf->slots[leaf->count - 1];
}

crdt__pos crdt__blocks_find(const crdt__arena *objects, const crdt__blocks *blocks, uint64_t clock)
{
    crdt__ref ref = blocks->recent;
    const crdt__leaf *leaf = ref ? crdt__leaf_at(objects, ref) : NULL;
    if (leaf && spans(leaf, clock))
        return (crdt__pos){ref, leaf_slot(leaf, clock - leaf->base)};
    ref = blocks->last;
    leaf = crdt__leaf_at(objects, ref);
    if (begins_above(leaf, clock)) {
        ref = blocks->root;
        for (uint32_t h = blocks->height; h > 0; h--) {
            const inner *node = inner_at(objects, ref);
            ref = node->child[inner_slot(node, clock)];
        }
        leaf = crdt__leaf_at(objects, ref);
        fetch_leaf(leaf);
        if (begins_above(leaf, clock)) { /* its first entries are gone */
            ref = leaf->prev;
            return (crdt__pos){ref, crdt__leaf_at(objects, ref)->count - 1u};
        }
    }
    return (crdt__pos){ref, leaf_slot(leaf, clock - leaf->base)};
}

crdt__pos crdt__blocks_seek(const crdt__arena *objects, crdt__blocks *blocks, uint64_t clock)
{
    crdt__pos pos = crdt__blocks_find(objects, blocks, clock);
    blocks->recent = pos.leaf;
    return pos;
}

crdt__pos crdt__blocks_first(const crdt__blocks *blocks)
{
    return (crdt__pos){blocks->first, 0};
}

crdt__pos crdt__blocks_last(const crdt__arena *objects, const crdt__blocks *blocks)
{
    return (crdt__pos){blocks->last, crdt__leaf_at(objects, blocks->last)->count - 1u};
}

bool crdt__blocks_next(const crdt__arena *objects, crdt__pos *pos)
{
    const crdt__leaf *leaf = crdt__leaf_at(objects, pos->leaf);
    if (pos->i + 1 < leaf->count) {
        pos->i++;
        return true;
    }
    if (!leaf->next)
        return false;
    *pos = (crdt__pos){leaf->next, 0};
    return true;
}

bool crdt__blocks_prev(const crdt__arena *objects, crdt__pos *pos)
{
    if (pos->i > 0) {
        pos->i--;
        return true;
    }
    crdt__ref prev = crdt__leaf_at(objects, pos->leaf)->prev;
    if (!prev)
        return false;
    *pos = (crdt__pos){prev, crdt__leaf_at(objects, prev)->count - 1u};
    return true;
}

/* ---- inserting ---- */

/* The way from the root to the leaf that a search for `clock` reaches. */
typedef struct path {
    crdt__ref node[HEIGHT_MAX];
    uint32_t slot[HEIGHT_MAX];
} path;

static crdt__ref descend(const crdt__arena *objects, const crdt__blocks *blocks, uint64_t clock,
                         path *out)
{
    crdt__ref ref = blocks->root;
    for (uint32_t d = 0; d < blocks->height; d++) {
        const inner *node = inner_at(objects, ref);
        out->node[d] = ref;
        out->slot[d] = inner_slot(node, clock);
        ref = node->child[out->slot[d]];
    }
    return ref;
}

static void inner_insert(inner *node, uint32_t at, uint64_t first, crdt__ref child)
{
    uint32_t behind = node->count - at;
    memmove(node->first + at + 1, node->first + at, behind * sizeof(*node->first));
    memmove(node->child + at + 1, node->child + at, behind * sizeof(*node->child));
    node->first[at] = first;
    node->child[at] = child;
    node->count++;
}

/* Moves the upper part of a full node into `right`: half of it, or, when the tree grows at its end,
 * only the last child. */
static void inner_split(inner *node, inner *right, bool at_end)
{
    uint32_t keep = at_end ? node->count - 1 : node->count / 2;
    right->count = node->count - keep;
    memcpy(right->first, node->first + keep, right->count * sizeof(*right->first));
    memcpy(right->child, node->child + keep, right->count * sizeof(*right->child));
    node->count = keep;
}

/* Nodes that splitting the path will need, allocated before anything changes. */
typedef struct spare {
    crdt__ref node[HEIGHT_MAX + 1];
    uint32_t count;
} spare;

static void spare_free(crdt__arena *objects, spare *nodes)
{
    while (nodes->count)
        crdt__arena_free(objects, nodes->node[--nodes->count], INNER_UNITS);
}

static bool spare_alloc(crdt__arena *objects, const crdt__blocks *blocks, const path *way,
                        spare *out)
{
    out->count = 0;
    uint32_t full = 0;
    while (full < blocks->height &&
           inner_at(objects, way->node[blocks->height - 1 - full])->count == INNER_MAX)
        full++;
    uint32_t need = full == blocks->height ? full + 1 : full; /* the root splits: a new root too */
    if (blocks->height == HEIGHT_MAX && full == blocks->height)
        return false;
    while (out->count < need) {
        crdt__ref ref = crdt__arena_alloc(objects, INNER_UNITS);
        if (!ref) {
            spare_free(objects, out);
            return false;
        }
        inner_at(objects, ref)->count = 0;
        out->node[out->count++] = ref;
    }
    return true;
}

/* Links the new child behind the one that `way` leads to, splitting full nodes upwards with the
 * spare ones. */
static void add_child(crdt__arena *objects, crdt__blocks *blocks, const path *way, spare *nodes,
                      uint64_t first, crdt__ref child)
{
    for (uint32_t d = blocks->height; d-- > 0;) {
        inner *node = inner_at(objects, way->node[d]);
        uint32_t at = way->slot[d] + 1;
        if (node->count < INNER_MAX) {
            inner_insert(node, at, first, child);
            return;
        }
        crdt__ref right_ref = nodes->node[--nodes->count];
        inner *right = inner_at(objects, right_ref);
        inner_split(node, right, at == node->count);
        if (at <= node->count)
            inner_insert(node, at, first, child);
        else
            inner_insert(right, at - node->count, first, child);
        first = right->first[0];
        child = right_ref;
    }
    crdt__ref root_ref = nodes->node[--nodes->count];
    inner *root = inner_at(objects, root_ref);
    root->count = 2;
    root->first[0] = 0;
    root->child[0] = blocks->root;
    root->first[1] = first;
    root->child[1] = child;
    blocks->root = root_ref;
    blocks->height++;
}

/* A new leaf right behind `ref`, empty, its first clock to be `base`. 0 when out of memory:
 * unchanged. */
static crdt__ref add_leaf(crdt__arena *objects, crdt__blocks *blocks, crdt__ref ref, uint32_t cap,
                          uint64_t base)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, ref);
    path way;
    descend(objects, blocks, leaf->base, &way);
    spare nodes;
    if (!spare_alloc(objects, blocks, &way, &nodes))
        return 0;
    crdt__ref added = leaf_new(objects, cap, base);
    if (!added) {
        spare_free(objects, &nodes);
        return 0;
    }
    add_child(objects, blocks, &way, &nodes, base, added);
    crdt__leaf *right = crdt__leaf_at(objects, added);
    right->prev = ref;
    right->next = leaf->next;
    if (leaf->next)
        crdt__leaf_at(objects, leaf->next)->prev = added;
    else
        blocks->last = added;
    leaf->next = added;
    return added;
}

/* The leaf with the next larger capacity, in the place of the small one. Only a tree of one leaf
 * has small leaves at its root; others are found through their parent. 0 when out of memory:
 * unchanged. */
static crdt__ref grow_leaf(crdt__arena *objects, crdt__blocks *blocks, crdt__ref ref)
{
    crdt__leaf *old = crdt__leaf_at(objects, ref);
    crdt__ref grown = leaf_new(objects, leaf_cap_grown(old->cap), old->base);
    if (!grown)
        return 0;
    crdt__leaf *leaf = crdt__leaf_at(objects, grown);
    leaf->prev = old->prev;
    leaf->next = old->next;
    leaf->count = old->count;
    memcpy(leaf->slots, old->slots, old->count * sizeof(*leaf->slots));
    memcpy(leaf_items(leaf), leaf_items(old), old->count * sizeof(*leaf->slots));

    if (blocks->height == 0) {
        blocks->root = grown;
    } else {
        path way;
        descend(objects, blocks, old->base, &way);
        uint32_t d = blocks->height - 1;
        inner_at(objects, way.node[d])->child[way.slot[d]] = grown;
    }
    if (old->prev)
        crdt__leaf_at(objects, old->prev)->next = grown;
    else
        blocks->first = grown;
    if (old->next)
        crdt__leaf_at(objects, old->next)->prev = grown;
    else
        blocks->last = grown;
    leaf_free(objects, ref);
    if (blocks->recent == ref)
        blocks->recent = grown;
    return grown;
}

static void leaf_insert(crdt__leaf *leaf, uint32_t at, uint64_t clock, crdt__ref item)
{
    uint32_t *items = leaf_items(leaf);
    uint32_t behind = leaf->count - at;
    memmove(leaf->slots + at + 1, leaf->slots + at, behind * sizeof(*leaf->slots));
    memmove(items + at + 1, items + at, behind * sizeof(*items));
    leaf->slots[at] = (uint32_t)(clock - leaf->base);
    items[at] = item;
    leaf->count++;
}

/* Moves the upper half of a full leaf into a new one behind it. */
static bool leaf_split(crdt__arena *objects, crdt__blocks *blocks, crdt__ref ref)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, ref);
    uint32_t keep = leaf->count / 2u;
    crdt__ref right_ref =
        add_leaf(objects, blocks, ref, LEAF_CAP_MAX, leaf->base + leaf->slots[keep]);
    if (!right_ref)
        return false;
    crdt__leaf *right = crdt__leaf_at(objects, right_ref);
    for (uint32_t i = keep; i < leaf->count; i++)
        leaf_insert(right, i - keep, leaf->base + leaf->slots[i], leaf_items(leaf)[i]);
    leaf->count = (uint16_t)keep;
    return true;
}

/* The first leaf of an empty tree. */
static crdt__leaf *begin_tree(crdt__arena *objects, crdt__blocks *blocks, uint32_t cap,
                              uint64_t clock)
{
    crdt__ref ref = leaf_new(objects, cap, clock);
    if (!ref)
        return NULL;
    *blocks = (crdt__blocks){.root = ref, .first = ref, .last = ref};
    return crdt__leaf_at(objects, ref);
}

bool crdt__blocks_append(crdt__arena *objects, crdt__blocks *blocks, uint64_t clock, crdt__ref item)
{
    if (!blocks->root) {
        crdt__leaf *leaf = begin_tree(objects, blocks, LEAF_CAP_MIN, clock);
        return leaf && crdt__leaf_push(leaf, clock, item);
    }
    return crdt__leaf_push(crdt__leaf_at(objects, blocks->last), clock, item) ||
           crdt__blocks_insert_after(objects, blocks, crdt__blocks_last(objects, blocks), clock,
                                     item);
}

uint32_t crdt__blocks_units(uint32_t entries)
{
    uint32_t leaves = entries / LEAF_CAP_MAX + 1;
    return leaves * leaf_units(LEAF_CAP_MAX) +
           leaves / (INNER_MAX - 1) * crdt__arena_class_units(INNER_UNITS);
}

crdt__leaf *crdt__blocks_add_leaf(crdt__arena *objects, crdt__blocks *blocks, uint64_t clock,
                                  uint64_t entries)
{
    uint32_t cap = LEAF_CAP_MIN;
    while (cap < LEAF_CAP_MAX && cap < entries)
        cap = leaf_cap_grown(cap);
    if (!blocks->root)
        return begin_tree(objects, blocks, cap, clock);
    crdt__ref ref = add_leaf(objects, blocks, blocks->last, cap, clock);
    return ref ? crdt__leaf_at(objects, ref) : NULL;
}

/* A leaf of its own for an entry behind the leaf of `pos`, which becomes its place. */
static bool insert_in_new_leaf(crdt__arena *objects, crdt__blocks *blocks, crdt__pos *pos,
                               uint32_t cap, uint64_t clock, crdt__ref item)
{
    crdt__ref ref = add_leaf(objects, blocks, pos->leaf, cap, clock);
    if (!ref)
        return false;
    leaf_insert(crdt__leaf_at(objects, ref), 0, clock, item);
    *pos = (crdt__pos){ref, 0};
    return true;
}

/* Makes room in a full leaf, for an entry at *pos. */
static bool make_room(crdt__arena *objects, crdt__blocks *blocks, crdt__pos *pos)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, pos->leaf);
    if (leaf->cap < LEAF_CAP_MAX) {
        pos->leaf = grow_leaf(objects, blocks, pos->leaf);
        return pos->leaf != 0;
    }
    if (!leaf_split(objects, blocks, pos->leaf))
        return false;
    if (pos->i > leaf->count)
        *pos = (crdt__pos){leaf->next, pos->i - leaf->count};
    return true;
}

bool crdt__blocks_insert_behind(crdt__arena *objects, crdt__blocks *blocks, crdt__pos *pos,
                                uint64_t clock, crdt__ref item)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, pos->leaf);
    pos->i++;
    if (pos->i == leaf->count && leaf->next && clock >= crdt__leaf_at(objects, leaf->next)->base) {
        *pos = (crdt__pos){leaf->next, 0};
        leaf = crdt__leaf_at(objects, pos->leaf);
    }
    if (clock - leaf->base > UINT32_MAX)
        return insert_in_new_leaf(objects, blocks, pos, LEAF_CAP_MIN, clock, item);
    if (leaf->count == leaf->cap) {
        if (leaf->cap == LEAF_CAP_MAX && pos->i == leaf->count && !leaf->next)
            return insert_in_new_leaf(objects, blocks, pos, LEAF_CAP_MAX, clock, item);
        if (!make_room(objects, blocks, pos))
            return false;
        leaf = crdt__leaf_at(objects, pos->leaf);
    }
    leaf_insert(leaf, pos->i, clock, item);
    return true;
}

bool crdt__blocks_insert_after(crdt__arena *objects, crdt__blocks *blocks, crdt__pos pos,
                               uint64_t clock, crdt__ref item)
{
    return crdt__blocks_insert_behind(objects, blocks, &pos, clock, item);
}

/* ---- removing ---- */

static void inner_remove(inner *node, uint32_t at)
{
    uint32_t behind = node->count - at - 1;
    memmove(node->first + at, node->first + at + 1, behind * sizeof(*node->first));
    memmove(node->child + at, node->child + at + 1, behind * sizeof(*node->child));
    node->count--;
}

/* Takes an empty leaf, which is not the first one, out of the tree. */
static void remove_leaf(crdt__arena *objects, crdt__blocks *blocks, crdt__ref ref)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, ref);
    path way;
    descend(objects, blocks, leaf->base, &way);
    for (uint32_t d = blocks->height; d-- > 0;) {
        inner *node = inner_at(objects, way.node[d]);
        inner_remove(node, way.slot[d]);
        if (node->count > 0)
            break;
        crdt__arena_free(objects, way.node[d], INNER_UNITS);
    }
    crdt__leaf_at(objects, leaf->prev)->next = leaf->next;
    if (leaf->next)
        crdt__leaf_at(objects, leaf->next)->prev = leaf->prev;
    else
        blocks->last = leaf->prev;
    leaf_free(objects, ref);
    if (blocks->recent == ref)
        blocks->recent = 0;

    while (blocks->height > 0 && inner_at(objects, blocks->root)->count == 1) {
        crdt__ref root = blocks->root;
        blocks->root = inner_at(objects, root)->child[0];
        blocks->height--;
        crdt__arena_free(objects, root, INNER_UNITS);
    }
}

crdt__pos crdt__blocks_remove(crdt__arena *objects, crdt__blocks *blocks, crdt__pos pos)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, pos.leaf);
    uint32_t *items = leaf_items(leaf);
    crdt__pos before = pos;
    crdt__blocks_prev(objects, &before);
    uint32_t behind = leaf->count - pos.i - 1u;
    memmove(leaf->slots + pos.i, leaf->slots + pos.i + 1, behind * sizeof(*leaf->slots));
    memmove(items + pos.i, items + pos.i + 1, behind * sizeof(*items));
    leaf->count--;
    if (leaf->count == 0)
        remove_leaf(objects, blocks, pos.leaf);
    return before;
}

bool crdt__blocks_shift(crdt__arena *objects, crdt__pos pos, int64_t by)
{
    crdt__leaf *leaf = crdt__leaf_at(objects, pos.leaf);
    uint64_t slot = leaf->slots[pos.i] + (uint64_t)by; /* beyond any slot if below 0 */
    if (slot > UINT32_MAX)
        return false;
    if (by > 0 && pos.i + 1u == leaf->count && leaf->next &&
        leaf->base + slot >= crdt__leaf_at(objects, leaf->next)->base)
        return false;
    leaf->slots[pos.i] = (uint32_t)slot;
    return true;
}

/* ---- checking ---- */

const char *crdt__blocks_check(const crdt__arena *objects, const crdt__blocks *blocks)
{
    if (!blocks->root)
        return NULL;
    crdt__ref prev = 0;
    uint64_t last = 0;
    bool any = false;
    for (crdt__ref ref = blocks->first; ref; ref = crdt__leaf_at(objects, ref)->next) {
        const crdt__leaf *leaf = crdt__leaf_at(objects, ref);
        if (leaf->prev != prev)
            return "index: leaves are not linked both ways";
        if (leaf->count == 0 || leaf->count > leaf->cap)
            return "index: a leaf is empty or too full";
        for (uint32_t i = 0; i < leaf->count; i++) {
            uint64_t clock = leaf->base + leaf->slots[i];
            if (any && clock <= last)
                return "index: clocks do not ascend";
            if (leaf->next && clock >= crdt__leaf_at(objects, leaf->next)->base)
                return "index: an entry belongs into the next leaf";
            crdt__pos found = crdt__blocks_find(objects, blocks, clock);
            if (found.leaf != ref || found.i != i)
                return "index: an entry cannot be found";
            last = clock;
            any = true;
        }
        prev = ref;
    }
    return prev == blocks->last ? NULL : "index: the last leaf is not the last";
}
