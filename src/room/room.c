/* The life of a room, and its heart: the batch.
 *
 * The happy path. A write waits in `writes`. At the end of the turn, in ROOM_DURABLE,
 * `apply_writes` takes what waits, applies each update to the document, and submits what they
 * changed as one batch: ROOM_COMMITTING. New writes wait unapplied, and so does who wants to read
 * the document, since it is ahead of the disk. `batch_done`: the events have their ids; they are
 * published as one frame, then the writers are answered; ROOM_DURABLE again, and the turn that
 * follows serves the reads that waited, then applies the next writes.
 *
 * Failure. An update that the engine refuses fails alone: the document is as it was. If the commit
 * fails, or memory runs out half way through an update, the document is dropped (`room_fail`):
 * ROOM_COLD. The writers get their error; readers keep their positions; whoever still waits makes
 * the room load again. If loading fails, everybody gets the error and readers are ended.
 *
 * Close. The registry frees a room that is idle (`room_is_idle`): nothing waits, nobody reads,
 * nothing is out. Unloading never writes.
 *
 *     COLD ----room_load_start----> LOADING ----room_load_done----> DURABLE <-------+
 *      ^                              |                              |  |           |
 *      +------------------------------+                  batch_submit|  |lend       |
 *      |        room_load_done (failed)                              v  v           |
 *      +---room_fail--- DURABLE, COMMITTING, LENT         COMMITTING    LENT        |
 *                                                              |          |         |
 *                                                    batch_done|          |returned |
 *                                                              +----------+---------+
 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/must.h"
#include "room/inside.h"

static void turn(loop_task *task);
static void batch_done(persist_op *op, err result);
static void checkpoint_if_due(room *r);

/* ---- states ---- */

static bool may_follow(room_state from, room_state to)
{
    switch (to) {
    case ROOM_LOADING:
        return from == ROOM_COLD;
    case ROOM_DURABLE:
        return from == ROOM_LOADING || from == ROOM_COMMITTING || from == ROOM_LENT;
    case ROOM_COMMITTING:
    case ROOM_LENT:
        return from == ROOM_DURABLE;
    case ROOM_COLD:
        return from != ROOM_COLD;
    }
    return false;
}

void room_set_state(room *r, room_state next)
{
    must(may_follow(r->state, next));
    r->state = next;
}

room *room_new(registry *g, slice name)
{
    room *r = calloc(1, sizeof(*r) + name.len);
    must(r != NULL);
    r->feed.ops = &room_feed_ops;
    r->registry = g;
    r->state = ROOM_COLD;
    memcpy(r->name, name.data, name.len);
    r->name_len = name.len;
    loop_task_init(&r->turn, turn);
    list *lists[] = {&r->writes,  &r->batch.writes, &r->asks,   &r->reads,
                     &r->current, &r->behind,       &r->blocked};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    return r;
}

void room_set_doc(room *r, crdt_doc *doc)
{
    if (doc != r->doc)
        crdt_doc_free(r->doc);
    r->doc = doc;
    r->registry->stats.document_bytes -= r->doc_bytes;
    r->doc_bytes = doc == NULL ? 0 : crdt_doc_memory_bytes(doc);
    r->registry->stats.document_bytes += r->doc_bytes;
}

void room_free(room *r)
{
    must(room_is_idle(r));
    room_set_doc(r, NULL);
    ring_deinit(&r->ring);
    span_clear(&r->whole);
    span_clear(&r->caught);
    presence_free(r->presence);
    free(r);
}

slice room_name(const room *r)
{
    return (slice){r->name, r->name_len};
}

void room_mark(room *r)
{
    loop_at_turn_end(r->registry->loop, &r->turn);
}

static bool is_needed(const room *r)
{
    return !list_is_empty(&r->writes) || !list_is_empty(&r->asks) || !list_is_empty(&r->reads) ||
           r->reader_count > 0;
}

bool room_is_idle(const room *r)
{
    bool resting = r->state == ROOM_COLD || r->state == ROOM_DURABLE;
    bool alone = r->presence == NULL || r->registry->draining;
    return resting && alone && r->errands == 0 && !list_is_linked(&r->turn.link) && !is_needed(r);
}

/* ---- loading ---- */

void room_load_done(room *r, const room_loaded *loaded)
{
    if (loaded->result != ERR_OK) {
        room_fail(r, loaded->result);
        room_answer_asks(r, loaded->result);
        room_refuse_reads(r, loaded->result);
        room_end_readers(r);
        return;
    }
    r->facts = loaded->facts;
    room_set_doc(r, loaded->doc);
    r->checkpoint_len = loaded->checkpoint_len;
    r->checkpoint_since = loaded->checkpoint_since;
    room_set_state(r, ROOM_DURABLE);
    room_recheck_readers(r);
    room_mark(r);
}

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

static void refuse_writes(room *r, list *writes, err cause)
{
    while (!list_is_empty(writes)) {
        room_write *w = container_of(list_pop(writes), room_write, link);
        answer_write(r, w, cause);
    }
}

void room_fail(room *r, err cause)
{
    room_set_doc(r, NULL);
    span_clear(&r->whole);
    room_set_state(r, ROOM_COLD);
    refuse_writes(r, &r->batch.writes, cause);
    refuse_writes(r, &r->writes, cause);
    r->write_count = 0;
    r->write_bytes = 0;
    room_mark(r);
}

/* ---- writes ---- */

static size_t weight_of(const room_write *w)
{
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

err room_apply_err(crdt_err e)
{
    switch (e) {
    case CRDT_OK:
        return ERR_OK;
    case CRDT_MALFORMED:
        return ERR_MALFORMED_UPDATE;
    case CRDT_LIMIT:
        return ERR_PENDING_LIMIT;
    case CRDT_NO_MEMORY:
    case CRDT_FAILED:
        return ERR_NO_MEMORY;
    }
    return ERR_NO_MEMORY;
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
    crdt_doc_options options = {.pending_bytes_max = r->registry->options.pending_bytes_max};
    crdt_doc *doc = crdt_doc_new(&options);
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
    err failed = room_apply_err(crdt_doc_encode_state_vector(r->doc, &sv));
    w->missing = room_frame_of(&sv);
    return failed == ERR_OK && w->missing == NULL ? ERR_NO_MEMORY : failed;
}

static err apply_to_doc(room *r, room_write *w)
{
    crdt_applied applied;
    err failed = room_apply_err(crdt_doc_apply_v1(r->doc, bytes_of(w->update), &applied));
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
    err malformed = room_apply_err(crdt_update_validate_v1(bytes_of(w->update)));
    if (malformed != ERR_OK || crdt_update_is_empty_v1(bytes_of(w->update)))
        return malformed;
    return apply_first(r, w);
}

static err apply_create(room *r, room_write *w)
{
    if (r->doc != NULL)
        return ERR_EXISTS;
    if (w->update == NULL)
        return begin_life(r);
    err malformed = room_apply_err(crdt_update_validate_v1(bytes_of(w->update)));
    return malformed != ERR_OK ? malformed : apply_first(r, w);
}

static err apply_write(room *r, room_write *w)
{
    switch (w->kind) {
    case ROOM_UPDATE:
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

static bool batch_has_room_for(const room_batch *b, const room_write *w)
{
    if (w->kind == ROOM_DELETE) /* alone, so that the document is whole until it is gone */
        return list_is_empty(&b->writes);
    return b->op.kind != PERSIST_DELETE && b->events < ROOM_BATCH_EVENTS_MAX &&
           (b->events == 0 || b->bytes + weight_of(w) <= ROOM_BATCH_BYTES_MAX);
}

/* Hands the batch over, or answers at once if there is nothing to make durable. */
static void batch_submit(room *r)
{
    room_batch *b = &r->batch;
    if (b->op.kind == PERSIST_APPEND && b->events == 0) {
        while (!list_is_empty(&b->writes)) {
            room_write *w = container_of(list_pop(&b->writes), room_write, link);
            answer_write(r, w, w->result);
        }
        return;
    }
    room_set_state(r, ROOM_COMMITTING);
    persist_submit(r->registry->persist, &b->op);
}

static void apply_writes(room *r)
{
    if (list_is_empty(&r->writes))
        return;
    batch_begin(r);
    while (!list_is_empty(&r->writes)) {
        room_write *w = container_of(list_first(&r->writes), room_write, link);
        if (!batch_has_room_for(&r->batch, w))
            break;
        list_remove(&w->link);
        r->write_count--;
        r->write_bytes -= weight_of(w);
        w->result = apply_write(r, w);
        list_push(&r->batch.writes, &w->link);
        if (r->doc != NULL && crdt_doc_failed(r->doc)) {
            room_fail(r, ERR_NO_MEMORY);
            return;
        }
    }
    room_set_doc(r, r->doc);
    batch_submit(r);
    if (r->state == ROOM_DURABLE && !list_is_empty(&r->writes))
        room_mark(r);
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
    case PERSIST_CHECKPOINT:
        break;
    }
    for (const persist_event *e = b->op.events; e != NULL; e = e->next)
        f->head.seq = e->seq;
    f->events += b->events;
    f->log_bytes += b->bytes;
    f->updated_ms = b->op.time_ms;
    r->checkpoint_since += b->bytes;
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
    crdt_err failed = crdt_update_merge_v1(updates, count, &merged);
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

static void answer_batch(room *r)
{
    while (!list_is_empty(&r->batch.writes)) {
        room_write *w = container_of(list_pop(&r->batch.writes), room_write, link);
        answer_write(r, w, w->result);
    }
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
    checkpoint_if_due(r);
    room_mark(r);
}

/* ---- checkpoints ---- */

/* One whole state on its way to the disk. */
typedef struct checkpoint {
    persist_op op;
    room *room;
    uint64_t since; /* what checkpoint_since was when the state was taken */
    size_t len;
    char value[];
} checkpoint;

static void checkpoint_done(persist_op *op, err result)
{
    checkpoint *c = container_of(op, checkpoint, op);
    room *r = c->room;
    r->checkpoint_busy = false;
    r->errands--;
    if (r->facts.number == op->number && r->facts.life == ROOM_ALIVE) {
        /* A failed one counts as well: the next is tried when as much has come again. */
        r->checkpoint_since -= c->since;
        r->checkpoint_len = c->len;
    }
    if (result != ERR_OK && result != ERR_DELETED)
        log_warn("no checkpoint was kept: %s", err_text(result));
    free(c);
    room_mark(r);
}

static void checkpoint_give_up(room *r)
{
    r->checkpoint_busy = false;
    r->checkpoint_since = 0;
    r->errands--;
    room_mark(r);
}

/* The state has been encoded from a durable document: on to the commit thread, while the room goes
 * on. */
static void checkpoint_encoded(room_read *read, err result)
{
    room *r = container_of(read, room, checkpoint_read);
    checkpoint *c = result == ERR_OK ? malloc(sizeof(*c) + 1 + read->bytes->len) : NULL;
    if (c == NULL || read->facts.life != ROOM_ALIVE) {
        free(c);
        if (result == ERR_OK)
            frame_unref(read->bytes);
        checkpoint_give_up(r);
        return;
    }
    c->room = r;
    c->since = r->checkpoint_since;
    c->len = 1 + read->bytes->len;
    c->value[0] = ROOM_CHECKPOINT_V1;
    memcpy(c->value + 1, read->bytes->data, read->bytes->len);
    frame_unref(read->bytes);
    c->op = (persist_op){.kind = PERSIST_CHECKPOINT,
                         .number = read->facts.number,
                         .seq = read->facts.head.seq,
                         .state = {c->value, c->len},
                         .done = checkpoint_done};
    persist_submit(r->registry->persist, &c->op);
}

static void checkpoint_if_due(room *r)
{
    uint64_t due = r->checkpoint_len > ROOM_CHECKPOINT_BYTES_MIN ? r->checkpoint_len
                                                                 : ROOM_CHECKPOINT_BYTES_MIN;
    if (r->checkpoint_busy || r->checkpoint_since < due || r->facts.life != ROOM_ALIVE)
        return;
    r->checkpoint_read = (room_read){.kind = ROOM_READ_STATE, .done = checkpoint_encoded};
    if (room_read_start(r, &r->checkpoint_read) == ERR_OK) {
        r->checkpoint_busy = true;
        r->errands++;
    }
}

/* ---- turns and ticks ---- */

static void turn(loop_task *task)
{
    room *r = container_of(task, room, turn);
    if (r->state == ROOM_COLD && is_needed(r))
        room_load_start(r);
    if (r->state != ROOM_COLD && r->state != ROOM_LOADING) {
        room_answer_asks(r, ERR_OK);
        room_publish_presence(r);
        room_catch_up(r);
    }
    if (r->state == ROOM_DURABLE)
        room_serve_reads(r);
    if (r->state == ROOM_DURABLE)
        apply_writes(r);
    registry_settle(r->registry, r);
}

void room_tick(room *r, uint64_t now_ms)
{
    if (!r->warm) {
        span_clear(&r->whole);
        span_clear(&r->caught);
    }
    r->warm = false;
    if (r->presence == NULL)
        return;
    presence_tick(r->presence, now_ms);
    room_mark(r);
}
