/* A span: a stretch of one document's events as one update, encoded once per kind of event and wire
 * form. */
#ifndef WEFT_ROOM_SPAN_H
#define WEFT_ROOM_SPAN_H

#include "base/sink.h"

/* SINK_SYNC and SINK_UPDATE: what a span can be sent as. */
#define SPAN_KINDS 2

typedef struct span {
    uint64_t after; /* exclusive */
    uint64_t until; /* inclusive; the id it is sent with */
    frame *update;  /* holds at least what happened in between; NULL: the span is empty and holds
                       nothing */
    frame *encoded[SPAN_KINDS][SINK_WIRES]; /* made when first asked for */
} span;

/* Takes `update`. */
span span_of(uint64_t after, uint64_t until, frame *update);

/* Leaves it empty. */
void span_clear(span *s);

/* Whether it is of use to a reader that has seen everything up to `seq`, and no more: sending a
 * little again is harmless. */
bool span_continues(const span *s, uint64_t seq);

/* The frame for sinks with these `ops`, borrowed from the span; NULL when out of memory. */
frame *span_frame(span *s, sink_kind kind, const sink_ops *ops, uint32_t epoch);

/* Bytes that it keeps. */
size_t span_weight(const span *s);

#endif
