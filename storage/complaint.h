/* Where a failure of a call on a whole store is told to people. */
#ifndef STORAGE_COMPLAINT_H
#define STORAGE_COMPLAINT_H

#include <stddef.h>

#include "store.h"

typedef struct store__complaint {
    const char *path; /* of what the sentence is about: it begins with it */
    char *text;       /* may be NULL */
    size_t len;
} store__complaint;

/* Writes the sentence, cut to its room, and returns `err`. */
__attribute__((format(printf, 3, 4))) store_err
store__complain(const store__complaint *c, store_err err, const char *format, ...);

/* Of LMDB's or the system's code for the data file. */
store_err store__complain_mdb(const store__complaint *c, int rc);

#endif
