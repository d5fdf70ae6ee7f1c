/* What the parts of a check share: whom they tell, and what is known of each document so far. */
#ifndef STORAGE_VERIFY_H
#define STORAGE_VERIFY_H

#include "batch.h"

typedef enum store__owner {
    STORE__OWNER_NONE,     /* nothing says that there is, or was, such a document */
    STORE__OWNER_PURGED,   /* a deleted one, which may have left events, segments, checkpoints */
    STORE__OWNER_DAMAGED,  /* a living name leads to it, and its record cannot be read */
    STORE__OWNER_DOCUMENT, /* a living one */
} store__owner;

typedef struct store__known {
    uint64_t number;
    store__owner owner;
    store__life life; /* of the record */
    uint64_t head;    /* with the events of the tail; 0: nothing is known of it */
    size_t name_len;
    uint8_t name[];
} store__known;

typedef struct store__verify {
    store *store;
    const store__pages *pages; /* for looking things up */
    store__pages counted;      /* the same, noting the pages that walks come to */
    const char *table;         /* that is being walked */
    store__walk documents;     /* for looking records up by number, */
    store__walk names;         /* and by name */
    store__map known;          /* by number */
    uint64_t next_number;      /* UINT64_MAX: not known */
    unsigned metas;            /* records met */
    unsigned guesses;          /* damaged events whose document was looked for */
    bool unwalkable;           /* something could not even be walked */
    void (*found)(void *ctx, const store_fault *fault);
    void *ctx;
} store__verify;

/* Tells of a document (NULL: of none), and of its events, if `first` is not 0. */
void store__verify_tell(store__verify *v, const store__known *of, uint64_t first, uint64_t last,
                        const char *what);

/* What is known of a number: looked up in `documents` the first time. STORE_NO_MEMORY, STORE_IO. */
store_err store__verify_know(store__verify *v, uint64_t number, store__known **out);

/* Begins to walk a table, of which damage will be told. */
store_err store__verify_walk(store__verify *v, const char *table, store__walk *out);
/* After STORE_NOT_FOUND, ends the walk. */
void store__verify_walked(store__verify *v, store__walk *walk, const char *miscounted);

/* The events in the tail, then, with the heads that they make, documents with their segments and
 * checkpoints. */
store_err store__verify_tail(store__verify *v);
store_err store__verify_documents(store__verify *v);

#endif
