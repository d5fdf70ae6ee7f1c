/* The life of a room: its states, its turns, and when it is dropped. The batch is batch.c's.
 *
 * The happy path. Whoever gives the room something marks it (`room_mark`); at the end of the turn
 * of the loop `turn` does what the state allows: it loads a document that somebody needs, answers
 * questions, serves reads, applies writes; behind it `show` brings readers forward. ROOM_DURABLE is
 * the state in which everything is possible; ROOM_COMMITTING and ROOM_LENT are each left in the
 * callback of what they wait for.
 *
 * Failure. When memory may disagree with the disk (a commit failed, memory ran out half way through
 * an update) the document is dropped: `room_fail`, ROOM_COLD. The writers get their error; readers
 * keep their positions; whoever still waits makes the room load again. When an edit failed half way
 * it is dropped as well, but only that writer gets an error: `room_drop`. If loading fails,
 * everybody gets the error and readers are ended.
 *
 * Close. The registry frees a room that is idle (`room_is_idle`): nothing waits, nobody reads,
 * nothing is out. Unloading never writes.
 *
 *     COLD ----room_load_start----> LOADING ----room_load_done----> DURABLE <-------+
 *      ^                              |                              |  |           |
 *      +------------------------------+                  batch_submit|  |lend       |
 *      |        room_load_done (failed)                              v  v           |
 *      +---room_drop--- DURABLE, COMMITTING, LENT         COMMITTING    LENT        |
 *                                                              |          |         |
 *                                                    batch_done|          |returned |
 *                                                              +----------+---------+
 */
#include <stdlib.h>

#include "base/must.h"
#include "room/inside.h"

static void turn(loop_task *task);
static void show(loop_task *task);

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
    loop_task_init(&r->show, show);
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
    room_forget_spans(r);
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
    bool still = !list_is_linked(&r->turn.link) && !list_is_linked(&r->show.link);
    return resting && alone && r->errands == 0 && still && !is_needed(r);
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

void room_drop(room *r)
{
    room_set_doc(r, NULL);
    span_clear(&r->whole);
    room_set_state(r, ROOM_COLD);
    r->spoilt = false;
    room_mark(r);
}

void room_fail(room *r, err cause)
{
    room_drop(r);
    room_refuse_writes(r, cause);
}

/* ---- turns and ticks ---- */

static bool is_loaded(const room *r)
{
    return r->state != ROOM_COLD && r->state != ROOM_LOADING;
}

static void turn(loop_task *task)
{
    room *r = container_of(task, room, turn);
    if (r->state == ROOM_COLD && is_needed(r))
        room_load_start(r);
    if (is_loaded(r)) {
        room_answer_asks(r, ERR_OK);
        room_publish_presence(r);
    }
    if (r->state == ROOM_DURABLE)
        room_serve_reads(r);
    if (r->state == ROOM_DURABLE)
        room_apply_writes(r);
    if (!list_is_empty(&r->behind))
        loop_at_turn_end(r->registry->loop, &r->show);
    registry_settle(r->registry, r);
}

/* Sending to many takes a while: the disk has something to do meanwhile, and writers have their
 * answers before it begins. */
static void show(loop_task *task)
{
    room *r = container_of(task, room, show);
    if (is_loaded(r))
        room_catch_up(r);
    registry_settle(r->registry, r);
}

void room_tick(room *r, uint64_t now_ms)
{
    if (!r->warm)
        room_forget_spans(r);
    r->warm = false;
    if (r->presence == NULL)
        return;
    presence_tick(r->presence, now_ms);
    room_mark(r);
}
