/* A store as a whole: opening and closing, the format version, and the scan that rebuilds the
 * index. */
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* Version 1: this one. The record begins with what tells a data directory of weft from any other
 * use of LMDB. */
#define FORMAT_MAGIC       "weft"
#define FORMAT_VERSION     2u
#define FORMAT_VERSION_OLD 1u /* without segments; is brought forward */

#define MAP_LEN_DEFAULT ((size_t)256 << 20)
#define MAP_LEN_LIMIT   ((size_t)1 << 46) /* of a process's addresses, half */
#define MAP_LEN_MIN     ((size_t)1 << 20)
#define RESERVE_LEN_MAX ((size_t)16 << 20) /* see env.h; a quarter of a small map */

#define DIR_MODE  0750
#define FILE_MODE 0640

const char *store_strerror(store_err err)
{
    switch (err) {
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return text;
        STORE_ERR_TABLE(X)
#undef X
    }
    return "unknown error";
}

/* Where a failure of opening is told to people. */
typedef struct complaint {
    const char *dir;
    char *text; /* may be NULL */
    size_t len;
} complaint;

__attribute__((format(printf, 3, 4))) static store_err complain(const complaint *c, store_err err,
                                                                const char *format, ...)
{
    if (!c->text || !c->len)
        return err;
    int used = snprintf(c->text, c->len, "%s: ", c->dir);
    if (used < 0 || (size_t)used >= c->len)
        return err;
    va_list args;
    va_start(args, format);
    vsnprintf(c->text + used, c->len - (size_t)used, format, args);
    va_end(args);
    return err;
}

static store_err complain_mdb(const complaint *c, int rc)
{
    if (rc == MDB_INVALID)
        return complain(c, STORE_CORRUPT, "data.mdb is not a data file of weft, or is damaged");
    if (rc == MDB_VERSION_MISMATCH)
        return complain(c, STORE_VERSION, "data.mdb was written by another version of LMDB");
    return complain(c, store__err(rc), "the data file cannot be used: %s", mdb_strerror(rc));
}

/* ---- format ---- */

static int write_format(store *s, MDB_txn *txn)
{
    uint8_t value[STORE__CHECKSUM_LEN + sizeof(FORMAT_MAGIC) - 1 + 4];
    uint8_t *body = value + STORE__CHECKSUM_LEN;
    MDB_val key = store__text_val(STORE__META_FORMAT);
    memcpy(body, FORMAT_MAGIC, sizeof(FORMAT_MAGIC) - 1);
    store__put_u32(body + sizeof(FORMAT_MAGIC) - 1, FORMAT_VERSION);
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    return mdb_put(txn, s->env.meta, &key, &val, 0);
}

static store_err check_format(store *s, MDB_txn *txn, const complaint *c)
{
    MDB_val key = store__text_val(STORE__META_FORMAT);
    MDB_val val;
    store_bytes body;
    int rc = mdb_get(txn, s->env.meta, &key, &val);
    if (rc && rc != MDB_NOTFOUND)
        return complain_mdb(c, rc);
    if (rc || !store__unseal(&key, &val, &body) || body.len != sizeof(FORMAT_MAGIC) - 1 + 4 ||
        memcmp(body.data, FORMAT_MAGIC, sizeof(FORMAT_MAGIC) - 1) != 0)
        return complain(c, STORE_CORRUPT, "the format record of data.mdb is missing or damaged");
    uint32_t version = store__get_u32((const uint8_t *)body.data + sizeof(FORMAT_MAGIC) - 1);
    if (version == FORMAT_VERSION_OLD) {
        rc = write_format(s, txn);
        return rc ? complain_mdb(c, rc) : STORE_OK;
    }
    if (version != FORMAT_VERSION)
        return complain(c, STORE_VERSION,
                        "the data directory has format %u, and this weft reads formats up to %u; "
                        "use the version of weft that wrote it",
                        version, FORMAT_VERSION);
    return STORE_OK;
}

static int create_tables(store *s, MDB_txn *txn)
{
    store__env *env = &s->env;
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } tables[] = {
        {STORE__TABLE_META, &env->meta},
        {STORE__TABLE_NAMES, &env->names},
        {STORE__TABLE_DOCUMENTS, &env->documents},
        {STORE__TABLE_TAIL, &env->tail},
        {STORE__TABLE_CHECKPOINTS, &env->checkpoints},
        {STORE__TABLE_PURGES, &env->purges},
        {STORE__TABLE_SEGMENTS, &env->segments},
    };
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        int rc = mdb_dbi_open(txn, tables[i].name, MDB_CREATE, tables[i].dbi);
        if (rc)
            return rc;
    }
    return 0;
}

/* An empty data file becomes a store; one that has tables must be one already. */
static store_err open_tables(store *s, MDB_txn *txn, const complaint *c)
{
    MDB_dbi root;
    MDB_stat stat;
    int rc;
    if ((rc = mdb_dbi_open(txn, NULL, 0, &root)) || (rc = mdb_stat(txn, root, &stat)))
        return complain_mdb(c, rc);
    if (!stat.ms_entries) {
        if ((rc = create_tables(s, txn)) || (rc = write_format(s, txn)) ||
            (rc = store__write_counter(s, txn, 1)))
            return complain_mdb(c, rc);
        return STORE_OK;
    }
    rc = mdb_dbi_open(txn, STORE__TABLE_META, 0, &s->env.meta);
    if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE)
        return complain(c, STORE_CORRUPT, "data.mdb belongs to another program");
    if (rc)
        return complain_mdb(c, rc);
    store_err err = check_format(s, txn, c);
    if (err == STORE_OK && (rc = create_tables(s, txn)))
        return complain_mdb(c, rc);
    return err;
}

static store_err open_format(store *s, const complaint *c)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env.mdb, NULL, 0, &txn);
    if (rc)
        return complain_mdb(c, rc);
    store_err err = open_tables(s, txn, c);
    if (err != STORE_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    rc = mdb_txn_commit(txn);
    return rc ? complain_mdb(c, rc) : STORE_OK;
}

/* ---- the scan ---- */

typedef struct scan {
    store *s;
    MDB_txn *txn;
    const complaint *c;
    store__entry *last; /* of the event before: neighbours in the tail are often of one document */
    size_t unknown; /* documents with events that have no record; deleted ones, if all is well */
} scan;

static store_err scan_entry(scan *sc, uint64_t number, store__entry **out)
{
    store__life life = {0};
    store_bytes name;
    *out = sc->last && sc->last->number == number ? sc->last
                                                  : store__index_find(&sc->s->index, number);
    if (*out)
        return STORE_OK;
    store_err err = store__doc_load(sc->s, sc->txn, number, &life, &name);
    if (err != STORE_OK && err != STORE_NOT_FOUND)
        return complain(sc->c, err, "the record of document %llu cannot be read: %s",
                        (unsigned long long)number, store_strerror(err));
    sc->unknown += err == STORE_NOT_FOUND;
    *out = store__index_add(&sc->s->index, number, &life, err == STORE_OK);
    return *out ? STORE_OK : complain(sc->c, STORE_NO_MEMORY, "out of memory");
}

static store_err scan_event(scan *sc, const MDB_val *key, const MDB_val *value)
{
    uint64_t number;
    store_event event;
    store__entry *entry;
    if (key->mv_size != STORE__U64_LEN || !store__event_decode(value, &number, &event))
        return complain(sc->c, STORE_CORRUPT, "an event in the log is damaged beyond recognition");
    uint64_t tail_key = store__get_u64(key->mv_data);
    store_err err = scan_entry(sc, number, &entry);
    if (err != STORE_OK)
        return err;
    if (!store__entry_reserve(entry, 1))
        return complain(sc->c, STORE_NO_MEMORY, "out of memory");
    if (event.seq != entry->life.head + 1)
        entry->damaged = true;
    store__entry_push(entry, tail_key, event.time_ms, event.update.len);
    sc->last = entry;
    sc->s->next_key = tail_key + 1;
    return STORE_OK;
}

static store_err scan_table(scan *sc, MDB_dbi table,
                            store_err (*each)(scan *sc, const MDB_val *key, const MDB_val *value))
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(sc->txn, table, &cursor);
    if (rc)
        return complain_mdb(sc->c, rc);
    MDB_val key;
    MDB_val value;
    store_err err = STORE_OK;
    while (err == STORE_OK && !(rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
        err = each(sc, &key, &value);
    mdb_cursor_close(cursor);
    return err == STORE_OK && rc != MDB_NOTFOUND ? complain_mdb(sc->c, rc) : err;
}

/* The events of a deleted document go back to the list of what is to be removed. */
static store_err scan_purge(scan *sc, const MDB_val *key, const MDB_val *value)
{
    store_bytes body;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body))
        return complain(sc->c, STORE_CORRUPT, "the note of a deleted document is damaged");
    uint64_t number = store__get_u64(key->mv_data);
    store__entry *entry = store__index_find(&sc->s->index, number);
    if (entry && entry->live)
        return complain(sc->c, STORE_CORRUPT, "the note of a deleted document is wrong");
    sc->unknown -= entry != NULL;
    if (!entry && !(entry = store__index_add(&sc->s->index, number, &(store__life){0}, false)))
        return complain(sc->c, STORE_NO_MEMORY, "out of memory");
    store__index_remove(&sc->s->index, entry);
    entry->first_seq = UINT64_MAX; /* there may be segments: only looking tells */
    store__purge_add(sc->s, entry);
    return STORE_OK;
}

static store_err scan_counter(scan *sc)
{
    MDB_val key = store__text_val(STORE__META_NEXT);
    MDB_val value;
    store_bytes body;
    int rc = mdb_get(sc->txn, sc->s->env.meta, &key, &value);
    if (rc || !store__unseal(&key, &value, &body) || body.len != STORE__U64_LEN)
        return complain(sc->c, STORE_CORRUPT, "the counter of documents is missing or damaged");
    sc->s->next_number = store__get_u64(body.data);
    return STORE_OK;
}

static store_err scan_all(scan *sc)
{
    store_err err = scan_counter(sc);
    if (err == STORE_OK)
        err = scan_table(sc, sc->s->env.tail, scan_event);
    if (err == STORE_OK)
        err = scan_table(sc, sc->s->env.purges, scan_purge);
    if (err == STORE_OK && sc->unknown)
        err = complain(sc->c, STORE_CORRUPT, "the log has events of a document without a record");
    return err;
}

/* Opens the environment and reads all that memory holds of it. Needs the gate closed, or nobody
 * else. */
static store_err load(store *s, const complaint *c)
{
    int rc = store__env_open(&s->env);
    if (rc)
        return complain_mdb(c, rc);
    s->next_key = 1;
    s->ticks_left = STORE__TICKS;
    scan sc = {.s = s, .c = c};
    store_err err = open_format(s, c);
    if (err == STORE_OK && (rc = mdb_txn_begin(s->env.mdb, NULL, MDB_RDONLY, &sc.txn)))
        err = complain_mdb(c, rc);
    if (err == STORE_OK) {
        err = scan_all(&sc);
        mdb_txn_abort(sc.txn);
    }
    if (err == STORE_OK)
        return err;
    store__index_clear(&s->index);
    store__purge_clear(s);
    store__env_close(&s->env);
    return err;
}

store_err store__recover(store *s)
{
    store__gate_close(&s->env.gate);
    store__env_close(&s->env);
    store__index_clear(&s->index);
    store__purge_clear(s);
    store_err err = load(s, &(complaint){.dir = s->env.dir});
    store__gate_open(&s->env.gate);
    return err;
}

/* ---- open and close ---- */

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return rc;
}

static int sync_parent(const char *dir)
{
    char *path;
    if (asprintf(&path, "%s/..", dir) < 0)
        return ENOMEM;
    int rc = sync_dir(path);
    free(path);
    return rc;
}

static store_err make_dir(const complaint *c)
{
    int rc = mkdir(c->dir, DIR_MODE) == 0 ? sync_parent(c->dir) : errno;
    struct stat info;
    if (rc == EEXIST)
        rc = stat(c->dir, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
    return rc ? complain(c, store__err(rc), "cannot make the data directory: %s", strerror(rc))
              : STORE_OK;
}

static store_err lock_dir(store *s, const complaint *c)
{
    char *path;
    if (asprintf(&path, "%s/weft.lock", c->dir) < 0)
        return complain(c, STORE_NO_MEMORY, "out of memory");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    int rc = s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    free(path);
    if (rc == EWOULDBLOCK)
        return complain(c, STORE_BUSY, "another process uses the data directory");
    return rc ? complain(c, store__err(rc), "cannot lock the data directory: %s", strerror(rc))
              : STORE_OK;
}

static store_err set_sizes(store__env *env, const store_options *options, const complaint *c)
{
    size_t page_mask = ~((size_t)sysconf(_SC_PAGESIZE) - 1);
    size_t max = options && options->map_size_max ? options->map_size_max : MAP_LEN_LIMIT;
    size_t min = options && options->map_size_min ? options->map_size_min : MAP_LEN_DEFAULT;
    if (max < MAP_LEN_MIN)
        return complain(c, STORE_INVALID, "a map of fewer than %zu bytes holds no store",
                        MAP_LEN_MIN);
    size_t reserve = max / 4 < RESERVE_LEN_MAX ? max / 4 : RESERVE_LEN_MAX;
    env->map_len_max = (max < MAP_LEN_LIMIT ? max : MAP_LEN_LIMIT) & page_mask;
    env->map_len_regular = (env->map_len_max - reserve) & page_mask;
    env->map_len_min = (min > MAP_LEN_MIN ? min : MAP_LEN_MIN) & page_mask;
    return STORE_OK;
}

/* An empty store whose close is legal. */
static store *store_new(const char *dir)
{
    store *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->lock_fd = -1;
    s->env.dir = strdup(dir);
    if (!s->env.dir || !store__gate_init(&s->env.gate)) {
        free(s->env.dir);
        free(s);
        return NULL;
    }
    if (store__index_init(&s->index))
        return s;
    store__gate_deinit(&s->env.gate);
    free(s->env.dir);
    free(s);
    return NULL;
}

static store_err open_all(store *s, const store_options *options, const complaint *c)
{
    store_err err = set_sizes(&s->env, options, c);
    s->codec = options ? options->codec : NULL;
    if (err == STORE_OK)
        err = make_dir(c);
    if (err == STORE_OK)
        err = lock_dir(s, c);
    if (err == STORE_OK)
        err = load(s, c);
    if (err != STORE_OK)
        return err;
    int rc = sync_dir(c->dir); /* the new files' names */
    return rc ? complain(c, store__err(rc), "cannot sync the data directory: %s", strerror(rc))
              : STORE_OK;
}

store_err store_open(const char *dir, const store_options *options, store **out, char *detail,
                     size_t detail_len)
{
    complaint c = {.dir = dir, .text = detail, .len = detail_len};
    store *s = store_new(dir);
    if (!s)
        return complain(&c, STORE_NO_MEMORY, "out of memory");
    store_err err = open_all(s, options, &c);
    if (err == STORE_OK)
        *out = s;
    else
        store_close(s);
    return err;
}

void store_close(store *s)
{
    if (!s)
        return;
    assert(!s->batch.open);
    store__env_close(&s->env);
    store__batch_deinit(&s->batch);
    store__purge_clear(s);
    store__index_deinit(&s->index);
    store__gate_deinit(&s->env.gate);
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* and with it the lock */
    free(s->env.dir);
    free(s);
}

/* ---- numbers for operators ---- */

store_err store_get_stats(store *s, store_stats *out)
{
    MDB_txn *txn;
    MDB_stat documents;
    store__env_use use;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = store__err(mdb_stat(txn, s->env.documents, &documents));
    if (err == STORE_OK)
        err = store__env_measure(&s->env, txn, &use);
    store__read_end(&s->env, txn);
    if (err == STORE_OK)
        *out = (store_stats){.documents = documents.ms_entries,
                             .map_bytes = use.map_bytes,
                             .used_bytes = use.used_bytes};
    return err;
}
