/* Opening: what is refused, with a sentence that says why, and damage on disk, which is found and
 * stays where it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "key.h"

/* Opening fails with `wanted` and a sentence that has `words`. */
static void check_refused(const char *dir, store_err wanted, const char *words)
{
    store *s = NULL;
    char detail[256] = "";
    assert_err(store_open(dir, NULL, &s, detail, sizeof(detail)), wanted);
    assert_null(s);
    if (!strstr(detail, words))
        print_error("'%s' does not say '%s'\n", detail, words);
    assert_non_null(strstr(detail, words));
    assert_err(store_open(dir, NULL, &s, NULL, 0), wanted);
}

/* ---- what is no store ---- */

static void one_process_at_a_time(void **state)
{
    fixture *f = *state;
    check_refused(f->dir, STORE_BUSY, "another process uses");
    pid_t child = fork();
    if (child == 0) {
        store *s;
        _exit(store_open(f->dir, NULL, &s, NULL, 0) == STORE_BUSY ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    append_text(f->s, create_doc(f->s, "a", 1).number, "x");
    fixture_reopen(f);
}

static void a_newer_format_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;
    uint8_t value[16];
    MDB_val key = store__text_val("format");
    create_doc(f->s, "a", 1);
    store_close(f->s);
    f->s = NULL;
    raw r = raw_open(f->dir, "meta");
    MDB_val old = raw_get(&r, key);
    assert_int_equal(old.mv_size, sizeof(value));
    memcpy(value, old.mv_data, sizeof(value));
    value[sizeof(value) - 1] = 3;
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    assert_int_equal(mdb_put(r.txn, r.table, &key, &val, 0), 0);
    MDB_dbi purges; /* a table that the newer format might not have */
    assert_int_equal(mdb_dbi_open(r.txn, "purges", 0, &purges), 0);
    assert_int_equal(mdb_drop(r.txn, purges, 1), 0);
    raw_close(&r);
    check_refused(f->dir, STORE_VERSION, "has format 3");
    r = raw_open(f->dir, "meta");
    assert_int_equal(mdb_dbi_open(r.txn, "purges", 0, &purges), MDB_NOTFOUND);
    raw_close(&r);
}

static void another_programs_file_is_refused_and_left_alone(void **state)
{
    (void)state;
    char dir[64];
    make_temp_dir(dir);
    raw r = raw_open(dir, "theirs");
    raw_close(&r);
    check_refused(dir, STORE_CORRUPT, "another program");
    MDB_stat stat;
    MDB_dbi root;
    r = raw_open(dir, "theirs");
    assert_int_equal(mdb_dbi_open(r.txn, NULL, 0, &root), 0);
    assert_int_equal(mdb_stat(r.txn, root, &stat), 0);
    assert_int_equal(stat.ms_entries, 1);
    raw_close(&r);
    remove_dir(dir);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    char dir[64];
    char path[80];
    char garbage[20000];
    memset(garbage, 'g', sizeof(garbage));
    make_temp_dir(dir);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(garbage, 1, sizeof(garbage), file), sizeof(garbage));
    fclose(file);
    check_refused(dir, STORE_CORRUPT, "not a data file of weft");
    check_refused(path, STORE_IO, "cannot make the data directory");
    remove_dir(dir);
    snprintf(path, sizeof(path), "%s/absent/below", dir);
    check_refused(path, STORE_IO, "cannot make the data directory");
}

static void a_map_too_small_is_refused(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    char detail[256] = "";
    store_options options = {.map_size_max = 5000};
    assert_err(store_open(f->dir, &options, &s, detail, sizeof(detail)), STORE_INVALID);
    assert_non_null(strstr(detail, "holds no store"));
}

static void a_detail_is_cut_to_its_buffer(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    for (size_t len = 0; len < 60; len++) {
        char detail[64];
        memset(detail, '#', sizeof(detail));
        assert_err(store_open(f->dir, NULL, &s, detail, len), STORE_BUSY);
        assert_int_equal(detail[len], '#');
        if (len)
            assert_true(strnlen(detail, len) < len);
    }
}

static void a_directory_is_made(void **state)
{
    fixture *f = *state;
    char dir[80];
    store *s;
    struct stat info;
    snprintf(dir, sizeof(dir), "%s/inner", f->dir);
    assert_ok(store_open(dir, NULL, &s, NULL, 0));
    store_close(s);
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_mode & 0007, 0); /* not for everybody's eyes */
    remove_dir(dir);
}

/* ---- damage ---- */

static uint64_t make_doc(store *s, const char *name)
{
    uint64_t number = create_doc(s, name, 1).number;
    append_text(s, number, "one");
    append_text(s, number, "two");
    append_text(s, number, "three");
    return number;
}

/* Every byte of an event counts: the damage is found when opening or when reading, and no other
 * document suffers. */
static void every_byte_of_an_event_is_guarded(void **state)
{
    fixture *f = *state;
    uint64_t other = make_doc(f->s, "other"); /* keys 1 to 3 */
    uint64_t doc = make_doc(f->s, "doc");
    store__key key = store__key_one(5);
    for (long at = 0; at < 8 + 26 + 3; at++) {
        flip_bit(f, "tail", store__key_val(&key), at);
        store_err err = store_open(f->dir, NULL, &f->s, NULL, 0);
        if (err == STORE_OK)
            err = read_err(f->s, doc);
        assert_err(err, STORE_CORRUPT);
        if (f->s)
            assert_string_equal(read_text(f->s, other, 0, 3), "1:one 2:two 3:three");
        flip_bit(f, "tail", store__key_val(&key), at);
    }
    fixture_open(f);
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:one 2:two 3:three");
}

static bool count_event(void *ctx, const store_event *event)
{
    (void)event;
    ++*(unsigned *)ctx;
    return true;
}

static void damage_stays_where_it_is(void **state)
{
    fixture *f = *state;
    uint64_t other = make_doc(f->s, "other");
    uint64_t doc = make_doc(f->s, "doc");
    store__key key = store__key_one(6);
    flip_bit(f, "tail", store__key_val(&key), -1);
    fixture_open(f);
    unsigned count = 0;
    assert_err(store_read(f->s, doc, 0, UINT64_MAX, count_event, &count), STORE_CORRUPT);
    assert_int_equal(count, 2);
    assert_string_equal(read_text(f->s, doc, 0, 2), "1:one 2:two");
    assert_string_equal(read_text(f->s, other, 0, UINT64_MAX), "1:one 2:two 3:three");
}

static void a_lost_event_stops_its_document_only(void **state)
{
    fixture *f = *state;
    uint64_t other = make_doc(f->s, "other");
    uint64_t doc = make_doc(f->s, "doc");
    store__key key = store__key_one(5);
    remove_row(f, "tail", store__key_val(&key));
    fixture_open(f);
    uint64_t seq;
    assert_err(read_err(f->s, doc), STORE_CORRUPT);
    store_batch *b = begin(f->s);
    assert_err(store_batch_append(b, doc, &(store_event){0}, &seq), STORE_CORRUPT);
    assert_int_equal(batch_append(b, other, "four"), 4);
    assert_ok(store_batch_commit(b));
    delete_doc(f->s, other);
}

static void damaged_records_are_found(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    create_doc(f->s, "other", 1);
    store_doc out;
    store_batch *b = begin(f->s);
    assert_ok(store_batch_checkpoint(b, doc, 2, BYTES("state")));
    assert_ok(store_batch_commit(b));

    store__key key = store__key_two(doc, 2);
    flip_bit(f, "checkpoints", store__key_val(&key), -1);
    fixture_open(f);
    assert_err(store_checkpoint_find(f->s, doc, 3, NULL, NULL), STORE_CORRUPT);

    flip_bit(f, "names", store__text_val("doc"), 9);
    fixture_open(f);
    assert_err(store_find(f->s, BYTES("doc"), &out), STORE_CORRUPT);
    b = begin(f->s);
    assert_err(store_batch_create(b, BYTES("doc"), 5, DATE_MS, &out), STORE_CORRUPT);
    store_batch_abort(b);
    assert_ok(store_find(f->s, BYTES("other"), &out));
}

static void a_checkpoint_under_anothers_key_is_found(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    store_batch *b = begin(f->s);
    assert_ok(store_batch_checkpoint(b, doc, 2, BYTES("state")));
    assert_ok(store_batch_commit(b));
    store_close(f->s);
    raw r = raw_open(f->dir, "checkpoints");
    store__key key = store__key_two(doc, 2);
    store__key wrong = store__key_two(doc, 3);
    uint8_t bytes[64];
    MDB_val value = raw_get(&r, store__key_val(&key));
    memcpy(bytes, value.mv_data, value.mv_size);
    value.mv_data = bytes;
    MDB_val k = store__key_val(&wrong);
    assert_int_equal(mdb_put(r.txn, r.table, &k, &value, 0), 0);
    raw_close(&r);
    fixture_open(f);
    assert_err(store_checkpoint_find(f->s, doc, 3, NULL, NULL), STORE_CORRUPT);
}

static uint64_t damaged_documents(store *s)
{
    store_stats stats;
    assert_ok(store_get_stats(s, &stats));
    return stats.damaged;
}

/* One document, and nothing else: it is neither read nor written, nor given its seqs again. */
static void check_refused_alone(fixture *f, const char *name, uint64_t number)
{
    store_doc found;
    uint64_t seq;
    uint64_t other = find_doc(f->s, "other").number;
    assert_int_equal(damaged_documents(f->s), 1);
    assert_err(store_find(f->s, BYTES(name), &found), STORE_CORRUPT);
    store_batch *b = begin(f->s);
    assert_err(store_batch_append(b, number, &(store_event){0}, &seq), STORE_CORRUPT);
    assert_err(store_batch_delete(b, number, DATE_MS), STORE_CORRUPT);
    assert_err(store_batch_create(b, BYTES(name), 9, DATE_MS, &found), STORE_EXISTS);
    assert_int_equal(batch_append(b, other, "four"), 4);
    assert_ok(store_batch_commit(b));
    assert_string_equal(read_text(f->s, other, 0, 9), "1:one 2:two 3:three 4:four");
    create_doc(f->s, "new", 1);
    fixture_reopen(f);
    assert_int_equal(damaged_documents(f->s), 1);
    assert_string_equal(read_text(f->s, find_doc(f->s, "other").number, 3, 9), "4:four");
}

static void a_damaged_record_refuses_its_document_alone(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    make_doc(f->s, "other");
    store__key key = store__key_one(doc);
    flip_bit(f, "documents", store__key_val(&key), -1);
    fixture_open(f);
    assert_err(read_err(f->s, doc), STORE_CORRUPT);
    check_refused_alone(f, "doc", doc);
    flip_bit(f, "documents", store__key_val(&key), -1);
    fixture_open(f);
    assert_int_equal(damaged_documents(f->s), 0);
    assert_string_equal(read_text(f->s, doc, 0, 9), "1:one 2:two 3:three");
}

static void a_missing_record_refuses_its_document_alone(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    make_doc(f->s, "other");
    store__key key = store__key_one(doc);
    remove_row(f, "documents", store__key_val(&key));
    fixture_open(f);
    assert_err(read_err(f->s, doc), STORE_NOT_FOUND);
    check_refused_alone(f, "doc", doc);
}

/* The last event of a document above all: if it were overlooked, its seq would be given again. */
static void the_head_of_an_event_tells_whose_it_is_even_if_damaged(void **state)
{
    fixture *f = *state;
    uint64_t other = make_doc(f->s, "other");
    uint64_t doc = make_doc(f->s, "doc");
    uint64_t seq;
    store__key key = store__key_one(6);
    for (long at = 8; at < 24; at++) {
        flip_bit(f, "tail", store__key_val(&key), at);
        fixture_open(f);
        assert_int_equal(damaged_documents(f->s), 1);
        assert_err(read_err(f->s, doc), STORE_CORRUPT);
        store_batch *b = begin(f->s);
        assert_err(store_batch_append(b, doc, &(store_event){0}, &seq), STORE_CORRUPT);
        assert_int_equal(batch_append(b, other, "four"), 4);
        store_batch_abort(b);
        flip_bit(f, "tail", store__key_val(&key), at);
    }
    fixture_open(f);
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:one 2:two 3:three");
}

static void an_event_that_can_be_nobodys_is_not_passed_over(void **state)
{
    fixture *f = *state;
    make_doc(f->s, "doc");
    store__key key = store__key_one(3);
    flip_bit(f, "tail", store__key_val(&key), 15); /* the number, */
    flip_bit(f, "tail", store__key_val(&key), -1); /* and the update */
    check_refused(f->dir, STORE_CORRUPT, "beyond recognition");
}

static void a_counter_that_cannot_be_trusted_is_not_opened(void **state)
{
    fixture *f = *state;
    make_doc(f->s, "doc");
    flip_bit(f, "meta", store__text_val("next-document"), -1);
    check_refused(f->dir, STORE_CORRUPT, "the counter");
    uint8_t value[16] = {0};
    MDB_val key = store__text_val("next-document");
    value[15] = 1;
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    raw r = raw_open(f->dir, "meta");
    assert_int_equal(mdb_put(r.txn, r.table, &key, &val, 0), 0);
    raw_close(&r);
    check_refused(f->dir, STORE_CORRUPT, "the counter of documents is behind");
}

static void a_file_cut_short_is_refused(void **state)
{
    fixture *f = *state;
    char path[80];
    static char large[20 << 20];
    uint64_t doc = create_doc(f->s, "doc", 1).number;
    assert_ok(try_append(f->s, doc, (store_bytes){large, sizeof(large)}));
    store_close(f->s);
    f->s = NULL;
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(truncate(path, 100000), 0);
    check_refused(f->dir, STORE_CORRUPT, "is not a data file of weft, or is damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(one_process_at_a_time),
        TEST(a_newer_format_is_refused_and_left_alone),
        cmocka_unit_test(another_programs_file_is_refused_and_left_alone),
        cmocka_unit_test(garbage_is_refused),
        TEST(a_map_too_small_is_refused),
        TEST(a_detail_is_cut_to_its_buffer),
        TEST(a_directory_is_made),
        TEST(every_byte_of_an_event_is_guarded),
        TEST(damage_stays_where_it_is),
        TEST(a_lost_event_stops_its_document_only),
        TEST(damaged_records_are_found),
        TEST(a_checkpoint_under_anothers_key_is_found),
        TEST(a_damaged_record_refuses_its_document_alone),
        TEST(a_missing_record_refuses_its_document_alone),
        TEST(the_head_of_an_event_tells_whose_it_is_even_if_damaged),
        TEST(an_event_that_can_be_nobodys_is_not_passed_over),
        TEST(a_counter_that_cannot_be_trusted_is_not_opened),
        TEST(a_file_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
