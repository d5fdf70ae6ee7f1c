/* The happy path. ws_open takes a stream over; the feed is told of the sink; ws_start. What comes
 * is given to a reader (`on_read`), which is there only while something is unfinished, and taken
 * event by event (`pump`). What is sent goes at once, or waits: the feed for on_writable, the
 * socket's own frames in `own`, which go first (`flush`). While something waits in `own`, or the
 * owner has not taken all of a message, nothing is read. Every third visit (net/held.h) sends an
 * awareness message that says nothing, since the stock provider does not count pings; whoever is
 * silent is pinged as well.
 *
 * Failure. What is no WebSocket fails the connection: the code is sent and the stream closed. A
 * peer that has gone, takes nothing, or says nothing is cut off.
 *
 * Close (RFC 6455, section 7). `begin_closing` forgets the feed and sends the frame that closes;
 * what the peer still sends is dropped until it has answered, or WS_CLOSE_MS have passed. If the
 * peer has closed first, that frame is the answer. `let_go` closes the stream; the memory goes at
 * the end of the turn (`bury`).
 *
 *     ws_open -> OPEN --ws_close, end, peer's close, failure--> CLOSING --answered, failure,
 * late--> GONE
 *                  \------- on_end, visit
 * -------------------------------------------------------->/
 */
#include "ws/ws.h"

#include <stdlib.h>
#include <uv.h>

#include "base/must.h"
#include "ws/format.h"

/* At every third visit something is sent. */
#define KEEP_ALIVE_VISITS 3
/* Whoever has been silent for this many is pinged, each time. */
#define PING_VISITS 4
/* How often it is looked for those that do not answer the closing frame. */
#define CLOSE_LOOK_MS 500

typedef enum ws_state { WS_OPEN, WS_CLOSING, WS_GONE } ws_state;

struct ws {
    loop *loop;
    const ws_owner_ops *ops;
    size_t message_len_max;
    held_streams *held;
    size_t count; /* not gone */
    list resumed; /* OPEN: to be pumped at the end of the turn */
    loop_task resume;
    list closing; /* CLOSING, by close_ms */
    uv_timer_t close_timer;
    list gone;
    loop_task bury;
    frame *keep_alive;
    frame *ping;
    bool draining;
};

static ws_socket *of_sink(sink *s)
{
    return container_of(s, ws_socket, sink);
}

/* ---- the end ---- */

static void bury(loop_task *task)
{
    ws *all = container_of(task, ws, bury);
    while (!list_is_empty(&all->gone)) {
        ws_socket *s = container_of(list_pop(&all->gone), ws_socket, link);
        ws_reader_free(s->reader);
        frame_unref(s->own);
        free(s);
    }
}

static void let_go(ws_socket *s)
{
    ws *all = s->all;
    if (s->state == WS_OPEN)
        held_remove(all->held, &s->held);
    s->state = WS_GONE;
    list_remove(&s->link);
    if (list_is_empty(&all->closing))
        uv_timer_stop(&all->close_timer);
    stream_close(s->held.stream);
    list_push(&all->gone, &s->link);
    loop_at_turn_end(all->loop, &all->bury);
    all->count--;
}

/* Nothing is to be sent any more, and nothing to be waited for. */
static void end_if_done(ws_socket *s)
{
    if (s->state == WS_CLOSING && s->peer_done && s->own == NULL)
        let_go(s);
}

/* The feed is to forget the socket. */
static void leave_feed(ws_socket *s)
{
    if (s->sink.feed != NULL)
        s->sink.feed->ops->on_gone(&s->sink);
}

/* The peer is gone, or as good as: everybody is told. */
static void tell_gone(ws_socket *s)
{
    if (s->state != WS_OPEN)
        return;
    leave_feed(s);
    s->all->ops->on_gone(s);
}

/* ---- sending ---- */

static sink_sent send_frame(sink *s, frame *f)
{
    ws_socket *socket = of_sink(s);
    socket->close_sent = ws_format_is_close(f);
    return held_send(&socket->held, f);
}

/* Sends what waits, once nothing is pending. */
static void flush(ws_socket *s)
{
    if (s->own == NULL || stream_is_pending(s->held.stream))
        return;
    frame *f = s->own;
    s->own = NULL;
    sink_sent sent = held_send(&s->held, f);
    frame_unref(f);
    if (sent == SINK_PENDING && s->sink.feed != NULL)
        s->sink.feed->ops->on_blocked(&s->sink);
}

/* Both in one; takes them, and returns owned. */
static frame *join(frame *first, frame *second)
{
    frame *both = frame_new(first->len + second->len);
    must(both != NULL);
    memcpy(both->data, first->data, first->len);
    memcpy(both->data + first->len, second->data, second->len);
    frame_unref(first);
    frame_unref(second);
    return both;
}

/* Takes `f`. Rarely is there a second: nothing that asks for one is read before the first has gone.
 */
static void push_own(ws_socket *s, frame *f)
{
    must(f != NULL);
    s->own = s->own == NULL ? f : join(s->own, f);
    flush(s);
}

/* ---- closing ---- */

/* Those that have not answered in time. */
static void end_late(ws *all)
{
    while (!list_is_empty(&all->closing)) {
        ws_socket *s = container_of(list_first(&all->closing), ws_socket, link);
        if (s->close_ms > loop_now_ms(all->loop))
            return;
        let_go(s);
    }
}

static void on_close_timer(uv_timer_t *timer)
{
    end_late(container_of(timer, ws, close_timer));
}

static void begin_closing(ws_socket *s, uint16_t code, slice reason)
{
    ws *all = s->all;
    must(s->state == WS_OPEN);
    leave_feed(s);
    s->state = WS_CLOSING;
    s->waits = false;
    held_remove(all->held, &s->held);
    list_remove(&s->link);
    if (list_is_empty(&all->closing))
        must(uv_timer_start(&all->close_timer, on_close_timer, CLOSE_LOOK_MS, CLOSE_LOOK_MS) == 0);
    s->close_ms = loop_now_ms(all->loop) + WS_CLOSE_MS;
    list_push(&all->closing, &s->link);
    stream_read_start(s->held.stream);
    if (!s->close_sent)
        push_own(s, ws_format_close(code, reason));
    s->close_sent = true;
    end_if_done(s);
}

void ws_close(ws_socket *s, uint16_t code, const char *reason)
{
    if (s->state == WS_OPEN)
        begin_closing(s, code, slice_of(reason));
}

/* The feed has forgotten the sink. */
static void end(sink *ended)
{
    ws_socket *s = of_sink(ended);
    s->all->ops->on_gone(s);
    if (s->all->draining)
        begin_closing(s, WS_CODE_GOING_AWAY, SLICE_LITERAL("the server is ending"));
    else
        begin_closing(s, WS_CODE_COME_AGAIN, SLICE_LITERAL("try again later"));
}

static const sink_ops ws_sink_ops = {
    .wire = SINK_WIRE_WS, .encode = ws_format, .send = send_frame, .end = end};

/* The peer has closed, or sent what it must not: nothing more is expected of it. */
static void answer_close(ws_socket *s, uint16_t code, slice reason)
{
    s->peer_done = true;
    if (s->state != WS_OPEN) {
        end_if_done(s);
        return;
    }
    tell_gone(s);
    begin_closing(s, code, reason);
}

static slice reason_of_failure(uint16_t code)
{
    switch (code) {
    case WS_CODE_NOT_BINARY:
        return SLICE_LITERAL("messages are binary here");
    case WS_CODE_NOT_UTF8:
        return SLICE_LITERAL("the reason is not UTF-8");
    case WS_CODE_TOO_LARGE:
        return SLICE_LITERAL("the message is larger than is taken here");
    default:
        return SLICE_LITERAL("not a frame that may come here");
    }
}

/* ---- receiving ---- */

static void take_message(ws_socket *s, slice message)
{
    if (s->state != WS_OPEN)
        return;
    size_t used = s->all->ops->on_message(s, message);
    must(used <= message.len);
    if (used == message.len || s->state != WS_OPEN)
        return;
    s->waits = true;
    ws_reader_hold(s->reader, used);
}

static void take(ws_socket *s, const ws_event *event)
{
    switch (event->kind) {
    case WS_NOTHING:
    case WS_PONG:
        return;
    case WS_MESSAGE:
        take_message(s, event->data);
        return;
    case WS_PING:
        ws_send(s, ws_format_pong(event->data));
        return;
    case WS_CLOSE:
        answer_close(s, event->code == WS_CODE_NONE ? 0 : event->code, (slice){0});
        return;
    case WS_FAILED:
        answer_close(s, event->code, reason_of_failure(event->code));
        return;
    }
}

/* Reading waits for the owner, or for what is to be sent. */
static bool is_held_back(const ws_socket *s)
{
    return s->state == WS_OPEN && (s->waits || s->own != NULL);
}

/* What is left of the reader, and whether the stream is read. */
static void settle(ws_socket *s)
{
    if (s->state == WS_GONE)
        return;
    if (ws_reader_is_clean(s->reader) || s->peer_done) {
        ws_reader_free(s->reader);
        s->reader = NULL;
    } else {
        ws_reader_keep(s->reader);
    }
    if (is_held_back(s))
        stream_read_stop(s->held.stream);
    else
        stream_read_start(s->held.stream);
}

/* Takes what has come, as far as it goes. */
static void pump(ws_socket *s)
{
    ws_event event = {.kind = WS_MESSAGE};
    while (event.kind != WS_NOTHING && s->state != WS_GONE && !s->peer_done && !is_held_back(s)) {
        event = ws_reader_next(s->reader);
        take(s, &event);
    }
    settle(s);
}

static void give(ws_socket *s, slice bytes)
{
    if (s->reader == NULL)
        s->reader = ws_reader_new(s->all->message_len_max);
    ws_reader_give(s->reader, bytes);
}

static void on_read(void *owner, slice bytes)
{
    ws_socket *s = owner;
    s->silent = 0;
    if (s->peer_done)
        return;
    give(s, bytes);
    pump(s);
}

static void on_end(void *owner)
{
    tell_gone(owner);
    let_go(owner);
}

static void on_drain(void *owner)
{
    ws_socket *s = owner;
    held_moved(&s->held);
    flush(s);
    if (s->state == WS_CLOSING) {
        end_if_done(s);
        return;
    }
    if (!stream_is_pending(s->held.stream) && s->sink.feed != NULL)
        s->sink.feed->ops->on_writable(&s->sink);
    if (s->reader != NULL)
        pump(s);
}

static void on_pending(void *owner)
{
    ws_socket *s = owner;
    if (s->sink.feed != NULL)
        s->sink.feed->ops->on_blocked(&s->sink);
}

static const stream_owner_ops owner_ops = {
    .on_read = on_read, .on_end = on_end, .on_drain = on_drain, .on_pending = on_pending};

/* ---- visits ---- */

static void send_now(ws_socket *s, frame *f)
{
    if (held_send(&s->held, f) == SINK_PENDING && s->sink.feed != NULL)
        s->sink.feed->ops->on_blocked(&s->sink);
}

/* What is not read says nothing. */
static bool is_silent(ws_socket *s)
{
    if (is_held_back(s))
        s->silent = 0;
    else
        s->silent++;
    return s->silent >= WS_SILENT_VISITS || (s->reader != NULL && s->silent >= WS_MESSAGE_VISITS);
}

static void visit(held *h)
{
    ws_socket *s = container_of(h, ws_socket, held);
    held_look look = held_look_at(h);
    if (look == HELD_STALLED || is_silent(s)) {
        tell_gone(s);
        stream_abort(h->stream);
        let_go(s);
        return;
    }
    if (look == HELD_FREE && h->visits % KEEP_ALIVE_VISITS == 0)
        send_now(s, s->all->keep_alive);
    else if (look == HELD_FREE && s->silent >= PING_VISITS)
        send_now(s, s->all->ping);
}

/* ---- for the owner ---- */

bool ws_is_open(const ws_socket *s)
{
    return s->state == WS_OPEN;
}

static void resume(loop_task *task)
{
    ws *all = container_of(task, ws, resume);
    while (!list_is_empty(&all->resumed)) {
        ws_socket *s = container_of(list_pop(&all->resumed), ws_socket, link);
        if (s->reader != NULL)
            pump(s);
    }
}

static void pump_later(ws_socket *s)
{
    if (!list_is_linked(&s->link))
        list_push(&s->all->resumed, &s->link);
    loop_at_turn_end(s->all->loop, &s->all->resume);
}

void ws_resume(ws_socket *s)
{
    if (!s->waits)
        return;
    s->waits = false;
    pump_later(s);
}

void ws_send(ws_socket *s, frame *f)
{
    if (s->state != WS_OPEN)
        frame_unref(f);
    else
        push_own(s, f);
}

void ws_open(ws *all, ws_socket *socket, stream *s)
{
    socket->sink.ops = &ws_sink_ops;
    socket->sink.client = SINK_NO_CLIENT;
    socket->all = all;
    all->count++;
    stream_set_owner(s, &owner_ops, socket);
    held_add(all->held, &socket->held, s);
}

void ws_start(ws_socket *s, slice behind)
{
    if (behind.len == 0)
        return;
    give(s, behind);
    ws_reader_keep(s->reader);
    pump_later(s);
}

ws *ws_new(loop *l, const ws_owner_ops *ops, size_t message_len_max)
{
    ws *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->loop = l;
    all->ops = ops;
    all->message_len_max = message_len_max;
    all->held = held_new(l, visit);
    list_init(&all->resumed);
    list_init(&all->closing);
    list_init(&all->gone);
    loop_task_init(&all->resume, resume);
    loop_task_init(&all->bury, bury);
    must(uv_timer_init(loop_uv(l), &all->close_timer) == 0);
    all->keep_alive = ws_format(&(sink_event){.kind = SINK_AWARENESS});
    all->ping = ws_format_ping();
    must(all->keep_alive != NULL && all->ping != NULL);
    return all;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, ws, close_timer));
}

void ws_free(ws *all)
{
    must(all->count == 0);
    bury(&all->bury);
    loop_forget(&all->bury);
    loop_forget(&all->resume);
    held_free(all->held);
    frame_unref(all->keep_alive);
    frame_unref(all->ping);
    uv_close((uv_handle_t *)&all->close_timer, on_closed);
}

void ws_sweep(ws *all)
{
    held_sweep(all->held);
    end_late(all);
}

size_t ws_count(const ws *all)
{
    return all->count;
}

void ws_drain(ws *all)
{
    all->draining = true;
}
