/* Values of formats and embeds: as they are kept, as JSON, as Any; and which are equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "failmem.h"
#include "../hex.h"
#include "base/value.h"

typedef void (*conversion)(crdt_bytes from, crdt__writer *w, const crdt_mem *mem);

static void from_any(crdt_bytes any, crdt__writer *w, const crdt_mem *mem)
{
    crdt__reader r = crdt__reader_of(any);
    crdt__value_from_any(&r, w, mem);
    assert_true(crdt__reader_at_end(&r));
}

static crdt_buf converted(conversion convert, crdt_bytes from)
{
    crdt_buf out = {0};
    crdt__writer w = crdt__writer_on(&out);
    convert(from, &w, NULL);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    return out;
}

static crdt_bytes view(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void assert_bytes(const char *what, crdt_bytes got, crdt_bytes expected)
{
    if (got.len == expected.len && memcmp(got.data, expected.data, got.len) == 0)
        return;
    printf("%s gives", what);
    for (size_t i = 0; i < got.len; i++)
        printf(" %02x", got.data[i]);
    printf(" (%.*s)\n", (int)got.len, (const char *)got.data);
    fail();
}

/* What must come out of a kept value. */
static void check_kept(const char *what, crdt_bytes kept, const char *json, const char *any)
{
    hex_bytes hex;
    crdt_buf as_json = converted(crdt__value_to_json, kept);
    crdt_buf as_any = converted(crdt__value_to_any, kept);
    assert_bytes(what, view(&as_json), crdt_bytes_of(json));
    assert_bytes(what, view(&as_any), hex_read(any, &hex));
    crdt_buf_free(&as_json);
    crdt_buf_free(&as_any);
}

/* ---- JSON ---- */

static const struct {
    const char *text;
    const char *json; /* NULL: as it stands */
    const char *any;
    bool kept_as_any;
} json_cases[] = {
    {"null", NULL, "7e", false},
    {"true", NULL, "78", false},
    {"false", NULL, "79", false},
    {"\"\"", NULL, "77 00", false},
    {"12", NULL, "7d 0c", false},
    {"-12", NULL, "7d 4c", false},
    {"0.5", NULL, "7c 3f 00 00 00", false},
    {"0.1", NULL, "7b 3f b9 99 99 99 99 99 9a", false},
    {"1e21", "1e+21", "7b 44 4b 1a e4 d6 e2 ef 50", false},
    {"[]", NULL, "75 00", false},
    {"{}", NULL, "76 00", false},
    {"{\"a\":[1,{\"b\":null}],\"c\":\"x\"}", NULL,
     "76 02 01 61 75 02 7d 01 76 01 01 62 7e 01 63 77 01 78", false},
    {"\"a\\n\\u00e4\"", "\"a\\n\xc3\xa4\"", "77 04 61 0a c3 a4", false},
    {"{ \"b\":1, \"1\":2, \"b\":3 }", "{\"1\":2,\"b\":3}", "76 02 01 31 7d 02 01 62 7d 03", false},
    /* An escaped half stays one in JSON, and is lost to Any. */
    {"\"\\ud83d\"", NULL, "77 03 ef bf bd", false},
    {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", "77 04 f0 9f 98 80", false},
    {"{\"__proto__\":1}", NULL, "76 01 09 5f 5f 70 72 6f 74 6f 5f 5f 7d 01", false},
    /* What JavaScript reads and does not print. */
    {"-0", "0", "7d 40", true},
    {"-0.0e5", "0", "7d 40", true},
    {"1e400", "null", "7c 7f 80 00 00", true},
    {"[-1e400]", "[null]", "75 01 7c ff 80 00 00", true},
    {"{\"b\":-0,\"0\":\"\\uD800\\n\"}", "{\"0\":\"\\ud800\\n\",\"b\":0}",
     "76 02 01 30 77 04 ef bf bd 0a 01 62 7d 40", true},
    {"{\"__proto__\":[-0,\"\"]}", "{\"__proto__\":[0,\"\"]}",
     "76 01 09 5f 5f 70 72 6f 74 6f 5f 5f 75 02 7d 40 77 00", true},
    /* Overwritten, it is no more. */
    {"{\"a\":-0,\"a\":1}", "{\"a\":1}", "76 01 01 61 7d 01", false},
};

static void json_text_is_kept_and_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_cases / sizeof json_cases[0]; i++) {
        const char *text = json_cases[i].text;
        crdt_buf kept = converted(crdt__value_from_json, crdt_bytes_of(text));
        if (crdt__value_is_any(view(&kept)) != json_cases[i].kept_as_any)
            fail_msg("%s is kept in the wrong form", text);
        const char *json = json_cases[i].json ? json_cases[i].json : text;
        if (!json_cases[i].kept_as_any)
            assert_bytes(text, view(&kept), crdt_bytes_of(json));
        check_kept(text, view(&kept), json, json_cases[i].any);
        crdt_buf_free(&kept);
    }
}

/* ---- Any ---- */

static const struct {
    const char *any;
    const char *json;
    const char *canonical; /* NULL: as it is */
    bool kept_as_any;
} any_cases[] = {
    {"7e", "null", NULL, false},
    {"7d 05", "5", NULL, false},
    {"7b 3f f0 00 00 00 00 00 00", "1", "7d 01", false},
    {"77 02 22 0a", "\"\\\"\\n\"", NULL, false},
    {"77 03 ed 9f bf", "\"\xed\x9f\xbf\"", NULL, false},
    {"76 01 01 61 75 02 78 79", "{\"a\":[true,false]}", NULL, false},
    {"76 01 09 5f 5f 70 72 6f 74 6f 5f 5f 7d 01", "{}", "76 00", false},
    {"7f", "null", NULL, true},
    {"7d 40", "0", NULL, true},
    {"7c 7f 80 00 00", "null", NULL, true},
    {"7b 7f f8 00 00 00 00 00 00", "null", NULL, true},
    {"7a 00 00 00 00 00 00 00 05", "5", NULL, true},
    {"7a 80 00 00 00 00 00 00 00", "-9223372036854775808", NULL, true},
    {"74 00", "{}", NULL, true},
    {"74 02 ff 00", "{\"0\":255,\"1\":0}", NULL, true},
    {"76 03 01 61 7f 01 62 7d 01 01 63 7f", "{\"b\":1}", NULL, true},
    {"75 03 7f 76 01 01 61 7f 7d 01", "[null,{},1]", NULL, true},
    {"76 02 01 61 76 01 01 62 7f 01 63 7d 01", "{\"a\":{},\"c\":1}", NULL, true},
};

static void any_is_kept_and_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof any_cases / sizeof any_cases[0]; i++) {
        hex_bytes hex;
        const char *text = any_cases[i].any;
        crdt_buf kept = converted(from_any, hex_read(text, &hex));
        if (crdt__value_is_any(view(&kept)) != any_cases[i].kept_as_any)
            fail_msg("%s is kept in the wrong form", text);
        if (!any_cases[i].kept_as_any)
            assert_bytes(text, view(&kept), crdt_bytes_of(any_cases[i].json));
        check_kept(text, view(&kept), any_cases[i].json,
                   any_cases[i].canonical ? any_cases[i].canonical : text);
        crdt_buf_free(&kept);
    }
}

static void bad_any_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "00", "77 01 ff", "75 02 7e", "77 03 ed a0 80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hex_bytes hex;
        crdt_buf out = {0};
        crdt__writer w = crdt__writer_on(&out);
        crdt__reader r = crdt__reader_of(hex_read(bad[i], &hex));
        crdt__value_from_any(&r, &w, NULL);
        assert_false(r.ok);
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(out.len, 0);
        crdt_buf_free(&out);
    }
}

/* More members than a byte counts: their number takes two, and moves them. */
static void an_array_of_many_comes_out_whole(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    char text[2 * COUNT + 2] = "[";
    uint8_t any[3 + 2 * COUNT] = {117, 0xc8, 1};
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(text + 1 + 2 * i, i + 1 < COUNT ? "7," : "7]", 3);
        any[3 + 2 * i] = 125;
        any[4 + 2 * i] = 7;
    }
    crdt_buf out = converted(crdt__value_to_any, crdt_bytes_of(text));
    assert_bytes("an array", view(&out), (crdt_bytes){any, sizeof any});
    crdt_buf_free(&out);
}

static void deep_values_are_told(void **state)
{
    (void)state;
    char text[2 * CRDT_VALUE_DEPTH_MAX + 1];
    memset(text, '[', CRDT_VALUE_DEPTH_MAX);
    memset(text + CRDT_VALUE_DEPTH_MAX, ']', CRDT_VALUE_DEPTH_MAX);
    text[2 * CRDT_VALUE_DEPTH_MAX] = '\0';
    crdt_buf any = converted(crdt__value_to_any, crdt_bytes_of(text));
    assert_int_equal(any.len, 2 * CRDT_VALUE_DEPTH_MAX);
    crdt_buf kept = converted(from_any, view(&any));
    assert_bytes("a deep array", view(&kept), crdt_bytes_of(text));
    crdt_buf_free(&any);
    crdt_buf_free(&kept);
}

/* ---- equality ---- */

typedef enum likeness { DIFFERENT, EQUAL, IDENTICAL } likeness;

static const struct {
    const char *a; /* JSON, or Any in hexadecimal digits behind '#' */
    const char *b;
    likeness likeness;
} pairs[] = {
    {"1", "1", IDENTICAL},
    {"0", "#7d40", IDENTICAL},
    {"1", "2", DIFFERENT},
    {"1", "\"1\"", DIFFERENT},
    {"\"a\"", "\"a\"", IDENTICAL},
    {"\"a\"", "\"b\"", DIFFERENT},
    {"true", "true", IDENTICAL},
    {"true", "false", DIFFERENT},
    {"null", "null", IDENTICAL},
    {"null", "#7f", DIFFERENT},
    {"#7f", "#7f", IDENTICAL},
    {"#7b7ff8000000000000", "#7b7ff8000000000000", DIFFERENT}, /* NaN */
    {"#7c7f800000", "#7c7f800000", IDENTICAL},
    {"#7a0000000000000005", "#7a0000000000000005", IDENTICAL},
    {"#7a0000000000000005", "#7a0000000000000006", DIFFERENT},
    {"#7a0000000000000005", "5", DIFFERENT},
    {"{}", "{}", EQUAL},
    {"[]", "{}", EQUAL},
    {"{}", "null", DIFFERENT},
    {"{\"a\":1,\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\"}", EQUAL},
    {"{\"a\":1,\"b\":\"x\"}", "{\"b\":\"x\",\"a\":1}", EQUAL},
    {"{\"a\":1}", "{\"a\":2}", DIFFERENT},
    {"{\"a\":1}", "{\"b\":1}", DIFFERENT},
    {"{\"a\":1}", "{\"a\":1,\"b\":1}", DIFFERENT},
    {"{\"a\":{}}", "{\"a\":{}}", DIFFERENT},
    {"{\"a\":0,\"\\n\":1}", "#76 02 0161 7d40 010a 7d01", EQUAL},
    {"#76 01 0161 7f", "#76 01 0161 7f", EQUAL},
    {"#76 01 0161 7f", "#76 01 0162 7f", DIFFERENT},
    {"[1,2]", "[1,2]", EQUAL},
    {"[1,2]", "[2,1]", DIFFERENT},
    {"[[1]]", "[[1]]", DIFFERENT},
    {"[1,2]", "{\"0\":1,\"1\":2}", EQUAL},
    {"#740201ff", "[1,255]", EQUAL},
    {"{\"0\":1,\"1\":255}", "#740201ff", EQUAL},
    {"#740201ff", "#740201fe", DIFFERENT},
    {"{\"10\":1}", "[1]", DIFFERENT},
};

static crdt_buf kept_of(const char *text)
{
    hex_bytes hex;
    return text[0] == '#' ? converted(from_any, hex_read(text + 1, &hex))
                          : converted(crdt__value_from_json, crdt_bytes_of(text));
}

static void values_are_equal_as_yjs_finds_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        crdt_buf a = kept_of(pairs[i].a);
        crdt_buf b = kept_of(pairs[i].b);
        bool equal = pairs[i].likeness != DIFFERENT;
        bool identical = pairs[i].likeness == IDENTICAL;
        if (crdt__value_equal(view(&a), view(&b)) != equal ||
            crdt__value_equal(view(&b), view(&a)) != equal ||
            crdt__value_identical(view(&a), view(&b)) != identical ||
            crdt__value_identical(view(&b), view(&a)) != identical)
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
        assert_int_equal(crdt__value_is_null(view(&a)), strcmp(pairs[i].a, "null") == 0);
        crdt_buf_free(&a);
        crdt_buf_free(&b);
    }
}

/* {"k0":0,"k1":1,...}, or from the last one to the first. */
static crdt_buf object_of(size_t count, bool reversed)
{
    crdt_buf text = {0};
    crdt__writer w = crdt__writer_on(&text);
    for (size_t i = 0; i < count; i++) {
        char member[48];
        size_t k = reversed ? count - 1 - i : i;
        int len = snprintf(member, sizeof member, "%c\"k%zu\":%zu", i == 0 ? '{' : ',', k, k);
        crdt__write_bytes(&w, member, (size_t)len);
    }
    crdt__write_u8(&w, '}');
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    return text;
}

/* Whose keys come in another order are compared as far as that is cheap. */
static void objects_in_another_order_are_compared_within_reason(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        bool found;
    } sizes[] = {{500, true}, {5000, false}};
    for (size_t i = 0; i < 2; i++) {
        crdt_buf a = object_of(sizes[i].count, false);
        crdt_buf b = object_of(sizes[i].count, true);
        assert_true(crdt__value_equal(view(&a), view(&a)));
        assert_int_equal(crdt__value_equal(view(&a), view(&b)), sizes[i].found);
        crdt_buf_free(&a);
        crdt_buf_free(&b);
    }
}

/* ---- memory ---- */

static bool survives(conversion convert, crdt_bytes from, size_t n)
{
    failmem fault;
    failmem_init(&fault);
    crdt_buf out = {.mem = failmem_after(&fault, n)};
    crdt__writer w = crdt__writer_on(&out);
    convert(from, &w, out.mem);
    crdt_err err = crdt__writer_finish(&w);
    assert_int_equal(err == CRDT_OK, !fault.failed);
    crdt_buf_free(&out);
    assert_int_equal(fault.held_bytes, 0);
    return fault.failed;
}

static void converting_survives_every_failing_allocation(void **state)
{
    (void)state;
    hex_bytes hex;
    const crdt_bytes json =
        crdt_bytes_of("{\"b\":-0,\"a\":\"\\n\",\"1\":[1,2,\"a text for a growing"
                      " buffer, longer than the first\"]}");
    const crdt_bytes any =
        hex_read("76 03 01 62 7f 01 61 77 04 f0 9f 98 80 01 31 75 01 7d 01", &hex);
    for (size_t n = 0; survives(crdt__value_from_json, json, n); n++)
        continue;
    for (size_t n = 0; survives(crdt__value_to_any, json, n); n++)
        continue;
    for (size_t n = 0; survives(from_any, any, n); n++)
        continue;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_text_is_kept_and_told),
        cmocka_unit_test(any_is_kept_and_told),
        cmocka_unit_test(bad_any_is_refused),
        cmocka_unit_test(an_array_of_many_comes_out_whole),
        cmocka_unit_test(deep_values_are_told),
        cmocka_unit_test(values_are_equal_as_yjs_finds_them),
        cmocka_unit_test(objects_in_another_order_are_compared_within_reason),
        cmocka_unit_test(converting_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
