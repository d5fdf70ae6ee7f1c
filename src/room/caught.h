/* Stretches of events that some reader was caught up with, kept for the next who lacks the same:
 * when thousands come back together, each stretch is put together once.
 *
 * Bounded in number and bytes: the oldest go first. */
#ifndef WEFT_ROOM_CAUGHT_H
#define WEFT_ROOM_CAUGHT_H

#include "room/span.h"

#define CAUGHT_SPANS_MAX 64
/* Bytes of updates; the encoded forms come on top. The newest may be larger. */
#define CAUGHT_BYTES_MAX ((size_t)1 << 20)
/* An update up to this long is also given to who lacks only its end. */
#define CAUGHT_SMALL_LEN ((size_t)1 << 10)

typedef struct caught {
    span *spans; /* CAUGHT_SPANS_MAX of them, made with the first */
    size_t first;
    size_t count;
    size_t bytes;
} caught;

/* Forgets everything and gives its memory back. */
void caught_clear(caught *c);

/* Takes `made`, and returns it, borrowed until the next call that adds or clears. */
span *caught_add(caught *c, span made);

/* What reaches furthest of that which a reader at `seq` may be given, the head being `head`: it
 * holds what the reader lacks, and not much besides. NULL: there is none. Borrowed likewise. */
span *caught_find(const caught *c, uint64_t seq, uint64_t head);

/* Where a stretch may begin that is given to a reader at `seq`: whoever lacks up to twice as much
 * shares it, so that thousands who stand at thousands of events need few stretches. */
uint64_t caught_earliest(uint64_t seq, uint64_t head);

#endif
