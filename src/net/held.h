/* Streams that are held open for what may come: event streams, sockets. One timer visits all of
 * them in turn, a few at a time, so that their owners can keep them alive, and find out which take
 * nothing any more. There may be very many: none holds a buffer or a timer. Loop thread only. */
#ifndef WEFT_NET_HELD_H
#define WEFT_NET_HELD_H

#include "base/loop.h"
#include "base/sink.h"
#include "net/stream.h"

/* Each is visited this often. */
#define HELD_VISIT_MS 5000
/* Visits without progress of a pending write (60 s) after which the peer has given up reading. */
#define HELD_STALL_VISITS 12

/* One of them; embedded by its owner. */
typedef struct held {
    stream *stream;
    list_node link;
    uint32_t visit_ds; /* when it is due, in tenths of a second */
    uint16_t unsent;   /* what waited at the last visit, in KiB, its last bits */
    uint8_t stalled;   /* visits since which that has not changed */
    uint8_t visits;    /* counted, round and round */
} held;

/* All of one kind. */
typedef struct held_streams held_streams;

/* `l` is kept until held_free. Returns owned. `visit` may remove what it is called with. */
held_streams *held_new(loop *l, void (*visit)(held *h));
/* None may be held. The memory goes some turns later. */
void held_free(held_streams *all);

size_t held_count(const held_streams *all);

/* Holds `s` from now on; the kernel is told to keep little of what is unsent. */
void held_add(held_streams *all, held *h, stream *s);
void held_remove(held_streams *all, held *h);

/* Visits those that are due, as the timer does: a test need not wait for it. */
void held_sweep(held_streams *all);

typedef enum held_look {
    HELD_FREE,   /* nothing is pending */
    HELD_WAITS,  /* a write is pending */
    HELD_STALLED /* and it has not got any shorter for too long */
} held_look;

/* How it stands; to be asked once in each visit. */
held_look held_look_at(held *h);

/* Something pending has been taken. */
void held_moved(held *h);

/* Sends a frame as a sink does (base/sink.h). */
sink_sent held_send(held *h, frame *f);

#endif
