/* Documents: created, deleted, brought back; how their epochs ended; listed. And the record of a
 * name as bytes. */
#include <stdio.h>

#include "fixture.h"
#include "meta/record.h"

static void a_document_is_created_once(void **state)
{
    fixture *f = *state;
    store_doc doc = create_doc(f->s, "a", 7);
    store_doc out;
    store_batch *b = begin(f->s);
    assert_err(store_batch_create(b, BYTES("a"), 8, DATE_MS, &out), STORE_EXISTS);
    assert_ok(store_batch_create(b, BYTES("b"), 8, DATE_MS, &out));
    assert_err(store_batch_create(b, BYTES("b"), 9, DATE_MS, &out), STORE_EXISTS);
    assert_ok(store_batch_commit(b));
    assert_int_equal(find_doc(f->s, "a").number, doc.number);
    assert_int_equal(find_doc(f->s, "a").epoch, 7);
    assert_int_equal(find_doc(f->s, "b").epoch, 8);
    assert_err(store_find(f->s, BYTES("c"), &out), STORE_NOT_FOUND);
}

static void names_have_a_length(void **state)
{
    fixture *f = *state;
    char name[STORE_NAME_LEN_MAX + 1];
    memset(name, 'n', sizeof(name));
    store_doc out;
    store_batch *b = begin(f->s);
    assert_err(store_batch_create(b, (store_bytes){name, 0}, 1, DATE_MS, &out), STORE_INVALID);
    assert_err(store_batch_create(b, (store_bytes){name, sizeof(name)}, 1, DATE_MS, &out),
               STORE_INVALID);
    assert_ok(store_batch_create(b, (store_bytes){name, STORE_NAME_LEN_MAX}, 1, DATE_MS, &out));
    assert_ok(store_batch_commit(b));
    assert_ok(store_find(f->s, (store_bytes){name, STORE_NAME_LEN_MAX}, &out));
    assert_err(store_find(f->s, (store_bytes){name, STORE_NAME_LEN_MAX - 1}, &out),
               STORE_NOT_FOUND);
    assert_err(store_find(f->s, (store_bytes){name, 0}, &out), STORE_INVALID);
    assert_err(store_find(f->s, (store_bytes){name, sizeof(name)}, &out), STORE_INVALID);
}

static void a_deleted_name_is_marked_and_its_events_are_gone(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 7).number;
    append_text(f->s, doc, "secret");
    store_batch *b = begin(f->s);
    assert_ok(store_batch_checkpoint(b, doc, 1, BYTES("state")));
    assert_ok(store_batch_commit(b));
    delete_doc(f->s, doc);
    for (int round = 0; round < 2; round++) {
        store_doc d = find_doc(f->s, "a");
        assert_true(d.deleted);
        assert_int_equal(d.number, doc);
        assert_int_equal(d.epoch, 7);
        assert_int_equal(d.head, 1);
        assert_int_equal(d.created_ms, DATE_MS);
        assert_int_equal(d.updated_ms, DATE_MS + 1);
        assert_err(read_err(f->s, doc), STORE_NOT_FOUND);
        assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, NULL, NULL), STORE_NOT_FOUND);
        uint64_t seq;
        b = begin(f->s);
        assert_err(store_batch_append(b, doc, &(store_event){0}, &seq), STORE_NOT_FOUND);
        assert_err(store_batch_delete(b, doc, DATE_MS), STORE_NOT_FOUND);
        assert_err(store_batch_checkpoint(b, doc, 1, BYTES("x")), STORE_NOT_FOUND);
        store_batch_abort(b);
        fixture_reopen(f);
    }
}

static void a_deleted_name_is_brought_back_with_a_new_number(void **state)
{
    fixture *f = *state;
    uint64_t first = create_doc(f->s, "a", 7).number;
    append_text(f->s, first, "old");
    delete_doc(f->s, first);
    fixture_reopen(f);
    store_doc out;
    store_batch *b = begin(f->s);
    assert_err(store_batch_create(b, BYTES("a"), 7, DATE_MS, &out), STORE_INVALID);
    store_batch_abort(b);
    uint64_t second = create_doc(f->s, "a", 8).number;
    assert_int_not_equal(second, first);
    assert_int_equal(append_text(f->s, second, "new"), 1);
    fixture_reopen(f);
    assert_int_equal(find_doc(f->s, "a").number, second);
    assert_int_equal(find_doc(f->s, "a").epoch, 8);
    assert_string_equal(read_text(f->s, second, 0, UINT64_MAX), "1:new");
    assert_err(read_err(f->s, first), STORE_NOT_FOUND);
}

static void numbers_are_not_used_again(void **state)
{
    fixture *f = *state;
    uint64_t last = 0;
    for (uint32_t round = 0; round < 4; round++) {
        uint64_t doc = create_doc(f->s, "a", round).number;
        assert_true(doc > last);
        last = doc;
        delete_doc(f->s, doc);
        fixture_reopen(f);
    }
}

static void a_batch_may_create_delete_and_create_again(void **state)
{
    fixture *f = *state;
    store_doc one;
    store_doc two;
    uint64_t old = create_doc(f->s, "old", 1).number;
    append_text(f->s, old, "gone");
    store_batch *b = begin(f->s);
    assert_ok(store_batch_create(b, BYTES("a"), 1, DATE_MS, &one));
    batch_append(b, one.number, "gone");
    assert_ok(store_batch_delete(b, one.number, DATE_MS));
    assert_err(store_batch_delete(b, one.number, DATE_MS), STORE_NOT_FOUND);
    assert_err(store_batch_create(b, BYTES("a"), 1, DATE_MS, &two), STORE_INVALID);
    assert_ok(store_batch_create(b, BYTES("a"), 2, DATE_MS, &two));
    batch_append(b, two.number, "stays");
    batch_append(b, old, "gone too");
    assert_ok(store_batch_delete(b, old, DATE_MS));
    assert_ok(store_batch_commit(b));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(find_doc(f->s, "a").number, two.number);
        assert_string_equal(read_text(f->s, two.number, 0, UINT64_MAX), "1:stays");
        assert_err(read_err(f->s, one.number), STORE_NOT_FOUND);
        assert_err(read_err(f->s, old), STORE_NOT_FOUND);
        assert_true(find_doc(f->s, "old").deleted);
        assert_int_equal(find_doc(f->s, "old").head, 2);
        fixture_reopen(f);
    }
}

static void check_end(store *s, uint32_t epoch, bool wanted_known, store_end wanted)
{
    bool known;
    store_end end;
    assert_ok(store_epoch_end(s, BYTES("a"), epoch, &known, &end));
    assert_int_equal(known, wanted_known);
    assert_int_equal(end, wanted);
}

static void an_epoch_tells_how_it_ended(void **state)
{
    fixture *f = *state;
    check_end(f->s, 1, false, STORE_END_NONE);
    delete_doc(f->s, create_doc(f->s, "a", 1).number);
    check_end(f->s, 1, true, STORE_END_DELETED);
    create_doc(f->s, "a", 2);
    fixture_reopen(f);
    check_end(f->s, 1, true, STORE_END_DELETED);
    check_end(f->s, 2, true, STORE_END_NONE);
    check_end(f->s, 3, false, STORE_END_NONE);
}

static void of_too_many_epochs_the_oldest_is_forgotten(void **state)
{
    fixture *f = *state;
    for (uint32_t epoch = 1; epoch <= STORE_ENDED_EPOCHS_MAX + 1; epoch++)
        delete_doc(f->s, create_doc(f->s, "a", epoch).number);
    fixture_reopen(f);
    check_end(f->s, 1, false, STORE_END_NONE);
    check_end(f->s, 2, true, STORE_END_DELETED);
    check_end(f->s, STORE_ENDED_EPOCHS_MAX + 1, true, STORE_END_DELETED);
}

static void a_deletion_since_counts_before_a_restore(void **state)
{
    (void)state;
    store_end end;
    store__name name = {.epoch = 1};
    store__name_end(&name, STORE_END_RESTORED);
    name.epoch = 2;
    assert_true(store__name_epoch(&name, 1, &end));
    assert_int_equal(end, STORE_END_RESTORED);
    store__name_end(&name, STORE_END_DELETED);
    name.epoch = 3;
    store__name_end(&name, STORE_END_RESTORED);
    name.epoch = 4;
    assert_true(store__name_epoch(&name, 1, &end));
    assert_int_equal(end, STORE_END_DELETED);
    assert_true(store__name_epoch(&name, 2, &end));
    assert_int_equal(end, STORE_END_DELETED);
    assert_true(store__name_epoch(&name, 3, &end));
    assert_int_equal(end, STORE_END_RESTORED);
    assert_true(store__name_epoch(&name, 4, &end));
    assert_int_equal(end, STORE_END_NONE);
    assert_false(store__name_epoch(&name, 5, &end));
}

static void name_records_are_read_as_written_and_never_cut(void **state)
{
    (void)state;
    uint8_t bytes[STORE__NAME_RECORD_MAX];
    store__name out;
    store__name name = {.number = UINT64_MAX - 1, .epoch = 5, .deleted = true};
    name.last =
        (store__life){.created_ms = -5, .updated_ms = 6, .head = 7, .events = 8, .log_bytes = 9};
    for (unsigned i = 0; i < STORE_ENDED_EPOCHS_MAX; i++)
        store__name_end(&name, i % 2 ? STORE_END_DELETED : STORE_END_RESTORED);
    size_t len = store__name_encode(&name, bytes);
    assert_int_equal(len, sizeof(bytes));
    assert_true(store__name_decode((store_bytes){bytes, len}, &out));
    assert_int_equal(out.number, name.number);
    assert_int_equal(out.last.created_ms, -5);
    assert_int_equal(out.last.log_bytes, 9);
    assert_int_equal(out.ended_count, STORE_ENDED_EPOCHS_MAX);
    assert_int_equal(out.ended[1].end, STORE_END_DELETED);
    for (size_t cut = 0; cut < len; cut++)
        assert_false(store__name_decode((store_bytes){bytes, cut}, &out));
    bytes[len - 1] = STORE_END_NONE;
    assert_false(store__name_decode((store_bytes){bytes, len}, &out));
}

static void listing_is_in_byte_order_without_the_deleted(void **state)
{
    fixture *f = *state;
    assert_string_equal(list_text(f->s, "", "", 100), "");
    const char *names[] = {"b", "a", "ab", "\xc3\xa9", "abc", "B", "a/b", "c"};
    for (size_t i = 0; i < 8; i++)
        create_doc(f->s, names[i], 1);
    assert_string_equal(list_text(f->s, "", "", 100), "B a a/b ab abc b c \xc3\xa9");
    delete_doc(f->s, find_doc(f->s, "ab").number);
    fixture_reopen(f);
    assert_string_equal(list_text(f->s, "", "", 100), "B a a/b abc b c \xc3\xa9");
    assert_string_equal(list_text(f->s, "", "", 3), "B a a/b");
    assert_string_equal(list_text(f->s, "", "a/b", 2), "abc b");
    assert_string_equal(list_text(f->s, "", "ab", 1), "abc");
    assert_string_equal(list_text(f->s, "", "zz", 100), "\xc3\xa9");
    assert_string_equal(list_text(f->s, "", "\xff", 100), "");
    assert_string_equal(list_text(f->s, "a", "", 100), "a a/b abc");
    assert_string_equal(list_text(f->s, "a", "a", 100), "a/b abc");
    assert_string_equal(list_text(f->s, "a", "B", 100), "a a/b abc");
    assert_string_equal(list_text(f->s, "a", "b", 100), "");
    assert_string_equal(list_text(f->s, "ab", "a/b", 100), "abc");
    assert_string_equal(list_text(f->s, "ab", "ab", 100), "abc");
    assert_string_equal(list_text(f->s, "x", "", 100), "");
}

static void living_documents_are_counted(void **state)
{
    fixture *f = *state;
    store_stats stats;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    create_doc(f->s, "b", 1);
    delete_doc(f->s, doc);
    assert_ok(store_get_stats(f->s, &stats));
    assert_int_equal(stats.documents, 1);
}

static void many_documents_in_one_batch(void **state)
{
    fixture *f = *state;
    store_doc out;
    char name[16];
    store_batch *b = begin(f->s);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "doc-%u", i * 7919 % 3000);
        assert_ok(store_batch_create(b, BYTES(name), i, DATE_MS, &out));
        if (i % 3 == 0)
            batch_append(b, out.number, name);
        if (i % 5 == 0)
            assert_ok(store_batch_delete(b, out.number, DATE_MS));
    }
    assert_ok(store_batch_commit(b));
    fixture_reopen(f);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "doc-%u", i * 7919 % 3000);
        store_doc d = find_doc(f->s, name);
        assert_int_equal(d.epoch, i);
        assert_int_equal(d.deleted, i % 5 == 0);
        assert_int_equal(d.head, i % 3 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(a_document_is_created_once),
        TEST(names_have_a_length),
        TEST(a_deleted_name_is_marked_and_its_events_are_gone),
        TEST(a_deleted_name_is_brought_back_with_a_new_number),
        TEST(numbers_are_not_used_again),
        TEST(a_batch_may_create_delete_and_create_again),
        TEST(an_epoch_tells_how_it_ended),
        TEST(of_too_many_epochs_the_oldest_is_forgotten),
        cmocka_unit_test(a_deletion_since_counts_before_a_restore),
        cmocka_unit_test(name_records_are_read_as_written_and_never_cut),
        TEST(listing_is_in_byte_order_without_the_deleted),
        TEST(living_documents_are_counted),
        TEST(many_documents_in_one_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
