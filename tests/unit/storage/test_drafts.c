/* Drafts: filled by many batches, seen by nobody, and then there or never. */
#include "fixture.h"

static uint64_t draft(store *s)
{
    uint64_t number;
    store_batch *b = begin(s);
    assert_ok(store_batch_draft(b, DATE_MS, &number));
    batch_append(b, number, "one");
    assert_ok(store_batch_commit(b));
    append_text(s, number, "two");
    return number;
}

static store_err publish(store *s, uint64_t number, const char *name, uint32_t epoch)
{
    store_doc out;
    store_batch *b = begin(s);
    store_err err = store_batch_publish(b, number, BYTES(name), epoch, &out);
    if (err == STORE_OK)
        return store_batch_commit(b);
    store_batch_abort(b);
    return err;
}

static void a_draft_is_found_when_it_is_published(void **state)
{
    fixture *f = *state;
    uint64_t number = draft(f->s);
    assert_string_equal(list_text(f->s, "", "", 9), "");
    assert_err(read_err(f->s, number), STORE_NOT_FOUND);
    assert_ok(publish(f->s, number, "a", 7));
    for (int round = 0; round < 2; round++) {
        store_doc doc = find_doc(f->s, "a");
        assert_int_equal(doc.number, number);
        assert_int_equal(doc.epoch, 7);
        assert_int_equal(doc.head, 2);
        assert_int_equal(doc.events, 2);
        assert_int_equal(doc.created_ms, DATE_MS);
        assert_string_equal(list_text(f->s, "", "", 9), "a");
        assert_string_equal(read_text(f->s, number, 0, UINT64_MAX), "1:one 2:two");
        fixture_reopen(f);
    }
    assert_int_equal(append_text(f->s, number, "three"), 3);
}

static void a_draft_may_be_published_with_its_last_events(void **state)
{
    fixture *f = *state;
    uint64_t number = draft(f->s);
    store_doc out;
    store_batch *b = begin(f->s);
    batch_append(b, number, "three");
    assert_ok(store_batch_publish(b, number, BYTES("a"), 7, &out));
    batch_append(b, number, "four");
    assert_ok(store_batch_commit(b));
    fixture_reopen(f);
    assert_string_equal(read_text(f->s, number, 0, UINT64_MAX), "1:one 2:two 3:three 4:four");
}

static void a_draft_that_is_left_is_removed(void **state)
{
    fixture *f = *state;
    uint64_t empty;
    uint64_t number = draft(f->s);
    store_batch *b = begin(f->s);
    assert_ok(store_batch_draft(b, DATE_MS, &empty));
    assert_ok(store_batch_commit(b));
    fixture_reopen(f);
    assert_err(publish(f->s, number, "a", 7), STORE_NOT_FOUND);
    assert_err(publish(f->s, empty, "a", 7), STORE_NOT_FOUND);
    uint64_t seq;
    b = begin(f->s);
    assert_err(store_batch_append(b, number, &(store_event){0}, &seq), STORE_NOT_FOUND);
    store_batch_abort(b);
    store_doc doc = create_doc(f->s, "a", 7);
    assert_true(doc.number > empty);
    fixture_reopen(f);
    assert_string_equal(list_text(f->s, "", "", 9), "a");
}

static void a_draft_is_named_as_a_document_is(void **state)
{
    fixture *f = *state;
    create_doc(f->s, "living", 7);
    delete_doc(f->s, create_doc(f->s, "deleted", 8).number);
    uint64_t number = draft(f->s);
    assert_err(publish(f->s, number, "living", 9), STORE_EXISTS);
    assert_err(publish(f->s, number, "", 9), STORE_INVALID);
    assert_err(publish(f->s, number, "deleted", 8), STORE_INVALID);
    assert_ok(publish(f->s, number, "deleted", 9));
    assert_int_equal(find_doc(f->s, "deleted").head, 2);
}

static void only_a_draft_is_published_and_only_once(void **state)
{
    fixture *f = *state;
    store_doc out;
    assert_err(publish(f->s, create_doc(f->s, "a", 7).number, "b", 8), STORE_NOT_FOUND);
    assert_err(publish(f->s, 99, "b", 8), STORE_NOT_FOUND);
    uint64_t number = draft(f->s);
    store_batch *b = begin(f->s);
    assert_ok(store_batch_publish(b, number, BYTES("b"), 8, &out));
    assert_err(store_batch_publish(b, number, BYTES("c"), 8, &out), STORE_NOT_FOUND);
    assert_ok(store_batch_commit(b));
    assert_err(publish(f->s, number, "c", 8), STORE_NOT_FOUND);
    assert_string_equal(list_text(f->s, "", "", 9), "a b");
}

static void a_draft_cannot_be_deleted(void **state)
{
    fixture *f = *state;
    uint64_t number = draft(f->s);
    store_batch *b = begin(f->s);
    assert_err(store_batch_delete(b, number, DATE_MS), STORE_INVALID);
    store_batch_abort(b);
}

static void an_abort_leaves_the_draft_a_draft(void **state)
{
    fixture *f = *state;
    uint64_t number = draft(f->s);
    store_doc out;
    store_batch *b = begin(f->s);
    assert_ok(store_batch_publish(b, number, BYTES("a"), 7, &out));
    store_batch_abort(b);
    assert_err(store_find(f->s, BYTES("a"), &out), STORE_NOT_FOUND);
    assert_err(read_err(f->s, number), STORE_NOT_FOUND);
    assert_ok(publish(f->s, number, "a", 7));
    assert_int_equal(find_doc(f->s, "a").head, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(a_draft_is_found_when_it_is_published),
        TEST(a_draft_may_be_published_with_its_last_events),
        TEST(a_draft_that_is_left_is_removed),
        TEST(a_draft_is_named_as_a_document_is),
        TEST(only_a_draft_is_published_and_only_once),
        TEST(a_draft_cannot_be_deleted),
        TEST(an_abort_leaves_the_draft_a_draft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
