/* Heads that no server should guess at are refused before they are parsed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/head.h"

static void head_ends_at_its_empty_line(void **state)
{
    (void)state;
    slice two = SLICE_LITERAL("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    assert_int_equal(head_len(two, 0), 27);
    for (size_t len = 0; len < 27; len++)
        assert_int_equal(head_len((slice){two.data, len}, 0), 0);
    /* Wherever the search stopped before, it finds the end when the rest has come. */
    for (size_t from = 0; from < 27; from++)
        assert_int_equal(head_len(two, from), 27);
}

static void bare_line_feeds_end_a_head_that_is_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        slice head = slice_of(heads[i]);
        assert_int_equal(head_len(head, 0), head.len);
        assert_non_null(head_check(head));
    }
}

static void empty_lines_before_a_request_are_counted(void **state)
{
    (void)state;
    assert_int_equal(head_leading_lines(SLICE_LITERAL("\r\n\r\nGET")), 4);
    assert_int_equal(head_leading_lines(SLICE_LITERAL("GET")), 0);
    assert_int_equal(head_leading_lines(SLICE_LITERAL("\r")), 0);
    assert_int_equal(head_leading_lines(SLICE_LITERAL("\nGET")), 0);
}

static void heads_are_judged_by_their_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool good;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nhOsT: a\r\nX: \t b\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", false},
        {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool good = head_check(slice_of(cases[i].head)) == NULL;
        if (good != cases[i].good)
            fail_msg("case %zu: %s", i, cases[i].head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_ends_at_its_empty_line),
        cmocka_unit_test(bare_line_feeds_end_a_head_that_is_refused),
        cmocka_unit_test(empty_lines_before_a_request_are_counted),
        cmocka_unit_test(heads_are_judged_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
