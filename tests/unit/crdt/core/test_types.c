/* Nested types and maps: what is left of them when they are deleted, and which entry of a key wins.
 */
#include "fixture.h"

static const wm_item array_in_root = {.kind = WM_TYPE, .root = "a", .type_ref = WM_ARRAY};

static wm_item values_in(const wm_id *parent, uint64_t count)
{
    return (wm_item){.kind = WM_ANY, .parent = parent, .len = count};
}

static wm_item entry(const wm_id *origin)
{
    return (wm_item){.kind = WM_ANY, .root = "m", .sub = "k", .origin = origin, .len = 1};
}

static void children_of_a_deleted_type_become_holes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_ON});
    const wm_id array = {1, 0};
    fixture_put(&f, array, array_in_root);
    fixture_put(&f, (wm_id){1, 1}, values_in(&array, 3));
    fixture_put(&f, (wm_id){2, 0}, values_in(&array, 2));
    fixture_delete(&f, array, 1);

    crdt_buf expected = {0};
    wm_begin(&expected, 2);
    wm_section(&expected, 1, 2, 0);
    wm_struct(&expected, &(wm_item){.kind = WM_GC, .len = 2});
    wm_section(&expected, 2, 1, 0);
    wm_struct(&expected, &(wm_item){.kind = WM_DELETED, .root = "a", .len = 1});
    wm_struct(&expected, &(wm_item){.kind = WM_GC, .len = 3});
    wm_begin_deletes(&expected, 2);
    wm_deletes_of(&expected, 2, 1);
    wm_range(&expected, 0, 2);
    wm_deletes_of(&expected, 1, 1);
    wm_range(&expected, 0, 4);
    fixture_expect_state(&f, wm_bytes(&expected));
    crdt_buf_free(&expected);
    fixture_close(&f);
}

static void without_collection_children_stay_deleted_items(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_OFF});
    const wm_id array = {1, 0};
    fixture_put(&f, array, array_in_root);
    fixture_delete(&f, array, 1);
    fixture_put(&f, (wm_id){1, 1}, values_in(&array, 3));
    crdt_buf state_now = fixture_state(&f);
    fixture g;
    fixture_open(&g, (crdt_doc_options){.gc = CRDT_GC_OFF});
    fixture_apply(&g, wm_bytes(&state_now));
    fixture_expect_state(&g, wm_bytes(&state_now));
    fixture_expect_structs(&g, 2);
    crdt_buf_free(&state_now);
    fixture_close(&g);
    fixture_close(&f);
}

static void what_comes_for_a_collected_type_becomes_a_hole(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_ON});
    const wm_id array = {1, 0};
    fixture_put(&f, array, array_in_root);
    fixture_delete(&f, array, 1);
    assert_true(fixture_put(&f, (wm_id){2, 0}, values_in(&array, 2)).integrated);
    const wm_id hole = {2, 1};
    assert_true(fixture_put(&f, (wm_id){3, 0}, (wm_item){.kind = WM_ANY, .origin = &hole, .len = 4})
                    .integrated);
    fixture_expect_structs(&f, 3);
    fixture_close(&f);
}

/* Of two concurrent values the higher client's wins, whichever comes first. */
static void the_same_entry_wins_in_any_order(void **state)
{
    (void)state;
    crdt_buf states[2] = {{0}, {0}};
    for (size_t order = 0; order < 2; order++) {
        fixture f;
        fixture_open(&f, (crdt_doc_options){0});
        fixture_put(&f, (wm_id){order ? 5 : 9, 0}, entry(NULL));
        fixture_put(&f, (wm_id){order ? 9 : 5, 0}, entry(NULL));
        states[order] = fixture_state(&f);
        fixture_close(&f);
    }
    assert_int_equal(states[0].len, states[1].len);
    assert_memory_equal(states[0].data, states[1].data, states[0].len);
    crdt_buf_free(&states[0]);
    crdt_buf_free(&states[1]);
}

static void an_overwritten_key_keeps_one_struct_of_history(void **state)
{
    (void)state;
    enum { WRITES = 10000 };
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_ON});
    for (uint64_t i = 0; i < WRITES; i++) {
        const wm_id before = {1, i - 1};
        fixture_put(&f, (wm_id){1, i}, entry(i ? &before : NULL));
        if (i == 100)
            assert_true(crdt_doc_struct_count(f.doc) <= 3);
    }
    fixture_expect_structs(&f, 2);
    assert_true(crdt_doc_memory_bytes(f.doc) < 65536);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_of_a_deleted_type_become_holes),
        cmocka_unit_test(without_collection_children_stay_deleted_items),
        cmocka_unit_test(what_comes_for_a_collected_type_becomes_a_hole),
        cmocka_unit_test(the_same_entry_wins_in_any_order),
        cmocka_unit_test(an_overwritten_key_keeps_one_struct_of_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
