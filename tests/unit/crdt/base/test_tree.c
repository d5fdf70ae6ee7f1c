/* Ordered trees: asked beside a naive twin, and no deeper than they should be, whatever the order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/tree.h"
#include "rng.h"

#define NODE_UNITS ((uint32_t)((sizeof(crdt__node) + 15) / 16))

typedef struct orchard {
    crdt__budget budget;
    crdt__arena objects;
    crdt__forest forest;
    uint64_t steps;
    crdt__ref tree;
} orchard;

static void plant(orchard *o)
{
    *o = (orchard){.tree = 0};
    crdt__arena_init(&o->objects, &o->budget, CRDT__OBJECT_SHIFT, 64);
    crdt__forest_init(&o->forest, &o->objects, 7, &o->steps);
}

static crdt__ref add(orchard *o, uint64_t key, uint32_t tie)
{
    crdt__ref ref = crdt__arena_alloc(&o->objects, NODE_UNITS);
    assert_int_not_equal(ref, 0);
    *crdt__node_at(&o->forest, ref) = (crdt__node){.key = key, .tie = tie};
    crdt__tree_insert(&o->forest, &o->tree, ref);
    return ref;
}

static uint64_t key_of(const orchard *o, crdt__ref ref)
{
    return ref ? crdt__node_at(&o->forest, ref)->key : UINT64_MAX;
}

enum { KEYS = 64, ROUNDS = 20000 };

/* The twin's answers: the keys that are there, by a table. */
typedef struct table {
    crdt__ref at[KEYS];
} table;

static uint64_t table_floor(const table *t, uint64_t key)
{
    for (uint64_t k = key + 1; k-- > 0;)
        if (t->at[k])
            return k;
    return UINT64_MAX;
}

static uint64_t table_above(const table *t, uint64_t key)
{
    for (uint64_t k = key + 1; k < KEYS; k++)
        if (t->at[k])
            return k;
    return UINT64_MAX;
}

static void a_tree_answers_as_its_naive_twin(void **state)
{
    (void)state;
    orchard o;
    table t = {{0}};
    rng random = {1};
    plant(&o);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t key = rng_below(&random, KEYS);
        if (t.at[key]) {
            crdt__tree_remove(&o.forest, &o.tree, t.at[key]);
            crdt__arena_free(&o.objects, t.at[key], NODE_UNITS);
            t.at[key] = 0;
        } else {
            t.at[key] = add(&o, key, 0);
        }
        uint64_t asked = rng_below(&random, KEYS);
        uint64_t first = t.at[0] ? 0 : table_above(&t, 0);
        assert_int_equal(key_of(&o, crdt__tree_floor(&o.forest, o.tree, asked)),
                         table_floor(&t, asked));
        assert_int_equal(key_of(&o, crdt__tree_above(&o.forest, o.tree, asked)),
                         table_above(&t, asked));
        assert_int_equal(key_of(&o, crdt__tree_first(&o.forest, o.tree)), first);
    }
    crdt__arena_deinit(&o.objects);
}

static void entries_of_one_key_are_told_apart_by_their_tie(void **state)
{
    (void)state;
    orchard o;
    crdt__ref refs[KEYS];
    plant(&o);
    for (uint32_t i = 0; i < KEYS; i++)
        refs[i] = add(&o, 5, i);
    for (uint32_t i = 1; i < KEYS; i += 2)
        crdt__tree_remove(&o.forest, &o.tree, refs[i]);
    for (uint32_t i = 0; i < KEYS; i += 2) {
        assert_int_equal(crdt__tree_first(&o.forest, o.tree), refs[i]);
        crdt__tree_remove(&o.forest, &o.tree, refs[i]);
    }
    assert_int_equal(o.tree, 0);
    crdt__arena_deinit(&o.objects);
}

/* Keys in order, the worst of a tree that does not balance itself. */
static void no_order_of_keys_makes_a_tree_deep(void **state)
{
    (void)state;
    enum { MANY = 20000, STEPS_MAX = 60 };
    for (int descending = 0; descending < 2; descending++) {
        orchard o;
        plant(&o);
        for (uint64_t i = 0; i < MANY; i++)
            add(&o, descending ? MANY - i : i, 0);
        assert_true(o.steps < (uint64_t)MANY * STEPS_MAX);
        for (uint64_t key = 1; key < MANY; key++) {
            o.steps = 0;
            assert_int_equal(key_of(&o, crdt__tree_floor(&o.forest, o.tree, key)), key);
            assert_true(o.steps < STEPS_MAX);
        }
        crdt__arena_deinit(&o.objects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_answers_as_its_naive_twin),
        cmocka_unit_test(entries_of_one_key_are_told_apart_by_their_tie),
        cmocka_unit_test(no_order_of_keys_makes_a_tree_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
