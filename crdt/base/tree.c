#include "base/tree.h"

void crdt__forest_init(crdt__forest *forest, crdt__arena *objects, uint64_t seed, uint64_t *steps)
{
    *forest = (crdt__forest){.objects = objects, .seed = seed, .steps = steps};
}

static uint32_t draw_rank(crdt__forest *forest)
{
    uint64_t h = (++forest->drawn ^ forest->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(h >> 32);
}

static bool comes_before(const crdt__node *a, const crdt__node *b)
{
    return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

/* Cuts the tree `top` in two around the key of an entry, and hangs the halves below the entry. */
static void split_around(crdt__forest *forest, crdt__ref top, crdt__node *entry)
{
    crdt__ref *before = &entry->left;
    crdt__ref *behind = &entry->right;
    while (top) {
        crdt__node *node = crdt__node_at(forest, top);
        ++*forest->steps;
        if (comes_before(node, entry)) {
            *before = top;
            before = &node->right;
            top = node->right;
        } else {
            *behind = top;
            behind = &node->left;
            top = node->left;
        }
    }
    *before = *behind = 0;
}

void crdt__tree_insert(crdt__forest *forest, crdt__ref *tree, crdt__ref entry)
{
    crdt__node *added = crdt__node_at(forest, entry);
    added->rank = draw_rank(forest);
    crdt__ref *place = tree;
    while (*place) {
        crdt__node *node = crdt__node_at(forest, *place);
        ++*forest->steps;
        if (node->rank < added->rank)
            break;
        place = comes_before(added, node) ? &node->left : &node->right;
    }
    split_around(forest, *place, added);
    *place = entry;
}

void crdt__tree_remove(crdt__forest *forest, crdt__ref *tree, crdt__ref entry)
{
    const crdt__node *gone = crdt__node_at(forest, entry);
    crdt__ref *place = tree;
    while (*place != entry) {
        crdt__node *node = crdt__node_at(forest, *place);
        ++*forest->steps;
        place = comes_before(gone, node) ? &node->left : &node->right;
    }
    crdt__ref left = gone->left;
    crdt__ref right = gone->right;
    while (left && right) { /* the two become one, the greater rank on top */
        crdt__node *l = crdt__node_at(forest, left);
        crdt__node *r = crdt__node_at(forest, right);
        ++*forest->steps;
        if (l->rank >= r->rank) {
            *place = left;
            place = &l->right;
            left = l->right;
        } else {
            *place = right;
            place = &r->left;
            right = r->left;
        }
    }
    *place = left ? left : right;
}

crdt__ref crdt__tree_first(crdt__forest *forest, crdt__ref tree)
{
    crdt__ref first = 0;
    for (; tree; tree = crdt__node_at(forest, tree)->left) {
        ++*forest->steps;
        first = tree;
    }
    return first;
}

crdt__ref crdt__tree_floor(crdt__forest *forest, crdt__ref tree, uint64_t key)
{
    crdt__ref found = 0;
    while (tree) {
        const crdt__node *node = crdt__node_at(forest, tree);
        ++*forest->steps;
        if (node->key <= key) {
            found = tree;
            tree = node->right;
        } else {
            tree = node->left;
        }
    }
    return found;
}

crdt__ref crdt__tree_above(crdt__forest *forest, crdt__ref tree, uint64_t key)
{
    crdt__ref found = 0;
    while (tree) {
        const crdt__node *node = crdt__node_at(forest, tree);
        ++*forest->steps;
        if (node->key > key) {
            found = tree;
            tree = node->left;
        } else {
            tree = node->right;
        }
    }
    return found;
}
