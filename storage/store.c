/* A store as a whole: opening and closing, the format version, and the scan that rebuilds the
 * index. */
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "dir.h"
#include "format.h"
#include "scan.h"

#define MAP_LEN_DEFAULT ((size_t)256 << 20)
#define MAP_LEN_LIMIT   ((size_t)1 << 46) /* of a process's addresses, half */
#define MAP_LEN_MIN     ((size_t)1 << 20)
#define RESERVE_LEN_MAX ((size_t)16 << 20) /* see env.h; a quarter of a small map */

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

/* ---- loading ---- */

static store_err scan_now(store *s, const store__complaint *c)
{
    MDB_txn *txn;
    store__pages pages;
    int fd;
    int rc = mdb_txn_begin(s->env.mdb, NULL, MDB_RDONLY, &txn);
    if (rc)
        return store__complain_mdb(c, rc);
    store_err err = store__err(mdb_env_get_fd(s->env.mdb, &fd));
    if (err == STORE_OK)
        err = store__pages_open_at(fd, mdb_txn_id(txn), &pages);
    err = err == STORE_OK ? store__scan(s, txn, &pages, c)
                          : store__complain(c, err, "the data file cannot be read");
    mdb_txn_abort(txn);
    return err;
}

static void forget_all(store *s)
{
    store__index_clear(&s->index);
    store__purge_clear(s);
}

static store_err load_to_write(store *s, const store__complaint *c)
{
    store_err err = store__format_check_pages(&s->env.pages, c);
    if (err == STORE_OK)
        err = store__format_open(s, c);
    return err == STORE_OK ? scan_now(s, c) : err;
}

static store_err check_snapshot(const store *s, const store__complaint *c)
{
    return s->env.cut ? store__complain(c, STORE_CORRUPT, "data.mdb has been cut short")
                      : store__format_check_pages(&s->env.pages, c);
}

/* What a writer would refuse to open can still be checked, page by page. */
static store_err load_to_read(store *s, const store__complaint *c)
{
    store_err err = check_snapshot(s, c);
    if (err == STORE_OK) {
        if ((err = store__format_read(s, s->env.snapshot, c)) != STORE_OK)
            return err;
        err = store__scan(s, s->env.snapshot, &s->env.pages, c);
    }
    if (err != STORE_CORRUPT)
        return err;
    s->env.damaged = true;
    forget_all(s);
    return STORE_OK;
}

/* Opens the environment and reads all that memory holds of it. Needs the gate closed, or nobody
 * else. */
static store_err load(store *s, const store__complaint *c)
{
    int rc = store__env_open(&s->env);
    if (rc)
        return store__complain_mdb(c, rc);
    s->next_key = 1;
    s->ticks_left = STORE__TICKS;
    store_err err = s->env.read_only ? load_to_read(s, c) : load_to_write(s, c);
    if (err == STORE_OK)
        return err;
    forget_all(s);
    store__env_close(&s->env);
    return err;
}

store_err store__recover(store *s)
{
    store__gate_close(&s->env.gate);
    store__env_close(&s->env);
    store__index_clear(&s->index);
    store__purge_clear(s);
    store_err err = load(s, &(store__complaint){.path = s->env.dir});
    store__gate_open(&s->env.gate);
    return err;
}

/* ---- open and close ---- */

static store_err set_sizes(store__env *env, const store_options *options, const store__complaint *c)
{
    size_t page_mask = ~((size_t)sysconf(_SC_PAGESIZE) - 1);
    size_t max = options && options->map_size_max ? options->map_size_max : MAP_LEN_LIMIT;
    size_t min = options && options->map_size_min ? options->map_size_min : MAP_LEN_DEFAULT;
    if (max < MAP_LEN_MIN)
        return store__complain(c, STORE_INVALID, "a map of fewer than %zu bytes holds no store",
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

/* A directory that a restore was to fill, and did not, is not for a new store. */
static store_err check_restored(const store__complaint *c)
{
    char *whole;
    char *partial = NULL;
    if (asprintf(&whole, "%s/" STORE__DATA_FILE, c->path) < 0)
        return store__complain(c, STORE_NO_MEMORY, "out of memory");
    bool unfinished = false;
    if (access(whole, F_OK) != 0 && asprintf(&partial, "%s" STORE__PARTIAL, whole) >= 0) {
        unfinished = access(partial, F_OK) == 0;
        free(partial);
    }
    free(whole);
    return unfinished
               ? store__complain(
                     c, STORE_CORRUPT,
                     "a restore did not finish here: run it again, or remove " STORE__DATA_FILE
                         STORE__PARTIAL)
               : STORE_OK;
}

static store_err open_to_write(store *s, const store_options *options, const store__complaint *c)
{
    store_err err = set_sizes(&s->env, options, c);
    s->codec = options ? options->codec : NULL;
    if (err == STORE_OK)
        err = store__dir_make(c);
    if (err == STORE_OK)
        err = store__dir_lock(c, &s->lock_fd);
    if (err == STORE_OK)
        err = check_restored(c);
    if (err == STORE_OK)
        err = load(s, c);
    if (err != STORE_OK)
        return err;
    int rc = store__sync_dir(c->path); /* the new files' names */
    return rc ? store__complain(c, store__err(rc), "cannot sync the data directory: %s",
                                strerror(rc))
              : STORE_OK;
}

/* Of a reader: the data file, and nothing is made. */
static store_err find_data(const store__complaint *c)
{
    char *path;
    struct stat info;
    if (asprintf(&path, "%s/" STORE__DATA_FILE, c->path) < 0)
        return store__complain(c, STORE_NO_MEMORY, "out of memory");
    int rc = stat(path, &info) != 0 ? errno : 0;
    free(path);
    if (rc == ENOENT || rc == ENOTDIR || (rc == 0 && info.st_size == 0))
        return store__complain(c, STORE_NOT_FOUND, "there is no store");
    return rc ? store__complain(c, store__err(rc), "cannot read the data directory: %s",
                                strerror(rc))
              : STORE_OK;
}

static store_err open_to_read(store *s, const store_options *options, const store__complaint *c)
{
    s->codec = options ? options->codec : NULL;
    s->env.map_len_min = options && options->map_size_min ? options->map_size_min : MAP_LEN_DEFAULT;
    s->env.map_len_regular = s->env.map_len_max = MAP_LEN_LIMIT;
    s->env.read_only = true;
    store_err err = find_data(c);
    return err == STORE_OK ? load(s, c) : err;
}

static store_err
open_store(const char *dir, const store_options *options, store **out, const store__complaint *c,
           store_err (*open_as)(store *s, const store_options *options, const store__complaint *c))
{
    store *s = store_new(dir);
    if (!s)
        return store__complain(c, STORE_NO_MEMORY, "out of memory");
    store_err err = open_as(s, options, c);
    if (err == STORE_OK)
        *out = s;
    else
        store_close(s);
    return err;
}

store_err store_open(const char *dir, const store_options *options, store **out, char *detail,
                     size_t detail_len)
{
    store__complaint c = {.path = dir, .text = detail, .len = detail_len};
    return open_store(dir, options, out, &c, open_to_write);
}

store_err store_open_read(const char *dir, const store_options *options, store **out, char *detail,
                          size_t detail_len)
{
    store__complaint c = {.path = dir, .text = detail, .len = detail_len};
    return open_store(dir, options, out, &c, open_to_read);
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

static int table_bytes(MDB_txn *txn, MDB_dbi table, uint64_t *out)
{
    MDB_stat stat;
    int rc = mdb_stat(txn, table, &stat);
    if (!rc)
        *out = (uint64_t)stat.ms_psize *
               (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
    return rc;
}

static int read_stats(const store *s, MDB_txn *txn, store_stats *out)
{
    MDB_stat documents;
    int rc = mdb_stat(txn, s->env.documents, &documents);
    if (!rc)
        out->documents = documents.ms_entries;
    if (!rc)
        rc = table_bytes(txn, s->env.tail, &out->tail_bytes);
    if (!rc)
        rc = table_bytes(txn, s->env.segments, &out->segment_bytes);
    if (!rc)
        rc = table_bytes(txn, s->env.checkpoints, &out->checkpoint_bytes);
    return rc;
}

store_err store_get_stats(store *s, store_stats *out)
{
    MDB_txn *txn;
    store__env_use use;
    store_stats stats;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = store__env_measure(&s->env, txn, &use);
    if (err == STORE_OK)
        err = store__err(read_stats(s, txn, &stats));
    store__read_end(&s->env, txn);
    if (err != STORE_OK)
        return err;
    pthread_mutex_lock(&s->index.lock);
    stats.damaged = s->damaged;
    pthread_mutex_unlock(&s->index.lock);
    stats.map_bytes = use.map_bytes;
    stats.file_bytes = use.file_bytes;
    stats.used_bytes = use.used_bytes;
    *out = stats;
    return STORE_OK;
}
