/* Checkpoints as the store keeps them: each with the one that it is told against. Blocking; any
 * thread but the loop's. */
#ifndef WEFT_PAST_KEPT_H
#define WEFT_PAST_KEPT_H

#include <store.h>

#include "past/checkpoint.h"

/* A checkpoint, copied out of the store. {0} is none. */
typedef struct kept {
    uint64_t seq; /* the event behind which it is; 0: there is none */
    crdt_buf bytes;
    uint64_t base_seq; /* of the one that it is told against; 0: it stands for itself */
    crdt_buf base;     /* empty as well if that one is gone: then it cannot be applied */
} kept;

/* The newest checkpoint at or before event `until` into *out, whatever that held before: owned
 * (kept_free), and {0} if there is none, which is ERR_OK, or in failure. ERR_STORAGE: it, or the
 * one that it is told against, is damaged. ERR_NO_MEMORY. Cost: a copy of both. */
ERR_MUST_CHECK err kept_find(store *s, uint64_t number, uint64_t until, kept *out);
void kept_free(kept *k); /* accepts {0} */

/* As checkpoint_apply. */
ERR_MUST_CHECK err kept_apply(const kept *k, crdt_doc *doc, uint64_t *len);

/* What the next checkpoint can be told against; borrows from it. */
checkpoint_base kept_base(const kept *k);

#endif
