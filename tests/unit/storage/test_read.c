/* Reading beside a writer: another process sees one moment, whatever the writer does meanwhile, and
 * changes nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "key.h"

static void check_equal(char *text, const char *wanted)
{
    assert_string_equal(text, wanted);
    free(text);
}

static void append_many(store *s, uint64_t number, unsigned count, size_t len)
{
    static char bytes[100000];
    memset(bytes, 'm', sizeof(bytes));
    store_batch *b = begin(s);
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq;
        store_event event = {.time_ms = DATE_MS + i, .user = BYTES("me"), .update = {bytes, len}};
        assert_ok(store_batch_append(b, number, &event, &seq));
    }
    assert_ok(store_batch_commit(b));
}

static void another_process_sees_what_is_committed(void **state)
{
    fixture *f = *state;
    fill_store(f->s);
    char *wanted = dump_store(f->s);
    assert_non_null(strstr(wanted, "both 2 lives 2"));
    assert_non_null(strstr(wanted, "[20:6:twenty]"));
    reader r = reader_start(f);
    assert_ok(r.opened);
    check_equal(reader_dump(&r), wanted);
    reader_stop(&r);
    store_close(f->s); /* and without a writer */
    f->s = NULL;
    r = reader_start(f);
    assert_ok(r.opened);
    check_equal(reader_dump(&r), wanted);
    reader_stop(&r);
    free(wanted);
}

static void the_moment_is_kept(void **state)
{
    fixture *f = *state;
    f->options.map_size_min = (size_t)1 << 20;
    fixture_reopen(f);
    fill_store(f->s);
    char *wanted = dump_store(f->s);
    reader r = reader_start(f);
    assert_ok(r.opened);
    for (int round = 0; round < 3; round++) {
        append_many(f->s, find_doc(f->s, "tail").number, 40, 50000); /* the map grows */
        check_equal(reader_dump(&r), wanted);
        pack_everything(f->s);
        check_equal(reader_dump(&r), wanted);
    }
    delete_doc(f->s, find_doc(f->s, "packed").number);
    for (int i = 0; i < 5; i++)
        append_text(f->s, find_doc(f->s, "both").number, "more");
    check_equal(reader_dump(&r), wanted);
    reader_stop(&r);
    free(wanted);
    wanted = dump_store(f->s);
    r = reader_start(f);
    assert_ok(r.opened);
    check_equal(reader_dump(&r), wanted);
    reader_stop(&r);
    free(wanted);
}

/* While the writer's map grows again and again, each opening sees a whole commit. */
static void opening_may_meet_a_growing_map(void **state)
{
    fixture *f = *state;
    int status;
    f->options.map_size_min = (size_t)1 << 20;
    fixture_reopen(f);
    uint64_t number = create_doc(f->s, "a", 1).number;
    pid_t child = fork();
    if (child == 0) {
        be_a_child();
        for (int i = 0; i < 60; i++) {
            store *s;
            store_doc doc;
            if (store_open_read(f->dir, &f->options, &s, NULL, 0) != STORE_OK)
                _exit(1);
            if (store_find(s, BYTES("a"), &doc) != STORE_OK || doc.head % 10 != 0)
                _exit(2);
            if (read_err(s, doc.number) != STORE_OK)
                _exit(3);
            store_close(s);
        }
        _exit(0);
    }
    for (int i = 0; i < 60; i++)
        append_many(f->s, number, 10, 40000);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static uint64_t used_bytes(store *s)
{
    store_stats stats;
    assert_ok(store_get_stats(s, &stats));
    return stats.map_bytes;
}

/* Otherwise what it saw would be kept until the writer is started anew. */
static void a_killed_reader_is_forgotten(void **state)
{
    fixture *f = *state;
    static char large[100000];
    f->options.map_size_min = (size_t)1 << 20;
    f->options.map_size_max = (size_t)4 << 20;
    fixture_reopen(f);
    uint64_t number = create_doc(f->s, "a", 1).number;
    append_text(f->s, number, "x");
    reader r = reader_start(f);
    assert_ok(r.opened);
    assert_int_equal(kill(r.pid, SIGKILL), 0);
    assert_int_equal(waitpid(r.pid, NULL, 0), r.pid);
    close(r.ask);
    close(r.answer);
    for (int i = 0; i < 100; i++) {
        store_batch *b = begin(f->s);
        assert_ok(store_batch_checkpoint(b, number, 1, (store_bytes){large, sizeof(large)}));
        assert_ok(store_batch_commit(b));
    }
    assert_true(used_bytes(f->s) <= f->options.map_size_max);
}

static store_err put_large(store *s, uint64_t number, store_bytes bytes)
{
    store_batch *b = begin(s);
    assert_ok(store_batch_checkpoint(b, number, 1, bytes));
    return store_batch_commit(b);
}

/* A full disk stays full only as long as there is nothing to give back. */
static void what_a_killed_reader_held_is_room(void **state)
{
    fixture *f = *state;
    static char large[100000];
    store_bytes bytes = {large, sizeof(large)};
    uint64_t number = create_doc(f->s, "a", 1).number;
    append_text(f->s, number, "x");
    for (int i = 0; i < 5; i++)
        assert_ok(put_large(f->s, number, bytes));
    reader r = reader_start(f);
    assert_ok(r.opened);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit full = {.rlim_cur = (rlim_t)1 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    store_err err = STORE_OK;
    for (int i = 0; i < 100 && err == STORE_OK; i++)
        err = put_large(f->s, number, bytes);
    bool refused = err != STORE_OK;
    assert_int_equal(kill(r.pid, SIGKILL), 0);
    assert_int_equal(waitpid(r.pid, NULL, 0), r.pid);
    err = STORE_OK;
    for (int i = 0; i < 100 && err == STORE_OK; i++)
        err = put_large(f->s, number, bytes);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    close(r.ask);
    close(r.answer);
    assert_true(refused);
    assert_ok(err);
}

static void nothing_is_changed(void **state)
{
    fixture *f = *state;
    char path[80];
    struct stat before;
    struct stat after;
    fill_store(f->s);
    store_close(f->s);
    f->s = NULL;
    snprintf(path, sizeof(path), "%s/weft.lock", f->dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    assert_int_equal(stat(path, &before), 0);
    reader r = reader_start(f);
    assert_ok(r.opened);
    free(reader_dump(&r));
    reader_stop(&r);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    snprintf(path, sizeof(path), "%s/weft.lock", f->dir);
    assert_int_equal(stat(path, &after), -1);
    assert_int_equal(errno, ENOENT);
}

static void only_reading_is_possible(void **state)
{
    fixture *f = *state;
    store *s;
    store_batch *b;
    store_packs *packs;
    store_pack_policy policy = {.before_ms = INT64_MAX};
    fill_store(f->s);
    store_close(f->s);
    f->s = NULL;
    assert_ok(store_open_read(f->dir, NULL, &s, NULL, 0));
    assert_err(store_batch_begin(s, &b), STORE_INVALID);
    assert_err(store_packs_prepare(s, &policy, &packs), STORE_INVALID);
    assert_true(used_bytes(s) > 0);
    store_close(s);
}

static void check_refused(const char *dir, store_err wanted, const char *words)
{
    store *s = NULL;
    char detail[256] = "";
    assert_err(store_open_read(dir, NULL, &s, detail, sizeof(detail)), wanted);
    assert_null(s);
    if (!strstr(detail, words))
        print_error("'%s' does not say '%s'\n", detail, words);
    assert_non_null(strstr(detail, words));
}

static void where_there_is_no_store_none_is_made(void **state)
{
    (void)state;
    char dir[64];
    char path[80];
    struct stat info;
    make_temp_dir(dir);
    check_refused(dir, STORE_NOT_FOUND, "there is no store");
    snprintf(path, sizeof(path), "%s/absent", dir);
    check_refused(path, STORE_NOT_FOUND, "there is no store");
    assert_int_equal(stat(path, &info), -1);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    fclose(fopen(path, "w"));
    check_refused(dir, STORE_NOT_FOUND, "there is no store");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 20000; i++)
        fputc('g', file);
    fclose(file);
    check_refused(dir, STORE_CORRUPT, "not a data file of weft");
    unlink(path);
    raw r = raw_open(dir, "theirs");
    raw_close(&r);
    check_refused(dir, STORE_CORRUPT, "another program");
    unlink(path);
    MDB_env *env; /* made by LMDB, and nothing written yet */
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    mdb_env_close(env);
    check_refused(dir, STORE_NOT_FOUND, "there is no store yet");
    remove_dir(dir);
}

static void set_format(const char *dir, uint8_t version)
{
    uint8_t value[16];
    MDB_val key = store__text_val("format");
    raw r = raw_open(dir, "meta");
    memcpy(value, raw_get(&r, key).mv_data, sizeof(value));
    value[sizeof(value) - 1] = version;
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    assert_int_equal(mdb_put(r.txn, r.table, &key, &val, 0), 0);
    raw_close(&r);
}

static void other_formats_are_left_to_a_writer(void **state)
{
    fixture *f = *state;
    store_close(f->s);
    f->s = NULL;
    set_format(f->dir, 1);
    check_refused(f->dir, STORE_VERSION, "older format 1");
    set_format(f->dir, 3);
    check_refused(f->dir, STORE_VERSION, "has format 3");
    set_format(f->dir, 1);
    fixture_open(f);
    store_close(f->s);
    f->s = NULL;
    store *s;
    assert_ok(store_open_read(f->dir, NULL, &s, NULL, 0));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(another_process_sees_what_is_committed),
        TEST(the_moment_is_kept),
        TEST(opening_may_meet_a_growing_map),
        TEST(a_killed_reader_is_forgotten),
        TEST(what_a_killed_reader_held_is_room),
        TEST(nothing_is_changed),
        TEST(only_reading_is_possible),
        cmocka_unit_test(where_there_is_no_store_none_is_made),
        TEST(other_formats_are_left_to_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
