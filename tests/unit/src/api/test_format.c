/* Updates in format v2 told in v1: the same, or refused before they become large. */
#include "api/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <crdt.h>

#include "wiremake.h"

#define LIMIT ((size_t)1 << 20)

static slice slice_of_buf(const crdt_buf *buf)
{
    return (slice){(const char *)buf->data, buf->len};
}

/* `count` garbage-collected structs of one unit: in columns they take almost nothing. */
static void many_structs(uint64_t count, crdt_buf *v1)
{
    wm_begin(v1, 1);
    wm_section(v1, count, 1, 0);
    for (uint64_t i = 0; i < count; i++)
        wm_struct(v1, &(wm_item){.kind = WM_GC, .len = 1});
    wm_begin_deletes(v1, 0);
}

static void in_v2(const crdt_buf *v1, crdt_buf *v2)
{
    crdt_err failed = crdt_update_convert(CRDT_V1, wm_bytes(v1), CRDT_V2, v2);
    assert_int_equal(failed, CRDT_OK);
}

static void an_update_says_the_same_in_v1(void **state)
{
    (void)state;
    crdt_buf v1 = {0}, v2 = {0};
    wm_one(&v1, (wm_id){1, 0}, &(wm_item){.kind = WM_STRING, .root = "t", .text = "some text"});
    in_v2(&v1, &v2);
    frame *out = NULL;
    assert_int_equal(format_to_v1(slice_of_buf(&v2), LIMIT, &out), ERR_OK);
    assert_true(slice_equal(frame_slice(out), slice_of_buf(&v1)));
    frame_unref(out);
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

static void what_is_no_update_is_malformed(void **state)
{
    (void)state;
    crdt_buf v1 = {0}, v2 = {0};
    frame *out = NULL;
    wm_one(&v1, (wm_id){1, 0}, &(wm_item){.kind = WM_STRING, .root = "t", .text = "some text"});
    assert_int_equal(format_to_v1(slice_of_buf(&v1), LIMIT, &out), ERR_MALFORMED_UPDATE);
    in_v2(&v1, &v2);
    for (size_t len = 0; len < v2.len; len++) {
        slice cut = {(const char *)v2.data, len};
        assert_int_equal(format_to_v1(cut, LIMIT, &out), ERR_MALFORMED_UPDATE);
    }
    assert_null(out);
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

static void runs_that_stand_for_too_much_are_refused(void **state)
{
    (void)state;
    crdt_buf v1 = {0}, v2 = {0};
    frame *out = NULL;
    many_structs(CRDT_V2_STRUCTS_FREE, &v1);
    in_v2(&v1, &v2);
    assert_true(v2.len < 100);
    slice update = slice_of_buf(&v2);
    assert_int_equal(format_to_v1(update, v1.len, &out), ERR_OK);
    assert_int_equal(out->len, v1.len);
    frame_unref(out);
    out = NULL;
    assert_int_equal(format_to_v1(update, v1.len - 1, &out), ERR_UPDATE_LIMIT);
    assert_int_equal(format_to_v1(update, 64, &out), ERR_UPDATE_LIMIT);
    assert_null(out);
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_says_the_same_in_v1),
        cmocka_unit_test(what_is_no_update_is_malformed),
        cmocka_unit_test(runs_that_stand_for_too_much_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
