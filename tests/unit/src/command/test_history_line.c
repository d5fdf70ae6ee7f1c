/* Lines of an exported history: what is written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "command/history_line.h"
#include "past/event_json.h"

/* Client 5 writes "abc" into the text "t". */
static const char update[] = "\1\1\5\0\4\1\1t\3abc\0";
#define UPDATE_LEN (sizeof(update) - 1)

#define ID     "\"id\":\"1.9f3c1a07\""
#define TIME   "\"time\":\"2026-11-21T10:53:15.042Z\""
#define BYTES  "\"bytes\":13"
#define USER   "\"user\":null"
#define UPDATE "\"update\":\"AQEFAAQBAXQDYWJjAA==\""

static void check_round_trip(const char *user, size_t user_len)
{
    buf text = {0};
    history_line line = {0};
    store_event event = {.seq = 42,
                         .time_ms = 1795258395042,
                         .user = {user, user_len},
                         .update = {update, UPDATE_LEN}};
    assert_int_equal(event_json_append(&text, &event, 0x9f3c1a07, EVENT_RECORDED), ERR_OK);
    assert_null(history_line_parse(buf_slice(&text), &line));
    assert_int_equal(line.id.seq, 42);
    assert_int_equal(line.id.epoch, 0x9f3c1a07);
    assert_int_equal(line.time_ms, 1795258395042);
    assert_true(slice_equal(buf_slice(&line.user), (slice){user, user_len}));
    assert_true(slice_equal(buf_slice(&line.update), (slice){update, UPDATE_LEN}));
    buf_free(&text);
    history_line_deinit(&line);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char longest[STORE_USER_LEN_MAX] = {0};
    static const char ada[] = "Ada \"Countess\" L\xc3\xb6velace\\\n";
    check_round_trip("", 0);
    check_round_trip(ada, sizeof(ada) - 1);
    check_round_trip(longest, sizeof(longest));
}

static void members_may_come_in_any_order_with_others(void **state)
{
    (void)state;
    history_line line = {0};
    assert_null(history_line_parse(
        SLICE_LITERAL(" {" UPDATE ", \"more\": [{}], " USER "," BYTES "," TIME "," ID "} "),
        &line));
    assert_int_equal(line.id.seq, 1);
    history_line_deinit(&line);
}

static void all_else_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "it is not JSON"},
        {"{" ID, "it is not JSON"},
        {"{" ID "," ID "}", "it is not JSON"},
        {"{} {}", "it is not JSON"},
        {"[1]", "it is not a JSON object"},
        {"{" TIME "," BYTES "," USER "," UPDATE "}", "it has no id"},
        {"{\"id\":\"1\"," TIME "," BYTES "," USER "," UPDATE "}", "it has no id"},
        {"{\"id\":1," TIME "," BYTES "," USER "," UPDATE "}", "it has no id"},
        {"{" ID "," BYTES "," USER "," UPDATE "}", "it has no time"},
        {"{" ID ",\"time\":\"yesterday\"," BYTES "," USER "," UPDATE "}", "it has no time"},
        {"{" ID "," TIME "," BYTES "," UPDATE "}", "its user is neither"},
        {"{" ID "," TIME "," BYTES ",\"user\":7," UPDATE "}", "its user is neither"},
        {"{" ID "," TIME "," BYTES "," USER "}", "it has no update"},
        {"{" ID "," TIME "," BYTES "," USER ",\"update\":\"!\"}", "its update is not base64"},
        {"{" ID "," TIME "," USER "," UPDATE "}", "its update does not have as many bytes"},
        {"{" ID "," TIME ",\"bytes\":12," USER "," UPDATE "}",
         "its update does not have as many bytes"},
        {"{" ID "," TIME ",\"bytes\":3," USER ",\"update\":\"AQEF\"}",
         "its update is not a Yjs update"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        history_line line = {0};
        const char *wrong = history_line_parse(slice_of(cases[i].text), &line);
        if (wrong == NULL || strncmp(wrong, cases[i].reason, strlen(cases[i].reason)) != 0)
            fail_msg("%s: %s", cases[i].text, wrong != NULL ? wrong : "taken");
        history_line_deinit(&line);
    }
}

static void a_user_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[STORE_USER_LEN_MAX + 256];
    char user[STORE_USER_LEN_MAX + 2];
    memset(user, 'u', sizeof(user) - 1);
    user[sizeof(user) - 1] = '\0';
    int len = snprintf(text, sizeof(text), "{" ID "," TIME "," BYTES ",\"user\":\"%s\"," UPDATE "}",
                       user);
    history_line line = {0};
    assert_non_null(history_line_parse((slice){text, (size_t)len}, &line));
    history_line_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(members_may_come_in_any_order_with_others),
        cmocka_unit_test(all_else_is_refused_with_a_reason),
        cmocka_unit_test(a_user_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
