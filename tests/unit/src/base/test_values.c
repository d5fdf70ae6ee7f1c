/* Event ids, base64, UTF-8 and the map: small things with exact rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/eventid.h"
#include "base/map.h"
#include "base/must.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "base/varuint.h"

/* ---- points in time ---- */

static void times_are_printed_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1795258395042, "2026-11-21T10:53:15.042Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[RFC3339_TEXT_MAX];
        int64_t back = 0;
        assert_int_equal(rfc3339_print(cases[i].unix_ms, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        bool is_read = rfc3339_parse(slice_of(text), &back);
        assert_int_equal(is_read, strlen(text) == 24); /* longer years are not */
        assert_true(!is_read || back == cases[i].unix_ms);
    }
}

static void times_that_there_are_not_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-11-21T10:53:15Z",
                                      "2026-11-21 10:53:15.042Z",
                                      "2026-11-21T10:53:15.042+",
                                      "2026-11-21T10:53:15.04xZ",
                                      "2026-13-21T10:53:15.042Z",
                                      "2026-02-29T10:53:15.042Z",
                                      "2026-11-21T24:53:15.042Z",
                                      "2026-11-21T10:53:60.042Z",
                                      "2026-00-21T10:53:15.042Z",
                                      " 026-11-21T10:53:15.042Z",
                                      "2026-11-21T10:53:15.042Z "};
    int64_t out;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (rfc3339_parse(slice_of(bad[i]), &out))
            fail_msg("taken as a time: %s", bad[i]);
}

/* ---- event ids ---- */

static void event_ids_are_read_and_printed(void **state)
{
    (void)state;
    static const char *const texts[] = {"1.00000000", "42.9f3c1a07",
                                        "18446744073709551615.ffffffff"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        event_id id;
        char printed[EVENT_ID_TEXT_MAX];
        assert_true(event_id_parse(slice_of(texts[i]), &id));
        assert_true(id.has_epoch);
        assert_int_equal(event_id_print(id, printed), strlen(texts[i]));
        assert_string_equal(printed, texts[i]);
    }
}

static void a_bare_number_means_no_epoch(void **state)
{
    (void)state;
    event_id id;
    assert_true(event_id_parse(SLICE_LITERAL("7"), &id));
    assert_int_equal(id.seq, 7);
    assert_false(id.has_epoch);
    assert_true(event_id_parse(SLICE_LITERAL("0"), &id));
    char printed[EVENT_ID_TEXT_MAX];
    event_id_print((event_id){.epoch = 7, .has_epoch = true}, printed);
    assert_string_equal(printed, "0");
}

static void what_is_no_event_id_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "a",         "-1",        "+1",          "01",
        "1.",         ".12345678", "1.1234567", "1.123456789", "1.ABCDEF00",
        "1.0000000g", " 1",        "1 ",        "1.12345678 ", "18446744073709551616",
        "1.2.3"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        event_id id;
        if (event_id_parse(slice_of(texts[i]), &id))
            fail_msg("taken as an event id: %s", texts[i]);
    }
}

/* ---- base64 ---- */

static void base64_is_that_of_the_rfc(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16], back[16];
        size_t len;
        base64_encode(slice_of(cases[i][0]), text);
        assert_string_equal(text, cases[i][1]);
        assert_true(base64_url_decode(slice_of(text), back, &len));
        assert_true(slice_equal((slice){back, len}, slice_of(cases[i][0])));
        assert_true(base64_decode(slice_of(text), back, &len));
        assert_true(slice_equal((slice){back, len}, slice_of(cases[i][0])));
    }
}

static void base64_is_read_as_it_is_written(void **state)
{
    (void)state;
    char out[16];
    size_t len;
    assert_true(base64_decode(SLICE_LITERAL("+/8="), out, &len));
    assert_true(slice_equal((slice){out, len}, SLICE_LITERAL("\xfb\xff")));
    static const char *const bad[] = {
        "-_8=", "A",     "AAAAA", "AA=",   "AAA==",           "=",
        "+/8",  "====",  "A A=",  "AA\n=", "AAAA=",           "AAAA\n",
        " AAA", "AA\nA", "A===",  "AA=A",  "\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (base64_decode(slice_of(bad[i]), out, &len))
            fail_msg("taken as base64: %s", bad[i]);
}

static void base64url_is_read_with_or_without_padding(void **state)
{
    (void)state;
    char out[16];
    size_t len;
    assert_true(base64_url_decode(SLICE_LITERAL("-_8"), out, &len));
    assert_true(slice_equal((slice){out, len}, SLICE_LITERAL("\xfb\xff")));
    assert_true(base64_url_decode(SLICE_LITERAL("-_8="), out, &len));
    static const char *const bad[] = {"+/8=", "A",    "AAAAA", "AA=",   "AAA==",           "=",
                                      "====", "A A=", "AA\n=", "AAAA=", "\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (base64_url_decode(slice_of(bad[i]), out, &len))
            fail_msg("taken as base64url: %s", bad[i]);
}

/* ---- UTF-8 ---- */

static void utf8_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        uint32_t c;
    } cases[] = {{"a", 1, 'a'},
                 {"\x7f", 1, 0x7f},
                 {"\xc2\x80", 2, 0x80},
                 {"\xe0\xa0\x80", 3, 0x800},
                 {"\xed\x9f\xbf", 3, 0xd7ff},
                 {"\xf0\x90\x80\x80", 4, 0x10000},
                 {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
                 {"\x80", 0, 0},
                 {"\xc0\x80", 0, 0},
                 {"\xc1\xbf", 0, 0},
                 {"\xe0\x9f\xbf", 0, 0},
                 {"\xed\xa0\x80", 0, 0},
                 {"\xf0\x8f\xbf\xbf", 0, 0},
                 {"\xf4\x90\x80\x80", 0, 0},
                 {"\xf8\x88\x80\x80\x80", 0, 0},
                 {"\xe2\x82", 0, 0},
                 {"\xe2\x28\xa1", 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t c = 0;
        assert_int_equal(utf8_decode(slice_of(cases[i].text), &c), cases[i].len);
        if (cases[i].len > 0)
            assert_int_equal(c, cases[i].c);
    }
}

/* ---- the map ---- */

typedef struct entry {
    map_node node;
    char key[8];
} entry;

static void the_map_finds_what_is_in_it(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static entry entries[COUNT];
    map m;
    map_init(&m, 42);
    for (size_t i = 0; i < COUNT; i++) {
        int len = snprintf(entries[i].key, sizeof(entries[i].key), "%zu", i);
        map_insert(&m, &entries[i].node, (slice){entries[i].key, (size_t)len});
    }
    assert_int_equal(m.count, COUNT);
    for (size_t i = 0; i < COUNT; i += 2)
        map_remove(&m, &entries[i].node);
    for (size_t i = 0; i < COUNT; i++) {
        map_node *found = map_find(&m, slice_of(entries[i].key));
        assert_ptr_equal(found, i % 2 == 0 ? NULL : &entries[i].node);
    }
    for (size_t i = 1; i < COUNT; i += 2)
        map_remove(&m, &entries[i].node);
    map_deinit(&m);
}

static void numbers_of_variable_length(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t len;
    } cases[] = {{0, "\0", 1},
                 {127, "\x7f", 1},
                 {128, "\x80\x01", 2},
                 {300, "\xac\x02", 2},
                 {(UINT64_C(1) << 53) - 1, "\xff\xff\xff\xff\xff\xff\xff\x0f", 8}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char bytes[VARUINT_LEN_MAX];
        uint64_t value = 0;
        assert_int_equal(varuint_write(cases[i].value, bytes), cases[i].len);
        assert_memory_equal(bytes, cases[i].bytes, cases[i].len);
        assert_int_equal(varuint_read((slice){bytes, cases[i].len}, &value), cases[i].len);
        assert_true(value == cases[i].value);
        assert_int_equal(varuint_read((slice){bytes, cases[i].len - 1}, &value), 0);
    }
}

static void numbers_that_are_too_large_are_refused(void **state)
{
    (void)state;
    uint64_t value;
    assert_int_equal(varuint_read(SLICE_LITERAL("\x80\x80\x80\x80\x80\x80\x80\x10"), &value), 0);
    assert_int_equal(
        varuint_read(SLICE_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &value), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_printed_with_milliseconds),
        cmocka_unit_test(event_ids_are_read_and_printed),
        cmocka_unit_test(a_bare_number_means_no_epoch),
        cmocka_unit_test(what_is_no_event_id_is_refused),
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(times_that_there_are_not_are_refused),
        cmocka_unit_test(base64_is_read_as_it_is_written),
        cmocka_unit_test(base64url_is_read_with_or_without_padding),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(numbers_of_variable_length),
        cmocka_unit_test(numbers_that_are_too_large_are_refused),
        cmocka_unit_test(the_map_finds_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
