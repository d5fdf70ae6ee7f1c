/* The happy path. sse_open takes a stream over; the feed is told of the sink; sse_start has `retry`
 * go in front of the first event, and from then on the feed sends frames (`send_frame`). When a
 * write does not go at once the feed waits for on_writable. A comment is sent every 15 s (`visit`).
 *
 * Failure. The peer goes (`on_end`), or takes nothing any more (net/held.h): the feed is
 * told, the stream ends.
 *
 * Close. `let_go` unlinks, closes the stream and frees, whoever began it: the feed (`end`), the
 * peer, or a stall.

 */
#include "sse/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/cells.h"
#include "base/must.h"
#include "net/held.h"
#include "sse/format.h"

/* At every third visit (net/held.h) a comment is sent. */
#define SSE_COMMENT_VISITS 3
/* Reconnection times, drawn for each stream so that clients cut off together do not come back
 * together. */
#define SSE_RETRY_MIN_MS 1000
#define SSE_RETRY_MAX_MS 5000

struct sse {
    held_streams *held;
    cells cells; /* the event streams */
};

/* One event stream. There may be very many: it holds no buffers. */
typedef struct event_stream {
    sink sink;
    held held;
    sse *all;
} event_stream;

_Static_assert(sizeof(event_stream) <= 104, "there may be very many");

static event_stream *of_sink(sink *s)
{
    return container_of(s, event_stream, sink);
}

static void let_go(event_stream *e)
{
    held_remove(e->all->held, &e->held);
    stream_close(e->held.stream);
    cells_free(&e->all->cells, e);
}

/* ---- sending ---- */

static sink_sent send_frame(sink *s, frame *f)
{
    return held_send(&of_sink(s)->held, f);
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

static void on_drain(void *owner)
{
    event_stream *e = owner;
    held_moved(&e->held);
    e->sink.feed->ops->on_writable(&e->sink);
}

static void on_pending(void *owner)
{
    event_stream *e = owner;
    e->sink.feed->ops->on_blocked(&e->sink);
}

static const stream_owner_ops owner_ops = {
    .on_read = on_read, .on_end = on_end, .on_drain = on_drain, .on_pending = on_pending};

/* ---- visits ---- */

static void comment(event_stream *e)
{
    if (stream_write(e->held.stream, SLICE_LITERAL(":\n\n"), NULL, NULL) != STREAM_WRITTEN)
        e->sink.feed->ops->on_blocked(&e->sink);
}

static void visit(held *h)
{
    event_stream *e = container_of(h, event_stream, held);
    switch (held_look_at(h)) {
    case HELD_FREE:
        if (h->visits % SSE_COMMENT_VISITS == 0)
            comment(e);
        return;
    case HELD_WAITS:
        return;
    case HELD_STALLED:
        e->sink.feed->ops->on_gone(&e->sink);
        stream_abort(h->stream);
        let_go(e);
        return;
    }
}

/* ---- opening ---- */

sse *sse_new(loop *l)
{
    sse *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->held = held_new(l, visit);
    cells_init(&all->cells, sizeof(event_stream));
    return all;
}

void sse_free(sse *all)
{
    held_free(all->held);
    cells_deinit(&all->cells);
    free(all);
}

size_t sse_count(const sse *all)
{
    return held_count(all->held);
}

sink *sse_open(sse *all, stream *s, uint64_t client)
{
    event_stream *e = cells_new(&all->cells);
    e->sink.ops = &sse_sink_ops;
    e->sink.client = client;
    e->all = all;
    stream_set_owner(s, &owner_ops, e);
    held_add(all->held, &e->held, s);
    return &e->sink;
}

void sse_start(sink *s)
{
    uint16_t drawn;
    must(s->feed != NULL && getrandom(&drawn, sizeof(drawn), 0) == (ssize_t)sizeof(drawn));
    unsigned retry_ms = SSE_RETRY_MIN_MS + drawn % (SSE_RETRY_MAX_MS - SSE_RETRY_MIN_MS + 1);
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n", retry_ms);
    stream_write_soon(of_sink(s)->held.stream, (slice){text, (size_t)len});
}
