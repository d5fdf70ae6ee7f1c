#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

typedef struct line {
    char bytes[4096];
    size_t len;
    size_t left; /* of the items wanted */
} line;

static bool add_event(void *ctx, const store_event *event)
{
    line *t = ctx;
    t->len += (size_t)snprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, "%s%llu:%.*s",
                               t->len ? " " : "", (unsigned long long)event->seq,
                               (int)event->update.len, (const char *)event->update.data);
    assert_true(t->len < sizeof(t->bytes));
    return true;
}

const char *read_text(store *s, uint64_t number, uint64_t after, uint64_t until)
{
    static line t;
    t = (line){0};
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
    line *t = ctx;
    t->len += (size_t)snprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, "%s%.*s",
                               t->len ? " " : "", (int)name.len, (const char *)name.data);
    assert_true(t->len < sizeof(t->bytes));
    return --t->left > 0;
}

const char *list_text(store *s, const char *prefix, const char *after, size_t limit)
{
    static line t;
    t = (line){.left = limit};
    assert_ok(store_list(s, BYTES(prefix), BYTES(after), add_name, &t));
    return t.bytes;
}

void put_checkpoint(store *s, uint64_t number, uint64_t seq, const char *state)
{
    store_batch *b = begin(s);
    assert_ok(store_batch_checkpoint(b, number, seq, BYTES(state)));
    assert_ok(store_batch_commit(b));
}

void pack_everything(store *s)
{
    store_pack_policy policy = {.before_ms = INT64_MAX};
    for (;;) {
        store_packs *packs;
        assert_ok(store_packs_prepare(s, &policy, &packs));
        if (!packs)
            return;
        store_batch *b = begin(s);
        assert_ok(store_batch_pack(b, packs));
        assert_ok(store_batch_commit(b));
        store_packs_free(packs);
    }
}

void fill_store(store *s)
{
    uint64_t packed = create_doc(s, "packed", 1).number;
    for (int i = 0; i < 30; i++)
        append_text(s, packed, "an update that will be packed");
    put_checkpoint(s, packed, 10, "ten");
    put_checkpoint(s, packed, 20, "twenty");
    append_text(s, create_doc(s, "both", 2).number, "one");
    pack_everything(s);
    append_text(s, find_doc(s, "both").number, "two");
    uint64_t fresh = create_doc(s, "tail", 3).number;
    append_text(s, fresh, "a");
    append_text(s, fresh, "b");
    create_doc(s, "empty", 4);
    delete_doc(s, create_doc(s, "gone", 5).number);
}

/* ---- everything as text ---- */

static bool dump_event(void *ctx, const store_event *event)
{
    fprintf(ctx, " %llu@%lld<%.*s>%zu:%.*s", (unsigned long long)event->seq,
            (long long)event->time_ms, (int)event->user.len, (const char *)event->user.data,
            event->update.len, event->update.len > 40 ? 40 : (int)event->update.len,
            (const char *)event->update.data);
    return true;
}

static bool dump_checkpoint(void *ctx, uint64_t seq, store_bytes state)
{
    fprintf(ctx, " [%llu:%zu:%.*s]", (unsigned long long)seq, state.len,
            state.len > 20 ? 20 : (int)state.len, (const char *)state.data);
    return true;
}

static void dump_failure(FILE *out, store_err err)
{
    if (err != STORE_OK)
        fprintf(out, " (%s)", store_strerror(err));
}

typedef struct names {
    char bytes[1 << 16];
    size_t len;
} names;

static bool add_to_names(void *ctx, store_bytes name)
{
    names *n = ctx;
    if (n->len + name.len + 1 > sizeof(n->bytes))
        return false;
    memcpy(n->bytes + n->len, name.data, name.len);
    n->len += name.len;
    n->bytes[n->len++] = 0;
    return true;
}

static void dump_doc(store *s, const char *name, FILE *out)
{
    store_doc doc;
    store_err err = store_find(s, BYTES(name), &doc);
    fprintf(out, "%s", name);
    if (err == STORE_OK) {
        fprintf(out, " %u %s %llu %llu %lld %lld:", doc.epoch, doc.deleted ? "deleted" : "lives",
                (unsigned long long)doc.head, (unsigned long long)doc.log_bytes,
                (long long)doc.created_ms, (long long)doc.updated_ms);
        err = store_read(s, doc.number, 0, UINT64_MAX, dump_event, out);
        dump_failure(out, err);
        err = store_checkpoints(s, doc.number, dump_checkpoint, out);
    }
    dump_failure(out, err);
    fprintf(out, "\n");
}

char *dump_store(store *s)
{
    char *text;
    size_t len;
    names *all = calloc(1, sizeof(*all));
    FILE *out = open_memstream(&text, &len);
    dump_failure(out, store_list(s, BYTES(""), BYTES(""), add_to_names, all));
    for (size_t at = 0; at < all->len; at += strlen(all->bytes + at) + 1)
        dump_doc(s, all->bytes + at, out);
    fclose(out);
    free(all);
    return text;
}

/* ---- the data file ---- */

raw raw_open(const char *dir, const char *table)
{
    raw r;
    assert_int_equal(mdb_env_create(&r.env), 0);
    assert_int_equal(mdb_env_set_maxdbs(r.env, 16), 0);
    assert_int_equal(mdb_env_set_mapsize(r.env, (size_t)1 << 30), 0);
    assert_int_equal(mdb_env_open(r.env, dir, MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(r.env, NULL, 0, &r.txn), 0);
    assert_int_equal(mdb_dbi_open(r.txn, table, MDB_CREATE, &r.table), 0);
    return r;
}

void raw_close(raw *r)
{
    assert_int_equal(mdb_txn_commit(r->txn), 0);
    mdb_env_close(r->env);
}

MDB_val raw_get(raw *r, MDB_val key)
{
    MDB_val value;
    assert_int_equal(mdb_get(r->txn, r->table, &key, &value), 0);
    return value;
}

void flip_bit(fixture *f, const char *table, MDB_val key, long at)
{
    static uint8_t bytes[1 << 20];
    store_close(f->s);
    f->s = NULL;
    raw r = raw_open(f->dir, table);
    MDB_val value = raw_get(&r, key);
    size_t place = at < 0 ? value.mv_size - (size_t)-at : (size_t)at;
    assert_true(place < value.mv_size && value.mv_size <= sizeof(bytes));
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[place] ^= 0x10;
    value.mv_data = bytes;
    assert_int_equal(mdb_put(r.txn, r.table, &key, &value, 0), 0);
    raw_close(&r);
}

void remove_row(fixture *f, const char *table, MDB_val key)
{
    store_close(f->s);
    f->s = NULL;
    raw r = raw_open(f->dir, table);
    assert_int_equal(mdb_del(r.txn, r.table, &key, NULL), 0);
    raw_close(&r);
}

/* A node begins with the length of its value u32, flags u16, and the length of its key u16. */
void spoil_nodes(const fixture *f, MDB_val key)
{
    static uint8_t bytes[4 << 20];
    char path[128];
    unsigned found = 0;
    snprintf(path, sizeof(path), "%s/data.mdb", f->dir);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    assert_true(len < sizeof(bytes));
    for (size_t at = 8; at + key.mv_size <= len; at++)
        if (bytes[at - 2] == key.mv_size && bytes[at - 1] == 0 &&
            memcmp(bytes + at, key.mv_data, key.mv_size) == 0) {
            bytes[at - 8 + 1] = 0x7f;
            found++;
        }
    assert_true(found > 0);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* ---- a reading process ---- */

void be_a_child(void)
{
    static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_DFL);
}

static bool send_all(int fd, const void *data, size_t len)
{
    for (const char *at = data; len;) {
        ssize_t sent = write(fd, at, len);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, void *data, size_t len)
{
    for (char *at = data; len;) {
        ssize_t got = read(fd, at, len);
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* The child's whole life; whatever it cannot do, the parent sees as an end of file. */
static void serve(const fixture *f, reader *r, int asked, int out)
{
    store *s = NULL;
    char question;
    be_a_child();
    r->opened = store_open_read(f->dir, &f->options, &s, r->detail, sizeof(r->detail));
    bool ok = send_all(out, r, sizeof(*r));
    while (ok && r->opened == STORE_OK && read(asked, &question, 1) == 1) {
        char *text = dump_store(s);
        size_t len = strlen(text) + 1;
        ok = send_all(out, &len, sizeof(len)) && send_all(out, text, len);
        free(text);
    }
    store_close(s);
    _exit(0);
}

reader reader_start(const fixture *f)
{
    int ask[2];
    int answer[2];
    reader r = {0};
    assert_int_equal(pipe(ask), 0);
    assert_int_equal(pipe(answer), 0);
    r.pid = fork();
    assert_true(r.pid >= 0);
    if (r.pid == 0) {
        close(ask[1]);
        close(answer[0]);
        serve(f, &r, ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    pid_t pid = r.pid;
    assert_true(receive_all(answer[0], &r, sizeof(r)));
    r.pid = pid;
    r.ask = ask[1];
    r.answer = answer[0];
    return r;
}

char *reader_dump(reader *r)
{
    size_t len;
    assert_int_equal(write(r->ask, "?", 1), 1);
    assert_true(receive_all(r->answer, &len, sizeof(len)));
    char *text = malloc(len);
    assert_true(receive_all(r->answer, text, len));
    return text;
}

void reader_stop(reader *r)
{
    int status;
    close(r->ask);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    close(r->answer);
    assert_int_equal(status, 0);
}

/* ---- checking ---- */

static void add_fault(void *ctx, const store_fault *fault)
{
    faults *all = ctx;
    if (all->count < FAULTS_MAX) {
        fault_seen *seen = &all->seen[all->count];
        *seen = (fault_seen){.first = fault->seq_first, .last = fault->seq_last};
        snprintf(seen->name, sizeof(seen->name), "%.*s", (int)fault->name.len,
                 (const char *)fault->name.data);
        snprintf(seen->what, sizeof(seen->what), "%s", fault->what);
    }
    all->count++;
}

store_err verify_store(const fixture *f, faults *out)
{
    store *s;
    char detail[256];
    *out = (faults){0};
    store_err err = store_open_read(f->dir, &f->options, &s, detail, sizeof(detail));
    if (err != STORE_OK) {
        add_fault(out, &(store_fault){.what = detail});
        return err;
    }
    err = store_verify(s, add_fault, out);
    store_close(s);
    return err;
}

bool has_fault(const faults *all, const char *name, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < all->count && i < FAULTS_MAX; i++)
        if (strcmp(all->seen[i].name, name) == 0 && all->seen[i].first == first &&
            all->seen[i].last == last)
            return true;
    return false;
}

void print_faults(const faults *all)
{
    for (unsigned i = 0; i < all->count && i < FAULTS_MAX; i++)
        print_error("%s: %s %llu..%llu\n", all->seen[i].name, all->seen[i].what,
                    (unsigned long long)all->seen[i].first, (unsigned long long)all->seen[i].last);
}

void assert_clean(fixture *f)
{
    faults all;
    bool open = f->s != NULL;
    store_close(f->s);
    f->s = NULL;
    store_err err = verify_store(f, &all);
    print_faults(&all);
    assert_ok(err);
    assert_int_equal(all.count, 0);
    if (open)
        fixture_open(f);
}
