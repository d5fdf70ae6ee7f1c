/* JSON text judged, and printed again as JavaScript would: JSON.stringify(JSON.parse(text)). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "failmem.h"
#include "base/json.h"

typedef struct json_case {
    const char *text;
    const char *printed; /* NULL: as it stands */
} json_case;

static const json_case valid[] = {
    {"null", NULL},
    {"true", NULL},
    {"-12.5", NULL},
    {"\"\"", NULL},
    {"[]", NULL},
    {"{}", NULL},
    {"{\"a\":[1,2,{\"b\":null}],\"c\":\"x\"}", NULL},
    {"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"", NULL},
    {"\"\\ud83d\"", NULL},
    {"\"\\ude00\\ud83d\"", NULL},
    {"{\"0\":1,\"2\":2,\"b\":3,\"a\":4}", NULL},
    {"{\"4294967295\":1,\"01\":2,\"-1\":3,\"__proto__\":4}", NULL},
    {" [ 1 , 2 ]\n", "[1,2]"},
    {"\t{ \"a\" : { } }\r", "{\"a\":{}}"},
    {"1.0", "1"},
    {"1E2", "100"},
    {"-0", "0"},
    {"-0.0", "0"},
    {"0.00", "0"},
    {"0.0000001", "1e-7"},
    {"[1e400,-1e400]", "[null,null]"},
    {"12345678901234567890", "12345678901234567000"},
    {"\"\\/\\u0041\\u0022\"", "\"/A\\\"\""},
    {"\"\\u000a\\u007F\\u00e4\\u20AC\"", "\"\\n\x7f\xc3\xa4\xe2\x82\xac\""},
    {"\"\\uD83D\\uDE00\"", "\"\xf0\x9f\x98\x80\""},
    {"\"\\uD83Dx\\uDE00\"", "\"\\ud83dx\\ude00\""},
    {"\"\\ud83d\\ud83d\\ude00\"", "\"\\ud83d\xf0\x9f\x98\x80\""},
    {"{\"b\":1,\"10\":2,\"9\":3}", "{\"9\":3,\"10\":2,\"b\":1}"},
    {"{\"a\":1,\"b\":2,\"a\":{\"x\":3}}", "{\"a\":{\"x\":3},\"b\":2}"},
    {"{\"\\u0061\":1,\"a\":2}", "{\"a\":2}"},
    {"[{\"1\":{\"z\":1,\"3\":[{\"y\":1,\"0\":0}]},\"0\":0}]",
     "[{\"0\":0,\"1\":{\"3\":[{\"0\":0,\"y\":1}],\"z\":1}}]"},
};

static const char *const invalid[] = {
    "",           " ",        "nul",         "nulll",
    "undefined",  "True",     "'a'",         "\"",
    "\"\\\"",     "\"\\x\"",  "\"\\u12g4\"", "\"\\u12",
    "\"\n\"",     "\"\x01\"", "01",          "-",
    "1.",         ".5",       "1e",          "1e+",
    "+1",         "0x1",      "NaN",         "[",
    "[1",         "[1,",      "[1,]",        "[,1]",
    "[1 2]",      "]",        "[}",          "{",
    "{\"a\"",     "{\"a\":",  "{\"a\":1",    "{\"a\":1,",
    "{\"a\":1,}", "{a:1}",    "{\"a\" 1}",   "{1:1}",
    "{\"a\":1]",  "1 2",      "{}{}",        "\357\273\277[1]",
    "[1]]",
};

static crdt_bytes bytes_of(const char *text)
{
    return (crdt_bytes){(const uint8_t *)text, strlen(text)};
}

static void valid_text_is_printed_as_javascript_prints_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        crdt_bytes text = bytes_of(valid[i].text);
        crdt_bytes wanted = valid[i].printed != NULL ? bytes_of(valid[i].printed) : text;
        crdt__json_kind kind = crdt__json_check(text);
        assert_int_equal(kind, valid[i].printed != NULL ? CRDT__JSON_VALID : CRDT__JSON_CANONICAL);

        crdt_buf buf = {0};
        crdt__writer w = crdt__writer_on(&buf);
        assert_true(crdt__json_canonicalize(text, &w, NULL));
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(buf.len, wanted.len);
        assert_memory_equal(buf.data, wanted.data, wanted.len);
        crdt_buf_free(&buf);
    }
}

static void invalid_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        crdt_bytes text = bytes_of(invalid[i]);
        assert_int_equal(crdt__json_check(text), CRDT__JSON_INVALID);
        crdt_buf buf = {0};
        crdt__writer w = crdt__writer_on(&buf);
        assert_false(crdt__json_canonicalize(text, &w, NULL));
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(buf.len, 0);
        crdt_buf_free(&buf);
    }
}

static crdt_bytes nested(uint8_t *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return (crdt_bytes){text, 2 * depth};
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    static uint8_t text[200000];
    assert_int_equal(crdt__json_check(nested(text, CRDT_VALUE_DEPTH_MAX)), CRDT__JSON_CANONICAL);
    assert_int_equal(crdt__json_check(nested(text, CRDT_VALUE_DEPTH_MAX + 1)), CRDT__JSON_INVALID);
    assert_int_equal(crdt__json_check(nested(text, 100000)), CRDT__JSON_INVALID);
}

/* A thousand keys in descending order, each twice: the slow path, and not quadratic. */
static void an_object_of_many_keys_comes_out_in_order(void **state)
{
    (void)state;
    static char text[40000] = "{";
    size_t len = 1;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned key = 1000; key-- > 0;)
            len += (size_t)sprintf(text + len, "%s\"%u\":%u", len == 1 ? "" : ",", key, round);
    text[len++] = '}';

    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    assert_true(crdt__json_canonicalize((crdt_bytes){(uint8_t *)text, len}, &w, NULL));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    static char wanted[40000] = "{";
    size_t wanted_len = 1;
    for (unsigned key = 0; key < 1000; key++)
        wanted_len += (size_t)sprintf(wanted + wanted_len, "%s\"%u\":1", key == 0 ? "" : ",", key);
    wanted[wanted_len++] = '}';
    assert_int_equal(buf.len, wanted_len);
    assert_memory_equal(buf.data, wanted, wanted_len);
    crdt_buf_free(&buf);
}

static void printing_survives_every_failing_allocation(void **state)
{
    (void)state;
    crdt_bytes text =
        bytes_of("{\"b\":[1.50,{\"x\":\"\\u0041\"},{\"2\":0,\"1\":1,\"2\":{\"k\":1}}],"
                 "\"a\":\"a longer text, so that the buffer has to grow twice\",\"0\":0}");
    for (size_t n = 0;; n++) {
        failmem fault;
        failmem_init(&fault);
        const crdt_mem *mem = failmem_after(&fault, n);
        crdt_buf buf = {.mem = mem};
        crdt__writer w = crdt__writer_on(&buf);
        bool done = crdt__json_canonicalize(text, &w, mem);
        crdt_err err = crdt__writer_finish(&w);
        assert_int_equal(err, fault.failed ? CRDT_NO_MEMORY : CRDT_OK);
        assert_int_equal(done, !fault.failed);
        assert_true(done || buf.len == 0);
        crdt_buf_free(&buf);
        assert_int_equal(fault.held_bytes, 0);
        if (!fault.failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_printed_as_javascript_prints_it),
        cmocka_unit_test(invalid_text_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(an_object_of_many_keys_comes_out_in_order),
        cmocka_unit_test(printing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
