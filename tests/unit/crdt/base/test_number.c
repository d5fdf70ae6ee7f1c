/* Numbers as JavaScript reads and prints them. The expectations come from V8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/number.h"

typedef struct text_case {
    const char *text;
    const char *printed; /* NULL: infinite */
} text_case;

static const text_case cases[] = {
    {"0", "0"},
    {"-0", "0"},
    {"0.0e99999999999999999999999", "0"},
    {"1", "1"},
    {"-17", "-17"},
    {"2.50", "2.5"},
    {"1e3", "1000"},
    {"100000000000000000000", "100000000000000000000"},
    {"999999999999999900000", "999999999999999900000"},
    {"1e21", "1e+21"},
    {"1.5E+300", "1.5e+300"},
    {"123456789012345678901234567890", "1.2345678901234568e+29"},
    {"0.000001", "0.000001"},
    {"0.0000012345", "0.0000012345"},
    {"0.0000001", "1e-7"},
    {"1.5e-7", "1.5e-7"},
    {"0.1", "0.1"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"9007199254740993", "9007199254740992"},
    {"5e-324", "5e-324"},
    {"2.2250738585072014e-308", "2.2250738585072014e-308"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    /* 2^-44: the nearest of 16 digits does not come back, its neighbour does */
    {"5.684341886080801486968994140625e-14", "5.684341886080802e-14"},
    {"9007199254740992.9999999999999999999999999", "9007199254740992"},
    {"1e-400", "0"},
    {"1e400", NULL},
    {"-1e99999999999999999999", NULL},
};

static void print(double value, char *text)
{
    text[crdt__number_print(value, text)] = '\0';
}

static void numbers_are_read_and_printed_as_in_javascript(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        crdt_bytes text = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        double value = crdt__number_parse(text);
        if (cases[i].printed == NULL) {
            assert_true(isinf(value));
            continue;
        }
        char printed[CRDT__NUMBER_LEN_MAX + 1];
        print(value, printed);
        assert_string_equal(printed, cases[i].printed);
    }
}

static void a_halfway_case_is_decided_by_its_thousandth_digit(void **state)
{
    (void)state;
    char text[1200] = "9007199254740993.";
    size_t len = strlen(text);
    memset(text + len, '0', 1000);
    text[len + 1000] = '1';
    crdt_bytes bytes = {(const uint8_t *)text, len + 1001};
    assert_true(crdt__number_parse(bytes) == 9007199254740994.0);
    bytes.len--;
    assert_true(crdt__number_parse(bytes) == 9007199254740992.0);
}

static void zeros_and_exponent_cancel_out(void **state)
{
    (void)state;
    char text[1200] = "0.";
    memset(text + 2, '0', 1000);
    strcpy(text + 1002, "25e1001");
    crdt_bytes bytes = {(const uint8_t *)text, strlen(text)};
    assert_true(crdt__number_parse(bytes) == 2.5);
}

static void every_number_printed_is_read_again(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    for (unsigned i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double value;
        memcpy(&value, &seed, sizeof value);
        if (!isfinite(value))
            continue;
        char printed[CRDT__NUMBER_LEN_MAX + 1];
        print(value, printed);
        crdt_bytes text = {(const uint8_t *)printed, strlen(printed)};
        assert_true(crdt__number_parse(text) == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_printed_as_in_javascript),
        cmocka_unit_test(a_halfway_case_is_decided_by_its_thousandth_digit),
        cmocka_unit_test(zeros_and_exponent_cancel_out),
        cmocka_unit_test(every_number_printed_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
