#include "net/held.h"

#include <stdlib.h>
#include <uv.h>

#include "base/must.h"

/* The timer's step, and the visits in one: many streams that began together come apart. */
#define TICK_MS         100
#define VISITS_PER_TICK 512
/* What the kernel may hold for one stream: not less than a segment of the loopback, or every one
 * waits for an acknowledgement that is put off. */
#define SEND_BUFFER 65536

struct held_streams {
    loop *loop;
    void (*visit)(held *h);
    uv_timer_t timer;
    list streams; /* the one to be visited next is the first */
    size_t count;
};

static uint32_t now_ds(const held_streams *all)
{
    return (uint32_t)(loop_now_ms(all->loop) / 100);
}

void held_sweep(held_streams *all)
{
    for (size_t i = 0; i < VISITS_PER_TICK && !list_is_empty(&all->streams); i++) {
        held *h = container_of(list_first(&all->streams), held, link);
        if (h->visit_ds > now_ds(all))
            break;
        h->visit_ds = now_ds(all) + HELD_VISIT_MS / 100;
        h->visits++;
        list_remove(&h->link);
        list_push(&all->streams, &h->link);
        all->visit(h);
    }
}

static void on_tick(uv_timer_t *timer)
{
    held_sweep(container_of(timer, held_streams, timer));
}

held_streams *held_new(loop *l, void (*visit)(held *h))
{
    held_streams *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->loop = l;
    all->visit = visit;
    list_init(&all->streams);
    must(uv_timer_init(loop_uv(l), &all->timer) == 0);
    return all;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, held_streams, timer));
}

void held_free(held_streams *all)
{
    must(all->count == 0);
    uv_close((uv_handle_t *)&all->timer, on_closed);
}

size_t held_count(const held_streams *all)
{
    return all->count;
}

void held_add(held_streams *all, held *h, stream *s)
{
    *h = (held){.stream = s, .visit_ds = now_ds(all) + HELD_VISIT_MS / 100};
    list_push(&all->streams, &h->link);
    if (all->count++ == 0)
        must(uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS) == 0);
    stream_set_send_buffer(s, SEND_BUFFER);
}

void held_remove(held_streams *all, held *h)
{
    list_remove(&h->link);
    if (--all->count == 0)
        uv_timer_stop(&all->timer);
}

void held_moved(held *h)
{
    h->stalled = 0;
}

held_look held_look_at(held *h)
{
    size_t unsent = stream_is_pending(h->stream) ? stream_pending_bytes(h->stream) : 0;
    uint16_t shown = (uint16_t)((unsent + 1023) / 1024);
    bool progress = shown != h->unsent || shown == 0;
    h->unsent = shown;
    h->stalled = progress ? 0 : (uint8_t)(h->stalled + 1);
    if (!stream_is_pending(h->stream))
        return HELD_FREE;
    return h->stalled >= HELD_STALL_VISITS ? HELD_STALLED : HELD_WAITS;
}

sink_sent held_send(held *h, frame *f)
{
    switch (stream_write(h->stream, frame_slice(f), frame_release, frame_ref(f))) {
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
