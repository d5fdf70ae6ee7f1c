/* What a document tells of its last transaction. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wiremake.h"

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static void open(scene *s)
{
    scene_open(s, (crdt_doc_options){.changes = CRDT_CHANGES_ON});
}

static void commit(scene *s)
{
    crdt_buf update = scene_commit(s);
    crdt_buf_free(&update);
}

static void expect_changes(const scene *s, const char *expected)
{
    crdt_buf out = {0};
    expect_ok(crdt_doc_changes(s->doc, &out));
    char *text = calloc(out.len + 1, 1);
    assert_non_null(text);
    memcpy(text, out.data, out.len);
    assert_string_equal(text, expected);
    free(text);
    crdt_buf_free(&out);
}

static void set(scene *s, crdt_type map, const char *key, crdt_value value)
{
    expect_ok(crdt_map_set(s->doc, map, str(key), &value));
}

static crdt_type entry(scene *s, crdt_type map, const char *key)
{
    crdt_value value;
    expect_ok(crdt_map_get(s->doc, map, str(key), &value));
    return value.handle;
}

static crdt_value type_of_kind(crdt_type_kind kind)
{
    return (crdt_value){.kind = CRDT_VALUE_TYPE, .type = kind};
}

static void only_who_asks_is_told(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_buf out = {0};
    assert_int_equal(crdt_doc_changes(s.doc, &out), CRDT_INVALID);
    assert_int_equal(out.len, 0);
    scene_close(&s);
    open(&s);
    expect_changes(&s, "[]");
    scene_close(&s);
}

static void texts_tell_a_delta(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value embed = crdt_json("{\"image\":1}");
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("hello \xf0\x9f\x98\x80"), NULL));
    expect_ok(crdt_text_insert_embed(s.doc, s.text, 8, &embed, &bold));
    commit(&s);
    expect_changes(&s, "[{\"root\":\"text\",\"path\":[],\"kind\":\"text\",\"delta\":["
                       "{\"insert\":\"hello \xf0\x9f\x98\x80\"},"
                       "{\"insert\":{\"image\":1},\"attributes\":{\"bold\":true}}]}]");
    scene_begin(&s);
    const crdt_value plain = crdt_json("{\"bold\":null}");
    expect_ok(crdt_text_format(s.doc, s.text, 1, 2, &bold));
    expect_ok(crdt_text_format(s.doc, s.text, 8, 1, &plain));
    expect_ok(crdt_text_delete(s.doc, s.text, 4, 2));
    expect_ok(crdt_text_insert(s.doc, s.text, 4, str("!"), NULL));
    commit(&s);
    expect_changes(&s, "[{\"root\":\"text\",\"path\":[],\"kind\":\"text\",\"delta\":["
                       "{\"retain\":1},{\"retain\":2,\"attributes\":{\"bold\":true}},"
                       "{\"retain\":1},{\"delete\":2},{\"insert\":\"!\"},{\"retain\":2},"
                       "{\"retain\":1,\"attributes\":{\"bold\":null}}]}]");
    scene_close(&s);
}

static void lists_tell_values(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    const crdt_value values[] = {crdt_json("1"), crdt_json("[2]"), type_of_kind(CRDT_MAP),
                                 crdt_json("3")};
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 4));
    commit(&s);
    expect_changes(&s, "[{\"root\":\"list\",\"path\":[],\"kind\":\"array\",\"delta\":["
                       "{\"insert\":[1,[2],{},3]}]}]");
    scene_begin(&s);
    expect_ok(crdt_list_delete(s.doc, s.list, 1, 2));
    expect_ok(crdt_list_push(s.doc, s.list, values, 1));
    commit(&s);
    expect_changes(&s, "[{\"root\":\"list\",\"path\":[],\"kind\":\"array\",\"delta\":["
                       "{\"retain\":1},{\"delete\":2},{\"retain\":1},{\"insert\":[1]}]}]");
    scene_close(&s);
}

static void keys_tell_what_was(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    set(&s, s.map, "a", crdt_json("1"));
    set(&s, s.map, "b", type_of_kind(CRDT_ARRAY));
    const crdt_value two = crdt_json("2");
    expect_ok(crdt_list_push(s.doc, entry(&s, s.map, "b"), &two, 1));
    commit(&s);
    expect_changes(&s, "[{\"root\":\"map\",\"path\":[],\"kind\":\"map\",\"keys\":{"
                       "\"a\":{\"action\":\"add\",\"newValue\":1},"
                       "\"b\":{\"action\":\"add\",\"newValue\":[2]}}}]");
    scene_begin(&s);
    expect_ok(crdt_list_push(s.doc, entry(&s, s.map, "b"), &two, 1));
    set(&s, s.map, "a", crdt_json("\"x\""));
    set(&s, s.map, "a", crdt_json("\"y\""));
    expect_ok(crdt_map_delete(s.doc, s.map, str("b")));
    set(&s, s.map, "c", crdt_json("0"));
    expect_ok(crdt_map_delete(s.doc, s.map, str("c")));
    commit(&s);
    /* An old type reads as it was before, without what the transaction put there. */
    expect_changes(&s, "[{\"root\":\"map\",\"path\":[],\"kind\":\"map\",\"keys\":{"
                       "\"a\":{\"action\":\"update\",\"oldValue\":1,\"newValue\":\"y\"},"
                       "\"b\":{\"action\":\"delete\",\"oldValue\":[2]}}}]");
    scene_close(&s);
}

static void types_are_told_outermost_first(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    const crdt_value values[] = {crdt_json("1"), type_of_kind(CRDT_MAP)};
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 2));
    crdt_value element;
    expect_ok(crdt_list_get(s.doc, s.list, 1, &element));
    set(&s, element.handle, "t", type_of_kind(CRDT_XML_TEXT));
    commit(&s);
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, entry(&s, element.handle, "t"), 0, str("x"), NULL));
    set(&s, element.handle, "k", crdt_json("1"));
    set(&s, s.map, "m", type_of_kind(CRDT_MAP));
    set(&s, entry(&s, s.map, "m"), "new", crdt_json("1"));
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 1));
    commit(&s);
    expect_changes(
        &s, "[{\"root\":\"map\",\"path\":[],\"kind\":\"map\",\"keys\":{"
            "\"m\":{\"action\":\"add\",\"newValue\":{\"new\":1}}}},"
            "{\"root\":\"list\",\"path\":[],\"kind\":\"array\",\"delta\":[{\"insert\":[1]}]},"
            "{\"root\":\"list\",\"path\":[2],\"kind\":\"map\",\"keys\":{"
            "\"k\":{\"action\":\"add\",\"newValue\":1}}},"
            "{\"root\":\"list\",\"path\":[2,\"t\"],\"kind\":\"xmlText\",\"delta\":["
            "{\"insert\":\"x\"}]}]");
    scene_close(&s);
}

static void what_is_undone_within_is_not_told(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("x"), NULL));
    expect_ok(crdt_text_delete(s.doc, s.text, 0, 1));
    commit(&s);
    expect_changes(&s, "[]");
    scene_close(&s);
}

/* ---- updates ---- */

/* Keys of a keyboard, which else go a shorter way. */
static void typing_is_told(void **state)
{
    (void)state;
    scene s;
    open(&s);
    crdt_buf u = {0};
    const wm_id first = {1, 0};
    wm_item item = {.kind = WM_STRING, .root = "text", .text = "ab"};
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_one(&u, first, &item), NULL));
    const wm_id last = {1, 1};
    item = (wm_item){.kind = WM_STRING, .origin = &last, .text = "c"};
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_one(&u, (wm_id){1, 2}, &item), NULL));
    expect_changes(&s, "[{\"root\":\"text\",\"path\":[],\"kind\":\"text\",\"delta\":["
                       "{\"retain\":2},{\"insert\":\"c\"}]}]");
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_delete(&u, (wm_id){1, 2}, 1), NULL));
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_delete(&u, (wm_id){1, 1}, 1), NULL));
    expect_changes(&s, "[{\"root\":\"text\",\"path\":[],\"kind\":\"text\",\"delta\":["
                       "{\"retain\":1},{\"delete\":1}]}]");
    crdt_buf_free(&u);
    scene_close(&s);
}

static void an_update_without_news_changes_nothing(void **state)
{
    (void)state;
    scene s;
    open(&s);
    crdt_buf u = {0};
    const wm_item item = {.kind = WM_STRING, .root = "text", .text = "ab"};
    const crdt_bytes update = wm_one(&u, (wm_id){1, 0}, &item);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, update, NULL));
    const char *told = "[{\"root\":\"text\",\"path\":[],\"kind\":\"text\",\"delta\":["
                       "{\"insert\":\"ab\"}]}]";
    expect_changes(&s, told);
    assert_int_equal(crdt_doc_apply(s.doc, CRDT_V1, str("bad"), NULL), CRDT_MALFORMED);
    expect_changes(&s, told);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, update, NULL));
    expect_changes(&s, "[]");
    crdt_buf_free(&u);
    scene_close(&s);
}

/* Types nested deeper than a path may be long. */
static void what_lies_too_deep_has_no_path(void **state)
{
    (void)state;
    scene s;
    open(&s);
    scene_begin(&s);
    crdt_type type = s.map;
    crdt_type last_told = {0};
    for (int i = 0; i <= CRDT_PATH_LEN_MAX; i++) {
        set(&s, type, "k", type_of_kind(CRDT_MAP));
        last_told = type;
        type = entry(&s, type, "k");
    }
    commit(&s);
    scene_begin(&s);
    set(&s, type, "v", crdt_json("1"));
    commit(&s);
    expect_changes(&s, "[{\"root\":null,\"path\":null,\"kind\":\"map\",\"keys\":{"
                       "\"v\":{\"action\":\"add\",\"newValue\":1}}}]");
    scene_begin(&s);
    set(&s, last_told, "v", crdt_json("1"));
    commit(&s);
    crdt_buf out = {0};
    expect_ok(crdt_doc_changes(s.doc, &out));
    const char *head = "[{\"root\":\"map\",\"path\":[\"k\",\"k\"";
    assert_memory_equal(out.data, head, strlen(head));
    crdt_buf_free(&out);
    scene_close(&s);
}

/* ---- memory ---- */

static void edit(scene *s)
{
    const crdt_value bold = crdt_json("{\"bold\":true,\"a\":1,\"b\":[2]}");
    (void)!crdt_text_insert(s->doc, s->text, 0, str("0123456789 and more than fits"), &bold);
    (void)!crdt_text_format(s->doc, s->text, 2, 3, &bold);
    (void)!crdt_map_set(s->doc, s->map, str("key"), &bold);
}

/* Memory runs out once, at any moment: the document is sound or has failed; and if it is sound, its
 * changes are told, or why not. */
static void changes_may_be_lost_and_nothing_else(void **state)
{
    (void)state;
    uint64_t lost = 0;
    bool failed_at_all = true;
    for (uint64_t n = 0; failed_at_all; n++) {
        scene s;
        open(&s);
        scene_begin(&s);
        edit(&s);
        commit(&s);
        scene_begin(&s);
        uint64_t calls = s.memory.calls;
        s.memory.fail_at = calls + n;
        s.memory.fail_once = true;
        edit(&s);
        crdt_err err = crdt_doc_commit(s.doc, CRDT_V1, NULL);
        failed_at_all = s.memory.calls > s.memory.fail_at;
        s.memory.fail_at = FAILMEM_NEVER;
        if (err == CRDT_OK && !crdt_doc_failed(s.doc)) {
            crdt_buf out = {0};
            crdt_err told = crdt_doc_changes(s.doc, &out);
            assert_true(told == CRDT_OK || told == CRDT_NO_MEMORY);
            lost += told == CRDT_NO_MEMORY;
            crdt_buf_free(&out);
            assert_null(crdt_doc_check(s.doc));
            scene_begin(&s); /* the next transaction is told again */
            set(&s, s.map, "k", crdt_json("1"));
            commit(&s);
            expect_changes(&s, "[{\"root\":\"map\",\"path\":[],\"kind\":\"map\",\"keys\":{"
                               "\"k\":{\"action\":\"add\",\"newValue\":1}}}]");
        }
        scene_close(&s);
    }
    assert_true(lost > 0);
}

static void what_is_told_counts_as_held(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON, .memory_max = 256 * 1024});
    static char key[16384];
    memset(key, 'k', sizeof key - 1);
    scene_begin(&s);
    char json[sizeof key + 8];
    snprintf(json, sizeof json, "{\"%s\":1}", key);
    const crdt_value marked = crdt_json(json);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("0123456789"), &marked));
    commit(&s);
    assert_int_equal(crdt_doc_memory_bytes(s.doc), s.memory.held_bytes);
    scene_begin(&s);
    for (uint64_t i = 0; i < 20; i++) {
        const crdt_value other = crdt_json("{\"i\":1}");
        expect_ok(crdt_text_insert(s.doc, s.text, i, str("x"), i % 2 ? &other : &marked));
    }
    commit(&s);
    crdt_buf out = {0};
    assert_int_equal(crdt_doc_changes(s.doc, &out), CRDT_LIMIT);
    assert_false(crdt_doc_failed(s.doc));
    assert_int_equal(crdt_doc_memory_bytes(s.doc), s.memory.held_bytes);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_asks_is_told),
        cmocka_unit_test(texts_tell_a_delta),
        cmocka_unit_test(lists_tell_values),
        cmocka_unit_test(keys_tell_what_was),
        cmocka_unit_test(types_are_told_outermost_first),
        cmocka_unit_test(what_is_undone_within_is_not_told),
        cmocka_unit_test(typing_is_told),
        cmocka_unit_test(an_update_without_news_changes_nothing),
        cmocka_unit_test(what_lies_too_deep_has_no_path),
        cmocka_unit_test(changes_may_be_lost_and_nothing_else),
        cmocka_unit_test(what_is_told_counts_as_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
