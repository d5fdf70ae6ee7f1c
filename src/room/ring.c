#include "room/ring.h"

#include <stdlib.h>

#include "base/must.h"

static void drop_oldest(ring *r)
{
    span *oldest = ring_at(r, 0);
    r->bytes -= oldest->update->len;
    span_clear(oldest);
    r->first = (r->first + 1) % RING_SPANS_MAX;
    r->count--;
}

void ring_reset(ring *r)
{
    while (r->count > 0)
        drop_oldest(r);
    free(r->spans);
    *r = (ring){0};
}

void ring_deinit(ring *r)
{
    ring_reset(r);
}

span *ring_at(const ring *r, size_t index)
{
    must(index < r->count);
    return &r->spans[(r->first + index) % RING_SPANS_MAX];
}

void ring_push(ring *r, uint64_t after, uint64_t until, frame *update)
{
    must(after < until);
    if (r->count > 0 && ring_at(r, r->count - 1)->until != after)
        ring_reset(r);
    if (r->spans == NULL) {
        r->spans = calloc(RING_SPANS_MAX, sizeof(span));
        must(r->spans != NULL);
    }
    while (r->count == RING_SPANS_MAX || (r->count > 0 && r->bytes + update->len > RING_BYTES_MAX))
        drop_oldest(r);
    r->count++;
    r->bytes += update->len;
    *ring_at(r, r->count - 1) = span_of(after, until, update);
}

size_t ring_since(const ring *r, uint64_t seq, size_t *from)
{
    size_t index = r->count;
    while (index > 0 && ring_at(r, index - 1)->until > seq)
        index--;
    if (index == r->count || ring_at(r, index)->after > seq)
        return 0;
    *from = index;
    return r->count - index;
}
