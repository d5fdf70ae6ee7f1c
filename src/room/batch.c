/* The heart of a room: from queued writes to answered writers.
 *
 * The happy path. A write waits in `writes`. In ROOM_DURABLE `room_apply_writes` takes what waits,
 * applies each update to the document, and submits what they changed as one batch: ROOM_COMMITTING.
 * New writes wait unapplied, and so does who wants to read the document, since it is ahead of the
 * disk. `batch_done`: the events have their ids; they are published as one frame, which readers get
 * at the end of the turn, and the writers are answered; ROOM_DURABLE again.
 *
 * Failure. An update that the engine refuses fails alone: the document is as it was. If the commit
 * fails, or memory runs out half way through an update, the room drops the document (`room_fail`).
 * So it does once the batch is done when an edit failed half way (`spoilt`, edits.c): memory holds
 * then what is in no event. The writes behind it wait, and are applied after loading.
 *
 * Close. A batch always comes back; the room is there until then.
 *
 *     room_write_start -> writes --room_apply_writes--> batch.writes --batch_submit--> (the commit
 * thread) --batch_done--> done
 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/must.h"
#include "past/checkpoint.h"
#include "past/errs.h"
#include "past/replay.h"
#include "room/inside.h"

static void batch_done(persist_op *op, err result);

/* ---- answering ---- */

static void answer_write(room *r, room_write *w, err result)
{
    if (result == ERR_OK) {
        w->id = r->facts.head;
        if (w->changed && w->event.seq > 0)
            w->id.seq = w->event.seq;
        w->changed ? r->registry->stats.writes++ : r->registry->stats.writes_unchanged++;
    } else {
        r->registry->stats.writes_refused++;
    }
    w->done(w, result);
}

static void refuse(room *r, list *writes, err cause)
{
    while (!list_is_empty(writes)) {
        room_write *w = container_of(list_pop(writes), room_write, link);
        answer_write(r, w, cause);
    }
}

void room_refuse_writes(room *r, err cause)
{
    refuse(r, &r->batch.writes, cause);
    refuse(r, &r->writes, cause);
    r->write_count = 0;
    r->write_bytes = 0;
}

bool room_awaits_deletion(const room *r)
{
    for (list_node *n = list_first(&r->writes); n != NULL; n = list_next(&r->writes, n))
        if (container_of(n, room_write, link)->kind == ROOM_DELETE)
            return true;
    return false;
}

/* ---- waiting and being applied ---- */

static size_t weight_of(const room_write *w)
{
    if (w->kind == ROOM_EDIT)
        return w->weight;
    return w->update == NULL ? 0 : w->update->len;
}

err room_write_start(room *r, room_write *w)
{
    size_t bytes = weight_of(w);
    if (r->write_count == ROOM_WRITES_MAX || bytes > ROOM_WRITE_BYTES_MAX - r->write_bytes)
        return ERR_OVERLOADED;
    r->write_count++;
    r->write_bytes += bytes;
    w->event = (persist_event){0};
    w->changed = w->pending = false;
    w->missing = NULL;
    list_push(&r->writes, &w->link);
    room_mark(r);
    return ERR_OK;
}

static void batch_begin(room *r)
{
    room_batch *b = &r->batch;
    must(list_is_empty(&b->writes));
    b->op = (persist_op){.kind = PERSIST_APPEND,
                         .name = room_name(r),
                         .number = r->facts.number,
                         .done = batch_done};
    b->tail = &b->op.events;
    b->events = 0;
    b->bytes = 0;
}

static void batch_add_event(room_batch *b, room_write *w)
{
    w->event.update = frame_slice(w->update);
    *b->tail = &w->event;
    b->tail = &w->event.next;
    b->events++;
    b->bytes += w->update->len;
}

static crdt_bytes bytes_of(const frame *f)
{
    return (crdt_bytes){(const uint8_t *)f->data, f->len};
}

/* The epoch that the document in memory has, or will have when the batch is durable. */
static uint32_t epoch_in_memory(const room *r)
{
    return r->batch.op.kind == PERSIST_CREATE ? r->batch.op.epoch : r->facts.head.epoch;
}

/* Any epoch but the last one. */
static uint32_t draw_epoch(const room *r)
{
    uint32_t epoch;
    do {
        must(getrandom(&epoch, sizeof(epoch), 0) == (ssize_t)sizeof(epoch));
    } while (epoch == r->facts.head.epoch);
    return epoch;
}

static err begin_life(room *r)
{
    crdt_doc *doc = replay_new_doc(r->registry->options.pending_bytes_max);
    if (doc == NULL)
        return ERR_NO_MEMORY;
    room_set_doc(r, doc);
    r->batch.op.kind = PERSIST_CREATE;
    r->batch.op.epoch = draw_epoch(r);
    return ERR_OK;
}

/* The update that the document was to begin with is refused: it does not begin. */
static void undo_life(room *r)
{
    room_set_doc(r, NULL);
    r->batch.op.kind = PERSIST_APPEND;
}

static err note_missing(room *r, room_write *w)
{
    crdt_buf sv = {0};
    err failed = err_of_crdt(crdt_doc_encode_state_vector(r->doc, &sv));
    w->missing = room_frame_of(&sv);
    return failed == ERR_OK && w->missing == NULL ? ERR_NO_MEMORY : failed;
}

static err apply_to_doc(room *r, room_write *w)
{
    crdt_applied applied;
    err failed = err_of_crdt(crdt_doc_apply(r->doc, CRDT_V1, bytes_of(w->update), &applied));
    if (failed != ERR_OK)
        return failed;
    w->changed = applied.changed;
    w->pending = applied.pending;
    if (applied.changed)
        batch_add_event(&r->batch, w);
    return applied.pending ? note_missing(r, w) : ERR_OK;
}

/* Makes a document whose first update is w's. */
static err apply_first(room *r, room_write *w)
{
    err failed = begin_life(r);
    if (failed != ERR_OK)
        return failed;
    failed = apply_to_doc(r, w);
    if (failed != ERR_OK && !w->changed)
        undo_life(r);
    return failed;
}

static err apply_update(room *r, room_write *w)
{
    if (r->doc == NULL && r->facts.life == ROOM_DELETED)
        return ERR_DELETED;
    if (w->if_epoch && (r->doc == NULL || epoch_in_memory(r) != w->epoch))
        return ERR_EPOCH_CHANGED;
    if (r->doc != NULL)
        return apply_to_doc(r, w);
    err malformed = err_of_crdt(crdt_update_validate(CRDT_V1, bytes_of(w->update)));
    if (malformed != ERR_OK || crdt_update_is_empty(CRDT_V1, bytes_of(w->update)))
        return malformed;
    return apply_first(r, w);
}

err room_edit_begin(room *r, room_write *w)
{
    if (r->doc == NULL && r->facts.life == ROOM_DELETED)
        return ERR_DELETED;
    if (w->if_epoch && (r->doc == NULL || epoch_in_memory(r) != w->epoch))
        return ERR_EPOCH_CHANGED;
    w->began = r->doc == NULL;
    return w->began ? begin_life(r) : ERR_OK;
}

void room_edit_end(room *r, room_write *w, err failed, frame *update, bool spoilt)
{
    w->result = failed;
    w->update = update;
    if (update == NULL && w->began) {
        undo_life(r);
        return;
    }
    r->spoilt = spoilt;
    if (failed != ERR_OK)
        return;
    w->changed = update != NULL;
    if (w->changed)
        batch_add_event(&r->batch, w);
    w->pending = crdt_doc_pending(r->doc);
    if (w->pending)
        w->result = note_missing(r, w);
}

static err apply_create(room *r, room_write *w)
{
    if (r->doc != NULL)
        return ERR_EXISTS;
    if (w->update == NULL)
        return begin_life(r);
    err malformed = err_of_crdt(crdt_update_validate(CRDT_V1, bytes_of(w->update)));
    return malformed != ERR_OK ? malformed : apply_first(r, w);
}

static err apply_write(room *r, room_write *w)
{
    switch (w->kind) {
    case ROOM_UPDATE:
    case ROOM_EDIT: /* made, not applied */
        return apply_update(r, w);
    case ROOM_CREATE:
        return apply_create(r, w);
    case ROOM_DELETE:
        if (r->facts.life == ROOM_ALIVE)
            r->batch.op.kind = PERSIST_DELETE;
        return ERR_OK;
    }
    return ERR_OK;
}

static bool batch_has_room_for(const room *r, const room_write *w)
{
    const room_batch *b = &r->batch;
    /* Alone, so that the document is whole until it is gone; first, so that it is not lent while
     * others wait for their commit. */
    if (w->kind == ROOM_DELETE || (w->kind == ROOM_EDIT && room_edit_is_heavy(r, w)))
        return list_is_empty(&b->writes);
    return b->op.kind != PERSIST_DELETE && b->events < ROOM_BATCH_EVENTS_MAX &&
           (b->events == 0 || b->bytes + weight_of(w) <= ROOM_BATCH_BYTES_MAX);
}

static void answer_batch(room *r)
{
    while (!list_is_empty(&r->batch.writes)) {
        room_write *w = container_of(list_pop(&r->batch.writes), room_write, link);
        answer_write(r, w, w->result);
    }
    if (r->spoilt)
        room_drop(r);
}

/* Hands the batch over, or answers at once if there is nothing to make durable. */
static void batch_submit(room *r)
{
    room_batch *b = &r->batch;
    if (b->op.kind == PERSIST_APPEND && b->events == 0) {
        answer_batch(r);
        return;
    }
    room_set_state(r, ROOM_COMMITTING);
    persist_submit(r->registry->persist, &b->op);
}

static room_write *take_write(room *r)
{
    room_write *w = container_of(list_pop(&r->writes), room_write, link);
    r->write_count--;
    r->write_bytes -= weight_of(w);
    list_push(&r->batch.writes, &w->link);
    return w;
}

/* True if memory ran out half way, and the room has dropped the document. */
static bool has_failed(room *r)
{
    if (r->doc == NULL || !crdt_doc_failed(r->doc))
        return false;
    room_fail(r, ERR_NO_MEMORY);
    return true;
}

/* Applies what the batch has room for; submits it, or leaves that to room_resume_batch. */
static void fill_batch(room *r)
{
    while (!list_is_empty(&r->writes) && !r->spoilt) {
        room_write *w = container_of(list_first(&r->writes), room_write, link);
        if (!batch_has_room_for(r, w))
            break;
        take_write(r);
        if (w->kind != ROOM_EDIT)
            w->result = apply_write(r, w);
        else if (!room_edit(r, w))
            return;
        if (has_failed(r))
            return;
    }
    room_set_doc(r, r->doc);
    batch_submit(r);
    if (r->state == ROOM_DURABLE && !list_is_empty(&r->writes))
        room_mark(r);
}

void room_apply_writes(room *r)
{
    if (list_is_empty(&r->writes))
        return;
    batch_begin(r);
    fill_batch(r);
}

void room_resume_batch(room *r)
{
    if (!has_failed(r))
        fill_batch(r);
}

/* ---- the batch comes back ---- */

static void take_new_facts(room *r)
{
    const room_batch *b = &r->batch;
    room_facts *f = &r->facts;
    switch (b->op.kind) {
    case PERSIST_CREATE:
        *f = (room_facts){.life = ROOM_ALIVE,
                          .head = {.epoch = b->op.epoch, .has_epoch = true},
                          .number = b->op.number,
                          .created_ms = b->op.time_ms};
        r->checkpoint_len = r->checkpoint_since = 0;
        break;
    case PERSIST_DELETE:
        f->life = ROOM_DELETED;
        f->head.has_epoch = false;
        f->head.seq = 0;
        break;
    case PERSIST_APPEND:
    case PERSIST_DISCARD:
    case PERSIST_CHECKPOINT:
    case PERSIST_PACK:
        break;
    }
    for (const persist_event *e = b->op.events; e != NULL; e = e->next) {
        f->head.seq = e->seq;
        r->checkpoint_since += checkpoint_weight(e->update.len);
    }
    f->events += b->events;
    f->log_bytes += b->bytes;
    f->updated_ms = b->op.time_ms;
}

/* The batch's events as one update; NULL if that is too much for the loop, or memory is short. */
static frame *merged_events(const room_batch *b)
{
    if (b->events > 1 && b->bytes > ROOM_MERGE_BYTES_MAX)
        return NULL;
    crdt_bytes *updates = malloc(b->events * sizeof(*updates));
    if (updates == NULL)
        return NULL;
    size_t count = 0;
    for (const persist_event *e = b->op.events; e != NULL; e = e->next)
        updates[count++] = (crdt_bytes){(const uint8_t *)e->update.data, e->update.len};
    crdt_buf merged = {0};
    crdt_err failed = crdt_update_merge(CRDT_V1, updates, count, &merged);
    free(updates);
    if (failed == CRDT_OK)
        return room_frame_of(&merged);
    crdt_buf_free(&merged);
    return NULL;
}

static frame *update_of_batch(const room_batch *b)
{
    if (b->events > 1)
        return merged_events(b);
    const room_write *only = container_of(b->op.events, room_write, event);
    return frame_ref(only->update);
}

static void batch_done(persist_op *op, err result)
{
    room *r = container_of(op, room, batch.op);
    if (result != ERR_OK) {
        bool known = result == ERR_STORAGE_FULL || result == ERR_NO_MEMORY;
        room_fail(r, known ? result : ERR_STORAGE);
        return;
    }
    uint64_t after = op->kind == PERSIST_CREATE ? 0 : r->facts.head.seq;
    take_new_facts(r);
    room_set_state(r, ROOM_DURABLE);
    if (op->kind == PERSIST_DELETE) {
        room_set_doc(r, NULL);
        room_end_life(r);
    } else if (r->batch.events > 0) {
        room_publish(r, after, r->reader_count > 0 ? update_of_batch(&r->batch) : NULL);
    }
    answer_batch(r);
    room_checkpoint_if_due(r);
    room_mark(r);
}
