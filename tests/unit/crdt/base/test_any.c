/* lib0 Any values: what is accepted, what comes out canonically, options of sub-documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"
#include "../hex.h"
#include "base/any.h"

typedef struct any_case {
    const char *hex;
    const char *canonical; /* NULL: as it is */
} any_case;

static const any_case valid[] = {
    {"7f", NULL},
    {"7e", NULL},
    {"79", NULL},
    {"78", NULL},
    {"7d 00", NULL},
    {"7d 40", NULL},                      /* -0 */
    {"7d bf ff ff ff 0f", NULL},          /* 2^31-1 */
    {"7c 4f 00 00 00", NULL},             /* 2^31 */
    {"7c 3f 00 00 00", NULL},             /* 0.5 */
    {"7c 7f 80 00 00", NULL},             /* Infinity */
    {"7b 3f b9 99 99 99 99 99 9a", NULL}, /* 0.1 */
    {"7b 7f f8 00 00 00 00 00 00", NULL}, /* NaN */
    {"7a ff ff ff ff ff ff ff ff", NULL},
    {"77 00", NULL},
    {"77 04 f0 9f 98 80", NULL},
    {"74 02 ff 00", NULL},
    {"75 02 7d 01 75 00", NULL},
    {"76 02 01 30 78 01 61 76 00", NULL},
    {"7d 80 01", "7d 80 01"},
    {"7d 81 00", "7d 01"},                                        /* overlong */
    {"7d 80 80 80 80 10", "7c 4f 00 00 00"},                      /* 2^31 as an integer */
    {"7d bf ff ff ff ff ff ff 1f", "7b 43 3f ff ff ff ff ff ff"}, /* 2^53-1 as an integer */
    {"7b 3f f0 00 00 00 00 00 00", "7d 01"},                      /* 1.0 */
    {"7b 80 00 00 00 00 00 00 00", "7d 40"},                      /* -0.0 */
    {"7c 40 00 00 00", "7d 02"},                                  /* 2.0 */
    {"7b 3f e0 00 00 00 00 00 00", "7c 3f 00 00 00"},             /* 0.5 */
    {"7b ff f0 00 00 00 00 00 00", "7c ff 80 00 00"},             /* -Infinity */
    {"7b c1 e0 00 00 00 00 00 00", "7c cf 00 00 00"},             /* -2^31 */
    {"7c 7f c0 00 00", "7b 7f f8 00 00 00 00 00 00"},             /* NaN */
    {"77 81 00 61", "77 01 61"},
    {"75 81 00 7f", "75 01 7f"},
    {"76 02 01 62 7d 01 01 31 7d 02", "76 02 01 31 7d 02 01 62 7d 01"},
    {"76 03 01 61 7d 01 01 62 78 01 61 77 01 78", "76 02 01 61 77 01 78 01 62 78"},
    {"76 01 09 5f 5f 70 72 6f 74 6f 5f 5f 7d 01", "76 00"},
    {"75 01 76 02 01 78 76 02 01 39 7f 01 38 7e 01 30 75 01 7b 40 00 00 00 00 00 00 00",
     "75 01 76 02 01 30 75 01 7d 02 01 78 76 02 01 38 7e 01 39 7f"},
};

static const char *const invalid[] = {
    "",
    "00",
    "73",
    "80",
    "ff",
    "7d",
    "7d 80",
    "7c 00 00 00",
    "7b 00",
    "7a 00 00 00 00 00 00 00",
    "77",
    "77 02 61",
    "77 01 ff",
    "74 01",
    "75",
    "75 01",
    "76 01",
    "76 01 01 61",
    "76 01 01 ff 7f",
    "75 ff ff ff ff 0f 7f",
    "7d bf ff ff ff ff ff ff 20",
};

static void values_come_out_as_yjs_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        hex_bytes in;
        hex_bytes out;
        crdt_bytes value = hex_read(valid[i].hex, &in);
        crdt_bytes wanted = valid[i].canonical ? hex_read(valid[i].canonical, &out) : value;
        bool canonical;
        crdt__reader r = crdt__reader_of(value);
        crdt__any_skip(&r, &canonical);
        assert_true(crdt__reader_at_end(&r));
        assert_int_equal(canonical, crdt__bytes_equal(value, wanted));
        r = crdt__reader_of(value);
        crdt__any_skip_valid(&r);
        assert_true(crdt__reader_at_end(&r));

        crdt_buf buf = {0};
        crdt__writer w = crdt__writer_on(&buf);
        r = crdt__reader_of(value);
        crdt__any_canonicalize(&r, &w, NULL);
        assert_true(crdt__reader_at_end(&r));
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(buf.len, wanted.len);
        assert_memory_equal(buf.data, wanted.data, wanted.len);
        crdt_buf_free(&buf);
    }
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        hex_bytes in;
        crdt__reader r = crdt__reader_of(hex_read(invalid[i], &in));
        bool canonical;
        crdt__any_skip(&r, &canonical);
        assert_false(r.ok);
        assert_false(canonical);
    }
}

static bool nested_arrays_accepted(size_t depth)
{
    static uint8_t bytes[200001];
    for (size_t i = 0; i < depth; i++) {
        bytes[2 * i] = CRDT__ANY_ARRAY;
        bytes[2 * i + 1] = 1;
    }
    bytes[2 * depth] = CRDT__ANY_NULL;
    crdt__reader r = crdt__reader_of((crdt_bytes){bytes, 2 * depth + 1});
    crdt__any_skip(&r, NULL);
    return crdt__reader_at_end(&r);
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    assert_true(nested_arrays_accepted(CRDT_VALUE_DEPTH_MAX));
    assert_false(nested_arrays_accepted(CRDT_VALUE_DEPTH_MAX + 1));
    assert_false(nested_arrays_accepted(100000));
}

static void doc_options_keep_only_what_yjs_keeps(void **state)
{
    (void)state;
    static const any_case cases[] = {
        {"76 00", "76 00"},
        {"7d 05", "76 00"},
        {"76 01 02 67 63 78", "76 00"},                /* gc: true */
        {"76 01 02 67 63 7f", "76 00"},                /* gc: undefined */
        {"76 01 02 67 63 79", "76 01 02 67 63 79"},    /* gc: false */
        {"76 01 02 67 63 7d 00", "76 01 02 67 63 79"}, /* gc: 0 */
        {"76 01 02 67 63 77 00", "76 01 02 67 63 79"}, /* gc: "" */
        {"76 02 02 67 63 79 02 67 63 78", "76 00"},    /* the last counts */
        {"76 01 04 6d 65 74 61 7e", "76 00"},          /* meta: null */
        {"76 03 04 6d 65 74 61 7b 3f f0 00 00 00 00 00 00 08 61 75 74 6f 4c 6f 61 64 7d 01 01 78 "
         "7f",
         "76 02 08 61 75 74 6f 4c 6f 61 64 78 04 6d 65 74 61 7d 01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes in;
        hex_bytes out;
        crdt__reader r = crdt__reader_of(hex_read(cases[i].hex, &in));
        crdt_bytes wanted = hex_read(cases[i].canonical, &out);
        crdt_buf buf = {0};
        crdt__writer w = crdt__writer_on(&buf);
        crdt__any_doc_options(&r, &w, NULL);
        assert_true(crdt__reader_at_end(&r));
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        assert_int_equal(buf.len, wanted.len);
        assert_memory_equal(buf.data, wanted.data, wanted.len);
        crdt_buf_free(&buf);
    }
    const uint8_t null_options[] = {CRDT__ANY_NULL};
    crdt__reader r = crdt__reader_of((crdt_bytes){null_options, 1});
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__any_doc_options(&r, &w, NULL);
    assert_false(r.ok);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    crdt_buf_free(&buf);
}

static void an_object_with_more_keys_than_are_compared_is_still_right(void **state)
{
    (void)state;
    uint8_t bytes[2 + 4 * 120] = {CRDT__ANY_OBJECT, 120};
    for (uint8_t i = 0; i < 120; i++)
        memcpy(bytes + 2 + 4 * i, (uint8_t[]){2, 'k', i, CRDT__ANY_TRUE}, 4);
    crdt_bytes value = {bytes, sizeof bytes};
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__reader r = crdt__reader_of(value);
    crdt__any_canonicalize(&r, &w, NULL);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    assert_int_equal(buf.len, value.len);
    assert_memory_equal(buf.data, value.data, value.len);
    crdt_buf_free(&buf);
}

static void canonicalizing_survives_every_failing_allocation(void **state)
{
    (void)state;
    hex_bytes in;
    crdt_bytes value = hex_read(valid[sizeof valid / sizeof valid[0] - 1].hex, &in);
    for (size_t n = 0;; n++) {
        failmem fault;
        failmem_init(&fault);
        const crdt_mem *mem = failmem_after(&fault, n);
        crdt_buf buf = {.mem = mem};
        crdt__writer w = crdt__writer_on(&buf);
        crdt__reader r = crdt__reader_of(value);
        crdt__any_canonicalize(&r, &w, mem);
        assert_int_equal(crdt__writer_finish(&w), fault.failed ? CRDT_NO_MEMORY : CRDT_OK);
        assert_true(!fault.failed || buf.len == 0);
        crdt_buf_free(&buf);
        assert_int_equal(fault.held_bytes, 0);
        if (!fault.failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_as_yjs_writes_them),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(doc_options_keep_only_what_yjs_keeps),
        cmocka_unit_test(an_object_with_more_keys_than_are_compared_is_still_right),
        cmocka_unit_test(canonicalizing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
