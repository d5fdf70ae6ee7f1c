/* The index, read from the tail. */
#ifndef STORAGE_SCAN_H
#define STORAGE_SCAN_H

#include "batch.h"
#include "complaint.h"

/* Fills the empty index, the list of what is to be purged and the counters of a store whose tables
 * are open, from a read transaction and the pages that it sees. On failure they hold a part. */
store_err store__scan(store *s, MDB_txn *txn, const store__pages *pages, const store__complaint *c);

#endif
