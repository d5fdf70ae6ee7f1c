/* The ring against what was pushed: what it still has, it tells without a gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "room/ring.h"

static void push(ring *r, uint64_t after, uint64_t until, size_t len)
{
    frame *update = frame_new(len);
    memset(update->data, 'u', len);
    ring_push(r, after, until, update);
}

static void tells_what_a_reader_lacks(void **state)
{
    (void)state;
    ring r = {0};
    push(&r, 10, 12, 1);
    push(&r, 12, 13, 1);
    push(&r, 13, 20, 1);
    const struct {
        uint64_t seq;
        size_t count;
        size_t first;
    } cases[] = {{20, 0, 0}, {25, 0, 0}, {13, 1, 2}, {15, 1, 2}, {12, 2, 1},
                 {11, 3, 0}, {10, 3, 0}, {9, 0, 0},  {0, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t first = 0;
        assert_int_equal(ring_since(&r, cases[i].seq, &first), cases[i].count);
        assert_int_equal(first, cases[i].first);
    }
    ring_deinit(&r);
}

static void an_empty_ring_knows_nothing(void **state)
{
    (void)state;
    ring r = {0};
    size_t first;
    assert_int_equal(ring_since(&r, 0, &first), 0);
    ring_deinit(&r);
}

static void is_bounded_in_number(void **state)
{
    (void)state;
    ring r = {0};
    size_t first;
    for (uint64_t i = 0; i < 1000; i++)
        push(&r, i, i + 1, 1);
    assert_int_equal(r.count, RING_SPANS_MAX);
    assert_int_equal(ring_since(&r, 1000 - RING_SPANS_MAX, &first), RING_SPANS_MAX);
    assert_int_equal(ring_since(&r, 999 - RING_SPANS_MAX, &first), 0);
    assert_int_equal(ring_at(&r, 0)->after, 1000 - RING_SPANS_MAX);
    ring_deinit(&r);
}

static void is_bounded_in_bytes_but_keeps_the_newest(void **state)
{
    (void)state;
    ring r = {0};
    push(&r, 0, 1, RING_BYTES_MAX / 2);
    push(&r, 1, 2, RING_BYTES_MAX / 2);
    assert_int_equal(r.count, 2);
    push(&r, 2, 3, 1);
    assert_int_equal(r.count, 2);
    push(&r, 3, 4, RING_BYTES_MAX * 2);
    assert_int_equal(r.count, 1);
    assert_int_equal(ring_at(&r, 0)->until, 4);
    ring_deinit(&r);
}

static void a_gap_begins_it_anew(void **state)
{
    (void)state;
    ring r = {0};
    push(&r, 0, 1, 1);
    push(&r, 5, 6, 1);
    size_t first;
    assert_int_equal(r.count, 1);
    assert_int_equal(ring_since(&r, 0, &first), 0);
    ring_deinit(&r);
}

/* ---- spans ---- */

static size_t encoded;

static frame *encode(const sink_event *event)
{
    encoded++;
    return frame_copy(event->kind == SINK_SYNC ? SLICE_LITERAL("sync") : SLICE_LITERAL("update"));
}

static void a_span_is_encoded_once_for_each_kind(void **state)
{
    (void)state;
    const sink_ops ops = {.wire = SINK_WIRE_SSE, .encode = encode};
    span s = span_of(3, 5, frame_copy(SLICE_LITERAL("u")));
    encoded = 0;
    frame *update = span_frame(&s, SINK_UPDATE, &ops, 7);
    assert_ptr_equal(span_frame(&s, SINK_UPDATE, &ops, 7), update);
    assert_ptr_not_equal(span_frame(&s, SINK_SYNC, &ops, 7), update);
    assert_int_equal(encoded, 2);
    span_clear(&s);
    assert_null(s.update);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_a_reader_lacks),
        cmocka_unit_test(an_empty_ring_knows_nothing),
        cmocka_unit_test(is_bounded_in_number),
        cmocka_unit_test(is_bounded_in_bytes_but_keeps_the_newest),
        cmocka_unit_test(a_gap_begins_it_anew),
        cmocka_unit_test(a_span_is_encoded_once_for_each_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
