/* Updates told anew, and told about: what no vector of Yjs has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../hex.h"
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

/* Sections of clients 1, 9 and 1 again. */
static crdt_buf told_twice(void)
{
    crdt_buf u = {0};
    wm_begin(&u, 3);
    wm_section(&u, 1, 1, 0);
    wm_struct(&u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    wm_section(&u, 1, 9, 0);
    wm_struct(&u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "c"});
    wm_section(&u, 2, 1, 7);
    wm_struct(&u, &(wm_item){.kind = WM_SKIP, .len = 2});
    wm_struct(&u, &(wm_item){.kind = WM_GC, .len = 1});
    wm_begin_deletes(&u, 0);
    return u;
}

static void the_same_format_is_written_anew(void **state)
{
    (void)state;
    hex_bytes hex;
    hex_bytes expected;
    const crdt_bytes odd = hex_read("01 01 01 00 05 01 01 74 04 20 31 2e 30 80 00", &hex);
    crdt_buf out = converted(CRDT_V1, odd, CRDT_V1);
    assert_same(view(&out), hex_read("01 01 01 00 05 01 01 74 01 31 00", &expected));
    crdt_buf_free(&out);
}

/* Format v2 tells deletes by their distances, and cannot go back. */
static void deletes_are_sorted_where_they_must_be(void **state)
{
    (void)state;
    hex_bytes hex;
    const crdt_bytes unsorted = hex_read("00 01 05 04 07 02 01 00 03 01 00 02", &hex);
    hex_bytes expected;
    crdt_buf v2 = converted(CRDT_V1, unsorted, CRDT_V2);
    crdt_buf v1 = converted(CRDT_V2, view(&v2), CRDT_V1);
    assert_same(view(&v1), hex_read("00 01 05 03 00 02 03 01 07 02", &expected));
    crdt_buf_free(&v2);
    crdt_buf_free(&v1);
}

static void deletes_of_nothing_are_left_out_of_v2(void **state)
{
    (void)state;
    hex_bytes hex;
    const crdt_bytes nothing = hex_read("00 02 05 01 03 00 04 02 00 01 01 00", &hex);
    hex_bytes expected;
    crdt_buf v2 = converted(CRDT_V1, nothing, CRDT_V2);
    crdt_buf v1 = converted(CRDT_V2, view(&v2), CRDT_V1);
    assert_same(view(&v1), hex_read("00 01 04 01 00 01", &expected));
    crdt_buf_free(&v2);
    crdt_buf_free(&v1);
}

/* Numbers that are no format, zero among them, which forgotten fields have. */
static void what_is_no_format_is_refused(void **state)
{
    (void)state;
    hex_bytes hex;
    const crdt_bytes empty = hex_read("00 00", &hex);
    const crdt_bytes pair[2] = {empty, empty};
    crdt_buf out = {0};
    for (int i = 0; i < 4; i += 3) {
        crdt_encoding none = (crdt_encoding)i;
        assert_int_equal(crdt_update_validate(none, empty), CRDT_MALFORMED);
        assert_int_equal(crdt_update_merge(none, pair, 2, &out), CRDT_MALFORMED);
        assert_int_equal(crdt_update_convert(none, empty, CRDT_V1, &out), CRDT_MALFORMED);
        assert_false(crdt_update_is_empty(none, empty));
    }
    assert_int_equal(out.len, 0);
}

static void clients_of_several_sections_are_told_once(void **state)
{
    (void)state;
    crdt_buf v1 = told_twice();
    crdt_buf v2 = converted(CRDT_V1, view(&v1), CRDT_V2);
    for (crdt_encoding encoding = CRDT_V1; encoding <= CRDT_V2; encoding++) {
        crdt_update_client *clients;
        size_t count;
        crdt_bytes update = encoding == CRDT_V1 ? view(&v1) : view(&v2);
        assert_int_equal(crdt_update_clients(encoding, update, &clients, &count), CRDT_OK);
        assert_int_equal(count, 2);
        assert_int_equal(clients[0].client, 9);
        assert_int_equal(clients[0].from, 0);
        assert_int_equal(clients[0].to, 1);
        assert_int_equal(clients[1].client, 1);
        assert_int_equal(clients[1].from, 7);
        assert_int_equal(clients[1].to, 10);
        assert_true(clients[0].structs && clients[1].structs);
        crdt_update_clients_free(clients, count);
    }
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

static void an_update_of_skips_is_empty(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_update_client *clients;
    size_t count;
    const crdt_bytes skips = hex_read("01 01 05 02 0a 03 00", &hex);
    crdt_buf v2 = converted(CRDT_V1, skips, CRDT_V2);
    assert_true(crdt_update_is_empty(CRDT_V1, skips));
    assert_true(crdt_update_is_empty(CRDT_V2, view(&v2)));
    assert_int_equal(crdt_update_clients(CRDT_V2, view(&v2), &clients, &count), CRDT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(clients[0].to, 5);
    assert_false(clients[0].structs);
    crdt_update_clients_free(clients, count);
    crdt_buf_free(&v2);
}

static void a_state_vector_is_rewound_by_updates_of_either_format(void **state)
{
    (void)state;
    hex_bytes hex;
    hex_bytes expected;
    crdt_buf v1 = told_twice();
    crdt_buf v2 = converted(CRDT_V1, view(&v1), CRDT_V2);
    crdt_buf out[2] = {{0}, {0}};
    const crdt_bytes updates[2] = {view(&v1), view(&v2)};
    const crdt_bytes sv = hex_read("03 09 01 05 04 01 0a", &hex);
    for (int i = 0; i < 2; i++) {
        crdt_encoding encoding = i == 0 ? CRDT_V1 : CRDT_V2;
        assert_int_equal(crdt_state_vector_rewind(encoding, sv, &updates[i], 1, &out[i]), CRDT_OK);
        assert_same(view(&out[i]), hex_read("01 05 04", &expected));
        crdt_buf_free(&out[i]);
    }
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_format_is_written_anew),
        cmocka_unit_test(deletes_are_sorted_where_they_must_be),
        cmocka_unit_test(deletes_of_nothing_are_left_out_of_v2),
        cmocka_unit_test(what_is_no_format_is_refused),
        cmocka_unit_test(clients_of_several_sections_are_told_once),
        cmocka_unit_test(an_update_of_skips_is_empty),
        cmocka_unit_test(a_state_vector_is_rewound_by_updates_of_either_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
