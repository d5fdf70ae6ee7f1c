/* Documents as they were, for who asks on the loop: replayed in the pool (replay.h), a few at a
 * time, so that the pool stays free for those who want the present. Loop thread only. */
#ifndef WEFT_PAST_PAST_H
#define WEFT_PAST_PAST_H

#include <crdt.h>
#include <store.h>
#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"

/* Documents replayed at the same time; each is whole in memory (see also base/pool.h). */
#define PAST_JOBS_MAX 2
/* Reads that wait for their turn. */
#define PAST_WAITING_MAX 1024

typedef struct past past;

/* `l` and `s` are kept until past_free. `pending_bytes_max` as for rooms. Returns owned. */
past *past_new(loop *l, store *s, size_t pending_bytes_max);
/* True while a read is under way or waits. */
bool past_busy(const past *p);
/* Reads that wait, and those still to come, are answered with ERR_DRAINING. */
void past_drain(past *p);
/* Nothing may be under way. */
void past_free(past *p);

/* One look at a document's past; embedded by whoever asks, and the past's until `done`. */
typedef struct past_read past_read;
struct past_read {
    uint64_t number;
    uint64_t seq; /* 0: before everything; the number is not looked at */
    /* In the pool, first: finds out the two above. What it returns but ERR_OK is done's. NULL: they
     * are known. */
    err (*find)(past_read *r, store *s);
    /* In the pool, with the document as of `seq`, which goes when this returns, unless it sets
     * `kept`: then it is the caller's. Its result is done's. Not called if there is no document to
     * show. */
    err (*use)(past_read *r, crdt_doc *doc);
    /* On the loop, once, after the call that asked. Besides what `use` gave: ERR_DELETED (no living
     * document has the number), ERR_STORAGE (damage), ERR_NO_MEMORY. */
    void (*done)(past_read *r, err result);

    bool kept;

    /* the past's */
    past *past;
    uv_work_t work;
    list_node link;
    err result;
};

/* ERR_OVERLOADED: too many wait already, `done` will not be called. */
ERR_MUST_CHECK err past_read_start(past *p, past_read *r);

#endif
