#include "fakestream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void stream_set_owner(stream *s, const stream_owner_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

static void add(stream *s, slice bytes)
{
    assert_false(s->pending);
    assert_false(s->closed);
    assert_true(bytes.len < FAKE_WRITTEN_MAX - s->written_len);
    memcpy(s->written + s->written_len, bytes.data, bytes.len);
    s->written_len += bytes.len;
    s->written[s->written_len] = '\0';
}

stream_written stream_write(stream *s, slice bytes, stream_release release, void *arg)
{
    if (s->answer == STREAM_BROKEN)
        return STREAM_BROKEN;
    add(s, bytes);
    s->writes++;
    if (s->answer == STREAM_PENDING) {
        s->pending = true;
        s->pending_len = bytes.len;
        s->release = release;
        s->release_arg = arg;
    }
    return s->answer;
}

stream_written stream_write_copy(stream *s, slice bytes)
{
    return stream_write(s, bytes, NULL, NULL);
}

void stream_write_soon(stream *s, slice bytes)
{
    add(s, bytes);
}

bool stream_is_pending(const stream *s)
{
    return s->pending;
}

bool stream_is_broken(const stream *s)
{
    return s->broken;
}

size_t stream_pending_bytes(const stream *s)
{
    return s->pending ? s->pending_len : 0;
}

void stream_set_send_buffer(stream *s, int bytes)
{
    (void)s;
    assert_true(bytes > 0);
}

void stream_read_stop(stream *s)
{
    s->reading = false;
}

void stream_read_start(stream *s)
{
    s->reading = true;
}

static void release(stream *s)
{
    s->pending = false;
    if (s->release != NULL)
        s->release(s->release_arg);
    s->release = NULL;
}

void stream_close(stream *s)
{
    s->closed = true;
    release(s);
}

void stream_abort(stream *s)
{
    s->closed = s->aborted = true;
    release(s);
}

void fake_drain(stream *s)
{
    release(s);
    s->answer = STREAM_WRITTEN;
    s->ops->on_drain(s->owner);
}

void fake_flush(stream *s)
{
    s->pending = true;
    s->ops->on_pending(s->owner);
}

void fake_read(stream *s, slice bytes)
{
    s->ops->on_read(s->owner, bytes);
}

void fake_end(stream *s)
{
    s->ops->on_end(s->owner);
}

slice fake_written(stream *s)
{
    slice bytes = {s->written, s->written_len};
    s->written_len = 0;
    return bytes;
}
