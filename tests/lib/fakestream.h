/* A stream of the test's own: the functions of net/stream.h, and what they came to. It takes the
 * place of net/tcp.c in a program that is linked with it. */
#ifndef WEFT_TESTS_FAKESTREAM_H
#define WEFT_TESTS_FAKESTREAM_H

#include "net/stream.h"

#define FAKE_WRITTEN_MAX 4096

struct stream {
    const stream_owner_ops *ops;
    void *owner;
    char written[FAKE_WRITTEN_MAX]; /* ended by a NUL */
    size_t written_len;             /* also what is to be written soon */
    stream_written answer;          /* of the next writes */
    size_t writes;
    bool pending;
    bool broken;
    stream_release release;
    void *release_arg;
    size_t pending_len; /* what the next stream_pending_bytes tells */
    bool reading;
    bool closed;
    bool aborted;
};

/* What was to be written soon is written, and not taken at once. */
void fake_flush(stream *s);
/* What was pending has been taken. */
void fake_drain(stream *s);
/* Bytes come. */
void fake_read(stream *s, slice bytes);
/* The peer has ended. */
void fake_end(stream *s);
/* The bytes written since the last call. */
slice fake_written(stream *s);

#endif
