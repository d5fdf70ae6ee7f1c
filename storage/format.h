/* The format version of a data directory, and its tables. */
#ifndef STORAGE_FORMAT_H
#define STORAGE_FORMAT_H

#include "batch.h"
#include "complaint.h"

#define STORE__TABLES 7u
extern const char *const store__tables[STORE__TABLES];

/* Whether the body of a format record is of the version that this store writes. */
store_err store__format_check(store_bytes body, const store__complaint *c);

/* LMDB ends the process where it comes to damaged pages: whether the pages are whole that every way
 * into the tables passes. Tables that are absent are. */
store_err store__format_check_pages(const store__pages *pages, const store__complaint *c);

/* Opens the tables to write to them: makes a new store of an empty data file, and brings an older
 * one forward. */
store_err store__format_open(store *s, const store__complaint *c);

/* Opens the tables for as long as a read transaction lasts. STORE_NOT_FOUND: there are none yet. */
store_err store__format_read(store *s, MDB_txn *txn, const store__complaint *c);

#endif
