/* Readers: each a position and at most one write on its way.
 *
 * The happy path. A reader that has joined (join.c) is `behind`. `step` brings it forward: its
 * sync, who is present, what has happened since; then it is `current`. room_publish makes all of
 * them `behind` again, by one frame; so does room_publish_presence. However many they are, a turn
 * of the loop brings so many forward (ROOM_SENDS_PER_TURN) and the next goes on: writers are served
 * in between, and what they write is merged into what is still to be sent. When a write does not go
 * at once it is `blocked`; nothing queues, and when the write has gone it is `behind`, or `current`
 * again if nothing has happened.
 *
 * Failure. Without memory for its frame a reader is ended: it comes back.
 *
 * Close. A sink that has gone (`on_gone`), or that the room ends (`room_reader_end`), is forgotten
 * at once.
 *
 *     room_join -> behind --step--> current --room_publish--> behind
 *                   ^   \             |  (a write that does not go at once)
 *                   |    +------------+--> blocked
 *                   +------on_writable-------+
 */
#include <stdlib.h>

#include "base/must.h"
#include "room/inside.h"

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

/* Forgets the sink. */
static void detach(room *r, sink *s)
{
    list_remove(&s->link);
    room_join_forget(s);
    if (s->client != SINK_NO_CLIENT && r->presence != NULL)
        presence_leave(r->presence, s->client, loop_now_ms(r->registry->loop));
    s->feed = NULL;
    r->reader_count--;
    r->registry->stats.readers--;
    room_mark(r);
}

void room_reader_end(room *r, sink *s)
{
    detach(r, s);
    s->ops->end(s);
}

/* ---- sending ---- */

/* True if the next may follow at once. */
bool room_reader_hand(room *r, sink *s, frame *f)
{
    r->sends++;
    if (s->ops->send(s, f) == SINK_SENT)
        return true;
    move(s, &r->blocked);
    return false;
}

/* Encodes one event for this sink alone. False: as `room_reader_hand`; without memory the reader is
 * ended.
 */
bool room_reader_send(room *r, sink *s, const sink_event *event)
{
    frame *f = s->ops->encode(event);
    if (f == NULL) {
        room_reader_end(r, s);
        return false;
    }
    bool sent = room_reader_hand(r, s, f);
    frame_unref(f);
    return sent;
}

presence *room_presence(room *r)
{
    if (r->presence == NULL)
        r->presence = presence_new(r->presence_version);
    return r->presence;
}

bool room_reader_send_span(room *r, sink *s, span *found, sink_kind kind)
{
    frame *f = span_frame(found, kind, s->ops, r->facts.head.epoch);
    if (f == NULL) {
        room_reader_end(r, s);
        return false;
    }
    s->seq = found->until;
    return room_reader_hand(r, s, f);
}

/* ---- publishing ---- */

static void move_all(list *from, list *to)
{
    list_append(to, from);
}

void room_publish(room *r, uint64_t after, frame *update)
{
    span_clear(&r->whole);
    move_all(&r->current, &r->behind);
    if (update == NULL) {
        ring_reset(&r->ring);
        return;
    }
    ring_push(&r->ring, after, r->facts.head.seq, update);
}

void room_publish_presence(room *r)
{
    if (r->presence == NULL)
        return;
    if (presence_advance(r->presence, &r->presence_version))
        move_all(&r->current, &r->behind);
    if (presence_is_idle(r->presence) &&
        (r->reader_count == 0 || !presence_has_news(r->presence))) {
        presence_free(r->presence);
        r->presence = NULL;
    }
}

static void forget_told(room_told *told)
{
    for (size_t i = 0; i < SINK_WIRES; i++)
        frame_unref(told->frames[i]);
    *told = (room_told){0};
}

void room_forget_spans(room *r)
{
    span_clear(&r->whole);
    span_clear(&r->answered);
    frame_unref(r->answered_sv);
    r->answered_sv = NULL;
    caught_clear(&r->caught);
    forget_told(&r->told[0]);
    forget_told(&r->told[1]);
}

void room_end_life(room *r)
{
    ring_reset(&r->ring);
    room_forget_spans(r);
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
            room_reader_end(r, container_of(list_first(lists[i]), sink, link));
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
            room_reader_end(r, s);
    }
}

/* ---- bringing readers forward ---- */

static bool lacks_presence(const room *r, const sink *s)
{
    return s->presence != r->presence_version && !s->ops->updates_only;
}

/* What is kept for those who were told of `from`, which may be nothing yet. */
static room_told *told_since(room *r, uint32_t from)
{
    if (r->told_version != r->presence_version) {
        forget_told(&r->told[0]);
        forget_told(&r->told[1]);
        r->told_version = r->presence_version;
    }
    room_told *told = &r->told[from != 0];
    if (told->from != from)
        forget_told(told);
    told->from = from;
    return told;
}

/* Encodes it for sinks with these `ops`; there need be nothing. False: out of memory. */
static bool encode_told(const room *r, room_told *told, const sink_ops *ops)
{
    crdt_buf states = {0};
    bool unknown = r->presence != NULL && told->frames[ops->wire] == NULL;
    bool encoded = !unknown || presence_encode_since(r->presence, told->from, &states);
    if (encoded && states.len > 0) {
        sink_event event = {.kind = SINK_AWARENESS,
                            .data = {(const char *)states.data, states.len}};
        encoded = (told->frames[ops->wire] = ops->encode(&event)) != NULL;
    }
    crdt_buf_free(&states);
    return encoded;
}

static bool send_presence(room *r, sink *s)
{
    room_told *told = told_since(r, s->presence);
    s->presence = r->presence_version;
    if (!encode_told(r, told, s->ops)) {
        room_reader_end(r, s);
        return false;
    }
    frame *f = told->frames[s->ops->wire];
    r->warm = r->warm || f != NULL;
    return f == NULL || room_reader_hand(r, s, f);
}

static bool follow_step(room *r, sink *s)
{
    if (lacks_presence(r, s) && !send_presence(r, s))
        return false;
    while (s->seq < r->facts.head.seq) {
        span *found = room_want_span(r, s->seq);
        if (found == NULL || !room_reader_send_span(r, s, found, SINK_UPDATE))
            return false;
    }
    return true;
}

/* Brings one reader forward as far as it goes now. */
static void step(room *r, sink *s)
{
    if (r->registry->draining) {
        room_reader_end(r, s);
    } else if (s->state == READER_BEREFT || r->facts.life == ROOM_DELETED) {
        sink_event event = {.kind = SINK_DELETED};
        frame *f = s->ops->encode(&event);
        r->sends++;
        if (f != NULL)
            s->ops->send(s, f);
        frame_unref(f);
        room_reader_end(r, s);
    } else if ((s->state == READER_FOLLOWING || room_join_step(r, s)) && follow_step(r, s)) {
        move(s, &r->current);
    }
}

void room_catch_up(room *r)
{
    size_t enough = r->sends + ROOM_SENDS_PER_TURN;
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        if (r->sends >= enough) {
            loop_at_next_turn(r->registry->loop, &r->turn);
            return;
        }
        next = list_next(&r->behind, n);
        step(r, container_of(n, sink, link));
    }
}

/* ---- what sinks tell ---- */

static void on_blocked(sink *s)
{
    move(s, &room_of(s)->blocked);
}

static void on_writable(sink *s)
{
    room *r = room_of(s);
    bool up_to_date =
        s->state == READER_FOLLOWING && s->seq == r->facts.head.seq && !lacks_presence(r, s);
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
    err failed = presence_apply(room_presence(r), update, loop_now_ms(r->registry->loop));
    room_mark(r);
    return failed;
}

/* True: it is among them now, and was not. */
static bool add_client(room_clients *own, uint64_t client)
{
    for (uint32_t i = 0; i < own->count; i++)
        if (own->numbers[i] == client)
            return false;
    if (own->count == ROOM_CLIENTS_MAX)
        return false;
    if (own->count == own->max) {
        own->max = own->max == 0 ? 1 : own->max * 2;
        own->numbers = realloc(own->numbers, own->max * sizeof(*own->numbers));
        must(own->numbers != NULL);
    }
    own->numbers[own->count++] = client;
    return true;
}

/* True: it is not among them any more, and was. */
static bool take_client(room_clients *own, uint64_t client)
{
    for (uint32_t i = 0; i < own->count; i++) {
        if (own->numbers[i] == client) {
            own->numbers[i] = own->numbers[--own->count];
            return true;
        }
    }
    return false;
}

err room_awareness_bring(room *r, slice update, room_clients *own)
{
    err failed = room_awareness_apply(r, update);
    if (failed != ERR_OK)
        return failed;
    presence *p = room_presence(r);
    uint64_t now_ms = loop_now_ms(r->registry->loop);
    size_t cursor = 0;
    uint64_t client;
    bool here;
    while (presence_next_told(p, &cursor, &client, &here)) {
        if (here && add_client(own, client))
            presence_enter(p, client);
        else if (!here && take_client(own, client))
            presence_leave(p, client, now_ms);
    }
    return ERR_OK;
}

err room_awareness_introduce(room *r, slice update, room_clients *own)
{
    err failed = room_awareness_bring(r, update, own);
    uint64_t client;
    if (failed == ERR_OK && presence_is_one(r->presence, update, &client) &&
        add_client(own, client))
        presence_enter(r->presence, client);
    return failed;
}

void room_awareness_leave(room *r, room_clients *own)
{
    uint64_t now_ms = loop_now_ms(r->registry->loop);
    for (uint32_t i = 0; i < own->count; i++)
        presence_leave(r->presence, own->numbers[i], now_ms);
    free(own->numbers);
    *own = (room_clients){0};
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
