/* Which answer a client likes best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/accept.h"

enum { JSON, LINES, EVENTS, NONE };

typedef struct accepted {
    const char *accept;
    size_t chosen;
} accepted;

static void assert_chosen(const accepted *cases, size_t count)
{
    static const slice offers[] = {
        {"application/json", 16}, {"application/x-ndjson", 20}, {"text/event-stream", 17}};
    for (size_t i = 0; i < count; i++) {
        size_t chosen = http_accept(slice_of(cases[i].accept), offers, 3);
        if (chosen != cases[i].chosen)
            fail_msg("\"%s\" chose %zu", cases[i].accept, chosen);
    }
}

#define ASSERT_CHOSEN(cases) assert_chosen(cases, sizeof(cases) / sizeof((cases)[0]))

static void what_is_named_is_chosen(void **state)
{
    (void)state;
    static const accepted cases[] = {
        {"application/json", JSON},
        {"application/x-ndjson", LINES},
        {"text/event-stream", EVENTS},
        {"Text/Event-Stream; charset=utf-8", EVENTS},
        {"text/*", EVENTS},
        {"application/*", JSON},
        {"*/*", JSON},
        {"application/x-ndjson, */*", LINES},
        {"*/*, text/event-stream", EVENTS},
        {"application/x-ndjson, application/json", LINES},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON},
        {"text/html, text/event-stream", EVENTS},
    };
    ASSERT_CHOSEN(cases);
}

static void qualities_count_most(void **state)
{
    (void)state;
    static const accepted cases[] = {
        {"application/json;q=0.5, application/x-ndjson", LINES},
        {"application/json;q=0.5, application/x-ndjson;q=0.501", LINES},
        {"application/json;q=0.51, application/x-ndjson ; Q=0.509", JSON},
        {"application/json;q=0, */*", LINES},
        {"application/*;q=0, */*;q=0.1", EVENTS},
        {"*/*;q=0.9, application/json;q=0.1, text/*;q=0", LINES},
        {"application/json;v=\"a,b\\\"\";q=0.2, application/x-ndjson;q=0.1", JSON},
        {"application/json;q=0.2;ext=1, text/event-stream;q=1.000", EVENTS},
        {"application/json;q=1.0;, text/html", JSON},
    };
    ASSERT_CHOSEN(cases);
}

static void what_is_not_wanted_is_not_chosen(void **state)
{
    (void)state;
    static const accepted cases[] = {
        {"text/html", NONE},       {"application/json;q=0", NONE},
        {"*/*;q=0", NONE},         {"image/*, application/ndjson", NONE},
        {"application/jso", NONE}, {"application/json2, text/event", NONE},
    };
    ASSERT_CHOSEN(cases);
}

static void what_is_malformed_says_nothing(void **state)
{
    (void)state;
    static const accepted cases[] = {
        {"", JSON},
        {" , ,", JSON},
        {"json", JSON},
        {"/", JSON},
        {"application/", JSON},
        {"text/event-stream;q=2", JSON},
        {"text/event-stream;q=1.001", JSON},
        {"text/event-stream;q=0.5000", JSON},
        {"text/event-stream;q=.5", JSON},
        {"text/event-stream;q=", JSON},
        {"text/event-stream;q=\"1", JSON},
        {"text/event-stream charset", JSON},
        {"text/event-stream;=1", JSON},
        {"*/json, text/event-stream", EVENTS},
        {"garbage, application/x-ndjson", LINES},
        {"\"a, application/x-ndjson", JSON},
        {"text/event-stream;a=\"\\", EVENTS},
    };
    ASSERT_CHOSEN(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_is_chosen),
        cmocka_unit_test(qualities_count_most),
        cmocka_unit_test(what_is_not_wanted_is_not_chosen),
        cmocka_unit_test(what_is_malformed_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
