/* The happy path. sse_open takes a stream over; the feed is told of the sink; sse_start sends
 * `retry`, and from then on the feed sends frames (`send_frame`). When a write does not go at once
 * the feed waits for on_writable. One timer visits all streams in turn, a few at a time: a comment
 * every 15 s, and a look whether the peer still takes anything.
 *
 * Failure. The peer goes (`on_end`), or takes nothing for SSE_STALL_VISITS visits: the feed is
 * told, the stream ends.
 *
 * Close. `let_go` unlinks, closes the stream and frees, whoever began it: the feed (`end`), the
 * peer, or a stall.
 *
 *     sse_open -> OPENING --begin--> OPEN --end, on_end, stalled--> (gone)
 */
#include "sse/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <uv.h>

#include "base/must.h"
#include "sse/format.h"

/* A stream is visited this often; at every third visit a comment is sent. */
#define SSE_VISIT_MS       5000
#define SSE_COMMENT_VISITS 3
/* Visits without progress of a pending write (60 s) after which the peer has given up reading. */
#define SSE_STALL_VISITS 12
/* The timer's step, and the visits in one: many streams that began together come apart. */
#define SSE_TICK_MS         100
#define SSE_VISITS_PER_TICK 512
/* Reconnection times, drawn for each stream so that clients cut off together do not come back
 * together. */
#define SSE_RETRY_MIN_MS 1000
#define SSE_RETRY_MAX_MS 5000
/* What the kernel may hold for one stream. */
#define SSE_SEND_BUFFER 16384

typedef enum sse_state {
    SSE_OPENING, /* the head, or what precedes the first event, is on its way */
    SSE_OPEN
} sse_state;

struct sse {
    loop *loop;
    uv_timer_t timer;
    list streams; /* the one to be visited next is the first */
    size_t count;
};

/* One event stream. There may be very many: it holds no buffers. */
typedef struct event_stream {
    sink sink;
    stream *stream;
    sse *all;
    list_node link;    /* in sse.streams */
    uint64_t visit_ms; /* when it is due */
    uint32_t unsent;   /* bytes that waited at the last visit */
    uint8_t stalled;   /* visits since which that has not become less */
    uint8_t visits;
    uint8_t state;
} event_stream;

static event_stream *of_sink(sink *s)
{
    return container_of(s, event_stream, sink);
}

static void let_go(event_stream *e)
{
    sse *all = e->all;
    list_remove(&e->link);
    if (--all->count == 0)
        uv_timer_stop(&all->timer);
    stream_close(e->stream);
    free(e);
}

/* ---- sending ---- */

static sink_sent send_frame(sink *s, frame *f)
{
    switch (stream_write(of_sink(s)->stream, frame_slice(f), frame_release, frame_ref(f))) {
    case STREAM_WRITTEN:
        frame_unref(f);
        return SINK_SENT;
    case STREAM_PENDING:
        return SINK_PENDING;
    case STREAM_BROKEN:
        frame_unref(f);
        return SINK_BROKEN;
    }
    return SINK_BROKEN;
}

static void end(sink *s)
{
    let_go(of_sink(s));
}

const sink_ops sse_sink_ops = {
    .wire = SINK_WIRE_SSE, .encode = sse_format, .send = send_frame, .end = end};

/* ---- the stream's events ---- */

static void on_read(void *owner, slice bytes)
{
    (void)owner; /* nothing is expected, nothing is made of it */
    (void)bytes;
}

static void on_end(void *owner)
{
    event_stream *e = owner;
    e->sink.feed->ops->on_gone(&e->sink);
    let_go(e);
}

/* Tells the client when to come back. True if the feed may send at once. */
static bool begin(event_stream *e)
{
    uint16_t drawn;
    must(getrandom(&drawn, sizeof(drawn), 0) == (ssize_t)sizeof(drawn));
    unsigned retry_ms = SSE_RETRY_MIN_MS + drawn % (SSE_RETRY_MAX_MS - SSE_RETRY_MIN_MS + 1);
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n", retry_ms);
    e->state = SSE_OPEN;
    return stream_write_copy(e->stream, (slice){text, (size_t)len}) == STREAM_WRITTEN;
}

static void on_drain(void *owner)
{
    event_stream *e = owner;
    e->stalled = 0;
    if (e->state == SSE_OPENING && !begin(e))
        return;
    e->sink.feed->ops->on_writable(&e->sink);
}

static const stream_owner_ops owner_ops = {
    .on_read = on_read, .on_end = on_end, .on_drain = on_drain};

/* ---- visits ---- */

static void comment(event_stream *e)
{
    if (stream_write(e->stream, SLICE_LITERAL(":\n\n"), NULL, NULL) != STREAM_WRITTEN)
        e->sink.feed->ops->on_blocked(&e->sink);
}

/* True once a pending write has not got any shorter for too long. */
static bool is_stalled(event_stream *e)
{
    size_t unsent = stream_pending_bytes(e->stream);
    uint32_t shown = unsent > UINT32_MAX ? UINT32_MAX : (uint32_t)unsent;
    bool progress = shown < e->unsent || e->unsent == 0;
    e->unsent = shown;
    e->stalled = progress ? 0 : (uint8_t)(e->stalled + 1);
    return e->stalled >= SSE_STALL_VISITS;
}

static void visit(event_stream *e)
{
    e->visits = (uint8_t)((e->visits + 1) % SSE_COMMENT_VISITS);
    if (stream_is_pending(e->stream)) {
        if (!is_stalled(e))
            return;
        e->sink.feed->ops->on_gone(&e->sink);
        stream_abort(e->stream);
        let_go(e);
        return;
    }
    e->unsent = 0;
    e->stalled = 0;
    if (e->visits == 0)
        comment(e);
}

static void on_tick(uv_timer_t *timer)
{
    sse *all = container_of(timer, sse, timer);
    uint64_t now_ms = loop_now_ms(all->loop);
    for (size_t i = 0; i < SSE_VISITS_PER_TICK && !list_is_empty(&all->streams); i++) {
        event_stream *e = container_of(list_first(&all->streams), event_stream, link);
        if (e->visit_ms > now_ms)
            break;
        e->visit_ms = now_ms + SSE_VISIT_MS;
        list_remove(&e->link);
        list_push(&all->streams, &e->link);
        visit(e);
    }
}

/* ---- opening ---- */

sse *sse_new(loop *l)
{
    sse *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->loop = l;
    list_init(&all->streams);
    must(uv_timer_init(loop_uv(l), &all->timer) == 0);
    return all;
}

size_t sse_count(const sse *all)
{
    return all->count;
}

sink *sse_open(sse *all, stream *s, uint64_t client)
{
    event_stream *e = calloc(1, sizeof(*e));
    must(e != NULL);
    e->sink.ops = &sse_sink_ops;
    e->sink.client = client;
    e->stream = s;
    e->all = all;
    e->state = SSE_OPENING;
    e->visit_ms = loop_now_ms(all->loop) + SSE_VISIT_MS;
    list_push(&all->streams, &e->link);
    if (all->count++ == 0)
        must(uv_timer_start(&all->timer, on_tick, SSE_TICK_MS, SSE_TICK_MS) == 0);
    stream_set_owner(s, &owner_ops, e);
    stream_set_send_buffer(s, SSE_SEND_BUFFER);
    return &e->sink;
}

void sse_start(sink *s)
{
    event_stream *e = of_sink(s);
    must(s->feed != NULL && e->state == SSE_OPENING);
    if (stream_is_pending(e->stream) || !begin(e))
        s->feed->ops->on_blocked(s);
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, sse, timer));
}

void sse_free(sse *all)
{
    must(all->count == 0);
    uv_close((uv_handle_t *)&all->timer, on_closed);
}
