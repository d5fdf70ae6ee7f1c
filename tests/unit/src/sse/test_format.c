/* Events as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sse/format.h"

static void assert_text(const sink_event *event, const char *text)
{
    frame *f = sse_format(event);
    assert_non_null(f);
    assert_int_equal(f->len, strlen(text));
    assert_memory_equal(f->data, text, f->len);
    frame_unref(f);
}

static void each_kind_has_its_form(void **state)
{
    (void)state;
    const event_id id = {.seq = 42, .epoch = 0x9f3c1a07, .has_epoch = true};
    const slice nothing = {"\0\0", 2};
    assert_text(&(sink_event){SINK_SYNC, id, nothing},
                "event: sync\nid: 42.9f3c1a07\ndata: AAA=\n\n");
    assert_text(&(sink_event){SINK_UPDATE, id, SLICE_LITERAL("abc")},
                "event: update\nid: 42.9f3c1a07\ndata: YWJj\n\n");
    assert_text(&(sink_event){SINK_SYNC, {0}, nothing}, "event: sync\nid: 0\ndata: AAA=\n\n");
    assert_text(&(sink_event){.kind = SINK_AWARENESS, .data = SLICE_LITERAL("abcd")},
                "event: awareness\ndata: YWJjZA==\n\n");
    assert_text(&(sink_event){.kind = SINK_RESET, .data = SLICE_LITERAL("restored")},
                "event: reset\ndata: {\"reason\":\"restored\"}\n\n");
    assert_text(&(sink_event){.kind = SINK_DELETED}, "event: deleted\ndata: {}\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_has_its_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
