/* Deleting what cannot be read: the name is marked for good, and nothing else suffers, whenever the
 * process dies. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "key.h"

enum { LONG_EVENTS = 3000 }; /* more than goes with the commit of a deletion */

static const char all_of_other[] = "1:one 2:two";

static uint64_t make_other(store *s)
{
    uint64_t other = create_doc(s, "other", 1).number;
    append_text(s, other, "one");
    append_text(s, other, "two");
    return other;
}

static uint64_t make_long(store *s)
{
    uint64_t number = create_doc(s, "doc", 7).number;
    for (int i = 0; i < LONG_EVENTS;) {
        store_batch *b = begin(s);
        for (int end = i + 1000; i < end; i++)
            batch_append(b, number, "an update");
        assert_ok(store_batch_commit(b));
    }
    return number;
}

static void discard(store *s, const char *name)
{
    store_batch *b = begin(s);
    assert_ok(store_batch_discard(b, BYTES(name), DATE_MS + 1));
    assert_ok(store_batch_commit(b));
}

static store_err try_discard(store *s, const char *name)
{
    store_batch *b = begin(s);
    store_err err = store_batch_discard(b, BYTES(name), DATE_MS);
    store_batch_abort(b);
    return err;
}

static uint64_t damaged_documents(store *s)
{
    store_stats stats;
    assert_ok(store_get_stats(s, &stats));
    return stats.damaged;
}

static void assert_only_other(store *s)
{
    store_doc doc = find_doc(s, "doc");
    assert_true(doc.deleted);
    assert_int_equal(doc.epoch, 7);
    assert_err(read_err(s, doc.number), STORE_NOT_FOUND);
    assert_string_equal(list_text(s, "", "", 9), "other");
    assert_string_equal(read_text(s, find_doc(s, "other").number, 0, 9), all_of_other);
    assert_int_equal(damaged_documents(s), 0);
}

/* Discards "doc", in a process that dies at once and in one that goes on; then a new life begins.
 */
static void check_discarded(fixture *f)
{
    discard(f->s, "doc");
    assert_only_other(f->s);
    fixture_reopen(f);
    assert_only_other(f->s);
    assert_err(try_discard(f->s, "doc"), STORE_NOT_FOUND);
    uint64_t again = create_doc(f->s, "doc", 8).number;
    for (int i = 0; i < LONG_EVENTS / 1024; i++)
        append_text(f->s, again, "x");
    assert_clean(f);
    assert_string_equal(read_text(f->s, again, 0, 9), "1:x 2:x");
}

/* ---- the log ---- */

/* Where in an event: its checksum, number, seq, time, update. */
static const long places[] = {0, 8, 15, 16, 23, 24, -1};

static void whatever_of_an_event_is_damaged(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        store__key key = store__key_one(4); /* the document's second event */
        make_other(f->s);
        make_long(f->s);
        flip_bit(f, "tail", store__key_val(&key), places[i]);
        fixture_open(f);
        check_discarded(f);
        store_close(f->s);
        f->s = NULL;
        remove_dir(f->dir);
        fixture_open(f);
    }
}

/* The number and the seq: who has the events next would be asked for them in vain. */
static void a_whole_head_is_damaged(void **state)
{
    fixture *f = *state;
    store__key key = store__key_one(4);
    make_other(f->s);
    make_long(f->s);
    flip_bit(f, "tail", store__key_val(&key), 12);
    flip_bit(f, "tail", store__key_val(&key), 20);
    fixture_open(f);
    assert_int_equal(damaged_documents(f->s), 1);
    check_discarded(f);
}

static void an_event_is_lost(void **state)
{
    fixture *f = *state;
    store__key key = store__key_one(4);
    make_other(f->s);
    make_long(f->s);
    remove_row(f, "tail", store__key_val(&key));
    fixture_open(f);
    check_discarded(f);
}

/* Nobody had read the event when the document was deleted. */
static void damage_that_a_deletion_did_not_see(void **state)
{
    fixture *f = *state;
    store__key key = store__key_one(4);
    make_other(f->s);
    uint64_t number = make_long(f->s);
    flip_bit(f, "tail", store__key_val(&key), -1);
    fixture_open(f);
    delete_doc(f->s, number);
    fixture_reopen(f);
    assert_only_other(f->s);
}

/* ---- records ---- */

static void the_record_is_damaged_or_lost(void **state)
{
    fixture *f = *state;
    for (int with_tail = 0; with_tail < 2; with_tail++)
        for (int lost = 0; lost < 2; lost++) {
            make_other(f->s);
            uint64_t number = make_long(f->s);
            store__key key = store__key_one(number);
            put_checkpoint(f->s, number, 100, "a state");
            if (!with_tail)
                pack_everything(f->s);
            if (lost)
                remove_row(f, "documents", store__key_val(&key));
            else
                flip_bit(f, "documents", store__key_val(&key), 12);
            fixture_open(f);
            check_discarded(f);
            store_close(f->s);
            f->s = NULL;
            remove_dir(f->dir);
            fixture_open(f);
        }
}

static void a_segment_is_damaged(void **state)
{
    fixture *f = *state;
    make_other(f->s);
    uint64_t number = make_long(f->s);
    pack_everything(f->s);
    store__key key = store__key_two(number, 1);
    flip_bit(f, "segments", store__key_val(&key), -1);
    fixture_open(f);
    check_discarded(f);
}

/* ---- names ---- */

/* A name's record of one earlier life: checksum, number, epoch, deleted, count, that life. */
enum { NAME_LEN = 8 + 8 + 4 + 1 + 2 + 5, NAME_EPOCH = 16, NAME_DELETED = 20 };

/* "doc", which was deleted once, and whose name is damaged at one place. */
static void make_nameless(fixture *f, long at)
{
    make_other(f->s);
    delete_doc(f->s, create_doc(f->s, "doc", 6).number);
    make_long(f->s);
    flip_bit(f, "names", store__text_val("doc"), at);
    fixture_open(f);
}

static void begin_anew(fixture *f)
{
    store_close(f->s);
    f->s = NULL;
    remove_dir(f->dir);
    fixture_open(f);
}

/* As check_discarded, but for epochs, which damage may have changed. */
static void check_nameless_discarded(fixture *f)
{
    discard(f->s, "doc");
    fixture_reopen(f);
    store_doc doc = find_doc(f->s, "doc");
    assert_true(doc.deleted);
    assert_err(read_err(f->s, doc.number), STORE_NOT_FOUND);
    assert_string_equal(list_text(f->s, "", "", 9), "other");
    assert_string_equal(read_text(f->s, find_doc(f->s, "other").number, 0, 9), all_of_other);
    assert_err(try_discard(f->s, "doc"), STORE_NOT_FOUND);
    uint64_t again = create_doc(f->s, "doc", 8).number;
    for (int i = 0; i < LONG_EVENTS / 1024; i++)
        append_text(f->s, again, "x");
    assert_clean(f);
    assert_string_equal(read_text(f->s, again, 0, 9), "1:x 2:x");
}

static void whatever_of_a_name_is_damaged(void **state)
{
    fixture *f = *state;
    for (long at = 0; at < NAME_LEN; at++) {
        make_nameless(f, at);
        store_doc doc;
        assert_err(store_find(f->s, BYTES("doc"), &doc), STORE_CORRUPT);
        assert_string_equal(list_text(f->s, "", "", 9), "doc other");
        check_nameless_discarded(f);
        begin_anew(f);
    }
}

static void a_damaged_name_keeps_the_epochs_that_can_be_read(void **state)
{
    fixture *f = *state;
    bool known;
    store_end end;
    make_nameless(f, 0);
    discard(f->s, "doc");
    for (uint32_t epoch = 6; epoch <= 7; epoch++) {
        assert_ok(store_epoch_end(f->s, BYTES("doc"), epoch, &known, &end));
        assert_true(known);
        assert_int_equal(end, STORE_END_DELETED);
    }
    begin_anew(f);
    make_nameless(f, NAME_EPOCH);
    discard(f->s, "doc");
    assert_ok(store_epoch_end(f->s, BYTES("doc"), 7, &known, &end));
    assert_false(known);
}

static void the_name_of_a_deleted_document_is_damaged(void **state)
{
    fixture *f = *state;
    for (int deleted = 0; deleted < 2; deleted++) {
        make_other(f->s);
        delete_doc(f->s, make_long(f->s));
        flip_bit(f, "names", store__text_val("doc"), deleted ? NAME_DELETED : 0);
        fixture_open(f);
        check_nameless_discarded(f);
        begin_anew(f);
    }
}

/* Whose the record is nobody can tell. */
static void a_name_and_a_record_are_damaged(void **state)
{
    fixture *f = *state;
    for (int both = 0; both < 2; both++) {
        uint64_t other = make_other(f->s);
        store__key key = store__key_one(both ? make_long(f->s) : other);
        if (!both)
            make_long(f->s);
        flip_bit(f, "documents", store__key_val(&key), 12);
        flip_bit(f, "names", store__text_val("doc"), 12);
        fixture_open(f);
        assert_err(try_discard(f->s, "doc"), both ? STORE_CORRUPT : STORE_OK);
        begin_anew(f);
    }
}

/* LMDB would write to it. */
static void a_page_of_names_is_damaged(void **state)
{
    fixture *f = *state;
    make_other(f->s);
    make_long(f->s);
    spoil_nodes(f, store__text_val("doc")); /* opening would have found it */
    assert_err(try_discard(f->s, "doc"), STORE_CORRUPT);
    append_text(f->s, find_doc(f->s, "other").number, "three");
}

/* ---- batches ---- */

static void what_is_whole_is_deleted_as_well(void **state)
{
    fixture *f = *state;
    make_other(f->s);
    make_long(f->s);
    check_discarded(f);
}

static void what_is_not_there_is_not_found(void **state)
{
    fixture *f = *state;
    store_doc doc;
    assert_err(try_discard(f->s, "doc"), STORE_NOT_FOUND);
    assert_err(try_discard(f->s, ""), STORE_NOT_FOUND);
    store_batch *b = begin(f->s);
    assert_ok(store_batch_create(b, BYTES("doc"), 7, DATE_MS, &doc));
    batch_append(b, doc.number, "x");
    assert_ok(store_batch_discard(b, BYTES("doc"), DATE_MS));
    assert_err(store_batch_discard(b, BYTES("doc"), DATE_MS), STORE_NOT_FOUND);
    assert_ok(store_batch_commit(b));
    assert_true(find_doc(f->s, "doc").deleted);
    assert_clean(f);
}

static void an_abort_leaves_it_as_damaged_as_it_was(void **state)
{
    fixture *f = *state;
    store_doc doc;
    make_other(f->s);
    store__key key = store__key_one(make_long(f->s));
    pack_everything(f->s);
    flip_bit(f, "documents", store__key_val(&key), 12);
    fixture_open(f);
    assert_ok(try_discard(f->s, "doc"));
    assert_err(store_find(f->s, BYTES("doc"), &doc), STORE_CORRUPT);
    assert_int_equal(damaged_documents(f->s), 1);
    check_discarded(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(whatever_of_an_event_is_damaged),
        TEST(a_whole_head_is_damaged),
        TEST(an_event_is_lost),
        TEST(damage_that_a_deletion_did_not_see),
        TEST(the_record_is_damaged_or_lost),
        TEST(a_segment_is_damaged),
        TEST(whatever_of_a_name_is_damaged),
        TEST(a_damaged_name_keeps_the_epochs_that_can_be_read),
        TEST(the_name_of_a_deleted_document_is_damaged),
        TEST(a_name_and_a_record_are_damaged),
        TEST(a_page_of_names_is_damaged),
        TEST(what_is_whole_is_deleted_as_well),
        TEST(what_is_not_there_is_not_found),
        TEST(an_abort_leaves_it_as_damaged_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
