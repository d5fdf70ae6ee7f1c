/* Both texts become trees whose objects have their members in the order of their keys; then the
 * trees are walked side by side. */
#include "base/deep.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/number.h"

typedef struct node {
    crdt__token_kind kind;
    crdt_bytes key;  /* of a member */
    crdt_bytes text; /* of a scalar */
    size_t first;    /* of an object or array: its children lie in a row */
    size_t count;
} node;

typedef struct nodes {
    node *items;
    size_t count;
    size_t cap;
} nodes;

typedef struct tree {
    const crdt_mem *mem;
    crdt_buf text; /* what the nodes borrow from: canonical, so that equal keys are equal bytes */
    nodes placed;  /* children of what is closed */
    nodes open;    /* each open object or array, with its children so far behind it; in the end the
                      root alone */
} tree;

static bool push(const crdt_mem *mem, nodes *list, const node *added)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        node *items =
            crdt__resize(mem, list->items, list->cap * sizeof *items, cap * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = *added;
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const crdt_bytes *x = &((const node *)a)->key;
    const crdt_bytes *y = &((const node *)b)->key;
    const size_t len = x->len < y->len ? x->len : y->len;
    const int order = len > 0 ? memcmp(x->data, y->data, len) : 0;
    if (order != 0)
        return order;
    return x->len < y->len ? -1 : x->len > y->len;
}

/* The children of the object or array at `at` are all there: puts them away. */
static bool close_node(tree *t, size_t at)
{
    const size_t count = t->open.count - at - 1;
    node *children = t->open.items + at + 1;
    t->open.items[at].first = t->placed.count;
    t->open.items[at].count = count;
    if (t->open.items[at].kind == CRDT__TOKEN_OBJECT && count > 1)
        qsort(children, count, sizeof *children, compare_keys);
    for (size_t i = 0; i < count; i++)
        if (!push(t->mem, &t->placed, &children[i]))
            return false;
    t->open.count = at + 1;
    return true;
}

static bool grow_tree(tree *t, crdt_bytes canonical)
{
    crdt__json_parser parser;
    size_t open[CRDT_VALUE_DEPTH_MAX];
    size_t depth = 0;
    crdt_bytes key = {0};
    crdt__json_begin(&parser, canonical);
    for (;;) {
        const crdt__token token = crdt__json_next(&parser);
        if (token.kind == CRDT__TOKEN_END || token.kind == CRDT__TOKEN_BAD)
            return token.kind == CRDT__TOKEN_END;
        if (token.kind == CRDT__TOKEN_KEY) {
            key = token.text;
            continue;
        }
        if (token.kind == CRDT__TOKEN_CLOSE) {
            if (!close_node(t, open[--depth]))
                return false;
            continue;
        }
        if (crdt__token_opens(token.kind))
            open[depth++] = t->open.count;
        const node added = {.kind = token.kind, .key = key, .text = token.text};
        key = (crdt_bytes){0};
        if (!push(t->mem, &t->open, &added))
            return false;
    }
}

static bool tree_init(tree *t, crdt_bytes text, const crdt_mem *mem)
{
    *t = (tree){.mem = mem, .text = {.mem = mem}};
    crdt__writer w = crdt__writer_on(&t->text);
    if (!crdt__json_canonicalize_exact(text, &w, mem))
        w.ok = false;
    return crdt__writer_finish(&w) == CRDT_OK &&
           grow_tree(t, (crdt_bytes){t->text.data, t->text.len});
}

static void tree_deinit(tree *t)
{
    crdt__release(t->mem, t->placed.items, t->placed.cap * sizeof *t->placed.items);
    crdt__release(t->mem, t->open.items, t->open.cap * sizeof *t->open.items);
    crdt_buf_free(&t->text);
}

/* Equal but for what lies below, of which there is as much. */
static bool same_node(const node *a, const node *b)
{
    if (a->kind != b->kind || a->count != b->count || !crdt__bytes_equal(a->key, b->key))
        return false;
    if (a->kind == CRDT__TOKEN_NUMBER)
        return crdt__number_parse(a->text) == crdt__number_parse(b->text);
    return a->kind != CRDT__TOKEN_STRING || crdt__bytes_equal(a->text, b->text);
}

/* Compares the nodes of one row, and puts those with children on the list of what is to be
 * compared, in pairs. False: they differ, or memory ran out. */
static bool same_row(const tree *a, const tree *b, const node *x, const node *y, nodes *later)
{
    for (size_t i = 0; i < x->count; i++) {
        const node *left = &a->placed.items[x->first + i];
        const node *right = &b->placed.items[y->first + i];
        if (!same_node(left, right))
            return false;
        if (left->count > 0 && (!push(a->mem, later, left) || !push(a->mem, later, right)))
            return false;
    }
    return true;
}

static bool same_trees(const tree *a, const tree *b)
{
    node x = a->open.items[0];
    node y = b->open.items[0];
    nodes later = {0};
    bool same = same_node(&x, &y);
    while (same) {
        same = same_row(a, b, &x, &y, &later);
        if (later.count == 0)
            break;
        y = later.items[later.count - 1];
        x = later.items[later.count - 2];
        later.count -= 2;
    }
    crdt__release(a->mem, later.items, later.cap * sizeof *later.items);
    return same;
}

bool crdt__json_equal(crdt_bytes a, crdt_bytes b, const crdt_mem *mem)
{
    if (crdt__bytes_equal(a, b))
        return true;
    tree left = {0};
    tree right = {0};
    bool same = tree_init(&left, a, mem) && tree_init(&right, b, mem) && same_trees(&left, &right);
    tree_deinit(&left);
    tree_deinit(&right);
    return same;
}
