/* What the benches of the log share: a store in a directory of its own, filled with events that are
 * made up. Whatever fails ends the program with a sentence. */
#ifndef TESTS_BENCH_STORING_H
#define TESTS_BENCH_STORING_H

#include <stddef.h>
#include <stdint.h>

#include "store.h"

typedef struct storing {
    const char *dir;
    store *s;
    uint64_t documents;
    uint64_t random; /* the state of storing_random */
} storing;

void storing_must(store_err err, const char *what);
/* Ends the program if there is something at `path`. */
void storing_must_be_new(const char *path);

double storing_now_s(void);
/* Of 31 bits; the same numbers in every run. */
uint64_t storing_random(storing *b);

/* Opens `b->dir` in place of what is open. */
void storing_open(storing *b);
/* As many as `b->documents` says; in a new store they have the numbers 1, 2, ... */
void storing_create_documents(storing *b);
/* Moves all events out of the tail. */
void storing_pack_all(storing *b);

/* Bytes of the data file. */
uint64_t storing_file_len(const char *dir);
void storing_remove(const char *dir);

#endif
