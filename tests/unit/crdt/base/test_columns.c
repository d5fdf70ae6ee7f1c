/* The columns of format v2: what is written is read again, and what is bad is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../hex.h"
#include "base/columns.h"
#include "failmem.h"

static const uint64_t clocks[] = {0, 0, 0, 1, 2, 3, 3, 3, 9, 7, 5, 3, 3, CRDT_CLOCK_MAX, 0, 1};
enum { CLOCKS = sizeof clocks / sizeof clocks[0] };

/* ---- numbers ---- */

static void uints_are_read_as_they_were_written(void **state)
{
    (void)state;
    crdt__uint_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < CLOCKS; i++)
        crdt__uint_out_write(&out, clocks[i]);
    assert_true(crdt__uint_out_finish(&out, &bytes));
    crdt__uint_column in = crdt__uint_column_of(bytes);
    for (size_t i = 0; i < CLOCKS; i++) {
        assert_false(crdt__uint_column_at_end(&in));
        assert_int_equal(crdt__uint_column_read(&in), clocks[i]);
    }
    assert_true(crdt__uint_column_at_end(&in));
    crdt__column_out_deinit(&out.out);
}

/* A clock may jump by more than lib0's numbers reach once they are doubled. */
static void clocks_are_read_as_they_were_written(void **state)
{
    (void)state;
    crdt__diff_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < CLOCKS; i++)
        crdt__diff_out_write(&out, clocks[i]);
    assert_true(crdt__diff_out_finish(&out, &bytes));
    crdt__diff_column in = crdt__diff_column_of(bytes);
    for (size_t i = 0; i < CLOCKS; i++)
        assert_int_equal(crdt__diff_column_read(&in), clocks[i]);
    assert_true(crdt__diff_column_at_end(&in));
    crdt__column_out_deinit(&out.out);
}

static void bytes_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 0, 7, 7, 7, 255, 0, 1, 1};
    crdt__byte_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < sizeof values; i++)
        crdt__byte_out_write(&out, values[i]);
    assert_true(crdt__byte_out_finish(&out, &bytes));
    crdt__byte_column in = crdt__byte_column_of(bytes);
    for (size_t i = 0; i < sizeof values; i++)
        assert_int_equal(crdt__byte_column_read(&in), values[i]);
    assert_true(crdt__byte_column_at_end(&in));
    assert_int_equal(crdt__byte_column_read(&in), 1); /* the last one goes on */
    assert_true(in.r.ok);
    crdt__column_out_deinit(&out.out);
}

static void an_exhausted_column_fails_and_yields_zeros(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__uint_column uints = crdt__uint_column_of(hex_read("05", &hex));
    assert_int_equal(crdt__uint_column_read(&uints), 5);
    assert_int_equal(crdt__uint_column_read(&uints), 0);
    assert_false(uints.r.ok);
    assert_int_equal(crdt__uint_column_read(&uints), 0);
    assert_false(crdt__uint_column_at_end(&uints));

    crdt__diff_column diffs = crdt__diff_column_of(hex_read("0a", &hex));
    assert_int_equal(crdt__diff_column_read(&diffs), 5);
    assert_int_equal(crdt__diff_column_read(&diffs), 0);
    assert_false(diffs.r.ok);
    assert_int_equal(crdt__diff_column_read(&diffs), 0);

    crdt__byte_column bytes = crdt__byte_column_of((crdt_bytes){NULL, 0});
    assert_int_equal(crdt__byte_column_read(&bytes), 0);
    assert_false(bytes.r.ok);
    assert_int_equal(crdt__byte_column_read(&bytes), 0);
}

static void what_is_no_clock_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "42",                         /* -1 */
        "0a 4c",                      /* 5, then 6 less */
        "be ff ff ff ff ff ff 3f 02", /* 2^53-1, then 1 more */
        "80 80 80 80 80 80 80 40",    /* 2^53 */
        "80 80 80 80 80 80 80 80 80 01",
        "80",
        "81", /* a run without its count */
        "01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hex_bytes hex;
        crdt__diff_column in = crdt__diff_column_of(hex_read(bad[i], &hex));
        while (in.r.ok && !crdt__diff_column_at_end(&in))
            assert_true(crdt__diff_column_read(&in) <= CRDT_CLOCK_MAX);
        if (in.r.ok)
            fail_msg("%s is taken", bad[i]);
    }
}

static void a_run_that_goes_on_is_not_the_end(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__uint_column in = crdt__uint_column_of(hex_read("45 01", &hex)); /* three times 5 */
    for (int i = 0; i < 3; i++) {
        assert_false(crdt__uint_column_at_end(&in));
        crdt__uint_column_read(&in);
    }
    assert_true(crdt__uint_column_at_end(&in));
}

/* ---- strings ---- */

typedef struct string {
    const char *bytes; /* WTF-8 */
    uint64_t units;
} string;

/* Writes the strings into a column, as update v2 has it. */
static void write_strings(const string *strings, size_t count, crdt_buf *column)
{
    crdt__string_out out = {.halves = false};
    crdt_bytes text;
    crdt_bytes lens;
    crdt__column_out_init(&out.out, NULL);
    crdt__column_out_init(&out.lens.out, NULL);
    for (size_t i = 0; i < count; i++) {
        crdt__string_out_put(&out, crdt_bytes_of(strings[i].bytes), true);
        crdt__string_out_end(&out, strings[i].units);
    }
    assert_true(crdt__string_out_finish(&out, &text, &lens));
    crdt__writer w = crdt__writer_on(column);
    crdt__write_varbytes(&w, text);
    crdt__write_bytes(&w, lens.data, lens.len);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    crdt__column_out_deinit(&out.out);
    crdt__column_out_deinit(&out.lens.out);
}

static void assert_slice(const crdt__slice *s, const char *expected)
{
    crdt_buf joined = {0};
    crdt__writer w = crdt__writer_on(&joined);
    crdt__write_bytes(&w, s->low, s->has_low ? sizeof s->low : 0);
    crdt__write_bytes(&w, s->body.data, s->body.len);
    crdt__write_bytes(&w, s->high, s->has_high ? sizeof s->high : 0);
    crdt__write_u8(&w, 0);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    assert_string_equal((const char *)joined.data, expected);
    crdt_buf_free(&joined);
}

static void halves_survive_next_to_each_other(void **state)
{
    (void)state;
    static const string written[] = {
        {"", 0},
        {"a\xed\xa0\xbd", 2},
        {"\xed\xb9\x82", 1},
        {"plain", 5},
        {"\xed\xb9\x82x", 2},
        {"\xed\xa0\xbd", 1},
        {"", 0},
        {"\xed\xb9\x82\xed\xa0\xbd", 2},
        {"\xed\xb9\x82\xc3\xb6", 2},
        {"\xed\xa0\xbd", 1},
    };
    static const char *const read[] = {
        "",
        "a\xed\xa0\xbd",
        "\xed\xb9\x82",
        "plain",
        "\xef\xbf\xbdx",
        "\xed\xa0\xbd",
        "",
        "\xed\xb9\x82\xed\xa0\xbd",
        "\xed\xb9\x82\xc3\xb6",
        "\xef\xbf\xbd",
    };
    enum { COUNT = sizeof written / sizeof written[0] };
    crdt_buf bytes = {0};
    write_strings(written, COUNT, &bytes);
    crdt__string_column in = crdt__string_column_of((crdt_bytes){bytes.data, bytes.len});
    for (size_t i = 0; i < COUNT; i++) {
        crdt__slice s;
        crdt__string_column_read(&in, &s);
        assert_int_equal(s.units, written[i].units);
        assert_slice(&s, read[i]);
    }
    assert_true(crdt__string_column_at_end(&in));
    crdt_buf_free(&bytes);
}

static void bad_strings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         /* no text */
        "02 61",    /* a text that is cut short */
        "01 ff 01", /* not UTF-8 */
        "03 ed a0 bd 01",
        "01 61 02", /* more units than there are */
        "04 f0 9f 99 82 03",
        "04 f0 9f 99 82 01 02", /* the half that was read is no more */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hex_bytes hex;
        crdt__slice s;
        crdt__string_column in = crdt__string_column_of(hex_read(bad[i], &hex));
        crdt__string_column_read(&in, &s);
        crdt__string_column_read(&in, &s);
        if (in.r.ok && in.lens.r.ok)
            fail_msg("%s is taken", bad[i]);
    }
}

/* The high half of the last character was read; what comes after the failure is nothing. */
static void a_string_column_that_failed_yields_nothing(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__slice s;
    crdt__string_column in = crdt__string_column_of(hex_read("04 f0 9f 99 82 01 02 01 01", &hex));
    crdt__string_column_read(&in, &s);
    assert_true(in.r.ok);
    for (int i = 0; i < 4; i++) {
        crdt__string_column_read(&in, &s);
        assert_false(in.r.ok);
        assert_int_equal(s.units, 0);
        assert_int_equal(s.body.len, 0);
        assert_false(s.has_low || s.has_high);
    }
}

static void text_that_nobody_reads_is_not_the_end(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__slice s;
    crdt__string_column in = crdt__string_column_of(hex_read("04 f0 9f 99 82 01", &hex));
    crdt__string_column_read(&in, &s);
    assert_true(s.has_high);
    assert_true(in.r.ok);
    assert_false(crdt__string_column_at_end(&in));
}

/* ---- memory ---- */

static bool survives(size_t n)
{
    failmem fault;
    failmem_init(&fault);
    crdt__string_out out = {.halves = false};
    crdt_bytes text;
    crdt_bytes lens;
    const crdt_mem *mem = failmem_after(&fault, n);
    crdt__column_out_init(&out.out, mem);
    crdt__column_out_init(&out.lens.out, mem);
    for (uint64_t i = 0; i < 100; i++) {
        crdt__string_out_put(&out, crdt_bytes_of("\xed\xb9\x82 some text \xed\xa0\xbd"), true);
        crdt__string_out_end(&out, i);
    }
    assert_int_equal(crdt__string_out_finish(&out, &text, &lens), !fault.failed);
    crdt__column_out_deinit(&out.out);
    crdt__column_out_deinit(&out.lens.out);
    assert_int_equal(fault.held_bytes, 0);
    assert_false(fault.size_mismatch);
    return fault.failed;
}

static void writing_survives_every_failing_allocation(void **state)
{
    (void)state;
    for (size_t n = 0; survives(n); n++)
        continue;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uints_are_read_as_they_were_written),
        cmocka_unit_test(clocks_are_read_as_they_were_written),
        cmocka_unit_test(bytes_are_read_as_they_were_written),
        cmocka_unit_test(an_exhausted_column_fails_and_yields_zeros),
        cmocka_unit_test(what_is_no_clock_is_refused),
        cmocka_unit_test(a_run_that_goes_on_is_not_the_end),
        cmocka_unit_test(halves_survive_next_to_each_other),
        cmocka_unit_test(bad_strings_are_refused),
        cmocka_unit_test(a_string_column_that_failed_yields_nothing),
        cmocka_unit_test(text_that_nobody_reads_is_not_the_end),
        cmocka_unit_test(writing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
