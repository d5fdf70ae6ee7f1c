/* What is sent through sockets: frames (RFC 6455, section 5.2), and in them the messages of
 * y-websocket. Each returns owned (frame_unref) one whole frame, or NULL when out of memory. Any
 * thread. */
#ifndef WEFT_WS_FORMAT_H
#define WEFT_WS_FORMAT_H

#include "base/sink.h"

/* An event as its message: sync step 2, an update, awareness; a deletion as the end of the
 * connection. */
frame *ws_format(const sink_event *event);

/* Sync step 1: `sv` is what this side has. */
frame *ws_format_step1(slice sv);

/* Control frames; payloads of at most 125 bytes. */
frame *ws_format_ping(void);
frame *ws_format_pong(slice payload);
/* `code` 0: without a payload. */
frame *ws_format_close(uint16_t code, slice reason);

/* Whether a frame made here ends the connection. */
bool ws_format_is_close(const frame *f);

#endif
