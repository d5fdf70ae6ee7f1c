/* The commit thread: gathers what documents want written, one transaction for all of it, and tells
 * each the result.
 *
 * The noun: an op (`persist_op`), one document's share of a commit, embedded by whoever asks. It
 * says: append these, tell me the ids. Ops given during one turn of the loop are handed over
 * together at its end; while the thread syncs them, the next gather. There is no timer. All
 * functions: loop thread only.
 */
#ifndef WEFT_PERSIST_PERSIST_H
#define WEFT_PERSIST_PERSIST_H

#include <store.h>

#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/slice.h"

typedef struct persist persist;
typedef struct persist_op persist_op;

/* One event to be appended; embedded by its owner. */
typedef struct persist_event {
    struct persist_event *next;
    slice update;
    uint64_t seq; /* out: the event's number; larger than the one before, perhaps with a gap */
} persist_event;

typedef enum persist_kind {
    PERSIST_APPEND,     /* events to document `number` */
    PERSIST_CREATE,     /* the document `name` with `epoch`, and events (perhaps none) to it */
    PERSIST_DELETE,     /* document `number` ends */
    PERSIST_DISCARD,    /* the document `name` ends, however damaged it is */
    PERSIST_CHECKPOINT, /* `state` is document `number` after event `seq` */
    PERSIST_PACK        /* `packs` leave the tail */
} persist_kind;

/* Everything that it points to is kept until `done`. */
struct persist_op {
    persist_kind kind;
    slice name;
    uint32_t epoch;
    uint64_t number; /* CREATE: out */
    uint64_t seq;
    slice state;
    store_packs *packs;
    persist_event *events;
    /* Called once, on the loop, in a later turn. ERR_OK: it is on disk. ERR_EXISTS, ERR_DELETED:
     * this op failed and left nothing; ERR_STORAGE_FULL, ERR_STORAGE, ERR_NO_MEMORY: the commit
     * failed and left nothing, or (ERR_STORAGE) it is not known what it left. */
    void (*done)(persist_op *op, err result);
    int64_t time_ms; /* out: when it was written */

    list_node link; /* from here on the commit thread's */
    err result;
};

typedef struct persist_stats {
    uint64_t commits;
    uint64_t commits_failed;
    uint64_t ops;
    uint64_t events;
    uint64_t event_bytes; /* of their updates */
} persist_stats;

/* Starts the thread. `l` and `s` are kept until persist_free. Aborts when there can be no thread.
 * Returns owned. */
persist *persist_new(loop *l, store *s);

/* Hands the op over; it is begun at the end of this turn, after those given before it. */
void persist_submit(persist *p, persist_op *op);

/* From now on calls `written` on the loop, after the ops of commits are done. One watcher; NULL: no
 * more. */
void persist_watch(persist *p, void (*written)(void *arg), void *arg);

/* Ops that are not done yet. */
size_t persist_waiting(const persist *p);

persist_stats persist_get_stats(const persist *p);

/* Ends the thread and, some turns later, the memory. Nothing may be waiting. */
void persist_free(persist *p);

/* The server's code for the store's: ERR_OK for STORE_OK. */
err persist_err(store_err e);

#endif
