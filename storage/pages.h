/* LMDB's data file, read without trusting it.
 *
 * LMDB follows what stands in its pages, and ends the process, or worse, where they are damaged.
 * Who has to read all of a file that may be damaged (a check, a copy, opening) reads it here: every
 * page is checked before anything in it is followed, and is read with pread, so that a file cut
 * short or a disk that fails is an error and not a signal. Only reading, and only of what the store
 * makes: tables without duplicates, of one page size, on a machine like the one that wrote it.
 *
 *     page     16 bytes of head (its number, flags, where its nodes end and begin), offsets of
 *              nodes, free room, nodes. Branch nodes lead to pages, leaf nodes hold a key and its
 *              value, or where that stands: a run of pages of its own (overflow)
 *     tree     a table: its root, how deep it is, and how many entries there are
 *     meta     pages 0 and 1 in turn: the trees of the free pages and of the tables, as of a commit
 */
#ifndef STORAGE_PAGES_H
#define STORAGE_PAGES_H

#include "key.h"

#define STORE__DEPTH_MAX 32u /* LMDB's own limit (CURSOR_STACK) */

typedef struct store__tree {
    uint64_t root; /* UINT64_MAX: it is empty */
    uint64_t entries;
    unsigned depth;
    bool integer_keys; /* in the machine's order: the free pages, by commit */
} store__tree;

/* A data file as of one commit. */
typedef struct store__pages {
    int fd; /* the caller's */
    uint32_t page_len;
    uint64_t page_count; /* that may be in use */
    uint64_t commit;
    store__tree free;
    store__tree tables;
    uint8_t *used; /* a bit for each page that a walk has come to; NULL: nobody counts */
} store__pages;

/* Reads the meta page of a commit: STORE_NOT_FOUND: it has been written over since. */
store_err store__pages_open_at(int fd, uint64_t commit, store__pages *out);
/* Of the newest commit: of a file that nobody writes. STORE_CORRUPT: it is no data file. */
store_err store__pages_open(int fd, store__pages *out);

#define STORE__PAGE_HEAD_LEN 16u

/* Whether what begins at `page`, in a map of the file, is a run of pages with room for a value. */
bool store__run_holds(const uint8_t *page, size_t page_len, uint64_t last_page, size_t value_len);

/* Whether nothing stands in the pages from `first` on: all of them are free. */
store_err store__pages_are_free(const store__pages *pages, uint64_t first, bool *out);

/* A list of the tree of free pages: its pages, in the machine's order. False: it is none. */
bool store__pages_list(const MDB_val *value, const uint8_t **numbers, uint64_t *count);

/* Whether a file of `len` bytes is what is left of one whose making was broken off: LMDB writes
 * both meta pages first, and they are of no commit. */
bool store__pages_are_unborn(int fd, uint64_t len);

/* A table by its name. STORE_NOT_FOUND, or what came in the way. */
store_err store__pages_tree(const store__pages *pages, const char *name, store__tree *out);

/* A level of a walk: a page, checked, and the node that is next. */
typedef struct store__level {
    uint8_t *page;
    uint64_t number; /* of the page, once it was found whole; 0: none */
    unsigned count;
    unsigned next;
    MDB_val low;  /* keys are not below it, */
    MDB_val high; /* and are below this; without data: no bound */
} store__level;

/* Through a tree in the order of its keys. All zeroes but the first three is a walk to begin. */
typedef struct store__walk {
    const store__pages *pages;
    store__tree tree;
    /* Told what is damaged, which then is passed over; `key` is of the entry, if it is one. NULL:
     * damage ends the walk. */
    void (*damaged)(void *ctx, const MDB_val *key, const char *what);
    void *ctx;
    bool heads_only; /* of a value in a run of pages its length is told, and nothing read */
    bool begun;
    unsigned depth;
    store__level levels[STORE__DEPTH_MAX];
    store_buf value;  /* of a run of pages */
    uint64_t entries; /* met */
} store__walk;

/* The next entry, borrowed until the next call. STORE_NOT_FOUND: there are no more. STORE_CORRUPT,
 * STORE_IO, STORE_NO_MEMORY. */
store_err store__walk_next(store__walk *walk, MDB_val *key, MDB_val *value);
/* The entry of a key; afterwards the walk goes on behind it. STORE_NOT_FOUND: there is none. A walk
 * that finds one key after the other keeps the pages on its way. */
store_err store__walk_find(store__walk *walk, MDB_val wanted, MDB_val *value);
/* Whether LMDB could remove the entry that was come to last: it then looks at the pages beside
 * those that lead there, and at the first ones below these. STORE_OK, or as store__walk_next. */
store_err store__walk_check_beside(const store__walk *walk);
/* The page of that entry. */
uint64_t store__walk_leaf(const store__walk *walk);
void store__walk_end(store__walk *walk);

#endif
