/* Checking a store: what is whole is clean, and every byte that is not what it was is found, with
 * the document and the events that it concerns. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "key.h"

static int setup(void **state)
{
    fixture_setup(state);
    fixture *f = *state;
    fill_store(f->s);
    store_close(f->s);
    f->s = NULL;
    return 0;
}

static void what_is_whole_is_clean(void **state)
{
    fixture *f = *state;
    assert_clean(f);
    fixture_open(f);
    append_text(f->s, find_doc(f->s, "both").number, "more");
    put_checkpoint(f->s, find_doc(f->s, "both").number, 3, "three");
    pack_everything(f->s);
    assert_clean(f);
    delete_doc(f->s, find_doc(f->s, "packed").number);
    assert_clean(f);
    for (int i = 0; i < 3; i++)
        append_text(f->s, find_doc(f->s, "both").number, "more");
    assert_clean(f);
}

static void only_a_reader_checks(void **state)
{
    fixture *f = *state;
    fixture_open(f);
    assert_err(store_verify(f->s, NULL, NULL), STORE_INVALID);
}

/* ---- damaged values ---- */

static size_t value_len(const fixture *f, const char *table, MDB_val key)
{
    raw r = raw_open(f->dir, table);
    size_t len = raw_get(&r, key).mv_size;
    raw_close(&r);
    return len;
}

/* Without the format record nothing is read at all. */
static bool is_refused(const char *table)
{
    return strcmp(table, "meta") == 0;
}

/* Each byte of a value, one after the other, is told of, under the right name and events. */
static void check_each_byte(fixture *f, const char *table, MDB_val key, const char *name,
                            uint64_t first, uint64_t last)
{
    size_t len = value_len(f, table, key);
    for (size_t at = 0; at < len; at++) {
        faults all;
        flip_bit(f, table, key, (long)at);
        assert_true(verify_store(f, &all) == STORE_OK || is_refused(table));
        if (!has_fault(&all, name, first, last)) {
            print_error("byte %zu of %s, for %s:\n", at, table, name);
            print_faults(&all);
        }
        assert_true(has_fault(&all, name, first, last));
        flip_bit(f, table, key, (long)at);
    }
}

enum { PACKED = 1, BOTH, TAIL, EMPTY, GONE }; /* numbers that fill_store's documents get */

static MDB_val one(store__key *room, uint64_t number)
{
    *room = store__key_one(number);
    return store__key_val(room);
}

static MDB_val two(store__key *room, uint64_t number, uint64_t seq)
{
    *room = store__key_two(number, seq);
    return store__key_val(room);
}

/* Places in the tail: 30 of "packed" and one of "both" have left it. */
static void every_byte_of_an_event_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_each_byte(f, "tail", one(&key, 32), "both", 2, 2);
    check_each_byte(f, "tail", one(&key, 33), "tail", 1, 1);
    check_each_byte(f, "tail", one(&key, 34), "tail", 2, 2);
    assert_clean(f);
}

static void every_byte_of_a_segment_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_each_byte(f, "segments", two(&key, PACKED, 1), "packed", 1, 30);
    check_each_byte(f, "segments", two(&key, BOTH, 1), "both", 1, 1);
    assert_clean(f);
}

static void every_byte_of_a_checkpoint_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_each_byte(f, "checkpoints", two(&key, PACKED, 10), "packed", 10, 10);
    check_each_byte(f, "checkpoints", two(&key, PACKED, 20), "packed", 20, 20);
    assert_clean(f);
}

static void every_byte_of_a_record_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_each_byte(f, "names", store__text_val("packed"), "packed", 0, 0);
    check_each_byte(f, "names", store__text_val("gone"), "gone", 0, 0);
    check_each_byte(f, "documents", one(&key, PACKED), "packed", 0, 0);
    check_each_byte(f, "documents", one(&key, EMPTY), "empty", 0, 0);
    check_each_byte(f, "meta", store__text_val("format"), "", 0, 0);
    check_each_byte(f, "meta", store__text_val("next-document"), "", 0, 0);
    assert_clean(f);
}

/* A deleted document's events are still there: fill_store purges with the next commit only. */
static void every_byte_of_a_deletion_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    fixture_open(f);
    uint64_t number = create_doc(f->s, "long", 9).number;
    for (int round = 0; round < 3; round++) {
        store_batch *b = begin(f->s);
        for (int i = 0; i < 1000; i++)
            batch_append(b, number, "x");
        assert_ok(store_batch_commit(b));
    }
    delete_doc(f->s, number);
    store_close(f->s);
    f->s = NULL;
    assert_clean(f);
    check_each_byte(f, "purges", one(&key, number), "", 0, 0);
    assert_clean(f);
}

/* ---- rows that are missing, or should not be there ---- */

/* A row taken out, and what is told. */
static void check_without(const fixture *f, const char *table, MDB_val key, const char *name,
                          uint64_t first, uint64_t last)
{
    static uint8_t bytes[1 << 16];
    faults all;
    raw r = raw_open(f->dir, table);
    MDB_val value = raw_get(&r, key);
    memcpy(bytes, value.mv_data, value.mv_size);
    assert_int_equal(mdb_del(r.txn, r.table, &key, NULL), 0);
    raw_close(&r);
    store_err err = verify_store(f, &all);
    assert_true(err == STORE_OK || is_refused(table));
    if (!has_fault(&all, name, first, last))
        print_faults(&all);
    assert_true(has_fault(&all, name, first, last));
    r = raw_open(f->dir, table);
    value.mv_data = bytes;
    assert_int_equal(mdb_put(r.txn, r.table, &key, &value, 0), 0);
    raw_close(&r);
}

static void what_is_missing_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_without(f, "tail", one(&key, 33), "tail", 1, 1);
    check_without(f, "segments", two(&key, PACKED, 1), "packed", 1, 30);
    check_without(f, "names", store__text_val("packed"), "packed", 0, 0);
    check_without(f, "documents", one(&key, TAIL), "tail", 0, 0);
    check_without(f, "meta", store__text_val("next-document"), "", 0, 0);
    check_without(f, "meta", store__text_val("format"), "", 0, 0);
    assert_clean(f);
}

/* A row put in, and what is told. */
static void check_with(const fixture *f, const char *table, MDB_val key, size_t len,
                       const char *name, uint64_t first, const char *what)
{
    uint8_t bytes[200] = {0};
    faults all;
    MDB_val value = {len, bytes};
    store__seal(&key, bytes, len);
    raw r = raw_open(f->dir, table);
    assert_int_equal(mdb_put(r.txn, r.table, &key, &value, MDB_NOOVERWRITE), 0);
    raw_close(&r);
    assert_ok(verify_store(f, &all));
    if (!has_fault(&all, name, first, first) || !strstr(all.seen[0].what, what))
        print_faults(&all);
    assert_true(has_fault(&all, name, first, first));
    assert_non_null(strstr(all.seen[0].what, what));
    r = raw_open(f->dir, table);
    assert_int_equal(mdb_del(r.txn, r.table, &key, NULL), 0);
    raw_close(&r);
}

static void what_belongs_to_nobody_is_found(void **state)
{
    fixture *f = *state;
    store__key key;
    check_with(f, "checkpoints", two(&key, 77, 1), 20, "", 0, "belongs to no document");
    check_with(f, "checkpoints", two(&key, PACKED, 31), 20, "packed", 31, "of no event");
    check_with(f, "checkpoints", two(&key, PACKED, 0), 20, "packed", 0, "of no event");
    check_with(f, "checkpoints", one(&key, 1), 20, "", 0, "a key is damaged");
    check_with(f, "segments", two(&key, 77, 1), 20, "", 0, "belongs to no document");
    check_with(f, "segments", two(&key, PACKED, 31), 40, "packed", 31, "damaged");
    check_with(f, "documents", one(&key, 77), 60, "", 0, "no name leads");
    check_with(f, "documents", two(&key, 7, 7), 60, "", 0, "a key is damaged");
    check_with(f, "purges", one(&key, PACKED), 8, "packed", 0, "is wrong");
    check_with(f, "purges", one(&key, 77), 8, "", 0, "is wrong");
    check_with(f, "names", store__text_val("stray"), 23, "stray", 0, "is missing");
    check_with(f, "meta", store__text_val("stray"), 23, "", 0, "not of weft");
    check_with(f, "stray", store__text_val("stray"), 23, "", 0, "not of weft");
    raw r = raw_open(f->dir, "stray");
    assert_int_equal(mdb_drop(r.txn, r.table, 1), 0);
    raw_close(&r);
    assert_clean(f);
}

/* ---- damaged pages ---- */

/* What a reader, which LMDB may end, can still tell; NULL: not all of it. */
static char *try_dump(const fixture *f)
{
    reader r = reader_start(f);
    char *text = r.opened == STORE_OK ? reader_dump(&r) : NULL;
    reader_stop(&r);
    return text;
}

/* Places of which the check says nothing. A reading process for each takes long (with WEFT_SLOW=1
 * each has one, and there are more places): many are wrong together, and taken one by one only if
 * that can be seen. */
enum { QUIET_MAX = 64 };

typedef struct quiet {
    int fd;
    char *wanted;
    size_t count;
    size_t most;
    off_t at[QUIET_MAX];
} quiet;

static void turn_byte(int fd, off_t at)
{
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x21;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* What a reader says while some of the places are wrong. */
static char *dump_turned(const fixture *f, const quiet *q, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        turn_byte(q->fd, q->at[i]);
    char *text = try_dump(f);
    for (size_t i = first; i < first + count; i++)
        turn_byte(q->fd, q->at[i]);
    return text;
}

static void check_alone(const fixture *f, const quiet *q, size_t i)
{
    char *text = dump_turned(f, q, i, 1);
    if (!text || strcmp(text, q->wanted) != 0)
        print_error("at %lld:\n%s\n%s\n", (long long)q->at[i], q->wanted, text ? text : "");
    assert_string_equal(text, q->wanted);
    free(text);
}

static void check_quiet(const fixture *f, quiet *q)
{
    char *text = dump_turned(f, q, 0, q->count);
    bool same = text && strcmp(text, q->wanted) == 0;
    free(text);
    for (size_t i = 0; i < q->count && !same; i++)
        check_alone(f, q, i);
    assert_true(same);
    q->count = 0;
}

static bool is_told(const fixture *f, int fd, off_t at)
{
    faults all;
    turn_byte(fd, at);
    store_err err = verify_store(f, &all);
    turn_byte(fd, at);
    return err != STORE_OK || all.count > 0;
}

/* Whatever byte of the file is wrong: the check comes to its end, and where it finds nothing there
 * is nothing, as a reader can tell. */
static void any_byte_of_the_file_may_be_wrong(void **state)
{
    fixture *f = *state;
    char path[80];
    struct stat info;
    unsigned found = 0;
    bool slow = getenv("WEFT_SLOW") != NULL;
    quiet q = {.wanted = try_dump(f), .most = slow ? 1 : QUIET_MAX};
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(stat(path, &info), 0);
    q.fd = open(path, O_RDWR);
    for (off_t at = 0; at < info.st_size; at += slow ? 7 : 23) {
        if (is_told(f, q.fd, at)) {
            found++;
            continue;
        }
        q.at[q.count++] = at;
        if (q.count == q.most)
            check_quiet(f, &q);
    }
    check_quiet(f, &q);
    close(q.fd);
    free(q.wanted);
    assert_true(found > 50);
    assert_clean(f);
}

/* Half of a page is as it was not: zeroes, or another page's. */
static void a_torn_page_is_found(void **state)
{
    enum { PAGE = 4096 };
    fixture *f = *state;
    char path[80];
    struct stat info;
    faults all;
    char *wanted = try_dump(f);
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(stat(path, &info), 0);
    int fd = open(path, O_RDWR);
    for (off_t at = 0; at < info.st_size; at += PAGE / 2)
        for (int kind = 0; kind < 2; kind++) {
            uint8_t before[PAGE / 2];
            uint8_t after[PAGE / 2] = {0};
            off_t other = (at + 3 * PAGE) % info.st_size;
            assert_int_equal(pread(fd, before, sizeof(before), at), sizeof(before));
            if (kind)
                assert_int_equal(pread(fd, after, sizeof(after), other), sizeof(after));
            assert_int_equal(pwrite(fd, after, sizeof(after), at), sizeof(after));
            store_err err = verify_store(f, &all);
            if (err == STORE_OK && all.count == 0) {
                char *text = try_dump(f);
                assert_string_equal(text, wanted);
                free(text);
            }
            assert_int_equal(pwrite(fd, before, sizeof(before), at), sizeof(before));
        }
    close(fd);
    free(wanted);
    assert_clean(f);
}

/* What becomes of a server on a damaged file: it opens, reads, writes, packs. */
static void serve(const fixture *f, int errors)
{
    store *s;
    be_a_child();
    dup2(errors, STDERR_FILENO);
    if (store_open(f->dir, NULL, &s, NULL, 0) != STORE_OK)
        _exit(0);
    free(dump_store(s));
    store_batch *b;
    store_doc doc;
    uint64_t seq;
    store_pack_policy policy = {.before_ms = INT64_MAX};
    store_packs *packs = NULL;
    if (store_batch_begin(s, &b) != STORE_OK)
        _exit(0);
    if (store_find(s, BYTES("tail"), &doc) == STORE_OK)
        (void)!store_batch_append(b, doc.number, &(store_event){.update = BYTES("x")}, &seq);
    (void)!store_batch_create(b, BYTES("new"), 1, DATE_MS, &doc);
    if (store_packs_prepare(s, &policy, &packs) == STORE_OK && packs)
        (void)!store_batch_pack(b, packs);
    (void)!store_batch_commit(b);
    _exit(0);
}

static void add_documents(fixture *f, unsigned count)
{
    fixture_open(f);
    store_batch *b = begin(f->s);
    for (unsigned i = 0; i < count; i++) {
        char name[40];
        store_doc doc;
        snprintf(name, sizeof(name), "a name of some length %u", i);
        assert_ok(store_batch_create(b, BYTES(name), 7, DATE_MS, &doc));
        batch_append(b, doc.number, "x");
    }
    assert_ok(store_batch_commit(b));
    store_close(f->s);
    f->s = NULL;
}

/* As long as a page looks like one, what it says is not followed blindly; else LMDB may end the
 * process. */
static void a_torn_page_is_an_error_or_one_clear_line(void **state)
{
    enum { PAGE = 4096 };
    fixture *f = *state;
    char path[80];
    struct stat info;
    unsigned lines = 0;
    unsigned signals = 0; /* raised within LMDB, which trusts what it searches */
    unsigned tries = 0;
    add_documents(f, 200);
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(stat(path, &info), 0);
    char *bytes = malloc((size_t)info.st_size);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, bytes, (size_t)info.st_size, 0), info.st_size);
    for (off_t at = 0; at < info.st_size; at += PAGE / 2)
        for (int kind = 0; kind < 2; kind++) {
            uint8_t after[PAGE / 2] = {0};
            char line[512] = "";
            int ends[2];
            int status;
            if (kind)
                memcpy(after, bytes + (at + 3 * PAGE) % info.st_size, sizeof(after));
            assert_int_equal(pwrite(fd, after, sizeof(after), at), sizeof(after));
            assert_int_equal(pipe(ends), 0);
            pid_t child = fork();
            if (child == 0)
                serve(f, ends[1]);
            close(ends[1]);
            ssize_t len = read(ends[0], line, sizeof(line) - 1);
            close(ends[0]);
            assert_int_equal(waitpid(child, &status, 0), child);
            bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
            assert_true(!aborted || len > 0);
            tries++;
            signals += WIFSIGNALED(status) && !aborted;
            lines += aborted;
            if (aborted)
                assert_non_null(strstr(line, "is damaged"));
            assert_int_equal(ftruncate(fd, 0), 0);
            assert_int_equal(pwrite(fd, bytes, (size_t)info.st_size, 0), info.st_size);
        }
    close(fd);
    free(bytes);
    print_message("%u of %u ended in a line, %u in a signal\n", lines, tries, signals);
    assert_true(lines > 0);
    assert_true(signals <= tries / 20);
    assert_clean(f);
}

/* Or, if only free pages went, there is nothing to be found. */
static void a_file_cut_short_is_found(void **state)
{
    fixture *f = *state;
    char path[80];
    struct stat info;
    faults all;
    unsigned found = 0;
    char *wanted = try_dump(f);
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(stat(path, &info), 0);
    char *bytes = malloc((size_t)info.st_size);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, bytes, (size_t)info.st_size, 0), info.st_size);
    for (off_t len = info.st_size - 100; len > 9000; len -= 4096) {
        assert_int_equal(ftruncate(fd, len), 0);
        store_err err = verify_store(f, &all);
        found += err != STORE_OK;
        if (err == STORE_OK && all.count == 0) {
            char *text = try_dump(f);
            assert_string_equal(text, wanted);
            free(text);
        }
        assert_int_equal(pwrite(fd, bytes, (size_t)info.st_size, 0), info.st_size);
    }
    close(fd);
    free(bytes);
    free(wanted);
    assert_true(found > 3);
    assert_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
        TEST(what_is_whole_is_clean),
        TEST(only_a_reader_checks),
        TEST(every_byte_of_an_event_is_found),
        TEST(every_byte_of_a_segment_is_found),
        TEST(every_byte_of_a_checkpoint_is_found),
        TEST(every_byte_of_a_record_is_found),
        TEST(every_byte_of_a_deletion_is_found),
        TEST(what_is_missing_is_found),
        TEST(what_belongs_to_nobody_is_found),
        TEST(any_byte_of_the_file_may_be_wrong),
        TEST(a_torn_page_is_found),
        TEST(a_torn_page_is_an_error_or_one_clear_line),
        TEST(a_file_cut_short_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
