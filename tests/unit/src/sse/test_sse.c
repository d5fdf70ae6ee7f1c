/* One event stream over a stream of the test's own, fed by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fakestream.h"
#include "sse/sse.h"

/* ---- the feed ---- */

typedef struct feed {
    sink_feed base;
    char log[128];
} feed;

static void note(sink *s, const char *what)
{
    feed *f = container_of(s->feed, feed, base);
    strcat(f->log, what);
}

static void on_blocked(sink *s)
{
    note(s, "blocked ");
}

static void on_writable(sink *s)
{
    note(s, "writable ");
}

static void on_gone(sink *s)
{
    note(s, "gone ");
}

static const sink_feed_ops feed_ops = {on_blocked, on_writable, on_gone};

/* ---- the fixture ---- */

typedef struct fixture {
    loop *loop;
    sse *all;
    stream stream;
    feed feed;
    sink *sink;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->loop = loop_new();
    f->all = sse_new(f->loop);
    f->feed.base.ops = &feed_ops;
    f->sink = sse_open(f->all, &f->stream, SINK_NO_CLIENT);
    f->sink->feed = &f->feed.base;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (sse_count(f->all) > 0)
        f->sink->ops->end(f->sink);
    assert_true(f->stream.closed);
    sse_free(f->all);
    loop_free(f->loop);
    free(f);
    return 0;
}

static sink_sent send_text(fixture *f, const char *text)
{
    frame *event = frame_copy(slice_of(text));
    sink_sent sent = f->sink->ops->send(f->sink, event);
    frame_unref(event);
    return sent;
}

/* ---- the tests ---- */

static void begins_with_retry_within_its_bounds(void **state)
{
    fixture *f = *state;
    unsigned retry_ms;
    char end;
    sse_start(f->sink);
    assert_int_equal(sscanf(f->stream.written, "retry: %u%c", &retry_ms, &end), 2);
    assert_in_range(retry_ms, 1000, 5000);
    assert_string_equal(strchr(f->stream.written, '\n'), "\n\n");
    assert_string_equal(f->feed.log, "");
}

static void retry_goes_with_the_first_event(void **state)
{
    fixture *f = *state;
    sse_start(f->sink);
    assert_int_equal(f->stream.writes, 0);
    assert_int_equal(send_text(f, "one"), SINK_SENT);
    assert_int_equal(f->stream.writes, 1);
    assert_string_equal(strstr(f->stream.written, "\n\n"), "\n\none");
}

static void a_beginning_that_does_not_go_at_once_holds_the_feed_back(void **state)
{
    fixture *f = *state;
    sse_start(f->sink);
    assert_string_equal(f->feed.log, "");
    fake_flush(&f->stream);
    assert_string_equal(f->feed.log, "blocked ");
    fake_drain(&f->stream);
    assert_string_equal(f->feed.log, "blocked writable ");
}

static void a_frame_is_kept_until_it_has_gone(void **state)
{
    fixture *f = *state;
    sse_start(f->sink);
    assert_int_equal(send_text(f, "one"), SINK_SENT);
    f->stream.answer = STREAM_PENDING;
    assert_int_equal(send_text(f, "two"), SINK_PENDING);
    fake_drain(&f->stream);
    assert_string_equal(f->feed.log, "writable ");
    assert_string_equal(strstr(f->stream.written, "one"), "onetwo");
}

static void a_broken_stream_is_told_and_let_go(void **state)
{
    fixture *f = *state;
    sse_start(f->sink);
    f->stream.answer = STREAM_BROKEN;
    assert_int_equal(send_text(f, "lost"), SINK_BROKEN);
    fake_end(&f->stream);
    assert_string_equal(f->feed.log, "gone ");
    assert_int_equal(sse_count(f->all), 0);
}

static void bytes_from_the_reader_are_dropped(void **state)
{
    fixture *f = *state;
    sse_start(f->sink);
    fake_read(&f->stream, SLICE_LITERAL("GET / HTTP/1.1\r\n"));
    assert_string_equal(f->feed.log, "");
    assert_int_equal(sse_count(f->all), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(begins_with_retry_within_its_bounds),
        TEST(retry_goes_with_the_first_event),
        TEST(a_beginning_that_does_not_go_at_once_holds_the_feed_back),
        TEST(a_frame_is_kept_until_it_has_gone),
        TEST(a_broken_stream_is_told_and_let_go),
        TEST(bytes_from_the_reader_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
