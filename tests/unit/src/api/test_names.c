/* Which path segments are names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/names.h"

static void names_are_decoded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a", "a"},
                                           {"a%2Fb", "a/b"},
                                           {"a+b", "a+b"},
                                           {"%41", "A"},
                                           {"...", "..."},
                                           {".a", ".a"},
                                           {"%C3%BC", "\xc3\xbc"},
                                           {"a%20b", "a b"},
                                           {"\xc3\xbc", "\xc3\xbc"},
                                           {"a%252F", "a%2F"},
                                           {"%F4%8F%BF%BF", "\xf4\x8f\xbf\xbf"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        doc_name name;
        assert_true(name_decode(slice_of(cases[i][0]), &name));
        assert_true(slice_equal(name_slice(&name), slice_of(cases[i][1])));
    }
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        ".",
                                        "..",
                                        "%2e",
                                        "%2E.",
                                        "%",
                                        "%4",
                                        "%zz",
                                        "%00",
                                        "a%1fb",
                                        "%7F",
                                        "%C2%80",
                                        "%C2%9F",
                                        "%C3",
                                        "%C0%AF",
                                        "%ED%A0%80",
                                        "%FF",
                                        "%F4%90%80%80",
                                        "%F8%88%80%80%80",
                                        "%80"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        doc_name name;
        if (name_decode(slice_of(cases[i]), &name))
            fail_msg("taken as a name: %s", cases[i]);
    }
}

static void below_ws_a_percent_sign_may_be_one(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"100%", "100%"},         {"100%%20sure", "100% sure"},
        {"a/b%2Fc", "a/b/c"},     {"%zz%4", "%zz%4"},
        {"%4%41", "%4A"},         {"%25", "%"},
        {"%C3%BC%", "\xc3\xbc%"},
    };
    static const char *const refused[] = {"", ".", "%2e", "%00", "%FF", "%C3%", "%7f"};
    doc_name name;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(name_decode_loosely(slice_of(cases[i][0]), &name));
        assert_true(slice_equal(name_slice(&name), slice_of(cases[i][1])));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (name_decode_loosely(slice_of(refused[i]), &name))
            fail_msg("taken as a name: %s", refused[i]);
    char text[STORE_NAME_LEN_MAX * 3 + 1];
    memset(text, '%', sizeof(text));
    assert_true(name_decode_loosely((slice){text, STORE_NAME_LEN_MAX}, &name));
    assert_false(name_decode_loosely((slice){text, STORE_NAME_LEN_MAX + 1}, &name));
    assert_false(name_decode_loosely((slice){text, sizeof(text)}, &name));
}

static void a_name_has_up_to_255_bytes(void **state)
{
    (void)state;
    char text[256 * 3];
    doc_name name;
    memset(text, 'x', sizeof(text));
    assert_true(name_decode((slice){text, 255}, &name));
    assert_false(name_decode((slice){text, 256}, &name));
    assert_false(name_decode((slice){text, sizeof(text)}, &name));
    for (size_t i = 0; i < 256; i++)
        memcpy(text + 3 * i, "%41", 3);
    assert_true(name_decode((slice){text, 255 * 3}, &name));
    assert_int_equal(name.len, 255);
    assert_false(name_decode((slice){text, 256 * 3}, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_decoded),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(below_ws_a_percent_sign_may_be_one),
        cmocka_unit_test(a_name_has_up_to_255_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
