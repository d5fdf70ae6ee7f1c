/* A data file in the making: written under a name that says so, then given its own, whole and
 * synced. Tables are filled in the order of their keys, so that its pages are full. */
#ifndef STORAGE_COPY_H
#define STORAGE_COPY_H

#include "complaint.h"
#include "pages.h"

#define STORE__PARTIAL ".partial" /* what the name ends in until the file is whole */

typedef struct store__copy {
    const store__complaint *complaint; /* everything below tells it what failed */
    const char *path;                  /* the name that the file will have */
    char *partial;
    int fd; /* locked as long as the file is being made */
    MDB_env *mdb;
    MDB_txn *txn;
    uint64_t unwritten; /* bytes put since the last commit */
} store__copy;

/* Makes the file, in place of what a process that died may have left of one. STORE_BUSY: another
 * one is at it. On failure, too, store__copy_end ends it. */
store_err store__copy_begin(store__copy *copy, const char *path, uint64_t len_max,
                            const store__complaint *complaint);

/* What to put in place of a value, if anything; *value may be pointed to the callee's bytes. */
typedef store_err (*store__edit)(void *ctx, const MDB_val *key, MDB_val *value);

/* Copies a table. `edit` may be NULL. */
store_err store__copy_table(store__copy *copy, const store__pages *from, const char *table,
                            store__edit edit, void *ctx);

/* Syncs the file and gives it its name, which stands for it also after a loss of power.
 * STORE_EXISTS: somebody else has it. */
store_err store__copy_finish(store__copy *copy);

/* Removes what is not finished. */
void store__copy_end(store__copy *copy);

/* Syncs the directory that holds a path, so that the name is kept. The system's code. */
int store__sync_parent(const char *path);
int store__sync_dir(const char *dir);

#endif
