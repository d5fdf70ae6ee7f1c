/* How a document's events look as answers to polls: the body, and the fields that go with it. The
 * head is each answer's own (Date, CORS); the rest is made once for all polls of one format. */
#ifndef WEFT_API_POLL_FORM_H
#define WEFT_API_POLL_FORM_H

#include "api/api.h"

/* Updates up to this many bytes are told in format v2 on the loop, once for all who want them;
 * larger ones in the pool, for each. */
#define POLL_CONVERT_HERE_MAX ((size_t)256 << 10)

/* What a frame for polls holds. */
typedef struct poll_event {
    sink_kind kind;
    event_id id;
    bool is_empty; /* the update says nothing */
    bool is_v1;    /* it was too large to be told in format v2 on the loop */
} poll_event;

/* The encode functions of sinks: for SINK_WIRE_POLL and SINK_WIRE_POLL_V2. */
frame *poll_form_v1(const sink_event *event);
frame *poll_form_v2(const sink_event *event);

poll_event poll_form_event(const frame *f);

/* Answers 200 with the update in `f`, which is of `wire`. `reset` (borrowed, may be NULL): the
 * frame of the reset that it answers as well. */
void poll_respond(api *a, http_exchange *ex, sink_wire wire, frame *f, const frame *reset);

/* Answers 204: nothing after `id`. */
void poll_respond_none(http_exchange *ex, event_id id);

#endif
