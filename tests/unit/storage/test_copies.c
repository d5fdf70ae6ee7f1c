/* Backups and what is made of them: everything is there, with lives of its own, or nothing is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* A store with something in it, closed, and a directory for what is made of it. */
typedef struct copies {
    fixture *f;
    char room[64];
    char file[80]; /* of the backup: there is none yet */
    char dir[80];  /* of the restored store: there is none yet */
    char detail[256];
    uint32_t drawn;
} copies;

static int setup(void **state)
{
    copies *c = calloc(1, sizeof(*c));
    fixture_setup((void **)&c->f);
    fill_store(c->f->s);
    make_temp_dir(c->room);
    snprintf(c->file, sizeof(c->file), "%s/backup", c->room);
    snprintf(c->dir, sizeof(c->dir), "%s/data", c->room);
    c->drawn = 1000;
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    copies *c = *state;
    remove_dir(c->dir);
    remove_dir(c->room);
    fixture_teardown((void *[]){c->f});
    free(c);
    return 0;
}

static void close_writer(copies *c)
{
    store_close(c->f->s);
    c->f->s = NULL;
}

static store_err try_backup(copies *c)
{
    store *s;
    close_writer(c);
    assert_ok(store_open_read(c->f->dir, NULL, &s, NULL, 0));
    store_err err = store_backup(s, c->file, c->detail, sizeof(c->detail));
    store_close(s);
    return err;
}

static uint32_t draw(void *ctx)
{
    return ((copies *)ctx)->drawn++;
}

static store_err try_restore(copies *c)
{
    return store_restore(c->file, c->dir, NULL, draw, c, c->detail, sizeof(c->detail));
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void check_says(const copies *c, const char *words)
{
    if (!strstr(c->detail, words))
        print_error("'%s' does not say '%s'\n", c->detail, words);
    assert_non_null(strstr(c->detail, words));
}

/* Without the epochs, which are drawn anew: the number behind the name. */
static char *without_epochs(char *dump)
{
    char *out = dump;
    bool behind_name = false;
    for (const char *at = dump; *at; at++) {
        if (at == dump || at[-1] == '\n')
            behind_name = false;
        if (*at == ' ' && !behind_name) {
            behind_name = true;
            at += strspn(at + 1, "0123456789");
            continue;
        }
        *out++ = *at;
    }
    *out = 0;
    return dump;
}

static void a_restored_store_tells_the_same(void **state)
{
    copies *c = *state;
    store *s;
    char *before = without_epochs(dump_store(c->f->s));
    assert_ok(try_backup(c));
    assert_ok(try_restore(c));
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    char *after = without_epochs(dump_store(s));
    assert_string_equal(after, before);
    assert_non_null(strstr(after, "[10:3:ten] [20:6:twenty]"));
    free(before);
    free(after);
    /* And goes on: seqs, numbers, packing. */
    store_doc tail = find_doc(s, "tail");
    assert_int_equal(append_text(s, tail.number, "c"), tail.head + 1);
    assert_true(create_doc(s, "new", 1).number > tail.number);
    pack_everything(s);
    assert_string_equal(read_text(s, tail.number, 0, 9), "1:a 2:b 3:c");
    store_close(s);
}

static void check_end(store *s, const char *name, uint32_t epoch, store_end wanted)
{
    bool known = false;
    store_end end = STORE_END_NONE;
    assert_ok(store_epoch_end(s, BYTES(name), epoch, &known, &end));
    assert_true(known);
    assert_int_equal(end, wanted);
}

static void lives_end_as_restored_and_deleted_names_stay_so(void **state)
{
    copies *c = *state;
    store *s;
    delete_doc(c->f->s, create_doc(c->f->s, "twice", 70).number);
    create_doc(c->f->s, "twice", 71);
    assert_ok(try_backup(c));
    assert_ok(try_restore(c));
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    assert_true(find_doc(s, "packed").epoch >= 1000);
    assert_int_not_equal(find_doc(s, "packed").epoch, find_doc(s, "tail").epoch);
    check_end(s, "packed", 1, STORE_END_RESTORED);
    check_end(s, "packed", find_doc(s, "packed").epoch, STORE_END_NONE);
    check_end(s, "twice", 70, STORE_END_DELETED);
    check_end(s, "twice", 71, STORE_END_RESTORED);
    assert_true(find_doc(s, "gone").deleted);
    assert_int_equal(find_doc(s, "gone").epoch, 5);
    check_end(s, "gone", 5, STORE_END_DELETED);
    store_close(s);
}

static void an_epoch_that_a_name_had_is_drawn_again(void **state)
{
    copies *c = *state;
    store *s;
    create_doc(c->f->s, "a", 1000); /* which is the first that is drawn */
    assert_ok(try_backup(c));
    assert_ok(try_restore(c));
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    assert_true(find_doc(s, "a").epoch > 1000);
    store_close(s);
}

static uint32_t draw_the_same(void *ctx)
{
    return *(const uint32_t *)ctx;
}

static void a_draw_that_never_differs_is_given_up(void **state)
{
    copies *c = *state;
    uint32_t epoch = 1;
    assert_ok(try_backup(c));
    assert_err(
        store_restore(c->file, c->dir, NULL, draw_the_same, &epoch, c->detail, sizeof(c->detail)),
        STORE_INVALID);
    assert_ok(try_restore(c));
}

/* Opens, tells so, and copies when it is told to. */
static void copy_when_told(copies *c, int told, int tell)
{
    store *s = NULL;
    char byte = 0;
    be_a_child();
    store_err err = store_open_read(c->f->dir, NULL, &s, NULL, 0);
    if (err == STORE_OK && write(tell, "o", 1) == 1 && read(told, &byte, 1) == 1)
        err = store_backup(s, c->file, NULL, 0);
    store_close(s);
    _exit(err == STORE_OK && byte == 'g' ? 0 : 1);
}

/* The writer goes on while another process copies. */
static void a_backup_is_one_moment(void **state)
{
    copies *c = *state;
    int status;
    int to[2];
    int from[2];
    char byte;
    store *s;
    uint64_t number = find_doc(c->f->s, "tail").number;
    char *before = without_epochs(dump_store(c->f->s));
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    pid_t child = fork();
    if (child == 0)
        copy_when_told(c, to[0], from[1]);
    assert_int_equal(read(from[0], &byte, 1), 1);
    for (int i = 0; i < 20; i++)
        append_text(c->f->s, number, "later");
    pack_everything(c->f->s);
    assert_int_equal(write(to[1], "g", 1), 1);
    for (int i = 0; i < 20; i++)
        append_text(c->f->s, number, "later");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
    assert_ok(try_restore(c));
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    char *after = without_epochs(dump_store(s));
    assert_string_equal(after, before);
    free(before);
    free(after);
    store_close(s);
}

static void a_backup_has_no_free_room(void **state)
{
    copies *c = *state;
    static char large[400000];
    struct stat info;
    uint64_t number = create_doc(c->f->s, "large", 1).number;
    for (int i = 0; i < 5; i++)
        assert_ok(try_append(c->f->s, number, (store_bytes){large, sizeof(large)}));
    delete_doc(c->f->s, number);
    for (int i = 0; i < 5; i++)
        append_text(c->f->s, find_doc(c->f->s, "tail").number, "x");
    assert_ok(try_backup(c));
    assert_int_equal(stat(c->file, &info), 0);
    assert_true(info.st_size < 200000);
}

static void a_backup_replaces_nothing(void **state)
{
    copies *c = *state;
    char byte = 0;
    FILE *file = fopen(c->file, "w");
    assert_int_equal(fputc('x', file), 'x');
    fclose(file);
    assert_err(try_backup(c), STORE_EXISTS);
    check_says(c, "exists");
    int fd = open(c->file, O_RDONLY);
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    assert_int_equal(byte, 'x');
    unlink(c->file);
    assert_int_equal(symlink("/nowhere", c->file), 0);
    assert_err(try_backup(c), STORE_EXISTS);
    unlink(c->file);
    strcat(c->file, "/below");
    assert_err(try_backup(c), STORE_IO);
    check_says(c, "cannot write");
    fixture_open(c->f);
    assert_err(store_backup(c->f->s, c->dir, NULL, 0), STORE_INVALID);
}

static void what_a_killed_backup_left_is_written_over(void **state)
{
    copies *c = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s.partial", c->file);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 100000; i++)
        fputc('x', file);
    fclose(file);
    assert_ok(try_backup(c));
    assert_false(exists(path));
    assert_ok(try_restore(c));
}

static void restoring_needs_room_of_its_own(void **state)
{
    copies *c = *state;
    char path[128];
    assert_ok(try_backup(c));
    mkdir(c->dir, 0700);
    snprintf(path, sizeof(path), "%s/theirs", c->dir);
    fclose(fopen(path, "w"));
    assert_err(try_restore(c), STORE_EXISTS);
    check_says(c, "is not empty");
    unlink(path);
    assert_int_equal(rmdir(c->dir), 0); /* nothing was made in it */
    mkdir(c->dir, 0700);
    assert_ok(try_restore(c));
    assert_err(try_restore(c), STORE_EXISTS);
    store *s;
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    store_close(s);
    assert_err(try_restore(c), STORE_EXISTS);
}

static void a_map_that_is_too_small_is_full(void **state)
{
    copies *c = *state;
    store_options small = {.map_size_max = 20000};
    assert_ok(try_backup(c));
    assert_err(store_restore(c->file, c->dir, &small, draw, c, c->detail, sizeof(c->detail)),
               STORE_FULL);
    check_says(c, "larger than the map may be");
}

static void an_unfinished_restore_is_no_store(void **state)
{
    copies *c = *state;
    char path[128];
    store *s = NULL;
    assert_ok(try_backup(c));
    mkdir(c->dir, 0700);
    snprintf(path, sizeof(path), "%s/data.mdb.partial", c->dir);
    fclose(fopen(path, "w"));
    assert_err(store_open(c->dir, NULL, &s, c->detail, sizeof(c->detail)), STORE_CORRUPT);
    check_says(c, "a restore did not finish");
    assert_err(store_open_read(c->dir, NULL, &s, c->detail, sizeof(c->detail)), STORE_NOT_FOUND);
    assert_ok(try_restore(c));
    assert_false(exists(path));
    assert_ok(store_open(c->dir, NULL, &s, NULL, 0));
    store_close(s);
}

static void nobody_restores_where_another_process_is(void **state)
{
    copies *c = *state;
    char path[128];
    assert_ok(try_backup(c));
    mkdir(c->dir, 0700);
    snprintf(path, sizeof(path), "%s/weft.lock", c->dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_err(try_restore(c), STORE_BUSY);
    close(fd);
    assert_ok(try_restore(c));
}

/* ---- files that are none ---- */

static void check_restore_refuses(copies *c, store_err wanted, const char *words)
{
    c->detail[0] = 0;
    assert_err(try_restore(c), wanted);
    check_says(c, words);
    char path[128];
    snprintf(path, sizeof(path), "%s/data.mdb", c->dir);
    assert_false(exists(path));
    snprintf(path, sizeof(path), "%s/data.mdb.partial", c->dir);
    assert_false(exists(path));
}

static void what_is_no_backup_is_refused(void **state)
{
    copies *c = *state;
    struct stat info;
    check_restore_refuses(c, STORE_NOT_FOUND, "cannot read it");
    mkdir(c->file, 0700);
    check_restore_refuses(c, STORE_CORRUPT, "not a file");
    rmdir(c->file);
    FILE *file = fopen(c->file, "w");
    check_restore_refuses(c, STORE_CORRUPT, "no backup");
    for (int i = 0; i < 20000; i++)
        fputc('g', file);
    fclose(file);
    check_restore_refuses(c, STORE_CORRUPT, "no backup");
    unlink(c->file);
    assert_ok(try_backup(c));
    assert_int_equal(stat(c->file, &info), 0);
    for (off_t len = info.st_size - 1; len > 0; len -= 4000) {
        assert_int_equal(truncate(c->file, len), 0);
        check_restore_refuses(c, STORE_CORRUPT, "no backup");
    }
}

/* Any byte of its pages may be wrong: then it is refused, or what is restored can be opened, since
 * the byte was of an event or a state. */
static void a_damaged_backup_ends_nothing(void **state)
{
    copies *c = *state;
    struct stat info;
    unsigned refused = 0;
    assert_ok(try_backup(c));
    assert_int_equal(stat(c->file, &info), 0);
    int fd = open(c->file, O_RDWR);
    for (off_t at = 0; at < info.st_size; at += 251) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x55;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        store *s;
        store_err err = try_restore(c);
        assert_true(err == STORE_OK || err == STORE_CORRUPT || err == STORE_VERSION);
        refused += err != STORE_OK;
        if (err == STORE_OK && store_open(c->dir, NULL, &s, NULL, 0) == STORE_OK)
            store_close(s);
        remove_dir(c->dir);
        byte ^= 0x55;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_true(refused > 0);
    assert_ok(try_restore(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_restored_store_tells_the_same),
        TEST(lives_end_as_restored_and_deleted_names_stay_so),
        TEST(an_epoch_that_a_name_had_is_drawn_again),
        TEST(a_draw_that_never_differs_is_given_up),
        TEST(a_backup_is_one_moment),
        TEST(a_backup_has_no_free_room),
        TEST(a_backup_replaces_nothing),
        TEST(what_a_killed_backup_left_is_written_over),
        TEST(restoring_needs_room_of_its_own),
        TEST(a_map_that_is_too_small_is_full),
        TEST(an_unfinished_restore_is_no_store),
        TEST(nobody_restores_where_another_process_is),
        TEST(what_is_no_backup_is_refused),
        TEST(a_damaged_backup_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
