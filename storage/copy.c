#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

#define FILE_MODE   0640
#define MAP_LEN_MIN (UINT64_C(64) << 20)

/* LMDB keeps what a transaction writes in memory. */
#define UNWRITTEN_MAX (UINT64_C(32) << 20)

int store__sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return rc;
}

int store__sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir)
        return ENOMEM;
    int rc = store__sync_dir(dir);
    free(dir);
    return rc;
}

static store_err failed(const store__copy *copy, int rc)
{
    return store__complain(copy->complaint,
                           store__err(store__explain_short_write(copy->partial, rc)),
                           "cannot write %s: %s", copy->partial, mdb_strerror(rc));
}

/* ---- beginning ---- */

/* Whether the file that was locked still has its name: whoever had locked it before may have
 * finished. */
static bool is_named(const store__copy *copy)
{
    struct stat named;
    struct stat locked;
    return stat(copy->partial, &named) == 0 && fstat(copy->fd, &locked) == 0 &&
           named.st_dev == locked.st_dev && named.st_ino == locked.st_ino;
}

static store_err make_file(store__copy *copy)
{
    copy->fd = open(copy->partial, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (copy->fd < 0)
        return failed(copy, errno);
    int rc = flock(copy->fd, LOCK_EX | LOCK_NB) != 0 ? errno : is_named(copy) ? 0 : EWOULDBLOCK;
    if (rc == 0)
        return ftruncate(copy->fd, 0) != 0 ? failed(copy, errno) : STORE_OK;
    close(copy->fd); /* it is another's, and stays */
    copy->fd = -1;
    return rc == EWOULDBLOCK ? store__complain(copy->complaint, STORE_BUSY,
                                               "another process writes %s", copy->partial)
                             : failed(copy, rc);
}

static int open_env(store__copy *copy, uint64_t len_max)
{
    int rc = mdb_env_create(&copy->mdb);
    if (rc) {
        copy->mdb = NULL;
        return rc;
    }
    if ((rc = mdb_env_set_maxdbs(copy->mdb, STORE__TABLES_MAX)) ||
        (rc = mdb_env_set_mapsize(copy->mdb, (size_t)(len_max + MAP_LEN_MIN))) ||
        (rc = mdb_env_open(copy->mdb, copy->partial, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC,
                           FILE_MODE)))
        return rc;
    return 0;
}

store_err store__copy_begin(store__copy *copy, const char *path, uint64_t len_max,
                            const store__complaint *complaint)
{
    *copy = (store__copy){.complaint = complaint, .path = path, .fd = -1};
    if (asprintf(&copy->partial, "%s" STORE__PARTIAL, path) < 0) {
        copy->partial = NULL;
        return store__complain(complaint, STORE_NO_MEMORY, "out of memory");
    }
    store_err err = make_file(copy);
    if (err != STORE_OK)
        return err;
    int rc = open_env(copy, len_max);
    return rc ? failed(copy, rc) : STORE_OK;
}

/* ---- filling ---- */

static int commit(store__copy *copy)
{
    if (!copy->txn)
        return 0;
    int rc = mdb_txn_commit(copy->txn);
    copy->txn = NULL;
    copy->unwritten = 0;
    return rc;
}

static int put(store__copy *copy, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    int rc = copy->txn ? 0 : mdb_txn_begin(copy->mdb, NULL, 0, &copy->txn);
    if (rc || (rc = mdb_put(copy->txn, table, key, value, MDB_APPEND)))
        return rc;
    copy->unwritten += key->mv_size + value->mv_size;
    return copy->unwritten < UNWRITTEN_MAX ? 0 : commit(copy);
}

/* Opened in a transaction of its own: a table's handle is good once that is committed. */
static int make_table(store__copy *copy, const char *name, MDB_dbi *table)
{
    int rc = commit(copy);
    if (rc || (rc = mdb_txn_begin(copy->mdb, NULL, 0, &copy->txn)) ||
        (rc = mdb_dbi_open(copy->txn, name, MDB_CREATE, table)))
        return rc;
    return commit(copy);
}

static store_err copy_rows(store__copy *copy, store__walk *walk, MDB_dbi table, store__edit edit,
                           void *ctx)
{
    MDB_val key;
    MDB_val value;
    store_err err;
    while ((err = store__walk_next(walk, &key, &value)) == STORE_OK) {
        if (edit && (err = edit(ctx, &key, &value)) != STORE_OK)
            return err;
        int rc = put(copy, table, &key, &value);
        if (rc)
            return failed(copy, rc);
    }
    if (err == STORE_NOT_FOUND && walk->entries == walk->tree.entries)
        return STORE_OK;
    return store__complain(copy->complaint, err == STORE_NOT_FOUND ? STORE_CORRUPT : err,
                           "the data file is damaged, or cannot be read");
}

store_err store__copy_table(store__copy *copy, const store__pages *from, const char *table,
                            store__edit edit, void *ctx)
{
    MDB_dbi made;
    store__walk walk = {.pages = from};
    store_err err = store__pages_tree(from, table, &walk.tree);
    if (err != STORE_OK)
        return store__complain(copy->complaint, err == STORE_NOT_FOUND ? STORE_CORRUPT : err,
                               "its table %s cannot be read", table);
    int rc = make_table(copy, table, &made);
    if (rc)
        return failed(copy, rc);
    err = copy_rows(copy, &walk, made, edit, ctx);
    store__walk_end(&walk);
    return err;
}

/* ---- finishing ---- */

/* LMDB leaves pages at the end unwritten that have nothing in them. */
static int extend(const store__copy *copy)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    int rc;
    if ((rc = mdb_env_info(copy->mdb, &info)) || (rc = mdb_env_stat(copy->mdb, &stat)))
        return rc;
    off_t len = (off_t)((info.me_last_pgno + 1) * stat.ms_psize);
    if (fstat(copy->fd, &file) != 0)
        return errno;
    return file.st_size < len && ftruncate(copy->fd, len) != 0 ? errno : 0;
}

static int give_name(const store__copy *copy)
{
    if (renameat2(AT_FDCWD, copy->partial, AT_FDCWD, copy->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    struct stat there; /* a file system that cannot tell at once */
    if (stat(copy->path, &there) == 0)
        return EEXIST;
    return rename(copy->partial, copy->path) != 0 ? errno : 0;
}

store_err store__copy_finish(store__copy *copy)
{
    int rc = commit(copy);
    if (!rc)
        rc = extend(copy);
    if (!rc)
        rc = mdb_env_sync(copy->mdb, 1);
    if (!rc && fsync(copy->fd) != 0)
        rc = errno;
    if (rc)
        return failed(copy, rc);
    rc = give_name(copy);
    if (rc == EEXIST)
        return store__complain(copy->complaint, STORE_EXISTS, "%s exists", copy->path);
    if (rc)
        return failed(copy, rc);
    free(copy->partial);
    copy->partial = NULL;
    rc = store__sync_parent(copy->path);
    return rc ? store__complain(copy->complaint, store__err(rc),
                                "cannot sync the directory of %s: %s", copy->path, strerror(rc))
              : STORE_OK;
}

void store__copy_end(store__copy *copy)
{
    if (copy->txn)
        mdb_txn_abort(copy->txn);
    if (copy->mdb)
        mdb_env_close(copy->mdb);
    if (copy->partial && copy->fd >= 0)
        unlink(copy->partial);
    if (copy->fd >= 0)
        close(copy->fd); /* and with it the lock */
    free(copy->partial);
}
