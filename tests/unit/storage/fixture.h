/* A store in a directory of its own, and one-line ways to use it that fail the test at the caller's
 * line. */
#ifndef TEST_STORAGE_FIXTURE_H
#define TEST_STORAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <lmdb.h>
#include <sys/types.h>

#include "store.h"

#define BYTES(text) ((store_bytes){(text), strlen(text)})
#define DATE_MS     INT64_C(1700000000123)

typedef struct fixture {
    char dir[64];
    store_options options;
    store *s;
} fixture;

/* cmocka setup and teardown: a fresh open store; its directory is removed. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_open(fixture *f);
void fixture_reopen(fixture *f);
/* Copies or removes the files of a data directory. */
void copy_dir(const char *from, const char *to);
void remove_dir(const char *dir);
void make_temp_dir(char dir[64]);

/* Fails the test unless `err` is `wanted`. */
#define assert_err(err, wanted) check_err((err), (wanted), __FILE__, __LINE__)
#define assert_ok(err)          check_err((err), STORE_OK, __FILE__, __LINE__)
void check_err(store_err err, store_err wanted, const char *file, int line);

store_batch *begin(store *s);
/* A batch of one. */
store_doc create_doc(store *s, const char *name, uint32_t epoch);
void delete_doc(store *s, uint64_t number);
uint64_t append_text(store *s, uint64_t number, const char *update);
store_err try_append(store *s, uint64_t number, store_bytes update);
store_doc find_doc(store *s, const char *name);

void put_checkpoint(store *s, uint64_t number, uint64_t seq, const char *state);
/* Moves all events out of the tail. */
void pack_everything(store *s);
/* Something in every table: "packed" (segments, checkpoints at 10 and 20), "both" (a segment and
 * the tail), "tail", "empty", and "gone", which is deleted and not purged yet. */
void fill_store(store *s);

/* Within a batch. */
uint64_t batch_append(store_batch *b, uint64_t number, const char *update);

/* The events of a range as text: "1:a 2:b". Good until the next call. */
const char *read_text(store *s, uint64_t number, uint64_t after, uint64_t until);
store_err read_err(store *s, uint64_t number);
/* The names listed, at most `limit`: "a b c". */
const char *list_text(store *s, const char *prefix, const char *after, size_t limit);

/* Everything that a store tells of its documents: names, epochs, heads, events, checkpoints, and
 * what could not be read. Freed with free. */
char *dump_store(store *s);

/* ---- the data file, through LMDB itself: of a closed store ---- */

typedef struct raw {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
} raw;

/* Open for changes to one table, which is made if it is absent. */
raw raw_open(const char *dir, const char *table);
void raw_close(raw *r);
MDB_val raw_get(raw *r, MDB_val key);

/* Damage. Each closes the store and leaves it closed. Flips a bit of a value; `at` counts from its
 * end if negative. */
void flip_bit(fixture *f, const char *table, MDB_val key, long at);
void remove_row(fixture *f, const char *table, MDB_val key);
/* Wherever the key stands in the file, its value is said to be longer than a page; of a store that
 * may be open. */
void spoil_nodes(const fixture *f, MDB_val key);

/* ---- checking: of a closed store ---- */

enum { FAULTS_MAX = 32 };

typedef struct fault_seen {
    char name[64];
    char what[128];
    uint64_t first;
    uint64_t last;
} fault_seen;

typedef struct faults {
    unsigned count;
    fault_seen seen[FAULTS_MAX];
} faults;

store_err verify_store(const fixture *f, faults *out);
bool has_fault(const faults *all, const char *name, uint64_t first, uint64_t last);
void print_faults(const faults *all);
/* Closes the store for it, and opens it again. */
void assert_clean(fixture *f);

/* ---- a process that reads beside this one ---- */

/* In a child: what ends it ends it, whatever cmocka would make of a signal. */
void be_a_child(void);

typedef struct reader {
    pid_t pid;
    int ask;
    int answer;
    store_err opened;
    char detail[256];
} reader;

reader reader_start(const fixture *f);
/* What dump_store says there. Freed with free. */
char *reader_dump(reader *r);
void reader_stop(reader *r);

#endif
