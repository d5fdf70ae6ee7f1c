/* The LMDB environment of a store: transactions, growth of the map, and what to do when LMDB gives
 * up.
 *
 * LMDB may be given a larger map only while this process has no transaction, and a failed write of
 * its meta page makes the environment refuse everything until it is opened anew. So every
 * transaction runs inside a gate: reads pass it side by side, and the owner of the batch closes it,
 * waits for the reads inside (they are short), and changes the map or the environment. Writes are
 * functions that can be run again: a full map is grown and the transaction repeated.
 *
 * The last part of a limited map is kept for deletions and what follows from them (the reserve),
 * since LMDB copies the pages it frees something in: without it a full store could not be emptied.
 */
#ifndef STORAGE_ENV_H
#define STORAGE_ENV_H

#include <pthread.h>

#include "pages.h"

typedef struct store__gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned inside;
    bool closed;
} store__gate;

typedef struct store__env {
    char *dir;
    store__gate gate;
    MDB_env *mdb; /* NULL: lost, and not opened again yet. Changes only while the gate is closed */
    bool read_only;
    MDB_txn
        *snapshot; /* read_only: the one that all reads use, as long as the environment is open */
    store__pages pages; /* of the snapshot; of a writer, as opening found them */
    bool damaged;       /* read_only: what is there cannot be read but page by page */
    bool cut;           /* read_only: the file lacks pages at its end that are in use */
    MDB_dbi meta, names, documents, tail, checkpoints, purges, segments;
    size_t map_len_min;
    size_t map_len_max;     /* with the reserve */
    size_t map_len_regular; /* without it */
    bool fatal;             /* batch owner: LMDB refuses to go on with this environment */
} store__env;

/* Which part of the map a write may use. */
typedef enum store__space { STORE__SPACE_REGULAR, STORE__SPACE_RESERVE } store__space;

/* LMDB's and the system's codes as the store's. */
store_err store__err(int rc);
/* The code of a write near `path` that LMDB reports as EIO also when the disk is full. */
int store__explain_short_write(const char *path, int rc);

/* Opens the environment in env->dir, whose options are set, without its tables. LMDB's or the
 * system's code. Needs the gate closed, or nobody else. */
int store__env_open(store__env *env);
/* As above; accepts an environment that is not open. */
void store__env_close(store__env *env);

bool store__gate_init(store__gate *gate);
void store__gate_deinit(store__gate *gate);
/* Returns when nobody is inside; nobody enters until it is opened. */
void store__gate_close(store__gate *gate);
void store__gate_open(store__gate *gate);

/* A read transaction, inside the gate; of an environment that is only read, its snapshot. Ended
 * with store__read_end, also by the same thread, and soon. */
store_err store__read_begin(store__env *env, MDB_txn **out);
void store__read_end(store__env *env, MDB_txn *txn);

/* mdb_get and mdb_cursor_get within a read transaction, for which what they find must lie within
 * the file: what a damaged page says of lengths is not followed (MDB_CORRUPTED). */
int store__get(const store__env *env, MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value);
int store__cursor_get(const store__env *env, MDB_cursor *cursor, MDB_val *key, MDB_val *value,
                      MDB_cursor_op op);

/* Batch owner: runs `write` in a write transaction and commits it. `write` returns LMDB's codes and
 * may be run several times. After STORE_OK all of it is durable, after anything else nothing is;
 * unless env->fatal is set with an error: then only reading the disk again can tell. */
store_err store__env_write(store__env *env, store__space space,
                           int (*write)(void *ctx, MDB_txn *txn), void *ctx);

/* Batch owner: the pages as of the last commit, to be read without LMDB. */
store_err store__env_pages(const store__env *env, store__pages *out);

/* Batch owner: doubles the map if it is more than half used and may grow. */
void store__env_grow_early(store__env *env);

typedef struct store__env_use {
    uint64_t map_bytes;
    uint64_t file_bytes; /* of it, up to the last page ever used */
    uint64_t used_bytes; /* without the pages that LMDB has free */
} store__env_use;

/* Inside a read transaction. */
store_err store__env_measure(store__env *env, MDB_txn *txn, store__env_use *out);

#endif
