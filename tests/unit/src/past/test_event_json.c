/* One event as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "past/event_json.h"

#define LITERAL(text) ((store_bytes){(text), sizeof(text) - 1})

/* Client 5 writes "abc"; the same with client 7 beside it; "abc" deleted; a Skip of client 5 and a
 * GC of client 7. */
static const store_bytes written = LITERAL("\1\1\5\0\4\1\1t\3abc\0");
static const store_bytes two = LITERAL("\2\1\7\0\0\2\1\5\0\4\1\1t\3abc\0");
static const store_bytes deletion = LITERAL("\0\1\5\1\0\3");
static const store_bytes skipped = LITERAL("\2\1\7\0\0\2\1\5\2\12\3\0");

static void assert_json(const store_event *event, event_form form, const char *text)
{
    buf out = {0};
    buf_append(&out, SLICE_LITERAL("before"));
    assert_int_equal(event_json_append(&out, event, 0x9f3c1a07, form), ERR_OK);
    assert_memory_equal(out.data, "before", 6);
    if (!slice_equal(slice_of(text), (slice){out.data + 6, out.len - 6}))
        fail_msg("%.*s", (int)out.len, out.data);
    buf_free(&out);
}

static void an_event_is_told_in_one_line(void **state)
{
    (void)state;
    store_event event = {.seq = 42, .time_ms = 1795258395042, .update = written};
    assert_json(&event, EVENT_RECORDED,
                "{\"id\":\"42.9f3c1a07\",\"time\":\"2026-11-21T10:53:15.042Z\",\"bytes\":13,"
                "\"clients\":[5],\"user\":null,\"update\":\"AQEFAAQBAXQDYWJjAA==\"}");
    assert_json(&event, EVENT_BARE,
                "{\"id\":\"42.9f3c1a07\",\"time\":\"2026-11-21T10:53:15.042Z\",\"bytes\":13,"
                "\"clients\":[5],\"user\":null}");
}

static void clients_are_those_with_structs(void **state)
{
    (void)state;
    const struct {
        store_bytes update;
        const char *clients;
    } cases[] = {{two, "[7,5]"}, {deletion, "[]"}, {skipped, "[7]"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        store_event event = {.seq = 1, .update = cases[i].update};
        snprintf(text, sizeof(text),
                 "{\"id\":\"1.9f3c1a07\",\"time\":\"1970-01-01T00:00:00.000Z\",\"bytes\":%zu,"
                 "\"clients\":%s,\"user\":null}",
                 cases[i].update.len, cases[i].clients);
        assert_json(&event, EVENT_BARE, text);
    }
}

static void a_user_is_escaped(void **state)
{
    (void)state;
    store_event event = {.seq = 1, .update = deletion, .user = LITERAL("a\"\\\n\0\xc3\xa9</b>")};
    assert_json(&event, EVENT_BARE,
                "{\"id\":\"1.9f3c1a07\",\"time\":\"1970-01-01T00:00:00.000Z\",\"bytes\":6,"
                "\"clients\":[],\"user\":\"a\\\"\\\\\\n\\u0000\xc3\xa9</b>\"}");
}

/* Yjs' convertUpdateFormatV1ToV2 of the same update. */
static void an_update_may_be_told_in_the_other_format(void **state)
{
    (void)state;
    buf out = {0};
    assert_int_equal(event_update_append(&out, deletion, EVENT_V2), ERR_OK);
    assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL("AAAAAAAAAQAAAAAAAQUBAAI=")));
    buf_free(&out);
}

static void what_is_no_update_leaves_nothing(void **state)
{
    (void)state;
    static const event_form forms[] = {EVENT_RECORDED, EVENT_V2, EVENT_BARE};
    buf out = {0};
    buf_append(&out, SLICE_LITERAL("before"));
    for (size_t i = 0; i < 3; i++) {
        store_event damaged = {.seq = 1, .update = LITERAL("\1\1\5")};
        store_event nameless = {.seq = 1, .update = written, .user = LITERAL("\xff")};
        assert_int_equal(event_json_append(&out, &damaged, 1, forms[i]), ERR_STORAGE);
        assert_int_equal(event_json_append(&out, &nameless, 1, forms[i]), ERR_STORAGE);
        assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL("before")));
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_told_in_one_line),
        cmocka_unit_test(clients_are_those_with_structs),
        cmocka_unit_test(a_user_is_escaped),
        cmocka_unit_test(an_update_may_be_told_in_the_other_format),
        cmocka_unit_test(what_is_no_update_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
