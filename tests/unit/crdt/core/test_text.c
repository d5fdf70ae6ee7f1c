/* Typing, splitting, merging, collecting: what structs a text is made of after a few edits. */
#include "fixture.h"

#include <string.h>

static wm_item typed(const char *text, const wm_id *origin, const wm_id *right)
{
    return (wm_item){
        .kind = WM_STRING, .root = "t", .text = text, .origin = origin, .right = right};
}

static void type_one_by_one(fixture *f, uint64_t client, const char *text)
{
    for (uint64_t i = 0; text[i]; i++) {
        const char key[2] = {text[i], 0};
        const wm_id before = {client, i - 1};
        crdt_applied applied =
            fixture_put(f, (wm_id){client, i}, typed(key, i ? &before : NULL, NULL));
        assert_true(applied.changed && applied.integrated && !applied.pending);
    }
}

static void typing_extends_one_struct(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    type_one_by_one(&f, 1, "typed one by one");
    fixture_expect_structs(&f, 1);
    wm_item whole = typed("typed one by one", NULL, NULL);
    crdt_buf expected = {0};
    fixture_expect_state(&f, wm_one(&expected, (wm_id){1, 0}, &whole));
    crdt_buf_free(&expected);
    fixture_close(&f);
}

static void typing_before_another_runs_text_extends_one_struct(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("ab", NULL, NULL));
    const wm_id b = {1, 1};
    wm_id before = {1, 0};
    for (uint64_t i = 0; i < 5; i++) {
        fixture_put(&f, (wm_id){2, i}, typed("x", &before, &b));
        before = (wm_id){2, i};
    }
    fixture_expect_structs(&f, 3); /* a, xxxxx, b */
    fixture_close(&f);
}

static void typing_costs_no_memory_but_the_text(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    type_one_by_one(&f, 1, "some");
    const uint64_t calls = f.memory.calls;
    const wm_id before = {1, 3};
    fixture_put(&f, (wm_id){1, 4}, typed("!", &before, NULL));
    assert_int_equal(f.memory.calls, calls);
    fixture_close(&f);
}

static void an_insertion_splits_and_its_deletion_does_not_merge(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("abcd", NULL, NULL));
    const wm_id b = {1, 1};
    const wm_id c = {1, 2};
    fixture_put(&f, (wm_id){2, 0}, typed("x", &b, &c));
    fixture_expect_structs(&f, 3);
    fixture_delete(&f, (wm_id){2, 0}, 1);
    fixture_expect_structs(&f, 3); /* a tombstone stands between the halves */
    fixture_close(&f);
}

static void deleted_neighbours_become_one_struct(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("abcdef", NULL, NULL));
    fixture_delete(&f, (wm_id){1, 1}, 1);
    fixture_delete(&f, (wm_id){1, 3}, 1);
    fixture_expect_structs(&f, 5);
    fixture_delete(&f, (wm_id){1, 0}, 6);
    fixture_expect_structs(&f, 1);
    fixture_close(&f);
}

static void a_deletion_may_begin_and_end_within_deleted_text(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("abcdefgh", NULL, NULL));
    fixture_delete(&f, (wm_id){1, 1}, 2);
    fixture_delete(&f, (wm_id){1, 5}, 2);
    crdt_applied applied = fixture_delete(&f, (wm_id){1, 2}, 4);
    assert_true(applied.integrated);
    fixture_expect_structs(&f, 3); /* a, bcdefg deleted, h */
    assert_false(fixture_delete(&f, (wm_id){1, 2}, 4).changed);
    fixture_close(&f);
}

static void deleted_text_gives_its_bytes_back(void **state)
{
    (void)state;
    enum { TEXT_LEN = 100000 };
    static char text[TEXT_LEN + 1];
    memset(text, 'x', TEXT_LEN);
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_ON});
    const size_t empty = crdt_doc_memory_bytes(f.doc);
    for (uint64_t i = 0; i < 20; i++) {
        fixture_put(&f, (wm_id){1, i * TEXT_LEN}, typed(text, NULL, NULL));
        fixture_delete(&f, (wm_id){1, i * TEXT_LEN}, TEXT_LEN);
    }
    assert_true(crdt_doc_memory_bytes(f.doc) < empty + 4 * TEXT_LEN);
    fixture_close(&f);
}

static void a_cut_character_becomes_two_replacement_characters(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("\xf0\x9f\x99\x82", NULL, NULL));
    fixture_delete(&f, (wm_id){1, 0}, 1);
    crdt_buf expected = {0};
    const wm_id first = {1, 0};
    wm_begin(&expected, 1);
    wm_section(&expected, 2, 1, 0);
    wm_struct(&expected, &(wm_item){.kind = WM_DELETED, .root = "t", .len = 1});
    wm_struct(&expected, &(wm_item){.kind = WM_STRING, .origin = &first, .text = "\xef\xbf\xbd"});
    wm_begin_deletes(&expected, 1);
    wm_deletes_of(&expected, 1, 1);
    wm_range(&expected, 0, 1);
    fixture_expect_state(&f, wm_bytes(&expected));
    crdt_buf_free(&expected);
    fixture_close(&f);
}

/* Yjs cuts the struct there, and with it a character: a change that no event tells of. */
static void a_deletion_of_nothing_cuts_nothing(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, typed("a\xf0\x9f\x99\x82", NULL, NULL));
    crdt_buf before = fixture_state(&f);
    crdt_applied applied = fixture_delete(&f, (wm_id){1, 2}, 0);
    assert_false(applied.changed || applied.integrated);
    fixture_expect_structs(&f, 1);
    fixture_expect_state(&f, wm_bytes(&before));
    crdt_buf_free(&before);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typing_extends_one_struct),
        cmocka_unit_test(typing_before_another_runs_text_extends_one_struct),
        cmocka_unit_test(typing_costs_no_memory_but_the_text),
        cmocka_unit_test(an_insertion_splits_and_its_deletion_does_not_merge),
        cmocka_unit_test(deleted_neighbours_become_one_struct),
        cmocka_unit_test(a_deletion_may_begin_and_end_within_deleted_text),
        cmocka_unit_test(deleted_text_gives_its_bytes_back),
        cmocka_unit_test(a_cut_character_becomes_two_replacement_characters),
        cmocka_unit_test(a_deletion_of_nothing_cuts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
