/* The text of server-sent events. (WHATWG HTML, 9.2.6) */
#ifndef WEFT_SSE_FORMAT_H
#define WEFT_SSE_FORMAT_H

#include "base/sink.h"

/* Returns owned one event as text, ended by its empty line; NULL when out of memory. */
frame *sse_format(const sink_event *event);

#endif
