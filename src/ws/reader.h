/* From bytes to messages: the frames that a client sends (RFC 6455, section 5), taken at any byte.
 * Pure: it knows no connection. It holds some kilobytes, and is to be there only while something is
 * unfinished. */
#ifndef WEFT_WS_READER_H
#define WEFT_WS_READER_H

#include "base/slice.h"

typedef struct ws_reader ws_reader;

typedef enum ws_event_kind {
    WS_NOTHING, /* more bytes are needed */
    WS_MESSAGE, /* `data`: a whole binary message */
    WS_PING,    /* `data`: to be sent back */
    WS_PONG,
    WS_CLOSE, /* `code`: the peer's, or WS_CODE_NONE. The last event */
    WS_FAILED /* `code`: what is wrong with what came. The last event */
} ws_event_kind;

typedef struct ws_event {
    ws_event_kind kind;
    uint16_t code;
    slice data; /* borrowed until the next call */
} ws_event;

/* Returns owned (ws_reader_free). A message may have so many bytes; a longer one fails as soon as a
 * frame says so, and nothing is kept for what has not come. Aborts when out of memory. */
ws_reader *ws_reader_new(size_t message_len_max);
void ws_reader_free(ws_reader *r); /* accepts NULL */

/* Bytes that came, borrowed until ws_reader_next has said WS_NOTHING, or ws_reader_keep. */
void ws_reader_give(ws_reader *r, slice bytes);

/* What comes next of what was given. */
ws_event ws_reader_next(ws_reader *r);

/* Of the message that came last, what follows the first `used` bytes is to come again, as the next
 * event. */
void ws_reader_hold(ws_reader *r, size_t used);

/* Keeps a copy of what was given and not used. */
void ws_reader_keep(ws_reader *r);

/* Nothing is unfinished: a new reader would go on in its place. */
bool ws_reader_is_clean(const ws_reader *r);

#endif
