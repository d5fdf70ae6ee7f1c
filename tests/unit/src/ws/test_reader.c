/* Frames in, messages out: whatever a client may send, given whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ws/codes.h"
#include "ws/reader.h"

#define MESSAGE_LEN_MAX 70000

/* ---- frames as a client sends them ---- */

enum { FIN = 0x80, MORE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static void add_length(buf *out, size_t len, char mask)
{
    const char longer[] = {(char)(mask | (len < 65536 ? 126 : 127))};
    char big_endian[8];
    for (size_t i = 0; i < 8; i++)
        big_endian[i] = (char)((uint64_t)len >> (56 - 8 * i));
    if (len < 126)
        buf_append(out, (slice){(const char[]){(char)(mask | (char)len)}, 1});
    else
        buf_append(out, (slice){longer, 1});
    if (len >= 65536)
        buf_append(out, (slice){big_endian, 8});
    else if (len >= 126)
        buf_append(out, (slice){big_endian + 6, 2});
}

static void add_frame(buf *out, int first, slice payload)
{
    static const char mask[] = {0x11, 0x22, 0x33, 0x44};
    buf_append(out, (slice){(const char[]){(char)first}, 1});
    add_length(out, payload.len, (char)0x80);
    buf_append(out, (slice){mask, 4});
    for (size_t i = 0; i < payload.len; i++)
        buf_append(out, (slice){(const char[]){(char)(payload.data[i] ^ mask[i % 4])}, 1});
}

/* ---- what comes of them, written down ---- */

typedef struct record {
    char text[512];
    bool ended;
} record;

static void note(record *to, const ws_event *event)
{
    static const char *const names[] = {"", "message", "ping", "pong", "close", "failed"};
    size_t at = strlen(to->text);
    size_t left = sizeof(to->text) - at;
    to->ended = event->kind == WS_CLOSE || event->kind == WS_FAILED;
    if (to->ended)
        snprintf(to->text + at, left, "%s:%u ", names[event->kind], event->code);
    else if (event->data.len > 40)
        snprintf(to->text + at, left, "%s:%zu ", names[event->kind], event->data.len);
    else
        snprintf(to->text + at, left, "%s:%.*s ", names[event->kind], (int)event->data.len,
                 event->data.len > 0 ? event->data.data : "");
}

static void drain(ws_reader *r, record *to)
{
    while (!to->ended) {
        ws_event event = ws_reader_next(r);
        if (event.kind == WS_NOTHING)
            return;
        note(to, &event);
    }
}

/* Gives `bytes` in pieces; a new reader goes on wherever the last one is clean. */
static record read_in(slice bytes, size_t piece)
{
    record got = {0};
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    for (size_t at = 0; at < bytes.len && !got.ended; at += piece) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        ws_reader_give(r, (slice){bytes.data + at, len});
        drain(r, &got);
        if (ws_reader_is_clean(r)) {
            ws_reader_free(r);
            r = ws_reader_new(MESSAGE_LEN_MAX);
        }
    }
    ws_reader_free(r);
    return got;
}

/* Whole, byte by byte, and in pieces. Takes the bytes. */
static void expect(buf *bytes, const char *events)
{
    const size_t pieces[] = {SIZE_MAX / 2, 1, 2, 3, 7, 4095};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        record got = read_in(buf_slice(bytes), pieces[i]);
        assert_string_equal(got.text, events);
    }
    buf_free(bytes);
}

static void expect_frame(int first, slice payload, const char *events)
{
    buf bytes = {0};
    add_frame(&bytes, first, payload);
    expect(&bytes, events);
}

/* ---- messages ---- */

static void messages_and_control_frames(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("one"));
    add_frame(&bytes, FIN | BINARY, (slice){0});
    add_frame(&bytes, FIN | PING, SLICE_LITERAL("p"));
    add_frame(&bytes, FIN | PONG, (slice){0});
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("two"));
    expect(&bytes, "message:one message: ping:p pong: message:two ");
}

static void fragments_make_one_message(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, BINARY, SLICE_LITERAL("a"));
    add_frame(&bytes, MORE, (slice){0});
    add_frame(&bytes, FIN | PING, SLICE_LITERAL("between"));
    add_frame(&bytes, MORE, SLICE_LITERAL("b"));
    add_frame(&bytes, FIN | MORE, SLICE_LITERAL("c"));
    add_frame(&bytes, BINARY, (slice){0});
    add_frame(&bytes, FIN | MORE, (slice){0});
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("d"));
    expect(&bytes, "ping:between message:abc message: message:d ");
}

static void lengths_of_every_form(void **state)
{
    (void)state;
    static const char data[MESSAGE_LEN_MAX];
    static const struct {
        size_t len;
        const char *events;
    } cases[] = {{125, "message:125 "},     {126, "message:126 "},     {127, "message:127 "},
                 {65535, "message:65535 "}, {65536, "message:65536 "}, {70000, "message:70000 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_frame(FIN | BINARY, (slice){data, cases[i].len}, cases[i].events);
    expect_frame(FIN | PING, (slice){data, 125}, "ping:125 ");
}

static void a_message_is_held_to_its_bound(void **state)
{
    (void)state;
    static const char data[MESSAGE_LEN_MAX + 1];
    expect_frame(FIN | BINARY, (slice){data, MESSAGE_LEN_MAX + 1}, "failed:4413 ");
    buf bytes = {0};
    add_frame(&bytes, BINARY, (slice){data, MESSAGE_LEN_MAX});
    add_frame(&bytes, FIN | MORE, (slice){data, 1});
    expect(&bytes, "failed:4413 ");
    add_frame(&bytes, BINARY, (slice){data, MESSAGE_LEN_MAX});
    add_frame(&bytes, FIN | MORE, (slice){0});
    add_frame(&bytes, FIN | BINARY, (slice){data, MESSAGE_LEN_MAX});
    expect(&bytes, "message:70000 message:70000 ");
}

static void a_bound_is_kept_before_anything_has_come(void **state)
{
    (void)state;
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    ws_reader_give(r, (slice){"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15});
    ws_event event = ws_reader_next(r);
    assert_int_equal(event.kind, WS_FAILED);
    assert_int_equal(event.code, WS_CODE_TOO_LARGE);
    ws_reader_free(r);
}

/* ---- what may not come ---- */

static void frames_that_may_not_come(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *events;
    } cases[] = {
        {"\x82\x00", 2, "failed:1002 "},         /* not masked */
        {"\x89\x00", 2, "failed:1002 "},         /* likewise */
        {"\xc2\x80\0\0\0\0", 6, "failed:1002 "}, /* a reserved bit */
        {"\xa2\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x99\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x83\x80\0\0\0\0", 6, "failed:1002 "}, /* opcodes */
        {"\x87\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x8b\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x8f\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x81\x80\0\0\0\0", 6, "failed:1003 "}, /* text */
        {"\x01\x80\0\0\0\0", 6, "failed:1003 "},
        {"\x80\x80\0\0\0\0", 6, "failed:1002 "}, /* nothing to continue */
        {"\x00\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x02\x80\0\0\0\0\x82\x80\0\0\0\0", 12, "failed:1002 "}, /* one in another */
        {"\x02\x80\0\0\0\0\x81\x80\0\0\0\0", 12, "failed:1002 "},
        {"\x09\x80\0\0\0\0", 6, "failed:1002 "}, /* control in fragments */
        {"\x08\x80\0\0\0\0", 6, "failed:1002 "},
        {"\x89\xfe\x00\x7e\0\0\0\0", 8, "failed:1002 "}, /* control too long */
        {"\x82\xfe\x00\x7d\0\0\0\0", 8, "failed:1002 "}, /* not the shortest form */
        {"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, "failed:1002 "},
        {"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, "failed:1002 "}, /* 64 bits */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf bytes = {0};
        buf_append(&bytes, (slice){cases[i].bytes, cases[i].len});
        expect(&bytes, cases[i].events);
    }
}

/* ---- the end ---- */

static void expect_close(const char *payload, size_t len, const char *events)
{
    expect_frame(FIN | CLOSE, (slice){payload, len}, events);
}

static void codes_that_may_be_sent(void **state)
{
    (void)state;
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                    1012, 1013, 1014, 3000, 3999, 4000, 4400, 4999};
    static const uint16_t bad[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    char events[32];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char code[] = {(char)(good[i] >> 8), (char)good[i]};
        snprintf(events, sizeof(events), "close:%u ", good[i]);
        expect_close(code, 2, events);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char code[] = {(char)(bad[i] >> 8), (char)bad[i]};
        expect_close(code, 2, "failed:1002 ");
    }
}

static void reasons_are_utf8(void **state)
{
    (void)state;
    expect_close("", 0, "close:1005 ");
    expect_close("\x03", 1, "failed:1002 ");
    expect_close("\x03\xe8gr\xc3\xbc\xc3\x9f"
                 "e",
                 9, "close:1000 ");
    expect_close("\x03\xe8\xc3", 3, "failed:1007 ");         /* cut short */
    expect_close("\x03\xe8\xc0\x80", 4, "failed:1007 ");     /* overlong */
    expect_close("\x03\xe8\xed\xa0\x80", 5, "failed:1007 "); /* a surrogate */
    expect_close("\x03\xe8\xf4\x90\x80\x80", 6, "failed:1007 ");
}

static void nothing_comes_after_the_end(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("last"));
    add_frame(&bytes, FIN | CLOSE, (slice){0});
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("late"));
    expect(&bytes, "message:last close:1005 ");
}

/* ---- holding back ---- */

static void the_rest_of_a_message_comes_again(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("abcdef"));
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("next"));
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    ws_reader_give(r, buf_slice(&bytes));
    record got = {0};
    for (size_t i = 0; i < 2; i++) {
        ws_event event = ws_reader_next(r);
        note(&got, &event);
        ws_reader_hold(r, 2);
        assert_false(ws_reader_is_clean(r));
    }
    /* What was given goes, what was kept stays. */
    ws_reader_keep(r);
    memset(bytes.data, 0, bytes.len);
    drain(r, &got);
    assert_string_equal(got.text, "message:abcdef message:cdef message:ef message:next ");
    assert_true(ws_reader_is_clean(r));
    ws_reader_free(r);
    buf_free(&bytes);
}

static void what_comes_later_is_put_behind(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("one"));
    size_t half = bytes.len + 3;
    add_frame(&bytes, FIN | BINARY, SLICE_LITERAL("two"));
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    for (size_t at = 0; at < bytes.len; at += half) {
        size_t len = bytes.len - at < half ? bytes.len - at : half;
        ws_reader_give(r, (slice){bytes.data + at, len});
        ws_reader_keep(r);
    }
    memset(bytes.data, 0, bytes.len);
    record got = {0};
    drain(r, &got);
    assert_string_equal(got.text, "message:one message:two ");
    ws_reader_free(r);
    buf_free(&bytes);
}

static void it_is_clean_only_between_messages(void **state)
{
    (void)state;
    buf bytes = {0};
    add_frame(&bytes, BINARY, SLICE_LITERAL("ab"));
    add_frame(&bytes, FIN | PING, (slice){0});
    add_frame(&bytes, FIN | MORE, SLICE_LITERAL("cd"));
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    record got = {0};
    assert_true(ws_reader_is_clean(r));
    for (size_t i = 0; i < bytes.len; i++) {
        ws_reader_give(r, (slice){bytes.data + i, 1});
        drain(r, &got);
        assert_int_equal(ws_reader_is_clean(r), i + 1 == bytes.len);
    }
    ws_reader_free(r);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_control_frames),
        cmocka_unit_test(fragments_make_one_message),
        cmocka_unit_test(lengths_of_every_form),
        cmocka_unit_test(a_message_is_held_to_its_bound),
        cmocka_unit_test(a_bound_is_kept_before_anything_has_come),
        cmocka_unit_test(frames_that_may_not_come),
        cmocka_unit_test(codes_that_may_be_sent),
        cmocka_unit_test(reasons_are_utf8),
        cmocka_unit_test(nothing_comes_after_the_end),
        cmocka_unit_test(the_rest_of_a_message_comes_again),
        cmocka_unit_test(what_comes_later_is_put_behind),
        cmocka_unit_test(it_is_clean_only_between_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
