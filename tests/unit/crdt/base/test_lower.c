/* Lower-casing. All characters are compared with JavaScript in tests/interop/reading.test.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/lower.h"

static void expect_lower(const char *text, const char *expected)
{
    crdt_buf out = {0};
    crdt__writer w = crdt__writer_on(&out);
    crdt__lower_write(&w, crdt_bytes_of(text));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    assert_int_equal(out.len, strlen(expected));
    if (out.len > 0)
        assert_memory_equal(out.data, expected, out.len);
    crdt_buf_free(&out);
}

static void letters_are_lowered(void **state)
{
    (void)state;
    expect_lower("", "");
    expect_lower("Az[@9-", "az[@9-");
    expect_lower("\xc3\x84\xc3\x97\xc3\x9f", "\xc3\xa4\xc3\x97\xc3\x9f");
    expect_lower("\xc7\x85", "\xc7\x86");                 /* U+01C5, a title case */
    expect_lower("\xe2\x84\xaa", "k");                    /* U+212A, Kelvin */
    expect_lower("\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"); /* U+10400 */
    expect_lower("\xed\xa0\x80"
                 "A",
                 "\xed\xa0\x80"
                 "a");                       /* an unpaired half */
    expect_lower("\xc4\xb0I", "i\xcc\x87i"); /* U+0130 */
}

/* U+03A3, alpha, U+03B1. */
static void a_sigma_ends_a_word(void **state)
{
    (void)state;
    expect_lower("\xce\xa3", "\xcf\x83");
    expect_lower("A\xce\xa3", "a\xcf\x82");
    expect_lower("A\xce\xa3 B", "a\xcf\x82 b");
    expect_lower("A\xce\xa3"
                 "B",
                 "a\xcf\x83"
                 "b");
    expect_lower("A'\xce\xa3.\xcc\x81", "a'\xcf\x82.\xcc\x81");
    expect_lower("A\xce\xa3'B", "a\xcf\x83'b");
    expect_lower("1\xce\xa3", "1\xcf\x83");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_are_lowered),
        cmocka_unit_test(a_sigma_ends_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
