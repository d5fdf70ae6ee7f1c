/* The happy path: the checkpoint is copied out of its read transaction, taken apart and applied;
 * then the events behind it are, a stretch at a time, so that no read transaction stays open long.
 *
 * Failure. Anything the store or the engine says ends the replay with that error and without a
 * document. But the events are whole without checkpoints: one that cannot be used costs a longer
 * replay, and a line in the log. */
#include "past/replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/must.h"
#include "past/errs.h"
#include "past/kept.h"
#include "persist/persist.h"

/* Bytes of events copied out before they are applied. Some segments' worth: the one in which a
 * stretch ends is taken apart again for the next. */
#define REPLAY_STRETCH_BYTES ((size_t)4 << 20)
/* The first allocation for them: mostly there are few. */
#define REPLAY_STRETCH_BYTES_MIN ((size_t)64 << 10)

typedef struct replaying {
    store *store;
    uint64_t number;
    uint64_t seq; /* the document stands after this event, or the stretch ends with it */
    crdt_doc *doc;
    replay took;
    err failed;     /* what went wrong inside a callback of the store */
    crdt_buf bytes; /* copied out: events, length and bytes, one after the other */
} replaying;

/* ---- copying out of a read transaction ---- */

static bool grow(crdt_buf *buf, size_t more)
{
    if (buf->cap - buf->len >= more)
        return true;
    size_t cap = buf->cap < REPLAY_STRETCH_BYTES_MIN / 2 ? REPLAY_STRETCH_BYTES_MIN : buf->cap * 2;
    if (cap < buf->len + more)
        cap = buf->len + more;
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

static bool put(crdt_buf *buf, const void *data, size_t len)
{
    if (!grow(buf, len))
        return false;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

/* False: the stretch is long enough, or memory is short. */
static bool copy_event(void *arg, const store_event *event)
{
    replaying *r = arg;
    size_t len = event->update.len;
    if (!put(&r->bytes, &len, sizeof(len)) || !put(&r->bytes, event->update.data, len)) {
        r->failed = ERR_NO_MEMORY;
        return false;
    }
    r->seq = event->seq;
    return r->bytes.len < REPLAY_STRETCH_BYTES;
}

/* ---- the checkpoint ---- */

/* ERR_STORAGE: there is one that cannot be used. */
static err use_checkpoint(replaying *r, uint64_t until)
{
    kept k;
    err failed = kept_find(r->store, r->number, until, &k);
    if (failed != ERR_OK || k.seq == 0)
        return failed;
    failed = kept_apply(&k, r->doc, &r->took.checkpoint_len);
    r->took.checkpoint_seq = r->seq = k.seq;
    kept_free(&k);
    return failed;
}

/* ---- the events ---- */

static void apply_stretch(replaying *r)
{
    const crdt_buf *buf = &r->bytes;
    for (size_t at = 0, len; at < buf->len && r->failed == ERR_OK; at += sizeof(len) + len) {
        memcpy(&len, buf->data + at, sizeof(len));
        crdt_bytes update = {buf->data + at + sizeof(len), len};
        r->failed = err_of_crdt(crdt_doc_apply(r->doc, CRDT_V1, update, NULL));
        r->took.events++;
        r->took.weight += checkpoint_weight(len);
    }
    r->bytes.len = 0;
}

static err apply_events(replaying *r, uint64_t until)
{
    while (r->seq < until && r->failed == ERR_OK) {
        uint64_t before = r->seq;
        store_err failed = store_read(r->store, r->number, r->seq, until, copy_event, r);
        if (failed != STORE_OK)
            return persist_err(failed);
        if (r->seq == before && r->failed == ERR_OK)
            return ERR_STORAGE;
        apply_stretch(r);
    }
    return r->failed;
}

/* ---- all of it ---- */

crdt_doc *replay_new_doc(size_t pending_bytes_max)
{
    crdt_doc_options options = {.pending_bytes_max = pending_bytes_max};
    must(getrandom(&options.hash_seed, sizeof(options.hash_seed), 0) ==
         (ssize_t)sizeof(options.hash_seed));
    return crdt_doc_new(&options);
}

static err begin(replaying *r, size_t pending_bytes_max)
{
    crdt_doc_free(r->doc);
    r->doc = replay_new_doc(pending_bytes_max);
    r->took = (replay){0};
    r->seq = 0;
    r->failed = ERR_OK;
    r->bytes.len = 0;
    return r->doc == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err run(replaying *r, uint64_t seq, size_t pending_bytes_max)
{
    err failed = begin(r, pending_bytes_max);
    if (failed == ERR_OK && seq > 0)
        failed = use_checkpoint(r, seq);
    if (failed == ERR_STORAGE) {
        log_warn("a checkpoint of document %llu is damaged; its events are replayed without it",
                 (unsigned long long)r->number);
        failed = begin(r, pending_bytes_max);
    }
    return failed == ERR_OK ? apply_events(r, seq) : failed;
}

err replay_doc(store *s, uint64_t number, uint64_t seq, size_t pending_bytes_max, crdt_doc **out,
               replay *took)
{
    replaying r = {.store = s, .number = number};
    err failed = run(&r, seq, pending_bytes_max);
    /* What waits may weigh more when it is put together in another order than it came. */
    while (failed == ERR_PENDING_LIMIT && pending_bytes_max < SIZE_MAX / 2) {
        pending_bytes_max *= 2;
        failed = run(&r, seq, pending_bytes_max);
    }
    crdt_buf_free(&r.bytes);
    if (failed != ERR_OK) {
        crdt_doc_free(r.doc);
        /* An update that was accepted once and is refused now is damage. */
        return failed == ERR_MALFORMED_UPDATE ? ERR_STORAGE : failed;
    }
    *out = r.doc;
    if (took != NULL)
        *took = r.took;
    return ERR_OK;
}
