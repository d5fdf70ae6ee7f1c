/* Relative positions where they are odd: ends of types, deleted units, entries, collected types. */
#include "fixture.h"

#include <string.h>

static wm_item text_item(const char *text)
{
    return (wm_item){.kind = WM_STRING, .root = "t", .text = text};
}

static crdt_type root_of(fixture *f, const char *name)
{
    crdt_type root;
    assert_int_equal(crdt_doc_root(f->doc, crdt_bytes_of(name), CRDT_TEXT, &root), CRDT_OK);
    return root;
}

static void expect_encoded(fixture *f, crdt_type type, uint64_t index, int64_t assoc,
                           const uint8_t *expected, size_t len)
{
    crdt_buf out = {0};
    assert_int_equal(crdt_relpos_encode(f->doc, type, index, assoc, &out), CRDT_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, expected, len);
    crdt_buf_free(&out);
}

static bool resolve(fixture *f, const uint8_t *bytes, size_t len, crdt_place *place)
{
    bool found = false;
    assert_int_equal(crdt_relpos_resolve(f->doc, (crdt_bytes){bytes, len}, &found, place), CRDT_OK);
    return found;
}

static void expect_index(fixture *f, const uint8_t *bytes, size_t len, uint64_t index)
{
    crdt_place place;
    assert_true(resolve(f, bytes, len, &place));
    assert_int_equal(place.index, index);
}

static void the_ends_of_a_type_are_positions_of_the_type(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){7, 0}, text_item("abc"));
    const crdt_type t = root_of(&f, "t");
    const uint8_t end[] = {1, 1, 't', 0};
    const uint8_t start[] = {1, 1, 't', 0x41};
    const uint8_t at_c[] = {0, 7, 2, 0};
    const uint8_t behind_c[] = {0, 7, 2, 0x43};
    expect_encoded(&f, t, 3, 0, end, sizeof end);
    expect_encoded(&f, t, 0, -1, start, sizeof start);
    expect_encoded(&f, t, 2, 0, at_c, sizeof at_c);
    expect_encoded(&f, t, 3, -3, behind_c, sizeof behind_c);
    expect_index(&f, end, sizeof end, 3);
    expect_index(&f, start, sizeof start, 0);
    expect_index(&f, at_c, sizeof at_c, 2);
    expect_index(&f, behind_c, sizeof behind_c, 3);
    crdt_buf out = {0};
    assert_int_equal(crdt_relpos_encode(f.doc, t, 4, 0, &out), CRDT_INVALID);
    assert_int_equal(crdt_relpos_encode(f.doc, t, 0, INT64_MIN, &out), CRDT_INVALID);
    assert_int_equal(out.len, 0);
    fixture_close(&f);
}

/* A deleted unit's position is where it was. */
static void a_deleted_unit_still_has_a_place(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){7, 0}, text_item("abcdef"));
    fixture_delete(&f, (wm_id){7, 2}, 2);
    const uint8_t at_d[] = {0, 7, 3, 0};
    const uint8_t behind_d[] = {0, 7, 3, 0x41};
    const uint8_t at_f[] = {0, 7, 5}; /* no association: 0 */
    expect_index(&f, at_d, sizeof at_d, 2);
    expect_index(&f, behind_d, sizeof behind_d, 2);
    expect_index(&f, at_f, sizeof at_f, 3);
    fixture_close(&f);
}

/* m.k = an array [0, 1, 2]; its positions are told by the item that holds it. */
static void put_nested(fixture *f)
{
    const wm_id holder = {7, 0};
    fixture_put(f, holder,
                (wm_item){.kind = WM_TYPE, .root = "m", .sub = "k", .type_ref = WM_ARRAY});
    fixture_put(f, (wm_id){7, 1}, (wm_item){.kind = WM_ANY, .parent = &holder, .len = 3});
}

static void nested_types_are_told_by_their_items(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    put_nested(&f);
    const crdt_type array = {.item = {7, 0}};
    const uint8_t end[] = {2, 7, 0, 0};
    const uint8_t at_1[] = {0, 7, 2, 0};
    expect_encoded(&f, array, 3, 0, end, sizeof end);
    expect_encoded(&f, array, 1, 0, at_1, sizeof at_1);
    crdt_place place;
    assert_true(resolve(&f, at_1, sizeof at_1, &place));
    assert_int_equal(place.index, 1);
    assert_int_equal(place.type.item.client, 7);
    assert_int_equal(place.type.item.clock, 0);
    /* The entry itself: the first unit of its key. */
    const uint8_t entry[] = {0, 7, 0, 0};
    assert_true(resolve(&f, entry, sizeof entry, &place));
    assert_int_equal(place.index, 0);
    assert_int_equal(place.type.root, root_of(&f, "m").root);
    fixture_close(&f);
}

static void a_collected_type_has_no_places(void **state)
{
    (void)state;
    const uint8_t end[] = {2, 7, 0, 0};
    const uint8_t at_1[] = {0, 7, 2, 0};
    for (int gc = CRDT_GC_ON; gc <= CRDT_GC_OFF; gc++) {
        fixture f;
        fixture_open(&f, (crdt_doc_options){.gc = (crdt_gc)gc});
        put_nested(&f);
        fixture_delete(&f, (wm_id){7, 0}, 1);
        crdt_place place;
        assert_int_equal(resolve(&f, end, sizeof end, &place), gc == CRDT_GC_OFF);
        assert_int_equal(resolve(&f, at_1, sizeof at_1, &place), gc == CRDT_GC_OFF);
        if (gc == CRDT_GC_OFF)
            assert_int_equal(place.index, 0);
        fixture_close(&f);
    }
}

static void what_is_unknown_is_not_found_and_not_made(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){7, 0}, text_item("abc"));
    static const uint8_t cases[][4] = {
        {0, 7, 3, 0}, {0, 8, 0, 0}, {2, 7, 3, 0}, {2, 7, 0, 0}, {1, 1, 'x', 0}};
    crdt_place place;
    crdt_type root;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(resolve(&f, cases[i], sizeof cases[i], &place));
    assert_false(crdt_doc_find_root(f.doc, crdt_bytes_of("x"), &root));
    crdt_buf out = {0};
    assert_int_equal(crdt_relpos_encode(f.doc, (crdt_type){.item = {8, 0}}, 0, 0, &out), CRDT_GONE);
    fixture_close(&f);
}

static void what_is_no_position_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[6];
        size_t len;
    } cases[] = {{{0}, 0},         {{0}, 1},          {{0, 7}, 2},          {{3, 7, 0, 0}, 4},
                 {{1, 2, 't'}, 3}, {{1, 1, 0xff}, 3}, {{0, 7, 0, 0, 0}, 5}, {{2, 7, 0, 0x80}, 4}};
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found;
        crdt_place place;
        assert_int_equal(
            crdt_relpos_resolve(f.doc, (crdt_bytes){cases[i].bytes, cases[i].len}, &found, &place),
            CRDT_MALFORMED);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_a_type_are_positions_of_the_type),
        cmocka_unit_test(a_deleted_unit_still_has_a_place),
        cmocka_unit_test(nested_types_are_told_by_their_items),
        cmocka_unit_test(a_collected_type_has_no_places),
        cmocka_unit_test(what_is_unknown_is_not_found_and_not_made),
        cmocka_unit_test(what_is_no_position_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
