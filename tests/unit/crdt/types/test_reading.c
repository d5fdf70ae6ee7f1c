/* Readings append or fail whole: memory that runs out, snapshots that do not fit; and deltas. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static crdt_err read_yjs(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_YJS, at, out);
}

static crdt_err read_well_formed(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                 crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_WELL_FORMED, at, out);
}

static const scene_reader readers[] = {crdt_read_text,  crdt_read_delta, crdt_read_array,
                                       crdt_read_map,   crdt_read_json,  read_yjs,
                                       read_well_formed};
enum { READERS = sizeof readers / sizeof readers[0] };

/* ---- deltas ---- */

static void equal_neighbours_are_joined(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value both = crdt_json("{\"bold\":true,\"i\":1}");
    const crdt_value embed = crdt_json("{\"e\":1}");
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("ab"), &bold));
    expect_ok(crdt_text_insert(s.doc, s.text, 1, str("x"), &both));
    expect_ok(crdt_text_delete(s.doc, s.text, 1, 1)); /* its marks may stay */
    scene_expect_delta(&s, "[{\"insert\":\"ab\",\"attributes\":{\"bold\":true}}]");
    expect_ok(crdt_text_insert_embed(s.doc, s.text, 1, &embed, &bold));
    scene_expect_delta(&s, "[{\"insert\":\"a\",\"attributes\":{\"bold\":true}},"
                           "{\"insert\":{\"e\":1},\"attributes\":{\"bold\":true}},"
                           "{\"insert\":\"b\",\"attributes\":{\"bold\":true}}]");
    scene_expect_text(&s, "ab");
    scene_close(&s);
}

/* More formats than are searched one by one, set and taken away in turn. */
static void any_number_of_formats(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    char expected[4096] = "[";
    char attributes[1024] = "{";
    for (int i = 0; i < 40; i++) {
        snprintf(attributes + strlen(attributes), 32, "%s\"k%d\":%d", i ? "," : "", i, i);
        char json[sizeof attributes + 2];
        snprintf(json, sizeof json, "%s}", attributes);
        const crdt_value value = crdt_json(json);
        if (i % 13 > 0)
            continue;
        expect_ok(crdt_text_insert(s.doc, s.text, (uint64_t)(i / 13 * 2), str("x"), &value));
        expect_ok(crdt_text_insert(s.doc, s.text, (uint64_t)(i / 13 * 2 + 1), str("-"),
                                   &(crdt_value){.kind = CRDT_VALUE_JSON, .bytes = str("{}")}));
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "%s{\"insert\":\"x\",\"attributes\":%s},{\"insert\":\"-\"}", i ? "," : "", json);
    }
    strcat(expected, "]");
    scene_expect_delta(&s, expected);
    scene_close(&s);
}

/* ---- as it was ---- */

static crdt_snapshot *moment_of(scene *s)
{
    crdt_buf bytes = {0};
    crdt_snapshot *at = NULL;
    expect_ok(crdt_doc_snapshot(s->doc, CRDT_V2, &bytes));
    expect_ok(crdt_snapshot_new(CRDT_V2, (crdt_bytes){bytes.data, bytes.len}, NULL, &at));
    crdt_buf_free(&bytes);
    return at;
}

static void commit(scene *s)
{
    crdt_buf update = scene_commit(s);
    crdt_buf_free(&update);
}

static void a_document_reads_as_it_was(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = CRDT_GC_OFF});
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value values[] = {crdt_json("1"), crdt_json("2"), crdt_json("3")};
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("one \xf0\x9f\x98\x80 three"), NULL));
    expect_ok(crdt_list_push(s.doc, s.list, values, 3));
    expect_ok(crdt_map_set(s.doc, s.map, str("k"), &values[0]));
    commit(&s);
    crdt_snapshot *at = moment_of(&s);
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 12, str(" and more"), NULL)); /* one item with it */
    expect_ok(crdt_text_delete(s.doc, s.text, 1, 2));
    expect_ok(crdt_text_format(s.doc, s.text, 0, 4, &bold));
    expect_ok(crdt_list_delete(s.doc, s.list, 1, 1));
    expect_ok(crdt_list_push(s.doc, s.list, values, 1));
    expect_ok(crdt_map_set(s.doc, s.map, str("k"), &values[1]));
    expect_ok(crdt_map_set(s.doc, s.map, str("new"), &values[1]));
    commit(&s);
    scene_expect(&s, s.text, crdt_read_text, at, "one \xf0\x9f\x98\x80 three");
    scene_expect(&s, s.text, crdt_read_delta, at, "[{\"insert\":\"one \xf0\x9f\x98\x80 three\"}]");
    scene_expect(&s, s.list, crdt_read_array, at, "[1,2,3]");
    scene_expect(&s, s.map, crdt_read_map, at, "{\"k\":1}");
    scene_expect(&s, s.list, crdt_read_array, NULL, "[1,3,1]");
    scene_expect(&s, s.map, crdt_read_map, NULL, "{\"k\":2,\"new\":2}");
    crdt_snapshot_free(at);
    scene_close(&s);
}

/* Units of one item that were there, and not, in turn: n stretches of an item of n units. */
static void every_second_unit_was_there(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = CRDT_GC_OFF});
    enum { PAIRS = 500 };
    scene_begin(&s);
    const crdt_value pair[] = {crdt_json("\"kept\""), crdt_json("\"gone\"")};
    for (uint64_t i = 0; i < PAIRS; i++)
        expect_ok(crdt_text_insert(s.doc, s.text, 2 * i, str("\xc3\xa4-"), NULL));
    for (uint64_t i = 0; i < PAIRS; i++)
        expect_ok(crdt_list_push(s.doc, s.list, pair, 2));
    commit(&s);
    scene_begin(&s);
    for (uint64_t i = 0; i < PAIRS; i++) {
        expect_ok(crdt_text_delete(s.doc, s.text, i + 1, 1));
        expect_ok(crdt_list_delete(s.doc, s.list, i + 1, 1));
    }
    commit(&s);
    crdt_snapshot *at = moment_of(&s);
    scene_begin(&s);
    expect_ok(crdt_text_delete(s.doc, s.text, 0, PAIRS));
    expect_ok(crdt_list_delete(s.doc, s.list, 0, PAIRS));
    commit(&s);
    assert_int_equal(crdt_doc_struct_count(s.doc), 2); /* all deleted, all joined */
    char text[PAIRS * 2 + 1] = "";
    char list[PAIRS * 7 + 3] = "[";
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 3);
        memcpy(list + 1 + 7 * i, "\"kept\",", 8);
    }
    memcpy(list + 7 * PAIRS, "]", 2);
    scene_expect(&s, s.text, crdt_read_text, at, text);
    scene_expect(&s, s.list, crdt_read_array, at, list);
    crdt_snapshot_free(at);
    scene_close(&s);
}

static void garbage_cannot_be_read(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = CRDT_GC_ON});
    crdt_snapshot *at = moment_of(&s);
    crdt_buf out = {0};
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(readers[i](s.doc, s.text, at, &out), CRDT_INVALID);
    assert_int_equal(out.len, 0);
    crdt_snapshot_free(at);
    scene_close(&s);
}

/* ---- memory ---- */

static void fill(scene *s)
{
    const crdt_value bold = crdt_json("{\"bold\":{\"b\":\"\\\\\",\"a\":[1,\"y\"]},\"i\":\"text\"}");
    const crdt_value types[] = {
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("Name")},
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_TEXT},
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP}};
    scene_begin(s);
    expect_ok(crdt_list_push(s->doc, s->list, types, 3));
    crdt_value value;
    expect_ok(crdt_list_get(s->doc, s->list, 0, &value));
    expect_ok(crdt_map_set(s->doc, value.handle, str("b"), &types[1]));
    expect_ok(crdt_map_set(s->doc, value.handle, str("a"), &bold));
    expect_ok(crdt_list_push(s->doc, value.handle, &types[1], 1));
    expect_ok(crdt_list_get(s->doc, s->list, 1, &value));
    expect_ok(crdt_text_insert(s->doc, value.handle, 0, str("x"), &bold));
    expect_ok(crdt_text_insert_embed(s->doc, value.handle, 0, &types[0], &bold));
    expect_ok(crdt_text_insert_embed(s->doc, s->text, 0, &types[0], &bold));
    commit(s);
}

static void expect_whole_or_nothing(scene *s, crdt_type type, scene_reader read)
{
    crdt_buf whole = {0};
    expect_ok(read(s->doc, type, NULL, &whole));
    crdt_err err = CRDT_NO_MEMORY;
    for (uint64_t n = 0; err != CRDT_OK; n++) {
        crdt_buf out = {.mem = &s->memory.mem};
        s->memory.fail_at = s->memory.calls + n;
        err = read(s->doc, type, NULL, &out);
        s->memory.fail_at = FAILMEM_NEVER;
        assert_true(err == CRDT_OK || err == CRDT_NO_MEMORY);
        if (err == CRDT_OK)
            expect_same(&out, &whole);
        else
            assert_int_equal(out.len, 0);
        crdt_buf_free(&out);
    }
    crdt_buf_free(&whole);
}

static void readings_are_whole_or_nothing(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    fill(&s);
    for (size_t i = 0; i < READERS; i++) {
        expect_whole_or_nothing(&s, s.list, readers[i]);
        expect_whole_or_nothing(&s, s.text, readers[i]);
    }
    assert_int_equal(crdt_doc_memory_bytes(s.doc), s.memory.held_bytes);
    assert_false(crdt_doc_failed(s.doc));
    assert_null(crdt_doc_check(s.doc));
    scene_close(&s);
}

static void readings_are_appended(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_buf out = {0};
    for (size_t i = 0; i < READERS; i++)
        expect_ok(readers[i](s.doc, s.list, NULL, &out));
    const char *expected = "[][]{}null";
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    crdt_buf_free(&out);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_neighbours_are_joined),
        cmocka_unit_test(any_number_of_formats),
        cmocka_unit_test(a_document_reads_as_it_was),
        cmocka_unit_test(every_second_unit_was_there),
        cmocka_unit_test(garbage_cannot_be_read),
        cmocka_unit_test(readings_are_whole_or_nothing),
        cmocka_unit_test(readings_are_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
