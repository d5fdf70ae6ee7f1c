/* Failures below the store: the first, second, ... write, sync or allocation fails. What then is in
 * memory is what is on disk, a batch happened or did not, and the store goes on.
 *
 * LMDB's system calls are this program's: the shared library finds these before libc's. The store's
 * own allocations come through the linker's --wrap. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fixture.h"

#define META_PAGES_LEN 8192
#define NEVER          (-1)

typedef enum fault_kind {
    FAULT_ERROR,      /* nothing is written */
    FAULT_SHORT,      /* half is written */
    FAULT_AFTERWARDS, /* all is written, and reported as failed */
} fault_kind;

static struct fault {
    int calls_left; /* before the one that fails; NEVER */
    int error;
    fault_kind kind;
    bool meta_only;
    bool for_good; /* all later ones fail too, and write nothing */
    bool hit;
} fault;

static bool due(bool meta)
{
    if (fault.calls_left == NEVER || (fault.meta_only && !meta))
        return false;
    if (fault.calls_left-- > 0)
        return false;
    fault.hit = true;
    fault.calls_left = fault.for_good ? 0 : NEVER;
    if (fault.for_good)
        fault.kind = FAULT_ERROR;
    return true;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    fault_kind kind = fault.kind;
    if (!due(at < META_PAGES_LEN))
        return (ssize_t)syscall(SYS_pwrite64, fd, data, len, at);
    if (kind == FAULT_SHORT)
        return (ssize_t)syscall(SYS_pwrite64, fd, data, len / 2, at);
    if (kind == FAULT_AFTERWARDS)
        assert_int_equal(syscall(SYS_pwrite64, fd, data, len, at), len);
    errno = fault.error;
    return -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    if (!due(false))
        return (ssize_t)syscall(SYS_writev, fd, pieces, count);
    if (fault.kind == FAULT_SHORT)
        return (ssize_t)syscall(SYS_writev, fd, pieces, 1);
    errno = fault.error;
    return -1;
}

int fdatasync(int fd)
{
    if (!due(false))
        return (int)syscall(SYS_fdatasync, fd);
    errno = fault.error;
    return -1;
}

static int allocations_left = NEVER;

static bool allocation_due(void)
{
    if (allocations_left == NEVER)
        return false;
    if (allocations_left-- > 0)
        return false;
    allocations_left = NEVER;
    fault.hit = true;
    return true;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);

void *__wrap_malloc(size_t len)
{
    return allocation_due() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return allocation_due() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
    return allocation_due() ? NULL : __real_realloc(old, len);
}

static void no_faults(void)
{
    fault = (struct fault){.calls_left = NEVER};
    allocations_left = NEVER;
}

/* ---- the state, as a caller sees it ---- */

static void add_doc(fixture *f, const char *name, char *out, size_t len)
{
    store_doc d;
    size_t used = strlen(out);
    store_err err = store_find(f->s, BYTES(name), &d);
    if (err != STORE_OK) {
        assert_err(err, STORE_NOT_FOUND);
        return;
    }
    snprintf(out + used, len - used, "[%s %u %s %llu %llu: %s]", name, d.epoch,
             d.deleted ? "deleted" : "lives", (unsigned long long)d.head,
             (unsigned long long)d.events,
             d.deleted ? "" : read_text(f->s, d.number, 0, UINT64_MAX));
}

static void snapshot(fixture *f, char *out, size_t len)
{
    out[0] = 0;
    add_doc(f, "a", out, len);
    add_doc(f, "b", out, len);
    add_doc(f, "new", out, len);
    add_doc(f, "doomed", out, len);
}

/* Memory and disk tell the same. */
static void check_reopens_the_same(fixture *f, const char *wanted)
{
    char now[2048];
    snapshot(f, now, sizeof(now));
    assert_string_equal(now, wanted);
    fixture_reopen(f);
    snapshot(f, now, sizeof(now));
    assert_string_equal(now, wanted);
}

static void prepare(fixture *f)
{
    static char large[5000];
    memset(large, 'L', sizeof(large) - 1);
    uint64_t a = create_doc(f->s, "a", 1).number;
    create_doc(f->s, "b", 1);
    append_text(f->s, a, "one");
    append_text(f->s, create_doc(f->s, "doomed", 1).number, "x");
}

/* A batch that touches every table. */
static store_err try_batch(fixture *f)
{
    store_batch *b;
    store_doc new;
    uint64_t seq;
    uint64_t draft;
    static char large[9000];
    uint64_t a = find_doc(f->s, "a").number;
    store_event event = {.time_ms = DATE_MS, .update = BYTES("two")};
    store_err err = store_batch_begin(f->s, &b);
    if (err != STORE_OK)
        return err;
    if ((err = store_batch_append(b, a, &event, &seq)) == STORE_OK &&
        (err = store_batch_append(b, find_doc(f->s, "b").number, &event, &seq)) == STORE_OK &&
        (err = store_batch_create(b, BYTES("new"), 5, DATE_MS, &new)) == STORE_OK &&
        (err = store_batch_append(b, new.number, &event, &seq)) == STORE_OK &&
        (err = store_batch_draft(b, DATE_MS, &draft)) == STORE_OK &&
        (err = store_batch_append(b, draft, &event, &seq)) == STORE_OK &&
        (err = store_batch_checkpoint(b, a, 1, (store_bytes){large, sizeof(large)})) == STORE_OK &&
        (err = store_batch_delete(b, find_doc(f->s, "doomed").number, DATE_MS)) == STORE_OK)
        return store_batch_commit(b);
    store_batch_abort(b);
    return err;
}

static const char *const BEFORE =
    "[a 1 lives 1 1: 1:one][b 1 lives 0 0: ][doomed 1 lives 1 1: 1:x]";
static const char *const AFTER = "[a 1 lives 2 2: 1:one 2:two][b 1 lives 1 1: 1:two]"
                                 "[new 5 lives 1 1: 1:two][doomed 1 deleted 1 1: ]";

/* The batch with its first, second, ... call failing, until none is left to fail. */
static void run_with(fixture *f, struct fault kind, store_err wanted)
{
    bool hit = true;
    for (int n = 0; hit; n++) {
        fixture_teardown((void *[]){f});
        fixture_setup((void **)&f);
        prepare(f);
        fault = kind;
        fault.calls_left = n;
        store_err err = try_batch(f);
        hit = fault.hit;
        no_faults();
        if (hit && err != STORE_OK) {
            assert_err(err, wanted);
            assert_err(read_err(f->s, find_doc(f->s, "doomed").number + 1), STORE_NOT_FOUND);
            check_reopens_the_same(f, BEFORE);
            assert_ok(try_batch(f));
        }
        assert_true(n > 0 || hit);
        check_reopens_the_same(f, AFTER);
    }
    fixture_teardown((void *[]){f});
}

static fixture *fresh(void)
{
    fixture *f;
    no_faults();
    fixture_setup((void **)&f);
    return f;
}

static void a_full_disk_changes_nothing(void **state)
{
    (void)state;
    run_with(fresh(), (struct fault){.error = ENOSPC}, STORE_FULL);
    run_with(fresh(), (struct fault){.error = EDQUOT, .for_good = true}, STORE_FULL);
}

static void a_failing_disk_changes_nothing(void **state)
{
    (void)state;
    run_with(fresh(), (struct fault){.error = EIO}, STORE_IO);
    run_with(fresh(), (struct fault){.error = EIO, .for_good = true}, STORE_IO);
    run_with(fresh(), (struct fault){.kind = FAULT_SHORT}, STORE_IO);
}

/* LMDB then refuses all work until its environment is opened anew, which must go unnoticed. */
static void a_failed_meta_page_is_overcome(void **state)
{
    (void)state;
    struct fault meta = {.error = EIO, .meta_only = true};
    run_with(fresh(), meta, STORE_IO);
    meta.kind = FAULT_AFTERWARDS;
    run_with(fresh(), meta, STORE_IO);
    meta.error = ENOSPC;
    run_with(fresh(), meta, STORE_FULL);
}

/* The new meta page got through, and neither the sync nor LMDB's attempt to take it back: the
 * commit is reported as failed, and is there. Memory must say so too. */
static void what_is_in_doubt_is_read_again(void **state)
{
    (void)state;
    fixture *f = fresh();
    prepare(f);
    fault =
        (struct fault){.error = EIO, .meta_only = true, .kind = FAULT_AFTERWARDS, .for_good = true};
    assert_err(try_batch(f), STORE_IO);
    no_faults();
    check_reopens_the_same(f, AFTER);
    fixture_teardown((void *[]){f});
}

/* LMDB has given up, and memory runs out while everything is read again: the store refuses work
 * until that succeeds. */
static void reading_again_may_fail_and_is_tried_again(void **state)
{
    (void)state;
    bool hit = true;
    for (int n = 0; hit; n++) {
        fixture *f = fresh();
        store_doc doc;
        prepare(f);
        store_batch *b = begin(f->s);
        batch_append(b, find_doc(f->s, "a").number, "lost");
        fault = (struct fault){.error = EIO, .meta_only = true};
        allocations_left = n;
        store_err err = store_batch_commit(b);
        hit = allocations_left == NEVER;
        no_faults();
        assert_true(err == STORE_IO || err == STORE_NO_MEMORY);
        store_err found = store_find(f->s, BYTES("a"), &doc);
        assert_true(found == STORE_OK || (hit && found == STORE_IO));
        store_batch_abort(begin(f->s));
        check_reopens_the_same(f, BEFORE);
        assert_true(n > 3 || hit);
        fixture_teardown((void *[]){f});
    }
}

static void out_of_memory_changes_nothing(void **state)
{
    (void)state;
    bool hit = true;
    for (int n = 0; hit; n++) {
        fixture *f = fresh();
        prepare(f);
        fixture_reopen(f); /* without the buffers of earlier batches */
        allocations_left = n;
        store_err err = try_batch(f);
        hit = fault.hit;
        no_faults();
        if (hit && err != STORE_OK) { /* else it was the purge that follows: it is tried again */
            assert_err(err, STORE_NO_MEMORY);
            check_reopens_the_same(f, BEFORE);
            assert_ok(try_batch(f));
        }
        assert_true(n > 5 || hit);
        check_reopens_the_same(f, AFTER);
        fixture_teardown((void *[]){f});
    }
}

static void opening_may_fail_and_be_tried_again(void **state)
{
    (void)state;
    bool hit = true;
    for (int n = 0; hit; n++) {
        fixture *f = fresh();
        prepare(f);
        store_close(f->s);
        f->s = NULL;
        char detail[256] = "";
        allocations_left = n;
        store_err err = store_open(f->dir, NULL, &f->s, detail, sizeof(detail));
        hit = fault.hit;
        no_faults();
        if (hit) {
            assert_err(err, STORE_NO_MEMORY);
            assert_true(detail[0] != 0);
            fixture_open(f);
        }
        check_reopens_the_same(f, BEFORE);
        fixture_teardown((void *[]){f});
    }
}

static void making_a_store_may_fail_and_be_tried_again(void **state)
{
    (void)state;
    bool hit = true;
    for (int n = 0; hit; n++) {
        fixture f = {0};
        make_temp_dir(f.dir);
        no_faults();
        fault.error = ENOSPC;
        fault.calls_left = n;
        store_err err = store_open(f.dir, NULL, &f.s, NULL, 0);
        hit = fault.hit;
        no_faults();
        assert_err(err, hit ? STORE_FULL : STORE_OK);
        if (hit)
            fixture_open(&f);
        append_text(f.s, create_doc(f.s, "a", 1).number, "x");
        store_close(f.s);
        remove_dir(f.dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_changes_nothing),
        cmocka_unit_test(a_failing_disk_changes_nothing),
        cmocka_unit_test(a_failed_meta_page_is_overcome),
        cmocka_unit_test(what_is_in_doubt_is_read_again),
        cmocka_unit_test(reading_again_may_fail_and_is_tried_again),
        cmocka_unit_test(out_of_memory_changes_nothing),
        cmocka_unit_test(opening_may_fail_and_be_tried_again),
        cmocka_unit_test(making_a_store_may_fail_and_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
