/* One accepted connection as a byte stream: read, write, close. Over TCP now (tcp.c); TLS later, a
 * fake in tests.
 *
 * A stream has one owner at a time, who gets its events. Closing is asynchronous: stream_close is
 * legal in any state, begins once, and the stream's memory goes some turn later; the owner gets no
 * event after it has called stream_close. Loop thread only; no event fires inside a call of this
 * header.
 */
#ifndef WEFT_NET_STREAM_H
#define WEFT_NET_STREAM_H

#include "base/slice.h"

typedef struct stream stream;

typedef struct stream_owner_ops {
    /* Bytes arrived; borrowed until it returns (one read buffer serves every connection). */
    void (*on_read)(void *owner, slice bytes);
    /* The peer sent its end, or the connection broke (stream_is_broken): nothing more will be read.
     * The owner calls stream_close in its time. If it waits after the peer's end, and the
     * connection breaks then, it is told again. */
    void (*on_end)(void *owner);
    /* All that stream_write was given has been taken by the kernel, after a write that could not be
     * taken at once. */
    void (*on_drain)(void *owner);
    /* What stream_write_soon was given could not be taken at once when its time had come: on_drain
     * follows, and until then nothing is to be written. For owners that call it. */
    void (*on_pending)(void *owner);
} stream_owner_ops;

void stream_set_owner(stream *s, const stream_owner_ops *ops, void *owner);

/* Stops and starts reading. */
void stream_read_stop(stream *s);
void stream_read_start(stream *s);

/* Called when bytes that stream_write kept a pointer to are no longer needed. */
typedef void (*stream_release)(void *arg);

typedef enum stream_written {
    STREAM_WRITTEN, /* the kernel took everything; `release` was not and will not be called */
    STREAM_PENDING, /* a rest is on its way: `release(arg)` comes once, later; then on_drain. At
                       most one at a time */
    STREAM_BROKEN   /* the connection is dead: nothing was kept, on_end follows */
} stream_written;

/* Writes without copying: tries at once, and keeps a request only for what did not go. While one is
 * pending no other may be begun (stream_is_pending). `release` may be NULL if the bytes outlive the
 * stream. */
stream_written stream_write(stream *s, slice bytes, stream_release release, void *arg);

/* The same with a copy of what did not go. */
stream_written stream_write_copy(stream *s, slice bytes);

/* Keeps a copy, which goes in front of what is written next, in one with it; or alone, if the next
 * turn of the loop ends before. To be called only while nothing is pending; what is kept is not. */
void stream_write_soon(stream *s, slice bytes);

bool stream_is_pending(const stream *s);
/* True once nothing more can be written. After on_end alone it may be false: the peer has ended its
 * side, and still reads. */
bool stream_is_broken(const stream *s);
/* Bytes of it that the kernel has not taken yet; 0 when nothing is pending. */
size_t stream_pending_bytes(const stream *s);

/* Asks the kernel to keep at most about `bytes` unsent (SO_SNDBUF): for streams that many readers
 * hold open. */
void stream_set_send_buffer(stream *s, int bytes);

/* What is pending is sent first, for at most STREAM_LINGER_MS; then the connection ends. */
void stream_close(stream *s);
/* The connection ends now. */
void stream_abort(stream *s);

#endif
