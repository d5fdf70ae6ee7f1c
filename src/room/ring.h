/* The last few spans a room has published, without a gap between them: most readers that fell
 * behind are served from here.
 *
 *     (after ...... until] (after ... until] (after ............ until]
 *      oldest                                 newest, until == head
 *
 * Bounded in number and bytes: the oldest go first. */
#ifndef WEFT_ROOM_RING_H
#define WEFT_ROOM_RING_H

#include "room/span.h"

#define RING_SPANS_MAX 64
/* Bytes of updates; the encoded forms come on top, 4/3 of it each. */
#define RING_BYTES_MAX ((size_t)256 << 10)

typedef struct ring {
    span *spans; /* RING_SPANS_MAX of them, made with the first push */
    size_t first;
    size_t count;
    size_t bytes;
} ring;

void ring_deinit(ring *r);

/* Forgets everything and gives its memory back. */
void ring_reset(ring *r);

/* Takes `update`: what happened after `after` up to `until`. If `after` is not where the newest
 * ends, the older are forgotten. */
void ring_push(ring *r, uint64_t after, uint64_t until, frame *update);

/* The spans that a reader at `seq` lacks: their number, and the first of them in *from (an index
 * for ring_at). 0: it lacks something that is no longer kept, or nothing. */
size_t ring_since(const ring *r, uint64_t seq, size_t *from);

/* The span at `index`, 0 being the oldest. Borrowed until the next push or reset. */
span *ring_at(const ring *r, size_t index);

#endif
