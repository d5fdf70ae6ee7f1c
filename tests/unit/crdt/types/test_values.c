/* Single elements and entries, keys, roots, sub-documents, and what a type is. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static void expect_bytes(crdt_bytes got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    if (got.len > 0)
        assert_memory_equal(got.data, expected, got.len);
}

static crdt_value get(scene *s, crdt_type list, uint64_t index)
{
    crdt_value value;
    expect_ok(crdt_list_get(s->doc, list, index, &value));
    return value;
}

static crdt_value entry(scene *s, const char *key)
{
    crdt_value value;
    expect_ok(crdt_map_get(s->doc, s->map, str(key), &value));
    return value;
}

static void set(scene *s, const char *key, crdt_value value)
{
    expect_ok(crdt_map_set(s->doc, s->map, str(key), &value));
}

static crdt_value subdoc(const char *guid)
{
    return (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = str(guid)};
}

static crdt_value type_of_kind(crdt_type_kind kind, const char *name)
{
    return (crdt_value){.kind = CRDT_VALUE_TYPE, .type = kind, .bytes = str(name)};
}

/* ---- lists ---- */

static void elements_are_told_one_by_one(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value values[] = {
        crdt_json("[1,null]"),
        crdt_json("\"two\""),
        {.kind = CRDT_VALUE_BINARY, .bytes = {(const uint8_t *)"\x00\xff", 2}},
        type_of_kind(CRDT_XML_ELEMENT, "node"),
        subdoc("guid"),
        crdt_json("3"),
    };
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 6));
    crdt_value value = get(&s, s.list, 0);
    assert_int_equal(value.kind, CRDT_VALUE_ANY);
    expect_bytes(value.bytes, "\x75\x02\x7d\x01\x7e");
    value = get(&s, s.list, 1);
    assert_int_equal(value.kind, CRDT_VALUE_ANY);
    expect_bytes(value.bytes, "\x77\x03two");
    value = get(&s, s.list, 2);
    assert_int_equal(value.kind, CRDT_VALUE_BINARY);
    assert_int_equal(value.bytes.len, 2);
    value = get(&s, s.list, 3);
    assert_int_equal(value.kind, CRDT_VALUE_TYPE);
    assert_int_equal(value.type, CRDT_XML_ELEMENT);
    expect_bytes(value.bytes, "node");
    assert_int_equal(value.handle.root, 0);
    value = get(&s, s.list, 4);
    assert_int_equal(value.kind, CRDT_VALUE_DOC);
    expect_bytes(value.bytes, "guid");
    assert_int_equal(get(&s, s.list, 5).kind, CRDT_VALUE_ANY);
    assert_int_equal(get(&s, s.list, 6).kind, CRDT_VALUE_NONE);
    assert_int_equal(get(&s, s.list, UINT64_MAX).kind, CRDT_VALUE_NONE);
    scene_close(&s);
}

static void units_of_text_are_strings(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value embed = crdt_json("{\"image\":1}");
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("a\xc3\xa9\xf0\x9f\x98\x80"), NULL));
    expect_ok(crdt_text_insert_embed(s.doc, s.text, 4, &embed, NULL));
    expect_bytes(get(&s, s.text, 0).bytes, "a");
    expect_bytes(get(&s, s.text, 1).bytes, "\xc3\xa9");
    expect_bytes(get(&s, s.text, 2).bytes, "\xef\xbf\xbd");
    expect_bytes(get(&s, s.text, 3).bytes, "\xef\xbf\xbd");
    assert_int_equal(get(&s, s.text, 3).kind, CRDT_VALUE_STRING);
    assert_int_equal(get(&s, s.text, 4).kind, CRDT_VALUE_JSON);
    expect_bytes(get(&s, s.text, 4).bytes, "{\"image\":1}");
    scene_close(&s);
}

static void deleted_elements_do_not_count(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value values[] = {crdt_json("1"), crdt_json("2"), crdt_json("3")};
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 3));
    expect_ok(crdt_list_delete(s.doc, s.list, 1, 1));
    expect_bytes(get(&s, s.list, 1).bytes, "\x7d\x03");
    assert_int_equal(get(&s, s.list, 2).kind, CRDT_VALUE_NONE);
    scene_close(&s);
}

/* ---- maps ---- */

static void keys_come_in_the_order_in_which_they_first_came(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    char key[16];
    for (int i = 99; i >= 0; i--) {
        snprintf(key, sizeof key, "k%d", i);
        set(&s, key, crdt_json("0"));
    }
    set(&s, "k50", crdt_json("1"));
    expect_ok(crdt_map_delete(s.doc, s.map, str("k98")));
    expect_ok(crdt_map_delete(s.doc, s.map, str("k97")));
    set(&s, "k97", crdt_json("2"));
    size_t cursor = 0;
    bool found = true;
    for (int i = 99; i >= 0; i--) {
        if (i == 98)
            continue;
        crdt_bytes name;
        crdt_value value;
        expect_ok(crdt_map_next(s.doc, s.map, &cursor, &found, &name, &value));
        assert_true(found);
        snprintf(key, sizeof key, "k%d", i);
        expect_bytes(name, key);
        assert_int_equal(value.bytes.data[1], i == 50 ? 1 : i == 97 ? 2 : 0);
    }
    crdt_bytes name;
    crdt_value value;
    expect_ok(crdt_map_next(s.doc, s.map, &cursor, &found, &name, &value));
    assert_false(found);
    scene_close(&s);
}

static void an_entry_is_there_or_it_is_not(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    set(&s, "a", crdt_json("\"x\""));
    set(&s, "", type_of_kind(CRDT_TEXT, ""));
    assert_int_equal(entry(&s, "a").kind, CRDT_VALUE_ANY);
    assert_int_equal(entry(&s, "").kind, CRDT_VALUE_TYPE);
    assert_int_equal(entry(&s, "b").kind, CRDT_VALUE_NONE);
    assert_int_equal(entry(&s, "text").kind, CRDT_VALUE_NONE); /* a name, but no key of this map */
    expect_ok(crdt_map_delete(s.doc, s.map, str("a")));
    assert_int_equal(entry(&s, "a").kind, CRDT_VALUE_NONE);
    scene_close(&s);
}

/* ---- sub-documents and roots ---- */

static size_t count_subdocs(const scene *s, const char *last)
{
    size_t cursor = 0;
    size_t count = 0;
    crdt_value value = {0};
    for (; crdt_doc_next_subdoc(s->doc, &cursor, &value); count++)
        assert_int_equal(value.kind, CRDT_VALUE_DOC);
    if (count > 0)
        expect_bytes(value.bytes, last);
    return count;
}

static void present_subdocuments_are_told(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    assert_int_equal(count_subdocs(&s, ""), 0);
    for (int i = 0; i < 100; i++) { /* more than are remembered at first, most of them deleted */
        scene_begin(&s);
        set(&s, i % 10 ? "replaced" : "kept", subdoc(i % 10 ? "other" : "guid"));
        crdt_buf update = scene_commit(&s);
        crdt_buf_free(&update);
    }
    assert_int_equal(count_subdocs(&s, "other"), 2);
    scene_begin(&s);
    expect_ok(crdt_map_clear(s.doc, s.map));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    assert_int_equal(count_subdocs(&s, ""), 0);
    scene_close(&s);
}

static void roots_come_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    set(&s, "later a root", crdt_json("1"));
    crdt_type type;
    expect_ok(crdt_doc_root(s.doc, str("new"), CRDT_ARRAY, &type));
    expect_ok(crdt_doc_root(s.doc, str("later a root"), CRDT_ARRAY, &type));
    static const char *const expected[] = {"text", "list", "map", "new", "later a root"};
    size_t cursor = 0;
    crdt_bytes name;
    for (size_t i = 0; i < 5; i++) {
        assert_true(crdt_doc_next_root(s.doc, &cursor, &type, &name));
        expect_bytes(name, expected[i]);
        crdt_type found;
        assert_true(crdt_doc_find_root(s.doc, str(expected[i]), &found));
        assert_int_equal(found.root, type.root);
    }
    assert_false(crdt_doc_next_root(s.doc, &cursor, &type, &name));
    scene_close(&s);
}

/* ---- what a type is ---- */

static crdt_type_info describe(const scene *s, crdt_type type)
{
    crdt_type_info info;
    expect_ok(crdt_type_describe(s->doc, type, &info));
    return info;
}

static void a_root_is_what_is_in_it(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = CRDT_GC_OFF});
    assert_false(describe(&s, s.list).has_content);
    expect_bytes(describe(&s, s.list).name, "list");
    assert_false(describe(&s, s.list).has_parent);
    scene_begin(&s);
    const crdt_value node = type_of_kind(CRDT_XML_TEXT, "");
    expect_ok(crdt_list_insert(s.doc, s.list, 0, &node, 1));
    assert_int_equal(describe(&s, s.list).kind, CRDT_XML_FRAGMENT);
    const crdt_value number = crdt_json("1");
    expect_ok(crdt_list_insert(s.doc, s.list, 1, &number, 1));
    assert_int_equal(describe(&s, s.list).kind, CRDT_ARRAY);
    assert_int_equal(describe(&s, s.list).length, 2);
    expect_ok(crdt_map_set(s.doc, s.list, str("key"), &number));
    assert_int_equal(describe(&s, s.list).kind, CRDT_ARRAY);
    expect_ok(crdt_text_insert(s.doc, s.list, 2, str("a"), NULL));
    assert_int_equal(describe(&s, s.list).kind, CRDT_TEXT);
    expect_ok(crdt_text_delete(s.doc, s.list, 2, 1));
    assert_int_equal(describe(&s, s.list).kind, CRDT_TEXT); /* what it was can still be seen */
    expect_ok(crdt_map_set(s.doc, s.map, str("key"), &number));
    expect_ok(crdt_map_delete(s.doc, s.map, str("key")));
    assert_int_equal(describe(&s, s.map).kind, CRDT_MAP);
    assert_true(describe(&s, s.map).has_content);
    scene_close(&s);
}

static void a_nested_type_knows_its_parent(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value element = type_of_kind(CRDT_XML_ELEMENT, "P");
    expect_ok(crdt_list_insert(s.doc, s.list, 0, &element, 1));
    crdt_type handle = get(&s, s.list, 0).handle;
    crdt_type_info info = describe(&s, handle);
    assert_int_equal(info.kind, CRDT_XML_ELEMENT);
    expect_bytes(info.name, "P");
    assert_true(info.has_content && info.has_parent && !info.deleted);
    assert_int_equal(info.parent.root, s.list.root);
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_close(&s);
}

/* A deleted type can be looked at as long as it is not collected, and is read no more. */
static void a_type_that_is_no_more_is_gone(void **state)
{
    (void)state;
    for (int gc = 0; gc < 2; gc++) {
        scene s;
        scene_open(&s, (crdt_doc_options){.gc = gc ? CRDT_GC_ON : CRDT_GC_OFF});
        scene_begin(&s);
        set(&s, "m", type_of_kind(CRDT_MAP, ""));
        crdt_type handle = entry(&s, "m").handle;
        expect_ok(crdt_map_delete(s.doc, s.map, str("m")));
        crdt_buf update = scene_commit(&s);
        crdt_buf_free(&update);
        crdt_type_info info;
        crdt_value value;
        crdt_buf out = {0};
        assert_int_equal(crdt_type_describe(s.doc, handle, &info), gc ? CRDT_GONE : CRDT_OK);
        assert_true(gc || info.deleted);
        assert_int_equal(crdt_read_json(s.doc, handle, NULL, &out), CRDT_GONE);
        assert_int_equal(crdt_map_get(s.doc, handle, str("k"), &value), CRDT_GONE);
        assert_int_equal(crdt_list_get(s.doc, handle, 0, &value), CRDT_GONE);
        const crdt_type nobody = {.item = {1, 2}};
        const crdt_type no_root = {.root = UINT32_MAX};
        assert_int_equal(crdt_read_text(s.doc, nobody, NULL, &out), CRDT_GONE);
        assert_int_equal(crdt_read_text(s.doc, no_root, NULL, &out), CRDT_GONE);
        assert_int_equal(out.len, 0);
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_told_one_by_one),
        cmocka_unit_test(units_of_text_are_strings),
        cmocka_unit_test(deleted_elements_do_not_count),
        cmocka_unit_test(keys_come_in_the_order_in_which_they_first_came),
        cmocka_unit_test(an_entry_is_there_or_it_is_not),
        cmocka_unit_test(present_subdocuments_are_told),
        cmocka_unit_test(roots_come_in_the_order_in_which_they_came),
        cmocka_unit_test(a_root_is_what_is_in_it),
        cmocka_unit_test(a_nested_type_knows_its_parent),
        cmocka_unit_test(a_type_that_is_no_more_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
