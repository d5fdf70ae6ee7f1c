/* Update format v2: what it may come to, how keys are numbered, and memory that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../hex.h"
#include "base/columns.h"
#include "failmem.h"
#include "wire/update_v2.h"
#include "wiremake.h"

static crdt_bytes view(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void assert_same(crdt_bytes got, crdt_bytes expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.data, expected.data, expected.len);
}

static crdt_buf converted(crdt_encoding from, crdt_bytes update, crdt_encoding to)
{
    crdt_buf out = {0};
    assert_int_equal(crdt_update_convert(from, update, to, &out), CRDT_OK);
    return out;
}

static void nothing_is_thirteen_bytes(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_buf merged = {0};
    crdt_bytes empty = hex_read("00 00 00 00 00 00 01 00 00 00 00 00 00", &hex);
    assert_int_equal(crdt_update_merge(CRDT_V2, NULL, 0, &merged), CRDT_OK);
    assert_same(view(&merged), empty);
    assert_true(crdt_update_is_empty(CRDT_V2, empty));
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf encoded = {0};
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &encoded), CRDT_OK);
    assert_same(view(&encoded), empty);
    crdt_doc_free(doc);
    crdt_buf_free(&encoded);
    crdt_buf_free(&merged);
}

/* ---- what a few bytes may claim ---- */

/* An update of `structs` GC structs of one unit, and a delete set of `clients` clients without
 * ranges, which only make it longer. */
static crdt_buf holes(uint64_t structs, uint64_t clients)
{
    crdt_buf u = {0};
    wm_byte(&u, 0);
    wm_varuint(&u, 0); /* keyClock */
    wm_varuint(&u, 1);
    wm_byte(&u, 1);
    wm_varuint(&u, 0); /* leftClock, rightClock */
    wm_varuint(&u, 0);
    wm_varuint(&u, 1); /* info: GC without end */
    wm_byte(&u, 0);
    wm_varuint(&u, 1); /* string */
    wm_byte(&u, 0);
    wm_varuint(&u, 0); /* parentInfo, typeRef */
    wm_varuint(&u, 0);
    crdt_buf len = {0};
    wm_byte(&len, 0x41);
    wm_varuint(&len, structs - 2);
    wm_varuint(&u, len.len);
    for (size_t i = 0; i < len.len; i++)
        wm_byte(&u, len.data[i]);
    crdt_buf_free(&len);
    wm_varuint(&u, 1);
    wm_varuint(&u, structs);
    wm_varuint(&u, 0);
    wm_varuint(&u, clients);
    for (uint64_t i = 0; i < clients; i++) {
        wm_varuint(&u, 1);
        wm_varuint(&u, 0);
    }
    return u;
}

static void structs_are_bounded_by_bytes(void **state)
{
    (void)state;
    crdt_buf sized = holes(CRDT_V2_STRUCTS_FREE + 100, 0);
    uint64_t most = CRDT_V2_STRUCTS_FREE + sized.len * CRDT_V2_STRUCTS_PER_BYTE;
    crdt_buf allowed = holes(most, 0);
    crdt_buf beyond = holes(most + 1, 0);
    crdt_buf longer = holes(most + 1, 1);
    assert_int_equal(allowed.len, sized.len);
    assert_int_equal(crdt_update_validate(CRDT_V2, view(&allowed)), CRDT_OK);
    assert_int_equal(crdt_update_validate(CRDT_V2, view(&beyond)), CRDT_MALFORMED);
    assert_int_equal(crdt_update_validate(CRDT_V2, view(&longer)), CRDT_OK);
    crdt_buf_free(&sized);
    crdt_buf_free(&allowed);
    crdt_buf_free(&beyond);
    crdt_buf_free(&longer);
}

/* ---- keys ---- */

/* Client 1: t = "ab", then marks `bold` of it, on and off. */
static crdt_buf marked(void)
{
    crdt_buf u = {0};
    const wm_id last = {1, 1};
    const wm_id on = {1, 2};
    wm_begin(&u, 1);
    wm_section(&u, 3, 1, 0);
    wm_struct(&u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    wm_struct(&u, &(wm_item){.kind = WM_FORMAT, .origin = &last, .text = "bold", .value = "true"});
    wm_struct(&u, &(wm_item){.kind = WM_FORMAT, .origin = &on, .text = "bold", .value = "null"});
    wm_begin_deletes(&u, 0);
    return u;
}

/* The same key is written as often as it is used, under a new number each time. */
static void keys_are_never_told_by_an_old_number(void **state)
{
    (void)state;
    crdt_buf v1 = marked();
    crdt_buf v2 = converted(CRDT_V1, view(&v1), CRDT_V2);
    crdt__reader r = crdt__reader_of(view(&v2));
    (void)crdt__read_varuint(&r);
    crdt__diff_column numbers = crdt__diff_column_of(crdt__read_varbytes(&r));
    assert_int_equal(crdt__diff_column_read(&numbers), 0);
    assert_int_equal(crdt__diff_column_read(&numbers), 1);
    assert_true(crdt__diff_column_at_end(&numbers));
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

/* ---- clocks ---- */

/* Doubled, as columns have them, such clocks are beyond what JavaScript counts. */
static void great_clocks_survive(void **state)
{
    (void)state;
    const wm_id far = {1, CRDT_CLOCK_MAX - 2};
    crdt_buf v1 = {0};
    wm_begin(&v1, 2);
    wm_section(&v1, 1, 2, 0);
    wm_struct(&v1, &(wm_item){.kind = WM_STRING, .origin = &far, .text = "x"});
    wm_section(&v1, 1, 1, 0);
    wm_struct(&v1, &(wm_item){.kind = WM_DELETED, .root = "t", .len = CRDT_CLOCK_MAX});
    wm_begin_deletes(&v1, 0);
    crdt_buf v2 = converted(CRDT_V1, view(&v1), CRDT_V2);
    crdt_buf back = converted(CRDT_V2, view(&v2), CRDT_V1);
    assert_same(view(&back), view(&v1));
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
    crdt_buf_free(&back);
}

/* ---- the shape that is told ---- */

static void the_shape_is_that_of_v1(void **state)
{
    (void)state;
    crdt_buf v1 = {0};
    wm_begin(&v1, 3);
    wm_section(&v1, 2, 1, 0);
    wm_struct(&v1, &(wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    wm_struct(&v1, &(wm_item){.kind = WM_SKIP, .len = 2});
    wm_section(&v1, 1, 9, 0);
    wm_struct(&v1, &(wm_item){.kind = WM_STRING, .root = "t", .text = "c"});
    wm_section(&v1, 1, 1, 7);
    wm_struct(&v1, &(wm_item){.kind = WM_GC, .len = 1});
    wm_begin_deletes(&v1, 1);
    wm_deletes_of(&v1, 1, 2);
    wm_range(&v1, 0, 1);
    wm_range(&v1, 7, 1);
    crdt_buf v2 = converted(CRDT_V1, view(&v1), CRDT_V2);
    crdt_buf told = {0};
    crdt__v1_shape shape;
    crdt__v1_shape expected;
    assert_int_equal(crdt__v2_read(view(&v2), &told, &shape), CRDT_OK);
    assert_int_equal(crdt__v1_validate(view(&told), NULL, &expected), CRDT_OK);
    assert_same(view(&told), view(&v1));
    assert_int_equal(shape.sections, expected.sections);
    assert_int_equal(shape.structs, expected.structs);
    assert_int_equal(shape.skips, 1);
    assert_true(shape.clients_twice);
    assert_false(shape.descending);
    assert_int_equal(shape.ds_clients, 1);
    assert_int_equal(shape.ds_ranges, 2);
    assert_same(shape.ds, expected.ds);
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
    crdt_buf_free(&told);
}

/* ---- memory ---- */

/* Every kind of content, in v2. */
static crdt_buf everything(void)
{
    hex_bytes hex;
    const crdt_bytes v1 = hex_read("02"                         /* two sections */
                                   "07 05 00"                   /* client 5 */
                                   "27 01 01 6d 01 6b 03 01 70" /* m.k = <p> */
                                   "08 01 01 61 02 7d 01 77 01 78"
                                   "88 05 02 01 7f"
                                   "02 01 01 61 01 04 5b 31 5d 20" /* JSON with a space */
                                   "03 01 01 61 02 ff 00"
                                   "09 01 01 61 01 67 76 01 02 67 63 79"
                                   "05 01 01 74 02 2d 30" /* -0 */
                                   "04 01 00"             /* client 1 */
                                   "04 01 01 74 02 61 62"
                                   "c6 01 00 01 01 01 62 04 74 72 75 65"
                                   "84 01 01 04 f0 9f 99 82"
                                   "81 01 04 02"
                                   "01 01 01 05 02",
                                   &hex);
    assert_int_equal(crdt_update_validate(CRDT_V1, v1), CRDT_OK);
    return converted(CRDT_V1, v1, CRDT_V2);
}

typedef crdt_err (*operation)(crdt_bytes v2, crdt_buf *out);

static crdt_err convert(crdt_bytes v2, crdt_buf *out)
{
    return crdt_update_convert(CRDT_V2, v2, CRDT_V1, out);
}

static crdt_err rewrite(crdt_bytes v2, crdt_buf *out)
{
    return crdt_update_convert(CRDT_V2, v2, CRDT_V2, out);
}

static crdt_err merge(crdt_bytes v2, crdt_buf *out)
{
    const crdt_bytes pair[2] = {v2, v2};
    return crdt_update_merge(CRDT_V2, pair, 2, out);
}

static crdt_err diff(crdt_bytes v2, crdt_buf *out)
{
    static const uint8_t known[] = {1, 1, 1};
    return crdt_update_diff(CRDT_V2, v2, (crdt_bytes){known, sizeof known}, out);
}

static crdt_err state_vector(crdt_bytes v2, crdt_buf *out)
{
    return crdt_update_state_vector(CRDT_V2, v2, out);
}

static bool survives(operation run, crdt_bytes v2, size_t n)
{
    failmem fault;
    failmem_init(&fault);
    crdt_buf out = {.mem = failmem_after(&fault, n)};
    crdt_err err = run(v2, &out);
    assert_int_equal(err, fault.failed ? CRDT_NO_MEMORY : CRDT_OK);
    assert_true(fault.failed ? out.len == 0 : out.len > 0);
    crdt_buf_free(&out);
    assert_int_equal(fault.held_bytes, 0);
    assert_false(fault.size_mismatch);
    return fault.failed;
}

static void utilities_survive_every_failing_allocation(void **state)
{
    (void)state;
    static const operation operations[] = {convert, rewrite, merge, diff, state_vector};
    crdt_buf v2 = everything();
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        for (size_t n = 0; survives(operations[i], view(&v2), n); n++)
            continue;
    crdt_buf_free(&v2);
}

/* An update that fails to be applied leaves the document unharmed, or failed; and encoding leaves
 * it as it was. */
static bool document_survives(crdt_bytes v2, crdt_bytes expected, size_t n)
{
    failmem fault;
    failmem_init(&fault);
    const crdt_doc_options options = {.mem = failmem_after(&fault, n)};
    crdt_doc *doc = crdt_doc_new(&options);
    if (doc) {
        crdt_buf out = {.mem = &fault.mem};
        crdt_err err = crdt_doc_apply(doc, CRDT_V2, v2, NULL);
        assert_true(err == CRDT_OK || fault.failed);
        if (err == CRDT_OK)
            err = crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &out);
        if (err == CRDT_OK)
            assert_same(view(&out), expected);
        else if (!crdt_doc_failed(doc))
            assert_null(crdt_doc_check(doc));
        crdt_buf_free(&out);
        crdt_doc_free(doc);
    }
    assert_int_equal(fault.held_bytes, 0);
    assert_false(fault.size_mismatch);
    return fault.failed;
}

static void documents_survive_every_failing_allocation(void **state)
{
    (void)state;
    crdt_buf v2 = everything();
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf expected = {0};
    assert_int_equal(crdt_doc_apply(doc, CRDT_V2, view(&v2), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &expected), CRDT_OK);
    for (size_t n = 0; document_survives(view(&v2), view(&expected), n); n++)
        continue;
    crdt_doc_free(doc);
    crdt_buf_free(&expected);
    crdt_buf_free(&v2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_thirteen_bytes),
        cmocka_unit_test(structs_are_bounded_by_bytes),
        cmocka_unit_test(keys_are_never_told_by_an_old_number),
        cmocka_unit_test(great_clocks_survive),
        cmocka_unit_test(the_shape_is_that_of_v1),
        cmocka_unit_test(utilities_survive_every_failing_allocation),
        cmocka_unit_test(documents_survive_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
