/* Event streams: how a document's events look as server-sent events, and the streams that carry
 * them. (WHATWG HTML, 9.2)
 *
 * An event stream is a sink: whoever feeds it decides what is sent, this decides how. The
 * keep-alive is here too, and the end of streams whose peer takes nothing any more. Loop thread
 * only.
 */
#ifndef WEFT_SSE_SSE_H
#define WEFT_SSE_SSE_H

#include "base/loop.h"
#include "base/sink.h"
#include "net/stream.h"

/* All event streams of a server. */
typedef struct sse sse;

/* `l` is kept until sse_free. Returns owned. */
sse *sse_new(loop *l);

/* No stream may be open. The memory goes some turns later. */
void sse_free(sse *all);

size_t sse_count(const sse *all);

/* Makes `s`, whose head has been given to it, an event stream; owns it from now on. The sink is the
 * stream's and goes with it: when its peer has gone, after on_gone; or when its feed ends it. It is
 * to be given to a feed, then started. */
sink *sse_open(sse *all, stream *s, uint64_t client);

/* Begins: the feed may send. The client is told when to come back, in front of the first event. */
void sse_start(sink *s);

/* How events look on the wire. */
extern const sink_ops sse_sink_ops;

#endif
