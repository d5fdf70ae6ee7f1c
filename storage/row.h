/* Rows of one document in a table whose keys are a document and a seq. */
#ifndef STORAGE_ROW_H
#define STORAGE_ROW_H

#include "env.h"
#include "key.h"

/* The document's last row at or before *seq, or its first one at or after it: its seq into *seq,
 * its body borrowed from the transaction. STORE_NOT_FOUND: there is none. STORE_CORRUPT: it, or the
 * key that was come to, is damaged. */
store_err store__row_back(const store__env *env, MDB_txn *txn, MDB_dbi table, uint64_t number,
                          uint64_t *seq, store_bytes *body);
store_err store__row_on(const store__env *env, MDB_txn *txn, MDB_dbi table, uint64_t number,
                        uint64_t *seq, store_bytes *body);

#endif
