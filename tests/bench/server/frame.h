/* Frames of WebSockets (RFC 6455, section 5.2), none of them in pieces. */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD_LEN_MAX 14

typedef enum frame_kind {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10
} frame_kind;

typedef struct frame {
    frame_kind kind;
    size_t head_len;
    size_t len; /* of the payload behind it */
} frame;

/* Reads the head of a server's frame; false: it is not whole yet. */
bool frame_read_head(const uint8_t *data, size_t len, frame *f);

/* Writes the head of a client's frame, of FRAME_HEAD_LEN_MAX at most, and returns its length. The
 * mask is zero: what follows goes as it is. */
size_t frame_head(uint8_t *out, frame_kind kind, size_t len);

#endif
