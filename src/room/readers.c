/* Readers: each a position and at most one write on its way.
 *
 * The happy path. room_join puts a sink among those that are `behind`, with a note of what it must
 * still find out (`joining`). `step` brings it forward: the reset it must be told, its sync, who is
 * present, what has happened since; then it is `current`, and room_publish sends it each frame as
 * it comes. When a write does not go at once it is `blocked`; nothing queues, and when the write
 * has gone it is `behind`, or `current` again if nothing has happened.
 *
 * What a reader lacks comes from the ring or the stretch that was last put together (`find_span`),
 * from the log (catchup.c) or, for who has nothing, from the whole state (read.c).
 *
 * Failure. What cannot be put together (memory, storage) ends those readers that wait for it: they
 * come back.
 *
 * Close. A sink that has gone (`on_gone`), or that the room ends (`end_reader`), is forgotten at
 * once; what was out for it comes back to its `joining`, which is freed then.
 *
 *     room_join -> behind --step--> current --room_publish--> current
 *                   ^   \             |  (a write that does not go at once)
 *                   |    +------------+--> blocked
 *                   +------on_writable-------+
 */
#include <stdlib.h>

#include "base/must.h"
#include "room/inside.h"

static const char nothing_new[] = {0, 0};

typedef enum reader_state {
    READER_JOINING,
    READER_FOLLOWING,
    READER_BEREFT /* the document is gone: to be told and ended */
} reader_state;

typedef enum join_stage {
    JOIN_BEGIN,   /* nothing is known yet */
    JOIN_ASKING,  /* something is out: the pool, or a read */
    JOIN_WHOLE,   /* everything is to be sent */
    JOIN_SINCE,   /* everything after `id` */
    JOIN_LATEST,  /* nothing */
    JOIN_ANSWERED /* `answer` */
} join_stage;

/* What a reader must find out before its first event. */
typedef struct joining {
    room *room;
    sink *sink; /* NULL: it has gone, and who comes back frees this */
    join_stage stage;
    room_from from;
    event_id id;
    const char *reset; /* the reason to be told, or NULL */
    uv_work_t lookup;
    bool known;
    store_end end;
    store_err failed;
    room_read read;
    frame *answer;
    uint64_t answer_until;
    char sv[];
} joining;

/* ---- lists ---- */

static room *room_of(const sink *s)
{
    return container_of(s->feed, room, feed);
}

static void move(sink *s, list *to)
{
    list_remove(&s->link);
    list_push(to, &s->link);
}

static void forget_joining(sink *s)
{
    joining *j = s->joining;
    if (j == NULL)
        return;
    s->joining = NULL;
    if (j->stage == JOIN_ASKING) {
        j->sink = NULL;
        return;
    }
    frame_unref(j->answer);
    free(j);
}

/* Forgets the sink. */
static void detach(room *r, sink *s)
{
    list_remove(&s->link);
    forget_joining(s);
    if (s->client != SINK_NO_CLIENT && r->presence != NULL)
        presence_leave(r->presence, s->client, loop_now_ms(r->registry->loop));
    s->feed = NULL;
    r->reader_count--;
    r->registry->stats.readers--;
    room_mark(r);
}

static void end_reader(room *r, sink *s)
{
    detach(r, s);
    s->ops->end(s);
}

/* ---- sending ---- */

/* True if the next may follow at once. */
static bool hand_to(room *r, sink *s, frame *f)
{
    if (s->ops->send(s, f) == SINK_SENT)
        return true;
    move(s, &r->blocked);
    return false;
}

/* Encodes one event for this sink alone. False: as `hand_to`; without memory the reader is ended.
 */
static bool send_event(room *r, sink *s, const sink_event *event)
{
    frame *f = s->ops->encode(event);
    if (f == NULL) {
        end_reader(r, s);
        return false;
    }
    bool sent = hand_to(r, s, f);
    frame_unref(f);
    return sent;
}

static presence *presence_of(room *r)
{
    if (r->presence == NULL)
        r->presence = presence_new();
    return r->presence;
}

/* ---- publishing ---- */

static void move_all(list *from, list *to)
{
    list_append(to, from);
}

void room_publish(room *r, uint64_t after, frame *update)
{
    span_clear(&r->whole);
    if (update == NULL) {
        ring_reset(&r->ring);
        move_all(&r->current, &r->behind);
        return;
    }
    ring_push(&r->ring, after, r->facts.head.seq, update);
    span *newest = ring_at(&r->ring, r->ring.count - 1);
    for (list_node *n = list_first(&r->current), *next; n != NULL; n = next) {
        next = list_next(&r->current, n);
        sink *s = container_of(n, sink, link);
        frame *f = span_frame(newest, SINK_UPDATE, s->ops, r->facts.head.epoch);
        if (f == NULL) {
            move(s, &r->behind);
            continue;
        }
        s->seq = newest->until;
        hand_to(r, s, f);
    }
}

void room_publish_presence(room *r)
{
    crdt_buf changes = {0};
    if (r->presence == NULL)
        return;
    if (presence_take_changes(r->presence, &changes)) {
        r->presence_version++;
        sink_event event = {.kind = SINK_AWARENESS,
                            .data = {(const char *)changes.data, changes.len}};
        frame *frames[SINK_WIRES] = {0};
        for (list_node *n = list_first(&r->current), *next; n != NULL; n = next) {
            next = list_next(&r->current, n);
            sink *s = container_of(n, sink, link);
            frame **f = &frames[s->ops->wire];
            if (*f == NULL)
                *f = s->ops->encode(&event);
            if (*f == NULL) {
                move(s, &r->behind);
                continue;
            }
            s->presence = r->presence_version;
            hand_to(r, s, *f);
        }
        for (size_t i = 0; i < SINK_WIRES; i++)
            frame_unref(frames[i]);
    }
    crdt_buf_free(&changes);
    if (presence_is_idle(r->presence)) {
        presence_free(r->presence);
        r->presence = NULL;
    }
}

void room_end_life(room *r)
{
    ring_reset(&r->ring);
    span_clear(&r->whole);
    span_clear(&r->caught);
    if (r->presence != NULL)
        presence_clear(r->presence);
    move_all(&r->current, &r->behind);
    list *lists[] = {&r->behind, &r->blocked};
    for (size_t i = 0; i < 2; i++)
        for (list_node *n = list_first(lists[i]); n != NULL; n = list_next(lists[i], n))
            container_of(n, sink, link)->state = READER_BEREFT;
}

void room_end_readers(room *r)
{
    list *lists[] = {&r->current, &r->behind, &r->blocked};
    for (size_t i = 0; i < 3; i++)
        while (!list_is_empty(lists[i]))
            end_reader(r, container_of(list_first(lists[i]), sink, link));
}

/* A reader that was told of events that are not there must begin anew. */
void room_recheck_readers(room *r)
{
    if (r->facts.life == ROOM_DELETED) {
        room_end_life(r);
        return;
    }
    move_all(&r->current, &r->behind);
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        if (s->state == READER_FOLLOWING && s->seq > r->facts.head.seq)
            end_reader(r, s);
    }
}

/* ---- finding what a reader lacks ---- */

/* Several spans of the ring as one, kept in `caught`; NULL if that is too much for the loop. */
static span *merge_ring(room *r, uint64_t seq, size_t first, size_t count)
{
    crdt_bytes updates[RING_SPANS_MAX];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const frame *update = ring_at(&r->ring, first + i)->update;
        updates[i] = (crdt_bytes){(const uint8_t *)update->data, update->len};
        bytes += update->len;
    }
    if (bytes > ROOM_MERGE_BYTES_MAX)
        return NULL;
    crdt_buf merged = {0};
    if (crdt_update_merge_v1(updates, count, &merged) != CRDT_OK) {
        crdt_buf_free(&merged);
        return NULL;
    }
    span_clear(&r->caught);
    r->caught = span_of(seq, ring_at(&r->ring, first + count - 1)->until, room_frame_of(&merged));
    r->registry->stats.catchups++;
    return r->caught.update == NULL ? NULL : &r->caught;
}

/* What a reader at `seq` lacks, or the first part of it; NULL if it must be fetched first. */
static span *find_span(room *r, uint64_t seq)
{
    if (r->caught.update != NULL && r->caught.after == seq &&
        r->caught.until == r->facts.head.seq) {
        r->warm = true;
        return &r->caught;
    }
    size_t first;
    size_t count = ring_since(&r->ring, seq, &first);
    if (count == 1)
        return ring_at(&r->ring, first);
    span *merged = count > 1 ? merge_ring(r, seq, first, count) : NULL;
    if (merged != NULL)
        return merged;
    return r->caught.update != NULL && r->caught.after == seq ? &r->caught : NULL;
}

/* The same, and asks for it if need be. */
static span *want_span(room *r, uint64_t seq)
{
    span *found = find_span(r, seq);
    if (found == NULL && r->catchup == NULL)
        room_catchup_start(r, seq);
    return found;
}

void room_catchup_done(room *r, uint64_t after, uint64_t until, frame *update)
{
    if (update != NULL) {
        span_clear(&r->caught);
        r->caught = span_of(after, until, update);
        r->warm = true;
        room_catch_up(r);
        return;
    }
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        const joining *j = s->joining;
        if (j == NULL ? s->seq == after : j->stage == JOIN_SINCE && j->id.seq == after)
            end_reader(r, s);
    }
}

static void whole_done(room_read *read, err result)
{
    room *r = container_of(read, room, whole_read);
    r->whole_busy = false;
    r->errands--;
    if (result == ERR_OK) {
        frame_unref(read->bytes); /* the room has kept it */
        room_catch_up(r);
        return;
    }
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        const joining *j = s->joining;
        if (j != NULL && j->stage == JOIN_WHOLE)
            end_reader(r, s);
    }
}

/* The whole state, or NULL if it must be read first. */
static span *want_whole(room *r)
{
    if (r->whole.update != NULL) {
        r->warm = true;
        return &r->whole;
    }
    if (r->whole_busy)
        return NULL;
    r->whole_read = (room_read){.kind = ROOM_READ_STATE, .done = whole_done};
    if (room_read_start(r, &r->whole_read) == ERR_OK) {
        r->whole_busy = true;
        r->errands++;
    }
    return NULL;
}

/* ---- joining ---- */

/* Whether the sink is still there; else frees what was for it. */
static bool join_goes_on(joining *j)
{
    j->room->errands--;
    room_mark(j->room);
    if (j->sink != NULL)
        return true;
    frame_unref(j->answer);
    free(j);
    return false;
}

static void do_lookup(uv_work_t *work)
{
    joining *j = container_of(work, joining, lookup);
    slice name = room_name(j->room);
    j->failed = store_epoch_end(j->room->registry->store, (store_bytes){name.data, name.len},
                                j->id.epoch, &j->known, &j->end);
}

static const char *reason_of(const joining *j)
{
    if (j->failed == STORE_OK && j->known && j->end == STORE_END_DELETED)
        return "deleted";
    if (j->failed == STORE_OK && j->known && j->end == STORE_END_RESTORED)
        return "restored";
    return "unknown";
}

static void after_lookup(uv_work_t *work, int status)
{
    must(status == 0);
    joining *j = container_of(work, joining, lookup);
    j->reset = reason_of(j);
    j->stage = JOIN_WHOLE;
    join_goes_on(j);
}

static void diff_done(room_read *read, err result)
{
    joining *j = container_of(read, joining, read);
    room *r = j->room;
    if (result == ERR_OK) {
        j->answer = read->bytes;
        j->answer_until = read->facts.head.seq;
    }
    j->stage = JOIN_ANSWERED;
    if (!join_goes_on(j))
        return;
    if (result != ERR_OK)
        end_reader(r, j->sink);
    else
        room_catch_up(r);
}

static void ask_lookup(room *r, joining *j)
{
    j->stage = JOIN_ASKING;
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &j->lookup, do_lookup, after_lookup) == 0);
}

static void ask_diff(room *r, joining *j, size_t sv_len)
{
    j->read = (room_read){.kind = ROOM_READ_STATE, .sv = {j->sv, sv_len}, .done = diff_done};
    if (room_read_start(r, &j->read) != ERR_OK)
        return; /* too many wait: the next turn tries again */
    j->stage = JOIN_ASKING;
    r->errands++;
}

/* Decides what the position that came is good for. */
static void resolve_id(room *r, joining *j)
{
    const event_id head = r->facts.head;
    j->stage = JOIN_WHOLE;
    if (j->id.seq == 0 && !j->id.has_epoch)
        return;
    if (r->facts.life != ROOM_ALIVE)
        j->reset = "unknown";
    else if (j->id.has_epoch && j->id.epoch != head.epoch)
        ask_lookup(r, j);
    else if (j->id.seq > head.seq)
        j->reset = "unknown";
    else if (j->id.seq > 0)
        j->stage = JOIN_SINCE;
}

static void resolve(room *r, joining *j)
{
    switch (j->from) {
    case ROOM_FROM_NOTHING:
        j->stage = JOIN_WHOLE;
        break;
    case ROOM_FROM_LATEST:
        j->stage = JOIN_LATEST;
        break;
    case ROOM_FROM_ID:
        resolve_id(r, j);
        break;
    case ROOM_FROM_STATE_VECTOR:
        ask_diff(r, j, j->read.sv.len);
        break;
    }
}

/* Ends the joining: from here on the reader follows. */
static void joined(sink *s, uint64_t seq)
{
    forget_joining(s);
    s->seq = seq;
    s->state = READER_FOLLOWING;
}

static bool send_own_sync(room *r, sink *s, uint64_t until, slice update)
{
    frame *answer = NULL;
    const joining *j = s->joining;
    if (j->answer != NULL)
        answer = frame_ref(j->answer);
    joined(s, until);
    sink_event event = {.kind = SINK_SYNC, .id = r->facts.head, .data = update};
    event.id.seq = until;
    bool sent = send_event(r, s, &event);
    frame_unref(answer);
    return sent;
}

static bool send_span(room *r, sink *s, span *found, sink_kind kind)
{
    frame *f = span_frame(found, kind, s->ops, r->facts.head.epoch);
    if (f == NULL) {
        end_reader(r, s);
        return false;
    }
    s->seq = found->until;
    return hand_to(r, s, f);
}

/* Sends the sync if it is at hand. */
static bool send_sync(room *r, sink *s)
{
    joining *j = s->joining;
    slice nothing = {nothing_new, sizeof(nothing_new)};
    uint64_t head = r->facts.head.seq;
    if (j->stage == JOIN_ANSWERED)
        return send_own_sync(r, s, j->answer_until, frame_slice(j->answer));
    bool lacks_nothing =
        j->stage == JOIN_LATEST || head == 0 || (j->stage == JOIN_SINCE && j->id.seq == head);
    if (lacks_nothing)
        return send_own_sync(r, s, head, nothing);
    span *found = j->stage == JOIN_WHOLE ? want_whole(r) : want_span(r, j->id.seq);
    if (found == NULL)
        return false;
    joined(s, found->until);
    return send_span(r, s, found, SINK_SYNC);
}

static bool join_step(room *r, sink *s)
{
    joining *j = s->joining;
    if (j->stage == JOIN_BEGIN)
        resolve(r, j);
    if (j->stage == JOIN_BEGIN || j->stage == JOIN_ASKING)
        return false;
    if (j->reset != NULL) {
        sink_event event = {.kind = SINK_RESET, .data = slice_of(j->reset)};
        j->reset = NULL;
        if (!send_event(r, s, &event))
            return false;
    }
    return send_sync(r, s);
}

/* ---- bringing readers forward ---- */

static bool send_presence(room *r, sink *s)
{
    s->presence = r->presence_version;
    crdt_buf states = {0};
    bool sent = true;
    if (r->presence != NULL && presence_encode(r->presence, &states) && states.len > 0) {
        sink_event event = {.kind = SINK_AWARENESS,
                            .data = {(const char *)states.data, states.len}};
        sent = send_event(r, s, &event);
    }
    crdt_buf_free(&states);
    return sent;
}

static bool follow_step(room *r, sink *s)
{
    if (s->presence != r->presence_version && !send_presence(r, s))
        return false;
    while (s->seq < r->facts.head.seq) {
        span *found = want_span(r, s->seq);
        if (found == NULL || !send_span(r, s, found, SINK_UPDATE))
            return false;
    }
    return true;
}

/* Brings one reader forward as far as it goes now. */
static void step(room *r, sink *s)
{
    if (r->registry->draining) {
        end_reader(r, s);
    } else if (s->state == READER_BEREFT || r->facts.life == ROOM_DELETED) {
        sink_event event = {.kind = SINK_DELETED};
        frame *f = s->ops->encode(&event);
        if (f != NULL)
            s->ops->send(s, f);
        frame_unref(f);
        end_reader(r, s);
    } else if ((s->state == READER_FOLLOWING || join_step(r, s)) && follow_step(r, s)) {
        move(s, &r->current);
    }
}

void room_catch_up(room *r)
{
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        step(r, container_of(n, sink, link));
    }
}

void room_join(room *r, sink *s, const room_position *position)
{
    joining *j = calloc(1, sizeof(*j) + position->sv.len);
    must(j != NULL);
    j->room = r;
    j->sink = s;
    j->from = position->from;
    j->id = position->id;
    if (position->sv.len > 0)
        memcpy(j->sv, position->sv.data, position->sv.len);
    j->read.sv.len = position->sv.len;
    s->feed = &r->feed;
    s->joining = j;
    s->state = READER_JOINING;
    s->seq = 0;
    s->presence = r->presence_version - 1;
    list_push(&r->behind, &s->link);
    r->reader_count++;
    r->registry->stats.readers++;
    if (s->client != SINK_NO_CLIENT)
        presence_enter(presence_of(r), s->client);
    room_mark(r);
}

/* ---- what sinks tell ---- */

static void on_blocked(sink *s)
{
    move(s, &room_of(s)->blocked);
}

static void on_writable(sink *s)
{
    room *r = room_of(s);
    bool up_to_date = s->state == READER_FOLLOWING && s->seq == r->facts.head.seq &&
                      s->presence == r->presence_version;
    if (up_to_date) {
        move(s, &r->current);
        return;
    }
    move(s, &r->behind);
    room_mark(r);
}

static void on_gone(sink *s)
{
    detach(room_of(s), s);
}

const sink_feed_ops room_feed_ops = {
    .on_blocked = on_blocked, .on_writable = on_writable, .on_gone = on_gone};

/* ---- awareness ---- */

err room_awareness_apply(room *r, slice update)
{
    if (r->facts.life == ROOM_DELETED)
        return ERR_DELETED;
    err failed = presence_apply(presence_of(r), update, loop_now_ms(r->registry->loop));
    room_mark(r);
    return failed;
}

frame *room_awareness(const room *r)
{
    crdt_buf states = {0};
    if (r->presence != NULL && !presence_encode(r->presence, &states)) {
        crdt_buf_free(&states);
        return NULL;
    }
    if (states.len > 0)
        return room_frame_of(&states);
    static const char nobody[] = {0};
    return frame_copy((slice){nobody, sizeof(nobody)});
}
