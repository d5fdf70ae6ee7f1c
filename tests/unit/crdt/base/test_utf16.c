/* UTF-8 as a fatal TextDecoder judges it, measured and cut in UTF-16 units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../hex.h"
#include "base/utf16.h"

typedef struct text_case {
    const char *hex;
    uint64_t utf16_len;
} text_case;

static const text_case valid[] = {
    {"", 0},
    {"61", 1},
    {"00", 1},
    {"7f c2 80", 2},
    {"df bf e0 a0 80", 2},
    {"ed 9f bf ee 80 80", 2},
    {"ef bb bf ef bf bf", 2},
    {"f0 90 80 80", 2},
    {"f4 8f bf bf", 2},
    {"61 62 63 64 65 66 67 68 69 f0 9f 98 80", 11},
    {"61 62 63 64 65 66 c3 a4 69 6a 6b 6c 6d 6e 6f 70 71 72", 17},
    {"f0 9f 98 80 f0 9f 98 80 f0 9f 98 80 f0 9f 98 80 e2 82 ac", 9},
};

static const char *const invalid[] = {
    "80",
    "bf 61",
    "c0 80",
    "c1 bf",
    "c2",
    "c2 61",
    "e0 9f bf",
    "e0 a0",
    "ed a0 80",
    "ed bf bf",
    "e1 80 c0",
    "f0 8f bf bf",
    "f0 90 80",
    "f4 90 80 80",
    "f5 80 80 80",
    "ff",
    "61 62 63 64 65 66 67 68 c3",
    "61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f ff 61",
};

static void valid_text_is_accepted_and_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        hex_bytes hex;
        crdt_bytes text = hex_read(valid[i].hex, &hex);
        uint64_t units = 99;
        assert_true(crdt__utf8_valid(text, &units));
        assert_int_equal(units, valid[i].utf16_len);
        assert_int_equal(crdt__utf16_len(text), valid[i].utf16_len);
    }
}

static void invalid_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        hex_bytes hex;
        assert_false(crdt__utf8_valid(hex_read(invalid[i], &hex), NULL));
    }
}

static void lone_surrogates_held_inside_count_one_unit(void **state)
{
    (void)state;
    hex_bytes hex;
    assert_int_equal(crdt__utf16_len(hex_read("61 ed a0 bd 62 63 64 ed b8 80", &hex)), 6);
}

/* Walks the characters one by one and compares every offset with the quick way. */
static void offsets_agree_with_a_walk_over_the_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        hex_bytes hex;
        crdt_bytes text = hex_read(valid[i].hex, &hex);
        uint64_t len = valid[i].utf16_len;
        uint64_t unit = 0;
        bool inside = true;
        for (size_t at = 0; at < text.len; unit++) {
            uint8_t lead = text.data[at];
            size_t width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
            assert_int_equal(crdt__utf16_offset(text, len, unit, &inside), at);
            assert_false(inside);
            if (width == 4) {
                unit++;
                assert_int_equal(crdt__utf16_offset(text, len, unit, &inside), at);
                assert_true(inside);
            }
            at += width;
        }
        assert_int_equal(unit, len);
        assert_int_equal(crdt__utf16_offset(text, len, len, &inside), text.len);
        assert_false(inside);
    }
}

static int sign_of(const char *a, const char *b)
{
    int order = crdt__utf16_compare(crdt_bytes_of(a), crdt_bytes_of(b));
    return order < 0 ? -1 : order > 0;
}

/* As JavaScript compares strings: a pair begins with a surrogate, which is below U+E000. */
static void text_is_compared_by_units(void **state)
{
    (void)state;
    static const char *const ascending[] = {"",
                                            "A",
                                            "a",
                                            "aa",
                                            "a\xc3\xa4",
                                            "b",
                                            "\xc3\xa4",
                                            "\xe6\xbc\xa2",
                                            "\xed\x9f\xbf",
                                            "\xf0\x90\x80\x80",
                                            "\xf0\x9f\x98\x80",
                                            "\xf4\x8f\xbf\xbf",
                                            "\xee\x80\x80",
                                            "\xef\xbf\xbd"};
    const size_t count = sizeof ascending / sizeof ascending[0];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            assert_int_equal(sign_of(ascending[i], ascending[k]), i < k ? -1 : i > k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_accepted_and_measured),
        cmocka_unit_test(invalid_text_is_refused),
        cmocka_unit_test(lone_surrogates_held_inside_count_one_unit),
        cmocka_unit_test(offsets_agree_with_a_walk_over_the_characters),
        cmocka_unit_test(text_is_compared_by_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
