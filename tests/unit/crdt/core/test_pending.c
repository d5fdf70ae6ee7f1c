/* What comes too early waits, is part of the state, has a limit, and is no longer there when it
 * could go. */
#include "fixture.h"

static wm_item behind(const wm_id *origin, const char *text)
{
    return (wm_item){.kind = WM_STRING, .root = "t", .origin = origin, .text = text};
}

static void a_gap_makes_the_rest_wait_until_it_is_filled(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    const wm_id first = {1, 0};
    crdt_applied early = fixture_put(&f, (wm_id){1, 1}, behind(&first, "b"));
    assert_true(early.changed && !early.integrated && early.pending);
    assert_true(crdt_doc_pending(f.doc) && crdt_doc_pending_bytes(f.doc) > 0);
    crdt_applied filled = fixture_put(&f, first, behind(NULL, "a"));
    assert_true(filled.integrated && !filled.pending);
    assert_int_equal(crdt_doc_pending_bytes(f.doc), 0);
    fixture_expect_structs(&f, 1);
    fixture_close(&f);
}

static void the_same_again_while_it_waits_is_nothing_new(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    const wm_id missing = {9, 4};
    fixture_put(&f, (wm_id){1, 0}, behind(&missing, "b"));
    const size_t bytes = crdt_doc_pending_bytes(f.doc);
    for (int i = 0; i < 100; i++)
        assert_false(fixture_put(&f, (wm_id){1, 0}, behind(&missing, "b")).changed);
    assert_int_equal(crdt_doc_pending_bytes(f.doc), bytes);
    assert_true(fixture_delete(&f, (wm_id){5, 0}, 3).changed);
    assert_false(fixture_delete(&f, (wm_id){5, 1}, 2).changed);
    fixture_close(&f);
}

static void what_waits_is_part_of_the_state(void **state)
{
    (void)state;
    fixture f;
    fixture g;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_open(&g, (crdt_doc_options){0});
    const wm_id missing = {9, 0};
    fixture_put(&f, (wm_id){1, 0}, behind(&missing, "b"));
    fixture_delete(&f, (wm_id){9, 0}, 1);
    crdt_buf waiting = fixture_state(&f);
    assert_true(fixture_apply(&g, wm_bytes(&waiting)).pending);
    fixture_put(&g, missing, behind(NULL, "a"));
    fixture_put(&f, missing, behind(NULL, "a"));
    assert_false(crdt_doc_pending(g.doc));
    crdt_buf state_now = fixture_state(&f);
    fixture_expect_state(&g, wm_bytes(&state_now));
    crdt_buf_free(&waiting);
    crdt_buf_free(&state_now);
    fixture_close(&f);
    fixture_close(&g);
}

/* A number that somebody edits under is not to be drawn again, though nothing of theirs has come.
 */
static void who_is_spoken_of_is_known(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    const wm_id left = {2, 0};
    fixture_put(&f, (wm_id){1, 0}, behind(&left, "b"));
    fixture_delete(&f, (wm_id){3, 0}, 1);
    for (uint64_t client = 1; client <= 3; client++)
        assert_true(crdt_doc_knows_client(f.doc, client));
    assert_false(crdt_doc_knows_client(f.doc, 4));
    assert_int_equal(crdt_doc_set_client(f.doc, 4), CRDT_OK);
    assert_true(crdt_doc_knows_client(f.doc, 4));
    fixture_close(&f);
}

static void more_than_may_wait_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    enum { LIMIT = 1000 };
    fixture f;
    fixture_open(&f, (crdt_doc_options){.pending_bytes_max = LIMIT});
    const wm_id missing = {9, 0};
    crdt_err err = CRDT_OK;
    uint64_t client = 10;
    for (; err == CRDT_OK && client < 1000; client++) {
        wm_item item = behind(&missing, "waiting");
        err = crdt_doc_apply(f.doc, CRDT_V1, wm_one(&f.update, (wm_id){client, 0}, &item), NULL);
    }
    assert_int_equal(err, CRDT_LIMIT);
    assert_true(client > 20);
    assert_true(crdt_doc_pending_bytes(f.doc) <= LIMIT);
    assert_true(fixture_put(&f, missing, behind(NULL, "a")).integrated);
    assert_false(crdt_doc_pending(f.doc));
    fixture_expect_structs(&f,
                           (size_t)(client - 10)); /* all that waited, and what they waited for */
    fixture_close(&f);
}

static void what_waits_is_counted_as_memory(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    for (uint64_t client = 10; client < 300; client++) {
        const wm_id missing = {client + 1000, 3};
        fixture_put(&f, (wm_id){client, 0}, behind(&missing, "waiting"));
        fixture_delete(&f, (wm_id){client + 1000, client}, 1);
        assert_int_equal(crdt_doc_memory_bytes(f.doc), f.memory.held_bytes);
    }
    fixture_close(&f);
}

/* The limit is on what waits, not on the size of updates, nor on what they delete of their own. */
static void a_large_update_that_leaves_nothing_waiting_is_taken(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.pending_bytes_max = 16});
    wm_begin(&f.update, 1);
    wm_section(&f.update, 1, 3, 0);
    wm_struct(&f.update,
              &(wm_item){.kind = WM_STRING, .root = "t", .text = "longer than the limit by far"});
    wm_begin_deletes(&f.update, 1);
    wm_deletes_of(&f.update, 3, 1);
    wm_range(&f.update, 2, 5);
    crdt_applied applied = fixture_apply(&f, wm_bytes(&f.update));
    assert_true(applied.integrated && !applied.pending);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_makes_the_rest_wait_until_it_is_filled),
        cmocka_unit_test(the_same_again_while_it_waits_is_nothing_new),
        cmocka_unit_test(what_waits_is_part_of_the_state),
        cmocka_unit_test(who_is_spoken_of_is_known),
        cmocka_unit_test(more_than_may_wait_is_refused_and_changes_nothing),
        cmocka_unit_test(what_waits_is_counted_as_memory),
        cmocka_unit_test(a_large_update_that_leaves_nothing_waiting_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
