/* One socket over a stream of the test's own, fed and owned by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fakestream.h"
#include "ws/format.h"
#include "ws/ws.h"

/* ---- the feed and the owner write down what they are told ---- */

typedef struct fixture {
    loop *loop;
    ws *all;
    stream stream;
    sink_feed feed;
    ws_socket *socket;
    size_t take;    /* of each message, at most */
    bool close_now; /* the owner closes when it gets a message */
    char log[512];
} fixture;

static fixture *current;

static void note(const char *what)
{
    strcat(current->log, what);
    strcat(current->log, " ");
}

static void feed_blocked(sink *s)
{
    (void)s;
    note("blocked");
}

static void feed_writable(sink *s)
{
    (void)s;
    note("writable");
}

static void feed_gone(sink *s)
{
    s->feed = NULL;
    note("feed_gone");
}

static const sink_feed_ops feed_ops = {feed_blocked, feed_writable, feed_gone};

static size_t on_message(ws_socket *s, slice message)
{
    char text[64];
    snprintf(text, sizeof(text), "[%.*s]", (int)message.len, message.len > 0 ? message.data : "");
    note(text);
    if (current->close_now)
        ws_close(s, 4400, "enough");
    return message.len < current->take ? message.len : current->take;
}

static void on_gone(ws_socket *s)
{
    (void)s;
    note("gone");
}

static const ws_owner_ops owner_ops = {on_message, on_gone};

/* ---- the fixture ---- */

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    current = f;
    f->loop = loop_new();
    f->all = ws_new(f->loop, &owner_ops, 100);
    f->feed.ops = &feed_ops;
    f->take = SIZE_MAX;
    f->socket = calloc(1, sizeof(*f->socket));
    assert_non_null(f->socket);
    ws_open(f->all, f->socket, &f->stream);
    f->socket->sink.feed = &f->feed;
    *state = f;
    return 0;
}

static void turn(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

/* Lets the time pass, visit by visit. */
static void let_pass(fixture *f, uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms && !f->stream.closed; passed += 500) {
        loop_skip_ms(f->loop, 500);
        ws_sweep(f->all);
    }
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (!f->stream.closed)
        fake_end(&f->stream);
    ws_free(f->all);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void start(fixture *f)
{
    ws_start(f->socket, (slice){0});
}

/* Frames as a client sends them, masked with zeros. */
#define FRAME(first, len) first len "\0\0\0\0"
#define MESSAGE(len)      FRAME("\x82", len)

static void come(fixture *f, const char *bytes, size_t len)
{
    fake_read(&f->stream, (slice){bytes, len});
}

#define COME(f, bytes) come((f), (bytes), sizeof(bytes) - 1)

static void assert_written(fixture *f, const char *bytes, size_t len)
{
    slice written = fake_written(&f->stream);
    assert_int_equal(written.len, len);
    assert_memory_equal(written.data, bytes, len);
}

#define ASSERT_WRITTEN(f, bytes) assert_written((f), (bytes), sizeof(bytes) - 1)

/* Of a frame that closes, the code. */
static void assert_closing(fixture *f, uint16_t code)
{
    slice written = fake_written(&f->stream);
    assert_true(written.len >= 4);
    assert_int_equal((uint8_t)written.data[0], 0x88);
    assert_int_equal((uint8_t)written.data[2] << 8 | (uint8_t)written.data[3], code);
}

static sink_sent feed_sends(fixture *f, sink_kind kind)
{
    frame *event = ws_format(&(sink_event){.kind = kind, .data = SLICE_LITERAL("e")});
    sink_sent sent = f->socket->sink.ops->send(&f->socket->sink, event);
    frame_unref(event);
    return sent;
}

/* The feed forgets the sink, and ends it. */
static void feed_ends(fixture *f)
{
    f->socket->sink.feed = NULL;
    f->socket->sink.ops->end(&f->socket->sink);
}

/* ---- receiving ---- */

static void messages_come_to_the_owner_and_nothing_is_kept(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, MESSAGE("\x83") "abc" MESSAGE("\x83") "def" MESSAGE("\x83") "g");
    assert_string_equal(f->log, "[abc] [def] ");
    assert_non_null(f->socket->reader);
    COME(f, "hi");
    assert_string_equal(f->log, "[abc] [def] [ghi] ");
    assert_null(f->socket->reader);
}

static void what_came_behind_the_head_comes_in_a_later_call(void **state)
{
    fixture *f = *state;
    ws_start(f->socket, (slice){MESSAGE("\x83") "abc", 9});
    assert_string_equal(f->log, "");
    turn(f);
    assert_string_equal(f->log, "[abc] ");
}

static void a_message_that_is_not_taken_whole_holds_back_what_follows(void **state)
{
    fixture *f = *state;
    start(f);
    f->take = 2;
    COME(f, MESSAGE("\x83") "abc" MESSAGE("\x82") "de");
    assert_string_equal(f->log, "[abc] ");
    assert_false(f->stream.reading);
    ws_resume(f->socket);
    ws_resume(f->socket);
    assert_string_equal(f->log, "[abc] ");
    turn(f);
    assert_string_equal(f->log, "[abc] [c] [de] ");
    assert_true(f->stream.reading);
    assert_null(f->socket->reader);
}

static void a_ping_is_answered_and_a_pong_is_not(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, FRAME("\x89", "\x82") "hi" FRAME("\x8a", "\x82") "ho");
    ASSERT_WRITTEN(f, "\x8a\x02hi");
}

/* ---- sending ---- */

static void own_frames_go_before_the_feed_goes_on(void **state)
{
    fixture *f = *state;
    start(f);
    f->stream.answer = STREAM_PENDING;
    assert_int_equal(feed_sends(f, SINK_UPDATE), SINK_PENDING);
    ws_send(f->socket, ws_format_ping());
    ws_send(f->socket, ws_format_pong((slice){0}));
    ASSERT_WRITTEN(f, "\x82\x04\x00\x02\x01"
                      "e");
    f->stream.answer = STREAM_WRITTEN;
    fake_drain(&f->stream);
    ASSERT_WRITTEN(f, "\x89\x00\x8a\x00");
    assert_string_equal(f->log, "writable ");
}

static void an_own_frame_that_does_not_go_at_once_holds_the_feed_back(void **state)
{
    fixture *f = *state;
    start(f);
    f->stream.answer = STREAM_PENDING;
    ws_send(f->socket, ws_format_ping());
    assert_string_equal(f->log, "blocked ");
    fake_drain(&f->stream);
    assert_string_equal(f->log, "blocked writable ");
}

static void a_head_on_its_way_holds_everything_back(void **state)
{
    fixture *f = *state;
    start(f);
    fake_flush(&f->stream);
    ws_send(f->socket, ws_format_ping());
    assert_string_equal(f->log, "blocked ");
    ASSERT_WRITTEN(f, "");
    fake_drain(&f->stream);
    ASSERT_WRITTEN(f, "\x89\x00");
    assert_string_equal(f->log, "blocked writable ");
}

static void who_does_not_read_answers_cannot_ask_for_more(void **state)
{
    fixture *f = *state;
    start(f);
    f->stream.answer = STREAM_PENDING;
    COME(f, FRAME("\x89", "\x81") "1" FRAME("\x89", "\x81") "2" FRAME("\x89", "\x81") "3");
    ASSERT_WRITTEN(f, "\x8a\x01"
                      "1");
    assert_false(f->stream.reading);
    f->stream.answer = STREAM_WRITTEN;
    fake_drain(&f->stream);
    ASSERT_WRITTEN(f, "\x8a\x01"
                      "2\x8a\x01"
                      "3");
    assert_true(f->stream.reading);
}

/* ---- closing ---- */

static void the_peer_closes_first(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, FRAME("\x88", "\x82") "\x03\xe8" MESSAGE("\x81") "x");
    assert_string_equal(f->log, "feed_gone gone ");
    ASSERT_WRITTEN(f, "\x88\x02\x03\xe8");
    assert_true(f->stream.closed);
    assert_false(f->stream.aborted);
    assert_int_equal(ws_count(f->all), 0);
}

static void the_answer_to_a_close_waits_for_what_is_pending(void **state)
{
    fixture *f = *state;
    start(f);
    f->stream.answer = STREAM_PENDING;
    assert_int_equal(feed_sends(f, SINK_UPDATE), SINK_PENDING);
    fake_written(&f->stream);
    COME(f, FRAME("\x88", "\x80"));
    assert_false(f->stream.closed);
    f->stream.answer = STREAM_WRITTEN;
    fake_drain(&f->stream);
    ASSERT_WRITTEN(f, "\x88\x00");
    assert_true(f->stream.closed);
}

static void the_owner_closes_and_the_peer_answers(void **state)
{
    fixture *f = *state;
    start(f);
    f->close_now = true;
    COME(f, MESSAGE("\x81") "a" MESSAGE("\x81") "b");
    assert_string_equal(f->log, "[a] feed_gone ");
    assert_closing(f, 4400);
    assert_false(f->stream.closed);
    COME(f, MESSAGE("\x81") "c" FRAME("\x89", "\x80") FRAME("\x88", "\x80"));
    ASSERT_WRITTEN(f, "");
    assert_string_equal(f->log, "[a] feed_gone ");
    assert_true(f->stream.closed);
}

static void a_peer_that_does_not_answer_is_not_waited_for(void **state)
{
    fixture *f = *state;
    start(f);
    ws_close(f->socket, 4404, "gone");
    ws_send(f->socket, ws_format_ping());
    assert_closing(f, 4404);
    let_pass(f, WS_CLOSE_MS - 500);
    assert_false(f->stream.closed);
    let_pass(f, 1000);
    assert_true(f->stream.closed);
    assert_string_equal(f->log, "feed_gone ");
}

static void what_is_no_frame_fails_the_connection(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, "\x82\x01x");
    assert_closing(f, 1002);
    assert_true(f->stream.closed);
    assert_string_equal(f->log, "feed_gone gone ");
}

static void the_feed_ends_it(void **state)
{
    fixture *f = *state;
    start(f);
    feed_ends(f);
    assert_closing(f, 1013);
    assert_string_equal(f->log, "gone ");
}

static void the_feed_ends_it_while_the_server_ends(void **state)
{
    fixture *f = *state;
    start(f);
    ws_drain(f->all);
    feed_ends(f);
    assert_closing(f, 1001);
}

static void a_deletion_is_told_once(void **state)
{
    fixture *f = *state;
    start(f);
    assert_int_equal(feed_sends(f, SINK_DELETED), SINK_SENT);
    assert_closing(f, 4404);
    feed_ends(f);
    ASSERT_WRITTEN(f, "");
    COME(f, FRAME("\x88", "\x80"));
    assert_true(f->stream.closed);
}

static void a_peer_that_goes_is_told_to_both(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, MESSAGE("\x83") "a");
    fake_end(&f->stream);
    assert_string_equal(f->log, "feed_gone gone ");
    assert_true(f->stream.closed);
    assert_int_equal(ws_count(f->all), 0);
}

/* ---- time ---- */

static void something_is_sent_and_who_is_silent_is_pinged_then_gone(void **state)
{
    fixture *f = *state;
    start(f);
    let_pass(f, 15000);
    ASSERT_WRITTEN(f, "\x82\x03\x01\x01\x00");
    let_pass(f, 5000);
    ASSERT_WRITTEN(f, "\x89\x00");
    COME(f, FRAME("\x8a", "\x80"));
    let_pass(f, 55000);
    assert_false(f->stream.closed);
    let_pass(f, 5000);
    assert_true(f->stream.aborted);
    assert_string_equal(f->log, "feed_gone gone ");
}

static void a_message_that_does_not_go_on_ends_it(void **state)
{
    fixture *f = *state;
    start(f);
    COME(f, MESSAGE("\x83") "a");
    let_pass(f, 25000);
    assert_false(f->stream.closed);
    let_pass(f, 5000);
    assert_true(f->stream.aborted);
}

static void who_is_held_back_is_not_silent(void **state)
{
    fixture *f = *state;
    start(f);
    f->take = 1;
    COME(f, MESSAGE("\x83") "abc");
    let_pass(f, 120000);
    assert_false(f->stream.closed);
}

static void who_takes_nothing_is_gone(void **state)
{
    fixture *f = *state;
    start(f);
    f->stream.answer = STREAM_PENDING;
    assert_int_equal(feed_sends(f, SINK_UPDATE), SINK_PENDING);
    for (size_t i = 0; i < 11; i++) {
        let_pass(f, 5000);
        COME(f, FRAME("\x8a", "\x80"));
    }
    assert_false(f->stream.closed);
    let_pass(f, 10000);
    assert_true(f->stream.aborted);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(messages_come_to_the_owner_and_nothing_is_kept),
        TEST(what_came_behind_the_head_comes_in_a_later_call),
        TEST(a_message_that_is_not_taken_whole_holds_back_what_follows),
        TEST(a_ping_is_answered_and_a_pong_is_not),
        TEST(own_frames_go_before_the_feed_goes_on),
        TEST(an_own_frame_that_does_not_go_at_once_holds_the_feed_back),
        TEST(a_head_on_its_way_holds_everything_back),
        TEST(who_does_not_read_answers_cannot_ask_for_more),
        TEST(the_peer_closes_first),
        TEST(the_answer_to_a_close_waits_for_what_is_pending),
        TEST(the_owner_closes_and_the_peer_answers),
        TEST(a_peer_that_does_not_answer_is_not_waited_for),
        TEST(what_is_no_frame_fails_the_connection),
        TEST(the_feed_ends_it),
        TEST(the_feed_ends_it_while_the_server_ends),
        TEST(a_deletion_is_told_once),
        TEST(a_peer_that_goes_is_told_to_both),
        TEST(something_is_sent_and_who_is_silent_is_pinged_then_gone),
        TEST(a_message_that_does_not_go_on_ends_it),
        TEST(who_is_held_back_is_not_silent),
        TEST(who_takes_nothing_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
