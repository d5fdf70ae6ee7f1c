/* Where the events of one document can be sent: all that rooms and transports share.
 *
 * A transport embeds a `sink` in its connection and fills in `ops`. Whoever feeds it (a room) keeps
 * its own bookkeeping in the fields marked so, sends frames that are encoded once per wire form,
 * and never has more than one on its way: a sink holds a position, not a queue. Loop thread only.
 * No function of either table calls back before it returns.
 */
#ifndef WEFT_BASE_SINK_H
#define WEFT_BASE_SINK_H

#include "base/eventid.h"
#include "base/frame.h"
#include "base/list.h"

typedef struct sink sink;

typedef enum sink_kind {
    SINK_RESET,     /* the reader's position is of no use; `data` is the reason's word */
    SINK_SYNC,      /* all that the reader lacks, up to `id`; `data` is one update */
    SINK_UPDATE,    /* every event after the last id sent, up to `id`; `data` is one update */
    SINK_AWARENESS, /* `data` is one awareness update */
    SINK_DELETED    /* the document is no more */
} sink_kind;

typedef struct sink_event {
    sink_kind kind;
    event_id id;
    slice data;
} sink_event;

typedef enum sink_sent {
    SINK_SENT,    /* gone; the next may follow at once */
    SINK_PENDING, /* on its way: sink_feed_ops.on_writable follows */
    SINK_BROKEN   /* the reader is gone: sink_feed_ops.on_gone follows */
} sink_sent;

/* Wire forms; frames of one form are shared by all sinks that have it. */
typedef enum sink_wire {
    SINK_WIRE_SSE,
    SINK_WIRE_WS,
    SINK_WIRE_POLL,
    SINK_WIRE_POLL_V2,
    SINK_WIRES
} sink_wire;

typedef struct sink_ops {
    sink_wire wire;
    bool updates_only; /* SINK_AWARENESS is not for it */
    /* Returns the frame (owned by the caller), or NULL when out of memory. Pure: any thread may
     * call it. */
    frame *(*encode)(const sink_event *event);
    /* Sends; takes its own reference if it must wait. Only called while nothing is pending. */
    sink_sent (*send)(sink *s, frame *f);
    /* Nothing more will be sent: what is pending is finished, then the reader is let go. The feed
     * has forgotten the sink before it calls this. */
    void (*end)(sink *s);
} sink_ops;

/* What the transport tells whoever feeds it. */
typedef struct sink_feed_ops {
    /* A write that was not the feed's (a keep-alive) is pending. */
    void (*on_blocked)(sink *s);
    /* What was pending has been taken. */
    void (*on_writable)(sink *s);
    /* The reader has gone: the feed forgets the sink. */
    void (*on_gone)(sink *s);
} sink_feed_ops;

typedef struct sink_feed {
    const sink_feed_ops *ops;
} sink_feed;

/* No awareness state is tied to the sink's life. */
#define SINK_NO_CLIENT UINT64_MAX

struct sink {
    const sink_ops *ops;
    sink_feed *feed;   /* NULL: nobody feeds it. Set and cleared by the feed */
    uint64_t client;   /* whose awareness state lives as long as the sink, or SINK_NO_CLIENT */
    list_node link;    /* the feed's: in one of its lists of readers */
    uint64_t seq;      /* the feed's: the last event sent */
    void *joining;     /* the feed's: what it must still find out before the first event */
    uint32_t presence; /* the feed's: version of the awareness states sent, 0: none */
    uint8_t state;     /* the feed's */
};

#endif
