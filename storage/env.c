#include "env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define READERS_MAX 512u /* threads that may read at once */
#define DISK_FULL_LEN                                                                              \
    (UINT64_C(1) << 20) /* fewer bytes free than this: a short write was a full disk */
#define FILE_MODE      0640
#define META_READS_MAX 3 /* of a meta page that does not look like one */

store_err store__err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STORE_OK;
    case MDB_NOTFOUND:
        return STORE_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STORE_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_KEYEXIST:
    case MDB_INCOMPATIBLE:
        return STORE_CORRUPT;
    case MDB_VERSION_MISMATCH:
        return STORE_VERSION;
    case ENOMEM:
        return STORE_NO_MEMORY;
    default:
        return STORE_IO;
    }
}

/* ---- gate ---- */

bool store__gate_init(store__gate *gate)
{
    gate->inside = 0;
    gate->closed = false;
    if (pthread_mutex_init(&gate->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&gate->changed, NULL) == 0)
        return true;
    pthread_mutex_destroy(&gate->lock);
    return false;
}

void store__gate_deinit(store__gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

static void gate_enter(store__gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->closed)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->inside++;
    pthread_mutex_unlock(&gate->lock);
}

static void gate_leave(store__gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    if (--gate->inside == 0)
        pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void store__gate_close(store__gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->closed = true;
    while (gate->inside)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void store__gate_open(store__gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->closed = false;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* ---- open and close ---- */

/* Whether the transaction sees one commit, whole and finished. LMDB (mdb_txn_renew0) takes the
 * number T of the last commit and then copies the meta page T & 1. A thread held up between the two
 * may copy what the commit T+2 is writing there (mdb_env_write_meta), half of it, or all before it
 * is synced: a later transaction would then see less than this one. As long as T+2 has not come,
 * the copy was good. */
static bool is_settled(MDB_env *mdb, MDB_txn *txn)
{
    MDB_envinfo info;
    return mdb_env_info(mdb, &info) == 0 && info.me_last_txnid <= mdb_txn_id(txn) + 1;
}

static int begin_settled(MDB_env *mdb, MDB_txn **out)
{
    int rc = mdb_txn_begin(mdb, NULL, MDB_RDONLY, out);
    while (!rc && !is_settled(mdb, *out)) {
        mdb_txn_reset(*out);
        rc = mdb_txn_renew(*out);
        if (rc)
            mdb_txn_abort(*out);
    }
    return rc;
}

/* The pages of the snapshot: their meta page is written over by the commit after the next, so it is
 * read at once, or else a younger snapshot is taken. */
static int find_pages(store__env *env)
{
    int fd;
    int rc = mdb_env_get_fd(env->mdb, &fd);
    if (rc)
        return rc;
    store_err err = store__pages_open_at(fd, mdb_txn_id(env->snapshot), &env->pages);
    return err == STORE_OK          ? 0
           : err == STORE_NOT_FOUND ? EAGAIN
           : err == STORE_IO        ? EIO
                                    : MDB_INVALID;
}

/* A writer may have made its map larger since this one was mapped: LMDB then knows the new size. */
static int begin_snapshot(store__env *env)
{
    int rc;
    while ((rc = begin_settled(env->mdb, &env->snapshot)) == MDB_MAP_RESIZED)
        if ((rc = mdb_env_set_mapsize(env->mdb, 0)))
            break;
    if (rc)
        env->snapshot = NULL;
    return rc;
}

/* A meta page that is being written may look damaged. */
static int take_snapshot(store__env *env)
{
    for (unsigned failures = 0;;) {
        int rc = begin_snapshot(env);
        if (rc || (rc = find_pages(env)) == 0)
            return rc;
        mdb_txn_abort(env->snapshot);
        env->snapshot = NULL;
        if (rc != EAGAIN && ++failures == META_READS_MAX)
            return rc;
    }
}

/* LMDB reads through the map, and touching a page behind the end of a file is a signal. It may
 * leave the last pages of a transaction unwritten, since nothing is in them and they are free
 * again; then the file is made whole with zeroes. A file that lacks any other page was cut. */
static int extend_file(store__env *env, int fd)
{
    struct stat file;
    const store__pages *pages = &env->pages;
    bool free_pages;
    if (fstat(fd, &file) != 0)
        return errno;
    off_t len = (off_t)(pages->page_count * pages->page_len);
    if (file.st_size >= len)
        return 0;
    store_err err =
        store__pages_are_free(pages, (uint64_t)file.st_size / pages->page_len, &free_pages);
    if (err != STORE_OK)
        return err == STORE_NO_MEMORY ? ENOMEM : EIO;
    if (env->read_only) {
        env->cut = !free_pages;
        if (env->cut)
            env->pages.page_count =
                ((uint64_t)file.st_size + pages->page_len - 1) / pages->page_len;
        return 0;
    }
    if (!free_pages)
        return MDB_INVALID;
    return ftruncate(fd, len) != 0 ? errno : 0;
}

/* Of a writer: nobody else writes. */
static int find_newest_pages(store__env *env, int fd)
{
    store_err err = store__pages_open(fd, &env->pages);
    return err == STORE_OK ? 0 : err == STORE_IO ? EIO : MDB_INVALID;
}

static int check_file(store__env *env)
{
    int fd;
    int rc = mdb_env_get_fd(env->mdb, &fd);
    if (!rc)
        rc = env->read_only ? take_snapshot(env) : find_newest_pages(env, fd);
    return rc ? rc : extend_file(env, fd);
}

/* A data file that a process died over while LMDB made it is made anew. */
static int begin_anew(const store__env *env)
{
    char *path;
    struct stat file;
    if (asprintf(&path, "%s/" STORE__DATA_FILE, env->dir) < 0)
        return ENOMEM;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return 0; /* LMDB makes it, or says what is wrong */
    int rc = 0;
    if (fstat(fd, &file) == 0 && store__pages_are_unborn(fd, (uint64_t)file.st_size))
        rc = ftruncate(fd, 0) != 0 ? errno : 0;
    close(fd);
    return rc;
}

static size_t first_map_len(const store__env *env)
{
    char path[4096];
    struct stat file;
    size_t len = env->map_len_min;
    int written = snprintf(path, sizeof(path), "%s/" STORE__DATA_FILE, env->dir);
    if (written > 0 && (size_t)written < sizeof(path) && stat(path, &file) == 0)
        while (len < env->map_len_regular && len / 2 < (size_t)file.st_size)
            len *= 2;
    return len < env->map_len_regular ? len : env->map_len_regular;
}

/* LMDB found its own pages damaged, and will not return. */
static void give_up(MDB_env *mdb, const char *message)
{
    fprintf(stderr,
            "weft: %s/" STORE__DATA_FILE " is damaged (%s); look at it with `weft verify`, and "
            "restore a backup\n",
            (const char *)mdb_env_get_userctx(mdb), message);
    abort();
}

static int open_mdb(store__env *env)
{
    int rc = mdb_env_create(&env->mdb);
    if (rc) {
        env->mdb = NULL;
        return rc;
    }
    if (!env->read_only && (rc = begin_anew(env)))
        return rc;
    unsigned flags = env->read_only ? MDB_NOTLS | MDB_RDONLY : MDB_NOTLS;
    int dead;
    if ((rc = mdb_env_set_userctx(env->mdb, env->dir)) ||
        (rc = mdb_env_set_assert(env->mdb, give_up)) ||
        (rc = mdb_env_set_maxdbs(env->mdb, STORE__TABLES_MAX)) ||
        (rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX)) ||
        (rc = mdb_env_set_mapsize(env->mdb, first_map_len(env))) ||
        (rc = mdb_env_open(env->mdb, env->dir, flags, FILE_MODE)) || (rc = check_file(env)))
        return rc;
    return env->read_only ? 0 : mdb_reader_check(env->mdb, &dead);
}

int store__env_open(store__env *env)
{
    env->fatal = false;
    int rc = open_mdb(env);
    if (rc)
        store__env_close(env);
    return rc;
}

void store__env_close(store__env *env)
{
    if (env->snapshot)
        mdb_txn_abort(env->snapshot);
    env->snapshot = NULL;
    if (env->mdb)
        mdb_env_close(env->mdb);
    env->mdb = NULL;
}

/* ---- reading ---- */

store_err store__read_begin(store__env *env, MDB_txn **out)
{
    *out = env->snapshot;
    if (env->snapshot)
        return env->damaged ? STORE_CORRUPT : STORE_OK;
    gate_enter(&env->gate);
    int rc = env->mdb ? begin_settled(env->mdb, out) : EIO;
    if (rc)
        gate_leave(&env->gate);
    return store__err(rc);
}

void store__read_end(store__env *env, MDB_txn *txn)
{
    if (txn == env->snapshot)
        return;
    mdb_txn_abort(txn);
    gate_leave(&env->gate);
}

/* Bytes in the map lie within their page, or are the value of a run of pages of its own. */
static bool is_whole(const store__env *env, const MDB_val *bytes)
{
    MDB_envinfo info;
    size_t page_len = env->pages.page_len;
    size_t at = (size_t)((uintptr_t)bytes->mv_data % page_len);
    if (bytes->mv_size <= page_len - at)
        return true;
    if (at != STORE__PAGE_HEAD_LEN || mdb_env_info(env->mdb, &info) != 0)
        return false;
    return store__run_holds((const uint8_t *)bytes->mv_data - at, page_len, info.me_last_pgno,
                            bytes->mv_size);
}

int store__get(const store__env *env, MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    int rc = mdb_get(txn, table, key, value);
    return !rc && !is_whole(env, value) ? MDB_CORRUPTED : rc;
}

int store__cursor_get(const store__env *env, MDB_cursor *cursor, MDB_val *key, MDB_val *value,
                      MDB_cursor_op op)
{
    const void *wanted = key->mv_data;
    int rc = mdb_cursor_get(cursor, key, value, op);
    if (rc)
        return rc;
    bool whole = is_whole(env, value) && (key->mv_data == wanted || is_whole(env, key));
    return whole ? 0 : MDB_CORRUPTED;
}

store_err store__env_pages(const store__env *env, store__pages *out)
{
    int fd;
    MDB_envinfo info;
    if (mdb_env_get_fd(env->mdb, &fd) || mdb_env_info(env->mdb, &info))
        return STORE_IO;
    store_err err = store__pages_open_at(fd, info.me_last_txnid, out);
    return err == STORE_NOT_FOUND ? STORE_CORRUPT : err;
}

/* The pages that LMDB has free stand in its table 0, in lists that begin with their count. */
static int count_free_pages(MDB_txn *txn, uint64_t *out)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc)
        return rc;
    uint64_t pages = 0;
    MDB_val key;
    MDB_val list;
    while (!(rc = mdb_cursor_get(cursor, &key, &list, MDB_NEXT))) {
        size_t count;
        memcpy(&count, list.mv_data, sizeof(count));
        pages += count;
    }
    mdb_cursor_close(cursor);
    *out = pages;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

store_err store__env_measure(store__env *env, MDB_txn *txn, store__env_use *out)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t free_pages;
    int rc;
    if ((rc = mdb_env_info(env->mdb, &info)) || (rc = mdb_env_stat(env->mdb, &stat)) ||
        (rc = count_free_pages(txn, &free_pages)))
        return store__err(rc);
    uint64_t pages = info.me_last_pgno + 1;
    *out = (store__env_use){.map_bytes = info.me_mapsize,
                            .file_bytes = pages * stat.ms_psize,
                            .used_bytes =
                                (pages > free_pages ? pages - free_pages : 0) * stat.ms_psize};
    return STORE_OK;
}

/* ---- growing ---- */

/* A process that read beside this one and was killed holds on to the pages that it saw, until
 * somebody looks. */
static bool forget_dead_readers(store__env *env)
{
    int dead = 0;
    return mdb_reader_check(env->mdb, &dead) == 0 && dead > 0;
}

static size_t map_len(const store__env *env)
{
    MDB_envinfo info;
    return mdb_env_info(env->mdb, &info) == 0 ? info.me_mapsize : 0;
}

static store_err resize(store__env *env, size_t len)
{
    store__gate_close(&env->gate);
    int rc = mdb_env_set_mapsize(env->mdb, len);
    store__gate_open(&env->gate);
    if (rc)
        env->fatal = true; /* LMDB has let go of the old map by then */
    return store__err(rc);
}

static store_err grow(store__env *env, size_t len_max)
{
    size_t len = map_len(env);
    if (forget_dead_readers(env))
        return STORE_OK;
    if (len >= len_max)
        return STORE_FULL;
    return resize(env, len < len_max / 2 ? len * 2 : len_max);
}

void store__env_grow_early(store__env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(env->mdb, &info) || mdb_env_stat(env->mdb, &stat))
        return;
    /* A map that cannot grow yet is found full later, and the failure is reported then. */
    if ((info.me_last_pgno + 1) * stat.ms_psize > info.me_mapsize / 2)
        (void)grow(env, env->map_len_regular);
}

/* ---- writing ---- */

/* LMDB reports a write that the disk took only in part as EIO. */
int store__explain_short_write(const char *path, int rc)
{
    struct statvfs disk;
    if (rc != EIO || statvfs(path, &disk) != 0)
        return rc;
    return (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_LEN ? ENOSPC : rc;
}

static bool refuses_work(store__env *env)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc == 0)
        mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

static int write_once(store__env *env, int (*write)(void *ctx, MDB_txn *txn), void *ctx)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
    if (rc)
        return rc;
    if ((rc = write(ctx, txn))) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* Whether it is worth another try after the failure `rc`: the map has grown, or what is short
 * elsewhere may be what dead readers held. */
static bool made_room(store__env *env, int rc, size_t len_max, store_err *err)
{
    if (rc != MDB_MAP_FULL)
        return !env->fatal && forget_dead_readers(env);
    *err = grow(env, len_max);
    return *err == STORE_OK;
}

store_err store__env_write(store__env *env, store__space space,
                           int (*write)(void *ctx, MDB_txn *txn), void *ctx)
{
    size_t len_max = space == STORE__SPACE_RESERVE ? env->map_len_max : env->map_len_regular;
    store_err err;
    int rc;
    do {
        rc = write_once(env, write, ctx);
        if (rc && rc != MDB_MAP_FULL)
            env->fatal = refuses_work(env);
        err = store__err(store__explain_short_write(env->dir, rc));
    } while (rc && made_room(env, rc, len_max, &err));
    /* The reserve is given back; LMDB keeps what is in use of it. If that fails the environment is
     * opened anew. */
    if (space == STORE__SPACE_RESERVE && !env->fatal && map_len(env) > env->map_len_regular)
        (void)resize(env, env->map_len_regular);
    return err;
}
