#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void make_temp_dir(char dir[64])
{
    strcpy(dir, "/tmp/weft-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void each_file(const char *dir, void (*use)(const char *path, const char *name, void *ctx),
                      void *ctx)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        use(path, entry->d_name, ctx);
    }
    closedir(d);
}

static void remove_one(const char *path, const char *name, void *ctx)
{
    (void)name;
    (void)ctx;
    unlink(path);
}

void remove_dir(const char *dir)
{
    each_file(dir, remove_one, NULL);
    rmdir(dir);
}

static void copy_one(const char *path, const char *name, void *ctx)
{
    char to[512];
    char buffer[65536];
    snprintf(to, sizeof(to), "%s/%s", (const char *)ctx, name);
    int in = open(path, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t len; (len = read(in, buffer, sizeof(buffer))) > 0;)
        assert_int_equal(write(out, buffer, (size_t)len), len);
    close(in);
    close(out);
}

void copy_dir(const char *from, const char *to)
{
    char target[512];
    snprintf(target, sizeof(target), "%s", to);
    mkdir(to, 0700);
    each_file(from, copy_one, target);
}

void check_err(store_err err, store_err wanted, const char *file, int line)
{
    if (err != wanted) {
        print_error("%s:%d: got '%s', wanted '%s'\n", file, line, store_strerror(err),
                    store_strerror(wanted));
        _fail(file, line);
    }
}

void fixture_open(fixture *f)
{
    char detail[256] = "";
    store_err err = store_open(f->dir, &f->options, &f->s, detail, sizeof(detail));
    if (err != STORE_OK)
        print_error("%s\n", detail);
    assert_ok(err);
}

void fixture_reopen(fixture *f)
{
    store_close(f->s);
    f->s = NULL;
    fixture_open(f);
}

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    make_temp_dir(f->dir);
    fixture_open(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    store_close(f->s);
    remove_dir(f->dir);
    free(f);
    return 0;
}

store_batch *begin(store *s)
{
    store_batch *b;
    assert_ok(store_batch_begin(s, &b));
    return b;
}

store_doc create_doc(store *s, const char *name, uint32_t epoch)
{
    store_doc doc;
    store_batch *b = begin(s);
    assert_ok(store_batch_create(b, BYTES(name), epoch, DATE_MS, &doc));
    assert_ok(store_batch_commit(b));
    return doc;
}

void delete_doc(store *s, uint64_t number)
{
    store_batch *b = begin(s);
    assert_ok(store_batch_delete(b, number, DATE_MS + 1));
    assert_ok(store_batch_commit(b));
}

store_err try_append(store *s, uint64_t number, store_bytes update)
{
    uint64_t seq;
    store_batch *b = begin(s);
    assert_ok(
        store_batch_append(b, number, &(store_event){.time_ms = DATE_MS, .update = update}, &seq));
    return store_batch_commit(b);
}

uint64_t batch_append(store_batch *b, uint64_t number, const char *update)
{
    uint64_t seq = 0;
    assert_ok(store_batch_append(
        b, number, &(store_event){.time_ms = DATE_MS, .update = BYTES(update)}, &seq));
    return seq;
}

uint64_t append_text(store *s, uint64_t number, const char *update)
{
    store_batch *b = begin(s);
    uint64_t seq = batch_append(b, number, update);
    assert_ok(store_batch_commit(b));
    return seq;
}

store_doc find_doc(store *s, const char *name)
{
    store_doc doc;
    assert_ok(store_find(s, BYTES(name), &doc));
    return doc;
}

typedef struct text {
    char bytes[4096];
    size_t len;
    size_t left; /* of the items wanted */
} text;

static bool add_event(void *ctx, const store_event *event)
{
    text *t = ctx;
    t->len += (size_t)snprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, "%s%llu:%.*s",
                               t->len ? " " : "", (unsigned long long)event->seq,
                               (int)event->update.len, (const char *)event->update.data);
    assert_true(t->len < sizeof(t->bytes));
    return true;
}

const char *read_text(store *s, uint64_t number, uint64_t after, uint64_t until)
{
    static text t;
    t = (text){0};
    assert_ok(store_read(s, number, after, until, add_event, &t));
    return t.bytes;
}

static bool ignore_event(void *ctx, const store_event *event)
{
    (void)ctx;
    (void)event;
    return true;
}

store_err read_err(store *s, uint64_t number)
{
    return store_read(s, number, 0, UINT64_MAX, ignore_event, NULL);
}

static bool add_name(void *ctx, store_bytes name)
{
    text *t = ctx;
    t->len += (size_t)snprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, "%s%.*s",
                               t->len ? " " : "", (int)name.len, (const char *)name.data);
    assert_true(t->len < sizeof(t->bytes));
    return --t->left > 0;
}

const char *list_text(store *s, const char *prefix, const char *after, size_t limit)
{
    static text t;
    t = (text){.left = limit};
    assert_ok(store_list(s, BYTES(prefix), BYTES(after), add_name, &t));
    return t.bytes;
}
