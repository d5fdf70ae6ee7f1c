/* Storage into a document, in the pool.
 *
 * The happy path. room_load_start gives the pool a job that looks the name up, applies the newest
 * checkpoint and then the events after it, a stretch at a time so that no read transaction stays
 * open long; `after_load` hands the document over. Nobody else writes to the document meanwhile:
 * what writes is the room, and it is loading.
 *
 * Failure. Anything the store or the engine says ends the job with that error and without a
 * document.
 *
 * Close. The job always comes back; the room is there until then (`errands`).
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "room/inside.h"

/* Bytes of events copied out of one read transaction. */
#define LOAD_STRETCH_BYTES ((size_t)1 << 20)

typedef struct load {
    uv_work_t work;
    room *room;
    store *store;
    size_t pending_bytes_max;
    room_loaded out;
    uint64_t seq;     /* the document stands after this event */
    err failed;       /* what went wrong inside a callback of the store */
    crdt_buf stretch; /* events copied out: length and bytes, one after the other */
} load;

/* ---- in the pool ---- */

static void apply(load *l, crdt_bytes update)
{
    if (l->failed == ERR_OK)
        l->failed = room_apply_err(crdt_doc_apply(l->out.doc, CRDT_V1, update, NULL));
}

static void use_checkpoint(void *arg, uint64_t seq, store_bytes state)
{
    load *l = arg;
    const uint8_t *bytes = state.data;
    if (state.len == 0 || bytes[0] != ROOM_CHECKPOINT_V1) {
        l->failed = ERR_STORAGE;
        return;
    }
    apply(l, (crdt_bytes){bytes + 1, state.len - 1});
    l->seq = seq;
    l->out.checkpoint_len = state.len;
}

static bool grow(crdt_buf *buf, size_t more)
{
    if (buf->cap - buf->len >= more)
        return true;
    size_t cap = buf->len + more > LOAD_STRETCH_BYTES ? buf->len + more : LOAD_STRETCH_BYTES;
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

/* Copies one event out of the read transaction; stops it when the stretch is long enough. */
static bool copy_event(void *arg, const store_event *event)
{
    load *l = arg;
    crdt_buf *buf = &l->stretch;
    size_t len = event->update.len;
    if (!grow(buf, sizeof(len) + len)) {
        l->failed = ERR_NO_MEMORY;
        return false;
    }
    memcpy(buf->data + buf->len, &len, sizeof(len));
    memcpy(buf->data + buf->len + sizeof(len), event->update.data, len);
    buf->len += sizeof(len) + len;
    l->seq = event->seq;
    return buf->len < LOAD_STRETCH_BYTES;
}

static void apply_stretch(load *l)
{
    crdt_buf *buf = &l->stretch;
    for (size_t at = 0, len; at < buf->len; at += sizeof(len) + len) {
        memcpy(&len, buf->data + at, sizeof(len));
        apply(l, (crdt_bytes){buf->data + at + sizeof(len), len});
        l->out.checkpoint_since += len;
    }
    buf->len = 0;
}

static err read_events(load *l)
{
    uint64_t head = l->out.facts.head.seq;
    while (l->seq < head && l->failed == ERR_OK) {
        uint64_t before = l->seq;
        store_err failed = store_read(l->store, l->out.facts.number, l->seq, head, copy_event, l);
        if (failed != STORE_OK)
            return persist_err(failed);
        if (l->seq == before && l->failed == ERR_OK)
            return ERR_STORAGE;
        apply_stretch(l);
    }
    return l->failed;
}

static err read_document(load *l)
{
    crdt_doc_options options = {.pending_bytes_max = l->pending_bytes_max};
    l->out.doc = crdt_doc_new(&options);
    if (l->out.doc == NULL)
        return ERR_NO_MEMORY;
    l->seq = 0;
    l->failed = ERR_OK;
    l->out.checkpoint_len = l->out.checkpoint_since = 0;
    store_err failed = store_checkpoint_find(l->store, l->out.facts.number, l->out.facts.head.seq,
                                             use_checkpoint, l);
    if (failed != STORE_OK && failed != STORE_NOT_FOUND)
        return persist_err(failed);
    return read_events(l);
}

static err find(load *l)
{
    slice name = room_name(l->room);
    store_doc found;
    store_err failed = store_find(l->store, (store_bytes){name.data, name.len}, &found);
    if (failed == STORE_NOT_FOUND) {
        l->out.facts = (room_facts){.life = ROOM_NONE};
        return ERR_OK;
    }
    if (failed != STORE_OK)
        return persist_err(failed);
    l->out.facts = (room_facts){.life = found.deleted ? ROOM_DELETED : ROOM_ALIVE,
                                .head = {.seq = found.deleted ? 0 : found.head,
                                         .epoch = found.epoch,
                                         .has_epoch = !found.deleted},
                                .number = found.number,
                                .events = found.events,
                                .log_bytes = found.log_bytes,
                                .created_ms = found.created_ms,
                                .updated_ms = found.updated_ms};
    return ERR_OK;
}

static void do_load(uv_work_t *work)
{
    load *l = container_of(work, load, work);
    err failed = find(l);
    if (failed == ERR_OK && l->out.facts.life == ROOM_ALIVE) {
        failed = read_document(l);
        /* What waits may weigh more when it is put together in another order than it came. */
        while (failed == ERR_PENDING_LIMIT && l->pending_bytes_max < SIZE_MAX / 2) {
            crdt_doc_free(l->out.doc);
            l->pending_bytes_max *= 2;
            failed = read_document(l);
        }
    }
    if (failed != ERR_OK) {
        crdt_doc_free(l->out.doc);
        l->out.doc = NULL;
    }
    /* An update that was accepted once and is refused now is damage. */
    l->out.result = failed == ERR_MALFORMED_UPDATE ? ERR_STORAGE : failed;
}

/* ---- on the loop ---- */

static void after_load(uv_work_t *work, int status)
{
    must(status == 0);
    load *l = container_of(work, load, work);
    room *r = l->room;
    if (l->out.result != ERR_OK)
        log_error("a document cannot be loaded: %s", err_text(l->out.result));
    r->errands--;
    r->registry->stats.loads++;
    room_load_done(r, &l->out);
    crdt_buf_free(&l->stretch);
    free(l);
}

void room_load_start(room *r)
{
    load *l = calloc(1, sizeof(*l));
    must(l != NULL);
    l->room = r;
    l->store = r->registry->store;
    l->pending_bytes_max = r->registry->options.pending_bytes_max;
    room_set_state(r, ROOM_LOADING);
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &l->work, do_load, after_load) == 0);
}
