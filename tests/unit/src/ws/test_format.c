/* Frames as a server sends them, and the messages in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ws/format.h"

/* Takes `f`. */
static void assert_bytes(frame *f, const char *bytes, size_t len)
{
    assert_non_null(f);
    assert_int_equal(f->len, len);
    assert_memory_equal(f->data, bytes, len);
    frame_unref(f);
}

#define ASSERT_FRAME(f, bytes) assert_bytes((f), (bytes), sizeof(bytes) - 1)

static frame *of(sink_kind kind, slice data)
{
    return ws_format(&(sink_event){.kind = kind, .data = data});
}

static void each_event_has_its_message(void **state)
{
    (void)state;
    ASSERT_FRAME(of(SINK_SYNC, SLICE_LITERAL("abc")), "\x82\x06\x00\x01\x03"
                                                      "abc");
    ASSERT_FRAME(of(SINK_UPDATE, SLICE_LITERAL("abc")), "\x82\x06\x00\x02\x03"
                                                        "abc");
    ASSERT_FRAME(of(SINK_AWARENESS, SLICE_LITERAL("abc")), "\x82\x05\x01\x03"
                                                           "abc");
    ASSERT_FRAME(of(SINK_AWARENESS, (slice){0}), "\x82\x03\x01\x01\x00");
    ASSERT_FRAME(ws_format_step1((slice){"\0", 1}), "\x82\x04\x00\x00\x01\x00");
    assert_null(of(SINK_RESET, SLICE_LITERAL("unknown")));
}

static void control_frames(void **state)
{
    (void)state;
    ASSERT_FRAME(ws_format_ping(), "\x89\x00");
    ASSERT_FRAME(ws_format_pong(SLICE_LITERAL("ab")), "\x8a\x02"
                                                      "ab");
    ASSERT_FRAME(ws_format_close(1001, SLICE_LITERAL("x")), "\x88\x03\x03\xe9x");
    ASSERT_FRAME(ws_format_close(0, (slice){0}), "\x88\x00");
}

static void only_frames_that_close_close(void **state)
{
    (void)state;
    frame *deleted = of(SINK_DELETED, (slice){0});
    assert_non_null(deleted);
    assert_memory_equal(deleted->data + 2, "\x11\x34", 2); /* 4404 */
    assert_true(ws_format_is_close(deleted));
    frame_unref(deleted);
    frame *update = of(SINK_UPDATE, (slice){0});
    assert_false(ws_format_is_close(update));
    frame_unref(update);
}

static void lengths_take_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        size_t payload_len; /* its first three to five bytes are kinds and a length */
        size_t data_len;
        const char *head;
        size_t head_len;
    } cases[] = {
        {125, 122, "\x82\x7d", 2},
        {126, 123, "\x82\x7e\x00\x7e", 4},
        {65535, 65530, "\x82\x7e\xff\xff", 4},
        {65536, 65531, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10},
    };
    static const char data[65531];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        frame *f = of(SINK_UPDATE, (slice){data, cases[i].data_len});
        assert_non_null(f);
        assert_int_equal(f->len, cases[i].head_len + cases[i].payload_len);
        assert_memory_equal(f->data, cases[i].head, cases[i].head_len);
        frame_unref(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_message),
        cmocka_unit_test(control_frames),
        cmocka_unit_test(only_frames_that_close_close),
        cmocka_unit_test(lengths_take_their_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
