/* The index of a client's structs, against a plain array. */
#include "fixture.h"

#include <string.h>

#include "core/blocks.h"
#include "rng.h"

enum { CLOCKS_MAX = 4000, RUNS = 40, STEPS = 3000 };

typedef struct tree {
    crdt__budget budget;
    crdt__arena objects;
    crdt__blocks blocks;
    crdt__ref items[CLOCKS_MAX]; /* the naive twin: by clock; 0: none begins there */
    uint64_t end;
} tree;

static void tree_open(tree *t)
{
    *t = (tree){0};
    crdt__arena_init(&t->objects, &t->budget, CRDT__OBJECT_SHIFT, 128);
}

static crdt__pos find(const tree *t, uint64_t clock)
{
    return crdt__blocks_find(&t->objects, &t->blocks, clock);
}

static void append(tree *t, uint64_t units)
{
    crdt__ref item = (crdt__ref)t->end + 1;
    assert_true(crdt__blocks_append(&t->objects, &t->blocks, t->end, item));
    t->items[t->end] = item;
    t->end += units;
}

/* Many at once, as loading appends them. */
static void fill(tree *t, rng *random, size_t count)
{
    crdt__leaf *leaf = NULL;
    for (size_t i = 0; i < count; i++) {
        crdt__ref item = (crdt__ref)t->end + 1;
        if (!leaf || !crdt__leaf_push(leaf, t->end, item)) {
            leaf = crdt__blocks_add_leaf(&t->objects, &t->blocks, t->end, count - i);
            assert_true(leaf && crdt__leaf_push(leaf, t->end, item));
        }
        t->items[t->end] = item;
        t->end += 1 + rng_below(random, 9);
    }
}

static void insert(tree *t, uint64_t clock)
{
    assert_true(crdt__blocks_insert_after(&t->objects, &t->blocks, find(t, clock), clock,
                                          (crdt__ref)clock + 1));
    t->items[clock] = (crdt__ref)clock + 1;
}

static void take(tree *t, uint64_t clock)
{
    crdt__blocks_remove(&t->objects, &t->blocks, find(t, clock));
    t->items[clock] = 0;
}

static void shift(tree *t, uint64_t clock, int by)
{
    uint64_t to = by < 0 ? clock - 1 : clock + 1;
    if (to == 0 || to >= t->end || t->items[to])
        return;
    if (!crdt__blocks_shift(&t->objects, find(t, clock), by))
        return;
    t->items[to] = t->items[clock];
    t->items[clock] = 0;
}

static void expect_same(const tree *t)
{
    const char *wrong = crdt__blocks_check(&t->objects, &t->blocks);
    if (wrong)
        fail_msg("%s", wrong);
    crdt__ref item = 0;
    for (uint64_t clock = 0; clock < t->end; clock++) {
        if (t->items[clock])
            item = t->items[clock];
        assert_int_equal(crdt__blocks_item(&t->objects, find(t, clock)), item);
    }
}

static void what_is_cut_anew_across_two_leaves_is_found(void **state)
{
    (void)state;
    tree t;
    tree_open(&t);
    for (size_t i = 0; i < 150; i++)
        append(&t, 10);
    for (uint64_t clock = 500; clock < 900; clock += 10) /* joined to the struct at 490 ... */
        take(&t, clock);
    for (uint64_t clock = 505; clock < 900; clock += 10) /* ... which is then cut elsewhere */
        insert(&t, clock);
    expect_same(&t);
    crdt__arena_deinit(&t.objects);
}

static void random_changes_are_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        rng random = {seed};
        tree t;
        tree_open(&t);
        if (seed % 3 > 0)
            fill(&t, &random, 1 + rng_below(&random, 400));
        append(&t, 3);
        for (size_t step = 0; step < STEPS; step++) {
            uint64_t clock = rng_below(&random, t.end);
            if (t.end + 20 < CLOCKS_MAX && rng_chance(&random, 25))
                append(&t, 1 + rng_below(&random, 20));
            else if (!t.items[clock])
                insert(&t, clock);
            else if (clock > 0 && rng_chance(&random, 60))
                take(&t, clock);
            else if (clock > 0)
                shift(&t, clock, rng_chance(&random, 50) ? 1 : -1);
            if (rng_chance(&random, 1))
                expect_same(&t);
        }
        expect_same(&t);
        crdt__arena_deinit(&t.objects);
    }
}

/* A leaf tells clocks by 32 bits from its first: what is farther off gets a leaf of its own. */
static void leaves_end_where_clocks_are_far_apart(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    crdt__budget budget = {0};
    crdt__arena objects;
    crdt__blocks blocks = {0};
    crdt__arena_init(&objects, &budget, CRDT__OBJECT_SHIFT, 128);
    crdt__leaf *leaf = NULL;
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t clock = i << 30;
        if (!leaf || !crdt__leaf_push(leaf, clock, (crdt__ref)i + 1)) {
            leaf = crdt__blocks_add_leaf(&objects, &blocks, clock, COUNT - i);
            assert_true(leaf && crdt__leaf_push(leaf, clock, (crdt__ref)i + 1));
        }
    }
    assert_null(crdt__blocks_check(&objects, &blocks));
    for (uint64_t i = 0; i < COUNT; i++) {
        crdt__pos pos = crdt__blocks_find(&objects, &blocks, (i << 30) + 5);
        assert_int_equal(crdt__blocks_item(&objects, pos), i + 1);
    }
    crdt__arena_deinit(&objects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_anew_across_two_leaves_is_found),
        cmocka_unit_test(random_changes_are_found),
        cmocka_unit_test(leaves_end_where_clocks_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
