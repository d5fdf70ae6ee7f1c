/* Types nested a hundred thousand deep are read, described and told of like others. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#include "wiremake.h"

enum { DEPTH = 100000, ARRAY = 0, MAP = 1, XML_ELEMENT = 3, XML_TEXT = 6 };

/* In the root "list" one type, in that another, and so on; as entries of the key "k" where `sub` is
 * set. The last one holds "x". */
static void nest(scene *s, crdt_doc_options options, unsigned type_ref, const char *sub)
{
    crdt_buf u = {0};
    scene_open(s, options);
    wm_begin(&u, 1);
    wm_section(&u, DEPTH + 1, 1, 0);
    for (uint64_t i = 0; i <= DEPTH; i++) {
        const wm_id parent = {1, i - 1};
        wm_item item = {.kind = WM_TYPE, .type_ref = type_ref, .sub = i > 0 ? sub : NULL};
        if (i > 0)
            item.parent = &parent;
        else
            item.root = "list";
        if (i == DEPTH)
            item = (wm_item){.kind = WM_STRING, .parent = &parent, .text = "x", .sub = sub};
        wm_struct(&u, &item);
        if (type_ref == XML_ELEMENT && i < DEPTH)
            wm_string(&u, "p");
    }
    wm_begin_deletes(&u, 0);
    expect_ok(crdt_doc_apply(s->doc, CRDT_V1, wm_bytes(&u), NULL));
    crdt_buf_free(&u);
}

/* What is read: `open` for each type, "x", `close` for each. */
static void expect_nested(scene *s, scene_reader read, const crdt_snapshot *at, const char *begin,
                          const char *open, const char *x, const char *close, const char *end)
{
    crdt_buf out = {0};
    expect_ok(read(s->doc, s->list, at, &out));
    const uint8_t *p = out.data;
    size_t len = strlen(begin) + strlen(end) + strlen(x) + DEPTH * (strlen(open) + strlen(close));
    assert_int_equal(out.len, len);
    assert_memory_equal(p, begin, strlen(begin));
    p += strlen(begin);
    for (int i = 0; i < DEPTH; i++, p += strlen(open))
        assert_memory_equal(p, open, strlen(open));
    assert_memory_equal(p, x, strlen(x));
    p += strlen(x);
    for (int i = 0; i < DEPTH; i++, p += strlen(close))
        assert_memory_equal(p, close, strlen(close));
    assert_memory_equal(p, end, strlen(end));
    crdt_buf_free(&out);
}

static crdt_err read_xml(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_WELL_FORMED, at, out);
}

static void arrays(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, ARRAY, NULL);
    expect_nested(&s, crdt_read_array, NULL, "[", "[", "\"x\"", "]", "]");
    expect_nested(&s, crdt_read_json, NULL, "[", "[", "\"x\"", "]", "]");
    expect_nested(&s, crdt_read_delta, NULL, "[{\"insert\":", "[", "\"x\"", "]", "}]");
    scene_close(&s);
}

static void maps(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, MAP, "k");
    expect_nested(&s, crdt_read_array, NULL, "[", "{\"k\":", "\"x\"", "}", "]");
    scene_close(&s);
}

static void elements(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, XML_ELEMENT, NULL);
    expect_nested(&s, read_xml, NULL, "", "<p>", "x", "</p>", "");
    expect_nested(&s, crdt_read_json, NULL, "\"", "<p>", "x", "</p>", "\"");
    scene_close(&s);
}

static crdt_err read_yjs(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_YJS, at, out);
}

static void attributes(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, XML_ELEMENT, "k");
    expect_nested(&s, read_yjs, NULL, "", "<p k=\"", "x", "\"></p>", "");
    scene_close(&s);
}

static void texts_in_texts(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, XML_TEXT, NULL);
    expect_nested(&s, read_xml, NULL, "", "", "x", "", "");
    scene_close(&s);
}

static void as_they_were(void **state)
{
    (void)state;
    scene s;
    crdt_buf u = {0};
    crdt_buf bytes = {0};
    crdt_snapshot *at;
    nest(&s, (crdt_doc_options){.gc = CRDT_GC_OFF}, ARRAY, NULL);
    expect_ok(crdt_doc_snapshot(s.doc, CRDT_V1, &bytes));
    expect_ok(crdt_snapshot_new(CRDT_V1, (crdt_bytes){bytes.data, bytes.len}, NULL, &at));
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_delete(&u, (wm_id){1, 0}, 1), NULL));
    scene_expect_list(&s, "[]");
    expect_nested(&s, crdt_read_array, at, "[", "[", "\"x\"", "]", "]");
    crdt_snapshot_free(at);
    crdt_buf_free(&bytes);
    crdt_buf_free(&u);
    scene_close(&s);
}

static void innermost_ones_are_known(void **state)
{
    (void)state;
    scene s;
    nest(&s, (crdt_doc_options){0}, ARRAY, NULL);
    const crdt_type innermost = {.item = {1, DEPTH - 1}};
    crdt_type_info info;
    expect_ok(crdt_type_describe(s.doc, innermost, &info));
    assert_int_equal(info.length, 1);
    assert_int_equal(info.parent.item.clock, DEPTH - 2);
    scene_expect(&s, innermost, crdt_read_json, NULL, "[\"x\"]");
    scene_close(&s);
}

/* Something changes in each of them: told in time and space that their number bounds. */
static void changes_in_all_of_them(void **state)
{
    (void)state;
    scene s;
    crdt_buf u = {0};
    nest(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON}, MAP, "k");
    wm_begin(&u, 1);
    wm_section(&u, DEPTH, 2, 0);
    for (uint64_t i = 0; i < DEPTH; i++) {
        const wm_id parent = {1, i};
        wm_struct(&u, &(wm_item){.kind = WM_ANY, .parent = &parent, .sub = "v", .len = 1});
    }
    wm_begin_deletes(&u, 0);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_bytes(&u), NULL));
    crdt_buf out = {0};
    expect_ok(crdt_doc_changes(s.doc, &out));
    assert_in_range(out.len, DEPTH * 50, DEPTH * 150);
    crdt_buf_free(&out);
    /* And all of them go: the old value of one key is all the others. */
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_delete(&u, (wm_id){1, 1}, 1), NULL));
    expect_ok(crdt_doc_changes(s.doc, &out));
    assert_in_range(out.len, (DEPTH - 2) * 12, DEPTH * 14);
    crdt_buf_free(&out);
    crdt_buf_free(&u);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays),
        cmocka_unit_test(maps),
        cmocka_unit_test(elements),
        cmocka_unit_test(attributes),
        cmocka_unit_test(texts_in_texts),
        cmocka_unit_test(as_they_were),
        cmocka_unit_test(innermost_ones_are_known),
        cmocka_unit_test(changes_in_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
