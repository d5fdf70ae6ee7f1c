/* lib0's primitives: what is read, what is refused, and a writer that runs out of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"
#include "../hex.h"
#include "base/bytes.h"

typedef struct number_case {
    const char *hex;
    uint64_t value;
    bool negative;
} number_case;

static void varuint_reads_shortest_and_overlong_forms(void **state)
{
    (void)state;
    static const number_case cases[] = {
        {"00", 0, false},
        {"7f", 127, false},
        {"80 01", 128, false},
        {"81 00", 1, false},
        {"80 80 00", 0, false},
        {"81 80 80 80 80 80 80 80 80 00", 1, false},
        {"ff ff ff ff 0f", UINT32_MAX, false},
        {"ff ff ff ff ff ff ff 0f", CRDT_CLOCK_MAX, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt__reader r = crdt__reader_of(hex_read(cases[i].hex, &hex));
        assert_int_equal(crdt__read_varuint(&r), cases[i].value);
        assert_true(crdt__reader_at_end(&r));
    }
}

static void varuint_refuses_what_is_cut_too_long_or_too_large(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "80",
                                        "ff ff",
                                        "ff ff ff ff ff ff ff 10",
                                        "ff ff ff ff ff ff ff ff 7f",
                                        "80 80 80 80 80 80 80 80 80 80 00",
                                        "80 80 80 80 80 80 80 80 80 01",
                                        "81 80 80 80 80 80 80 80 80 80"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt__reader r = crdt__reader_of(hex_read(cases[i], &hex));
        assert_int_equal(crdt__read_varuint(&r), 0);
        assert_false(r.ok);
    }
}

static void varint_keeps_the_sign_of_zero(void **state)
{
    (void)state;
    static const number_case cases[] = {
        {"00", 0, false},       {"40", 0, true},
        {"3f", 63, false},      {"7f", 63, true},
        {"80 01", 64, false},   {"c1 01", 65, true},
        {"bf 7f", 8191, false}, {"bf ff ff ff ff ff ff 1f", CRDT_CLOCK_MAX, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt_bytes bytes = hex_read(cases[i].hex, &hex);
        crdt__reader r = crdt__reader_of(bytes);
        bool negative;
        assert_int_equal(crdt__read_varint(&r, &negative), cases[i].value);
        assert_int_equal(negative, cases[i].negative);
        assert_true(crdt__reader_at_end(&r));

        crdt_buf buf = {0};
        crdt__writer w = crdt__writer_on(&buf);
        crdt__write_varint(&w, cases[i].value, cases[i].negative);
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(buf.len, bytes.len);
        assert_memory_equal(buf.data, bytes.data, bytes.len);
        crdt_buf_free(&buf);
    }
}

static void varint_refuses_what_is_cut_or_too_large(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "80", "bf ff ff ff ff ff ff 20",
                                        "80 80 80 80 80 80 80 80 80 80"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt__reader r = crdt__reader_of(hex_read(cases[i], &hex));
        bool negative;
        (void)crdt__read_varint(&r, &negative);
        assert_false(r.ok);
    }
}

static void varuint_written_is_read_again(void **state)
{
    (void)state;
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    uint64_t values[3 * 53];
    for (unsigned bit = 0; bit < 53; bit++) {
        values[3 * bit] = UINT64_C(1) << bit;
        values[3 * bit + 1] = (UINT64_C(1) << bit) + bit;
        values[3 * bit + 2] = (UINT64_C(2) << bit) - 1;
    }
    for (size_t i = 0; i < 3 * 53; i++)
        crdt__write_varuint(&w, values[i]);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);

    crdt__reader r = crdt__reader_of((crdt_bytes){buf.data, buf.len});
    for (size_t i = 0; i < 3 * 53; i++) {
        const uint8_t *before = r.pos;
        assert_int_equal(crdt__read_varuint(&r), values[i]);
        assert_int_equal(r.pos - before, crdt__varuint_len(values[i]));
    }
    assert_true(crdt__reader_at_end(&r));
    crdt_buf_free(&buf);
}

static void a_failed_reader_yields_nothing_more(void **state)
{
    (void)state;
    const uint8_t bytes[] = {5, 'a', 'b'};
    crdt__reader r = crdt__reader_of((crdt_bytes){bytes, sizeof bytes});
    assert_int_equal(crdt__read_varbytes(&r).len, 0);
    assert_false(r.ok);
    assert_int_equal(crdt__read_u8(&r), 0);
    assert_int_equal(crdt__read_varuint(&r), 0);
    assert_false(crdt__reader_at_end(&r));
}

static void varstring_must_be_utf8_and_varbytes_need_not(void **state)
{
    (void)state;
    const uint8_t bytes[] = {2, 0xc3, 0x28};
    crdt__reader r = crdt__reader_of((crdt_bytes){bytes, sizeof bytes});
    assert_int_equal(crdt__read_varbytes(&r).len, 2);
    assert_true(r.ok);
    r = crdt__reader_of((crdt_bytes){bytes, sizeof bytes});
    (void)crdt__read_varstring(&r);
    assert_false(r.ok);
}

static void a_writer_appends_behind_what_the_buffer_holds(void **state)
{
    (void)state;
    crdt_buf buf = {0};
    for (unsigned round = 0; round < 3; round++) {
        crdt__writer w = crdt__writer_on(&buf);
        crdt__write_varbytes(&w, (crdt_bytes){(const uint8_t *)"xyz", 3});
        assert_int_equal(crdt__writer_len(&w), 4);
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    }
    assert_int_equal(buf.len, 12);
    assert_memory_equal(buf.data, "\3xyz\3xyz\3xyz", 12);
    crdt_buf_free(&buf);
    assert_null(buf.data);
}

static void a_writer_without_memory_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    static const uint8_t block[100];
    failmem fault;
    failmem_init(&fault);
    crdt_buf buf = {.mem = failmem_after(&fault, 1)};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__write_u8(&w, 7);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);

    w = crdt__writer_on(&buf);
    crdt__write_u8(&w, 8);
    crdt__write_bytes(&w, block, sizeof block);
    crdt__write_u8(&w, 9);
    crdt__write_varuint(&w, 10);
    assert_int_equal(crdt__writer_finish(&w), CRDT_NO_MEMORY);
    assert_int_equal(buf.len, 1);
    assert_int_equal(buf.data[0], 7);
    crdt_buf_free(&buf);
    assert_int_equal(fault.held_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varuint_reads_shortest_and_overlong_forms),
        cmocka_unit_test(varuint_refuses_what_is_cut_too_long_or_too_large),
        cmocka_unit_test(varint_keeps_the_sign_of_zero),
        cmocka_unit_test(varint_refuses_what_is_cut_or_too_large),
        cmocka_unit_test(varuint_written_is_read_again),
        cmocka_unit_test(a_failed_reader_yields_nothing_more),
        cmocka_unit_test(varstring_must_be_utf8_and_varbytes_need_not),
        cmocka_unit_test(a_writer_appends_behind_what_the_buffer_holds),
        cmocka_unit_test(a_writer_without_memory_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
