/* A reader by WebSocket that speaks y-websocket's protocol, as far as a load needs it: it opens,
 * asks for everything, and counts what comes. */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

/* Where in the bytes of the server it is; {0} before the first. */
typedef struct socket_reader {
    size_t head_end; /* of the answer's head: bytes of its last empty line that came; 4: over */
    uint8_t head[FRAME_HEAD_LEN_MAX]; /* of the frame */
    size_t head_len;
    frame_kind kind;
    size_t left; /* of the frame's payload */
    uint8_t first[2];
    size_t first_len;
} socket_reader;

/* Whole messages that came. */
typedef struct socket_messages {
    unsigned syncs; /* step 2 */
    unsigned updates;
} socket_messages;

/* Opens one to the document bench-`document`, and returns its descriptor. */
int socket_reader_open(uint16_t port, unsigned index, unsigned document);

socket_messages socket_reader_take(socket_reader *r, const char *in, size_t len);

#endif
