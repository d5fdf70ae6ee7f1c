/* The process ends, or a call fails, between any two steps that touch the disk: of commits,
 * packing, checkpoints, deletions and their purging, making a store, backups, restores. Each is run
 * in a child with its first, second, ... such call hit, until none is left to hit. Afterwards what
 * was acknowledged is there, and at most one commit more; ids go on; the check finds nothing.
 *
 * LMDB's and the store's system calls are this program's: they come before libc's. Nothing is
 * really synced, since the machine does not go down here: that makes many rounds fast. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define NEVER (-1)

typedef enum fault_kind {
    FAULT_KILL,      /* before the call */
    FAULT_KILL_HALF, /* when half is written */
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_SHORT, /* half is written, which is no error */
    FAULT_KINDS
} fault_kind;

static int calls_left = NEVER; /* before the one that is hit */
static fault_kind kind;

static void die(void)
{
    raise(SIGKILL);
}

/* Whether the call goes on as it is; else errno is set. */
static bool goes_on(void)
{
    if (calls_left == NEVER || calls_left-- > 0)
        return true;
    calls_left = NEVER;
    if (kind == FAULT_KILL || kind == FAULT_KILL_HALF)
        die();
    errno = kind == FAULT_ENOSPC ? ENOSPC : EIO;
    return false;
}

/* The bytes of a write to let through: all, half, or none (errno is set). */
static ssize_t allowed(size_t len)
{
    bool writes_half = kind == FAULT_KILL_HALF || kind == FAULT_SHORT;
    if (calls_left != 0 || !writes_half)
        return goes_on() ? (ssize_t)len : -1;
    return (ssize_t)(len / 2);
}

/* After a write of half. */
static ssize_t after_half(ssize_t written)
{
    calls_left = NEVER;
    if (kind == FAULT_KILL_HALF)
        die();
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    ssize_t part = allowed(len);
    if (part < 0)
        return -1;
    ssize_t written = (ssize_t)syscall(SYS_pwrite64, fd, data, part, at);
    return (size_t)part == len ? written : after_half(written);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    ssize_t part = allowed(2);
    if (part < 0)
        return -1;
    ssize_t written = (ssize_t)syscall(SYS_writev, fd, pieces, part == 2 ? count : 1);
    return part == 2 ? written : after_half(written);
}

/* LMDB writes its meta pages through a descriptor that syncs by itself. */
int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags & ~O_DSYNC, mode);
}

int fdatasync(int fd)
{
    (void)fd;
    return goes_on() ? 0 : -1;
}

int fsync(int fd)
{
    (void)fd;
    return goes_on() ? 0 : -1;
}

int ftruncate(int fd, off_t len)
{
    return goes_on() ? (int)syscall(SYS_ftruncate, fd, len) : -1;
}

int mkdir(const char *path, mode_t mode)
{
    return goes_on() ? (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode) : -1;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return goes_on() ? (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags) : -1;
}

/* ---- what is done ---- */

enum { STEPS_MAX = 8 };

/* Where things are; what a child reports is in memory that it shares. */
typedef struct scene {
    char room[64];
    char dir[96];    /* of the store */
    char file[96];   /* of a backup */
    char second[96]; /* of what is restored from it */
    struct shared {
        unsigned acknowledged;
        bool failed; /* a call returned an error, */
        bool hit;    /* and one was to */
    } * shared;
} scene;

static store_err append(store_batch *b, store *s, const char *name, const char *update)
{
    uint64_t seq;
    store_doc doc;
    store_event event = {.time_ms = DATE_MS, .user = BYTES("me"), .update = BYTES(update)};
    store_err err = store_find(s, BYTES(name), &doc);
    return err == STORE_OK ? store_batch_append(b, doc.number, &event, &seq) : err;
}

static store_err commit_events(store *s, store_batch *b, unsigned step)
{
    store_doc doc;
    store_err err = append(b, s, "tail", step ? "again" : "once more");
    if (err == STORE_OK && step == 0)
        err = store_batch_create(b, BYTES("fresh"), 77, DATE_MS, &doc);
    return err == STORE_OK ? append(b, s, "both", "large, as far as this goes") : err;
}

static store_err commit_checkpoints(store *s, store_batch *b, unsigned step)
{
    static char state[20000];
    store_doc doc;
    store_err err = store_find(s, BYTES("packed"), &doc);
    memset(state, 'c', sizeof(state));
    return err == STORE_OK ? store_batch_checkpoint(b, doc.number, 10 + 9 * step,
                                                    (store_bytes){state, sizeof(state)})
                           : err;
}

static store_err commit_packing(store *s, store_batch *b, unsigned step)
{
    static store_packs *packs; /* kept until the commit */
    store_pack_policy policy = {.before_ms = INT64_MAX};
    store_packs_free(packs);
    packs = NULL;
    store_err err = store_packs_prepare(s, &policy, &packs);
    if (err == STORE_OK && packs)
        err = store_batch_pack(b, packs);
    return err == STORE_OK ? append(b, s, "tail", step ? "later" : "meanwhile") : err;
}

/* The first deletes, those behind it purge what is left. */
static store_err commit_deletion(store *s, store_batch *b, unsigned step)
{
    store_doc doc;
    if (step > 0)
        return append(b, s, "tail", "and so on");
    store_err err = store_find(s, BYTES("packed"), &doc);
    return err == STORE_OK ? store_batch_delete(b, doc.number, DATE_MS) : err;
}

typedef store_err (*commit_fn)(store *s, store_batch *b, unsigned step);

/* Opens the store and commits step by step, as long as all goes well. */
static void run_commits(scene *sc, commit_fn fill, unsigned steps)
{
    store *s = NULL;
    store_batch *b;
    store_err err = store_open(sc->dir, NULL, &s, NULL, 0);
    for (unsigned step = 0; step < steps && err == STORE_OK; step++) {
        err = store_batch_begin(s, &b);
        if (err != STORE_OK)
            break;
        if ((err = fill(s, b, step)) != STORE_OK) {
            store_batch_abort(b);
            break;
        }
        err = store_batch_commit(b);
        if (err == STORE_OK)
            sc->shared->acknowledged++;
    }
    store_close(s);
    sc->shared->failed = err != STORE_OK;
}

static uint32_t draw(void *ctx)
{
    return (*(uint32_t *)ctx)++;
}

static void run_backup(scene *sc)
{
    store *s = NULL;
    store_err err = store_open_read(sc->dir, NULL, &s, NULL, 0);
    if (err == STORE_OK)
        err = store_backup(s, sc->file, NULL, 0);
    store_close(s);
    sc->shared->failed = err != STORE_OK;
}

static store_err restore(scene *sc)
{
    uint32_t next = 5000;
    return store_restore(sc->file, sc->second, NULL, draw, &next, NULL, 0);
}

static void run_restore(scene *sc)
{
    sc->shared->failed = restore(sc) != STORE_OK;
}

/* ---- hitting each call ---- */

typedef struct job {
    void (*run)(scene *sc, const struct job *job);
    commit_fn fill;
    unsigned steps;
} job;

static void job_commits(scene *sc, const job *j)
{
    run_commits(sc, j->fill, j->steps);
}

static void job_backup(scene *sc, const job *j)
{
    (void)j;
    run_backup(sc);
}

static void job_restore(scene *sc, const job *j)
{
    (void)j;
    run_restore(sc);
}

/* Every kind for every call takes a while (WEFT_SLOW=1); else a call is killed, and hit once in
 * another way. */
static unsigned passes(void)
{
    return getenv("WEFT_SLOW") ? FAULT_KINDS : 2;
}

static fault_kind kind_of(unsigned pass, int calls)
{
    if (pass == 0 || getenv("WEFT_SLOW"))
        return pass;
    return 1 + (fault_kind)calls % (FAULT_KINDS - 1);
}

/* Does the job in a child, with one call hit. False: there were not so many. */
static bool run_hit(scene *sc, const job *j, fault_kind as, int calls)
{
    int status;
    *sc->shared = (struct shared){0};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        be_a_child();
        kind = as;
        calls_left = calls;
        j->run(sc, j);
        sc->shared->hit = calls_left == NEVER;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return killed || sc->shared->hit;
}

static void make_room(scene *sc)
{
    make_temp_dir(sc->room);
    snprintf(sc->dir, sizeof(sc->dir), "%s/data", sc->room);
    snprintf(sc->file, sizeof(sc->file), "%s/backup", sc->room);
    snprintf(sc->second, sizeof(sc->second), "%s/second", sc->room);
    sc->shared =
        mmap(NULL, sizeof(*sc->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(sc->shared != MAP_FAILED);
}

static void empty_room(const scene *sc)
{
    remove_dir(sc->dir);
    remove_dir(sc->second);
    remove_dir(sc->room); /* its files, and it */
}

static void leave_room(scene *sc)
{
    empty_room(sc);
    munmap(sc->shared, sizeof(*sc->shared));
}

static char *dump_dir(const char *dir)
{
    store *s;
    assert_ok(store_open(dir, NULL, &s, NULL, 0));
    char *text = dump_store(s);
    store_close(s);
    return text;
}

static void check_clean(const char *dir)
{
    fixture f = {0};
    snprintf(f.dir, sizeof(f.dir), "%s", dir);
    assert_clean(&f);
}

/* ---- commits ---- */

/* What the store tells after 0, 1, ... commits. */
static void dump_steps(scene *sc, const fixture *f, const job *j, char *wanted[STEPS_MAX])
{
    for (unsigned steps = 0; steps <= j->steps; steps++) {
        *sc->shared = (struct shared){0};
        copy_dir(f->dir, sc->dir);
        run_commits(sc, j->fill, steps);
        assert_false(sc->shared->failed);
        wanted[steps] = dump_dir(sc->dir);
        remove_dir(sc->dir);
    }
}

/* Each document's next event gets the seq behind its last. */
static void check_goes_on(const char *dir)
{
    static const char *const names[] = {"packed", "both", "tail", "empty"};
    store *s;
    store_doc doc;
    assert_ok(store_open(dir, NULL, &s, NULL, 0));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (store_find(s, BYTES(names[i]), &doc) == STORE_OK && !doc.deleted)
            assert_int_equal(append_text(s, doc.number, "next"), doc.head + 1);
    create_doc(s, "new", 1);
    pack_everything(s);
    store_close(s);
    check_clean(dir);
}

static void check_commits(scene *sc, const job *j, char *const wanted[STEPS_MAX])
{
    unsigned steps = sc->shared->acknowledged;
    char *text = dump_dir(sc->dir);
    bool kept = strcmp(text, wanted[steps]) == 0 ||
                (steps < j->steps && strcmp(text, wanted[steps + 1]) == 0);
    if (!kept)
        print_error("after %u commits:\n%swanted:\n%s", steps, text, wanted[steps]);
    assert_true(kept);
    free(text);
    check_clean(sc->dir);
    check_goes_on(sc->dir);
}

static void hit_commits(const job *j)
{
    fixture *f;
    scene sc;
    char *wanted[STEPS_MAX] = {NULL};
    fixture_setup((void **)&f);
    fill_store(f->s);
    store_close(f->s);
    f->s = NULL;
    make_room(&sc);
    dump_steps(&sc, f, j, wanted);
    for (unsigned pass = 0; pass < passes(); pass++) {
        bool hit = true;
        for (int calls = 0; hit; calls++) {
            copy_dir(f->dir, sc.dir);
            fault_kind as = kind_of(pass, calls);
            hit = run_hit(&sc, j, as, calls);
            assert_true(hit || (!sc.shared->failed && sc.shared->acknowledged == j->steps));
            assert_true(hit || calls > 3);
            check_commits(&sc, j, wanted);
            remove_dir(sc.dir);
        }
    }
    for (unsigned i = 0; i < STEPS_MAX; i++)
        free(wanted[i]);
    leave_room(&sc);
    fixture_teardown((void *[]){f});
}

static void between_any_two_steps_of_a_commit(void **state)
{
    (void)state;
    hit_commits(&(job){job_commits, commit_events, 2});
}

static void between_any_two_steps_of_a_checkpoint(void **state)
{
    (void)state;
    hit_commits(&(job){job_commits, commit_checkpoints, 2});
}

static void between_any_two_steps_of_packing(void **state)
{
    (void)state;
    hit_commits(&(job){job_commits, commit_packing, 2});
}

static void between_any_two_steps_of_a_deletion(void **state)
{
    (void)state;
    hit_commits(&(job){job_commits, commit_deletion, 3});
}

static void between_any_two_steps_of_making_a_store(void **state)
{
    (void)state;
    scene sc;
    job j = {job_commits, NULL, 0};
    make_room(&sc);
    for (unsigned pass = 0; pass < passes(); pass++) {
        bool hit = true;
        for (int calls = 0; hit; calls++) {
            fault_kind as = kind_of(pass, calls);
            hit = run_hit(&sc, &j, as, calls);
            assert_true(hit || !sc.shared->failed);
            assert_true(hit || calls > 3);
            char *text = dump_dir(sc.dir);
            assert_string_equal(text, "");
            free(text);
            check_goes_on(sc.dir);
            remove_dir(sc.dir);
        }
    }
    leave_room(&sc);
}

/* ---- copies ---- */

static bool exists(const char *dir, const char *name)
{
    char path[160];
    struct stat info;
    snprintf(path, sizeof(path), "%s%s", dir, name);
    return lstat(path, &info) == 0;
}

static void remove_file(const char *path)
{
    if (unlink(path) != 0)
        assert_int_equal(errno, ENOENT);
}

static void fill_scene(scene *sc)
{
    fixture *f;
    fixture_setup((void **)&f);
    fill_store(f->s);
    store_close(f->s);
    f->s = NULL;
    make_room(sc);
    copy_dir(f->dir, sc->dir);
    fixture_teardown((void *[]){f});
}

/* What is made of a backup that nothing came in the way of. */
static char *dump_restored(scene *sc)
{
    assert_ok(restore(sc));
    char *text = dump_dir(sc->second);
    check_clean(sc->second);
    remove_dir(sc->second);
    return text;
}

static void check_restored(scene *sc, const char *wanted)
{
    char *text = dump_restored(sc);
    assert_string_equal(text, wanted);
    free(text);
}

static void between_any_two_steps_of_a_backup(void **state)
{
    (void)state;
    scene sc;
    job j = {job_backup, NULL, 0};
    fill_scene(&sc);
    char *source = dump_dir(sc.dir);
    run_backup(&sc);
    assert_false(sc.shared->failed);
    char *wanted = dump_restored(&sc);
    for (unsigned pass = 0; pass < passes(); pass++) {
        bool hit = true;
        for (int calls = 0; hit; calls++) {
            remove_file(sc.file);
            fault_kind as = kind_of(pass, calls);
            hit = run_hit(&sc, &j, as, calls);
            if (exists(sc.file, ""))
                check_restored(&sc, wanted);
            else if (as != FAULT_KILL && as != FAULT_KILL_HALF)
                assert_false(exists(sc.file, ".partial"));
            assert_true(exists(sc.file, "") || hit);
            assert_true(hit || calls > 3);
            remove_file(sc.file);
            run_backup(&sc); /* whatever was left behind */
            assert_false(sc.shared->failed);
            assert_false(exists(sc.file, ".partial"));
            check_restored(&sc, wanted);
        }
    }
    char *after = dump_dir(sc.dir);
    assert_string_equal(after, source);
    check_clean(sc.dir);
    free(after);
    free(source);
    free(wanted);
    leave_room(&sc);
}

static void between_any_two_steps_of_a_restore(void **state)
{
    (void)state;
    scene sc;
    job j = {job_restore, NULL, 0};
    fill_scene(&sc);
    run_backup(&sc);
    assert_false(sc.shared->failed);
    char *wanted = dump_restored(&sc);
    for (unsigned pass = 0; pass < passes(); pass++) {
        bool hit = true;
        for (int calls = 0; hit; calls++) {
            fault_kind as = kind_of(pass, calls);
            hit = run_hit(&sc, &j, as, calls);
            assert_true(hit || calls > 3);
            if (!exists(sc.second, "/data.mdb")) {
                store *s;
                assert_true(hit);
                if (exists(sc.second, "/data.mdb.partial"))
                    assert_err(store_open(sc.second, NULL, &s, NULL, 0), STORE_CORRUPT);
                assert_ok(restore(&sc));
            }
            char *text = dump_dir(sc.second);
            assert_string_equal(text, wanted);
            free(text);
            check_clean(sc.second);
            remove_dir(sc.second);
        }
    }
    free(wanted);
    leave_room(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_any_two_steps_of_a_commit),
        cmocka_unit_test(between_any_two_steps_of_a_checkpoint),
        cmocka_unit_test(between_any_two_steps_of_packing),
        cmocka_unit_test(between_any_two_steps_of_a_deletion),
        cmocka_unit_test(between_any_two_steps_of_making_a_store),
        cmocka_unit_test(between_any_two_steps_of_a_backup),
        cmocka_unit_test(between_any_two_steps_of_a_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
