/* Updates made to be slow cost no more than others: work is counted, not timed. */
#include "core/doc.h"
#include "fixture.h"

/* Steps that one small thing may take among many: some logarithms. */
enum { MANY = 20000, STEPS_EACH_MAX = 200 };

typedef struct meter {
    fixture f;
    uint64_t before;
    uint64_t most; /* of one call */
} meter;

static void open_meter(meter *m)
{
    *m = (meter){.before = 0};
    fixture_open(&m->f, (crdt_doc_options){.hash_seed = 12345});
}

static crdt_applied apply(meter *m, crdt_bytes update)
{
    crdt_applied applied = {0};
    m->before = m->f.doc->work;
    assert_int_equal(crdt_doc_apply(m->f.doc, CRDT_V1, update, &applied), CRDT_OK);
    uint64_t steps = m->f.doc->work - m->before;
    m->most = steps > m->most ? steps : m->most;
    return applied;
}

static void close_meter(meter *m)
{
    assert_null(crdt_doc_check(m->f.doc));
    fixture_close(&m->f);
}

/* A character of a client, behind the one before it. */
static crdt_bytes typed(meter *m, uint64_t client, uint64_t clock)
{
    const wm_id before = {client, clock - 1};
    const wm_item item = {
        .kind = WM_STRING, .root = "t", .origin = clock ? &before : NULL, .text = "x"};
    return wm_one(&m->f.update, (wm_id){client, clock}, &item);
}

/* A character of a client, behind one of another. */
static crdt_bytes answer(meter *m, wm_id id, wm_id to)
{
    const wm_item item = {.kind = WM_STRING, .origin = &to, .text = "y"};
    return wm_one(&m->f.update, id, &item);
}

static void updates_in_reverse_order_wait_for_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t clock = MANY; --clock > 0;)
        assert_true(apply(&m, typed(&m, 7, clock)).pending);
    assert_true(m.most < STEPS_EACH_MAX);
    assert_false(apply(&m, typed(&m, 7, 0)).pending);
    assert_true(m.f.doc->work - m.before < (uint64_t)MANY * STEPS_EACH_MAX);
    fixture_expect_structs(&m.f, 1);
    close_meter(&m);
}

/* Every other one, from both ends; then all of them: gaps everywhere, closed one by one. */
static void gaps_are_closed_one_by_one_for_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t i = 1; i < MANY; i += 2)
        apply(&m, typed(&m, 7, i % 4 == 1 ? i : MANY - i));
    for (uint64_t i = MANY; --i > 0;)
        apply(&m, typed(&m, 7, i));
    assert_true(m.most < STEPS_EACH_MAX);
    assert_false(apply(&m, typed(&m, 7, 0)).pending);
    fixture_expect_structs(&m.f, 1);
    close_meter(&m);
}

static void many_clients_wait_behind_as_many_others_for_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t i = 0; i < MANY; i++)
        apply(&m, answer(&m, (wm_id){MANY + i, 0}, (wm_id){i, 0}));
    assert_true(crdt_doc_pending(m.f.doc));
    for (uint64_t i = MANY; i-- > 0;) /* the lowest goes first in the text, at once */
        assert_true(apply(&m, typed(&m, i, 0)).integrated);
    assert_true(m.most < STEPS_EACH_MAX);
    assert_false(crdt_doc_pending(m.f.doc));
    fixture_expect_structs(&m.f, 2 * MANY);
    close_meter(&m);
}

/* Each behind another unit of one client, which comes one unit at a time. */
static void many_clients_wait_behind_one_for_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t i = 0; i < MANY; i++)
        apply(&m, answer(&m, (wm_id){100 + i, 0}, (wm_id){7, MANY - 1 - i}));
    for (uint64_t i = 0; i < MANY; i++)
        assert_true(apply(&m, typed(&m, 7, i)).integrated);
    assert_true(m.most < STEPS_EACH_MAX);
    assert_false(crdt_doc_pending(m.f.doc));
    close_meter(&m);
}

/* 7 waits for 8, 8 for 9, and so on; what the last one waits for comes last. */
static void a_long_chain_of_clients_waits_for_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t i = 0; i + 1 < MANY; i++)
        apply(&m, answer(&m, (wm_id){7 + i, 0}, (wm_id){8 + i, 0}));
    assert_true(m.most < STEPS_EACH_MAX);
    assert_false(apply(&m, typed(&m, 6 + MANY, 0)).pending);
    assert_true(m.f.doc->work - m.before < (uint64_t)MANY * STEPS_EACH_MAX);
    fixture_expect_structs(&m.f, MANY);
    close_meter(&m);
}

/* The same wide, cheap struct over what waits in small pieces, again and again. The first one takes
 * their place. */
static void what_is_told_twice_while_it_waits_costs_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t clock = 1; clock < MANY; clock++)
        apply(&m, typed(&m, 7, clock));
    crdt_buf wide = {0};
    const wm_item gc = {.kind = WM_GC, .len = MANY - 2};
    wm_one(&wide, (wm_id){7, 1}, &gc);
    assert_false(apply(&m, wm_bytes(&wide)).changed);
    m.most = 0;
    for (int i = 0; i < 100; i++)
        assert_false(apply(&m, wm_bytes(&wide)).changed);
    assert_true(m.most < STEPS_EACH_MAX);
    crdt_buf_free(&wide);
    close_meter(&m);
}

static void deletes_that_wait_cost_little(void **state)
{
    (void)state;
    meter m;
    open_meter(&m);
    for (uint64_t i = MANY; i-- > 0;)
        apply(&m, wm_delete(&m.f.update, (wm_id){7, 2 * i}, 1));
    for (uint64_t i = 0; i < MANY; i++)
        assert_true(apply(&m, wm_delete(&m.f.update, (wm_id){100 + i, 5}, 1)).pending);
    assert_true(m.most < STEPS_EACH_MAX);
    for (uint64_t clock = 0; clock < 2 * MANY; clock++)
        apply(&m, typed(&m, 7, clock));
    assert_true(m.most < STEPS_EACH_MAX);
    assert_int_equal(crdt_doc_pending_bytes(m.f.doc), MANY * 8);
    close_meter(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_in_reverse_order_wait_for_little),
        cmocka_unit_test(gaps_are_closed_one_by_one_for_little),
        cmocka_unit_test(many_clients_wait_behind_as_many_others_for_little),
        cmocka_unit_test(many_clients_wait_behind_one_for_little),
        cmocka_unit_test(a_long_chain_of_clients_waits_for_little),
        cmocka_unit_test(what_is_told_twice_while_it_waits_costs_little),
        cmocka_unit_test(deletes_that_wait_cost_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
