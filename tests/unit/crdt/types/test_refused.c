/* Edits that are refused change nothing, and say why. */
#include "scene.h"

#include <string.h>

typedef struct refusal {
    const char *what;
    crdt_err expected;
    crdt_err (*act)(scene *s);
} refusal;

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

/* The type of each scene: a deleted map, and one that never was. */
static crdt_type gone;
static const crdt_type never = {.item = {1234, 5}};

static crdt_err insert_at(scene *s, uint64_t index, const char *text)
{
    return crdt_text_insert(s->doc, s->text, index, str(text), NULL);
}

static crdt_err text_past_the_end(scene *s)
{
    return insert_at(s, 9, "x");
}

static crdt_err text_far_past_the_end(scene *s)
{
    return insert_at(s, UINT64_MAX, "x");
}

static crdt_err text_no_utf8(scene *s)
{
    return insert_at(s, 0, "x\xff");
}

static crdt_err text_surrogate(scene *s)
{
    return insert_at(s, 0, "\xed\xa0\x80");
}

static crdt_err insert_with(scene *s, crdt_value attributes)
{
    return crdt_text_insert(s->doc, s->text, 1, str("x"), &attributes);
}

static crdt_err attributes_no_json(scene *s)
{
    return insert_with(s, crdt_json("{\"b\":true"));
}

static crdt_err attributes_no_utf8(scene *s)
{
    return insert_with(s, crdt_json("{\"b\":\"\xff\"}"));
}

static crdt_err attributes_no_object(scene *s)
{
    return insert_with(s, crdt_json("[1]"));
}

static crdt_err attributes_undefined(scene *s)
{
    static const uint8_t any[] = {118, 1, 1, 'b', 127};
    return insert_with(s, (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}});
}

static crdt_err attributes_more_any(scene *s)
{
    static const uint8_t any[] = {118, 0, 0};
    return insert_with(s, (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}});
}

static crdt_err attributes_binary(scene *s)
{
    return insert_with(s, (crdt_value){.kind = CRDT_VALUE_BINARY, .bytes = str("{}")});
}

static crdt_err embed(scene *s, crdt_value value)
{
    return crdt_text_insert_embed(s->doc, s->text, 1, &value, NULL);
}

static crdt_err embed_string(scene *s)
{
    return embed(s, crdt_json("\"text\""));
}

static crdt_err embed_null(scene *s)
{
    return embed(s, crdt_json("null"));
}

static crdt_err embed_doc(scene *s)
{
    return embed(s, (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = str("guid")});
}

static crdt_err embed_with_bad_attributes(scene *s)
{
    const crdt_value value = crdt_json("{}");
    const crdt_value attributes = crdt_json("3");
    return crdt_text_insert_embed(s->doc, s->text, 0, &value, &attributes);
}

static crdt_err delete_past_the_end(scene *s)
{
    return crdt_text_delete(s->doc, s->text, 9, 1);
}

static crdt_err format_past_the_end(scene *s)
{
    const crdt_value bold = crdt_json("{\"bold\":true}");
    return crdt_text_format(s->doc, s->text, 9, 1, &bold);
}

static crdt_err format_far_past_the_end(scene *s)
{
    const crdt_value bold = crdt_json("{\"bold\":true}");
    return crdt_text_format(s->doc, s->text, 0, UINT64_MAX, &bold);
}

static crdt_err format_with_no_object(scene *s)
{
    const crdt_value none = crdt_json("null");
    return crdt_text_format(s->doc, s->text, 0, 1, &none);
}

/* The operations before the bad one must not have been done. */
static crdt_err delta(scene *s, const char *bad)
{
    char text[256];
    assert_true(strlen(bad) < 200);
    strcpy(text, "[{\"insert\":\"x\"},{\"delete\":1}");
    strcat(text, bad);
    return crdt_text_apply_delta(s->doc, s->text, str(text), CRDT_DELTA_AS_IS);
}

static crdt_err delta_cut_short(scene *s)
{
    return delta(s, "");
}

static crdt_err delta_object(scene *s)
{
    return crdt_text_apply_delta(s->doc, s->text, str("{\"ops\":[]}"), CRDT_DELTA_AS_IS);
}

static crdt_err delta_no_operation(scene *s)
{
    return delta(s, ",7]");
}

static crdt_err delta_empty_operation(scene *s)
{
    return delta(s, ",{\"attributes\":{}}]");
}

static crdt_err delta_null(scene *s)
{
    return delta(s, ",{\"insert\":null}]");
}

static crdt_err delta_negative(scene *s)
{
    return delta(s, ",{\"retain\":-1}]");
}

static crdt_err delta_fraction(scene *s)
{
    return delta(s, ",{\"delete\":1.5}]");
}

static crdt_err delta_text_number(scene *s)
{
    return delta(s, ",{\"delete\":\"1\"}]");
}

static crdt_err delta_bad_attributes(scene *s)
{
    return delta(s, ",{\"retain\":1,\"attributes\":[]}]");
}

static crdt_err delta_many_newlines(scene *s)
{
    return delta(s, ",{\"retain\":100000000}]");
}

static crdt_err list_insert(scene *s, crdt_value second)
{
    const crdt_value values[] = {crdt_json("1"), second};
    return crdt_list_insert(s->doc, s->list, 1, values, 2);
}

static crdt_err list_past_the_end(scene *s)
{
    const crdt_value value = crdt_json("1");
    return crdt_list_insert(s->doc, s->list, 4, &value, 1);
}

static crdt_err list_no_json(scene *s)
{
    return list_insert(s, crdt_json("1 2"));
}

static crdt_err list_no_value(scene *s)
{
    return list_insert(s, (crdt_value){0});
}

static crdt_err list_undefined(scene *s)
{
    static const uint8_t any[] = {127};
    return list_insert(s, (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}});
}

static crdt_err list_bigint(scene *s)
{
    static const uint8_t any[] = {122, 0, 0, 0, 0, 0, 0, 0, 1};
    return list_insert(s, (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}});
}

static crdt_err list_bad_bytes(scene *s)
{
    static const uint8_t any[] = {116, 5, 1};
    return list_insert(s, (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}});
}

static crdt_err list_no_kind(scene *s)
{
    return list_insert(s, (crdt_value){.kind = CRDT_VALUE_TYPE, .type = (crdt_type_kind)7});
}

static crdt_err list_named_map(scene *s)
{
    return list_insert(
        s, (crdt_value){.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP, .bytes = str("name")});
}

static crdt_err list_bad_node_name(scene *s)
{
    return list_insert(
        s, (crdt_value){.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("\xc0")});
}

static crdt_err list_bad_options(scene *s)
{
    static const uint8_t any[] = {126};
    return list_insert(
        s,
        (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = str("guid"), .options = {any, sizeof any}});
}

static crdt_err list_behind_nobody(scene *s)
{
    const crdt_value value = crdt_json("1");
    return crdt_list_insert_after(s->doc, s->list, &never, &value, 1);
}

static crdt_err list_behind_a_root(scene *s)
{
    const crdt_value value = crdt_json("1");
    return crdt_list_insert_after(s->doc, s->list, &s->map, &value, 1);
}

static crdt_err list_behind_an_entry(scene *s)
{
    const crdt_value value = crdt_json("1");
    crdt_value entry;
    expect_ok(crdt_map_get(s->doc, s->map, str("type"), &entry));
    return crdt_list_insert_after(s->doc, s->map, &entry.handle, &value, 1);
}

static crdt_err list_delete_past_the_end(scene *s)
{
    return crdt_list_delete(s->doc, s->list, 2, 2);
}

static crdt_err list_delete_far_past_the_end(scene *s)
{
    return crdt_list_delete(s->doc, s->list, 2, UINT64_MAX);
}

static crdt_err map_bad_key(scene *s)
{
    const crdt_value value = crdt_json("1");
    return crdt_map_set(s->doc, s->map, str("\xff"), &value);
}

static crdt_err map_delete_bad_key(scene *s)
{
    return crdt_map_delete(s->doc, s->map, str("\xff"));
}

static crdt_err map_bad_value(scene *s)
{
    const crdt_value value = crdt_json("");
    return crdt_map_set(s->doc, s->map, str("k"), &value);
}

static crdt_err map_gone(scene *s)
{
    const crdt_value value = crdt_json("1");
    return crdt_map_set(s->doc, gone, str("k"), &value);
}

static crdt_err map_never(scene *s)
{
    return crdt_map_clear(s->doc, never);
}

static const refusal refusals[] = {
    {"text past the end", CRDT_INVALID, text_past_the_end},
    {"text far past the end", CRDT_INVALID, text_far_past_the_end},
    {"text that is no UTF-8", CRDT_MALFORMED, text_no_utf8},
    {"a surrogate as text", CRDT_MALFORMED, text_surrogate},
    {"attributes that are no JSON", CRDT_MALFORMED, attributes_no_json},
    {"attributes that are no UTF-8", CRDT_MALFORMED, attributes_no_utf8},
    {"attributes that are no object", CRDT_INVALID, attributes_no_object},
    {"undefined as an attribute", CRDT_INVALID, attributes_undefined},
    {"more than one Any", CRDT_MALFORMED, attributes_more_any},
    {"bytes as attributes", CRDT_INVALID, attributes_binary},
    {"a string as an embed", CRDT_INVALID, embed_string},
    {"null as an embed", CRDT_INVALID, embed_null},
    {"a sub-document as an embed", CRDT_INVALID, embed_doc},
    {"an embed with a number of attributes", CRDT_INVALID, embed_with_bad_attributes},
    {"deleting past the end", CRDT_INVALID, delete_past_the_end},
    {"formatting past the end", CRDT_INVALID, format_past_the_end},
    {"formatting far past the end", CRDT_LIMIT, format_far_past_the_end},
    {"formatting with null", CRDT_INVALID, format_with_no_object},
    {"a delta cut short", CRDT_MALFORMED, delta_cut_short},
    {"a delta that is an object", CRDT_INVALID, delta_object},
    {"a number as an operation", CRDT_INVALID, delta_no_operation},
    {"an operation that does nothing", CRDT_INVALID, delta_empty_operation},
    {"an insert of null", CRDT_INVALID, delta_null},
    {"a negative retain", CRDT_INVALID, delta_negative},
    {"a delete of one and a half", CRDT_INVALID, delta_fraction},
    {"a delete of a string", CRDT_INVALID, delta_text_number},
    {"a retain with an array of attributes", CRDT_INVALID, delta_bad_attributes},
    {"a retain of very much", CRDT_LIMIT, delta_many_newlines},
    {"an element past the end", CRDT_INVALID, list_past_the_end},
    {"an element that is no JSON", CRDT_MALFORMED, list_no_json},
    {"an element that is nothing", CRDT_INVALID, list_no_value},
    {"undefined as an element", CRDT_INVALID, list_undefined},
    {"a BigInt as an element", CRDT_INVALID, list_bigint},
    {"bytes cut short", CRDT_MALFORMED, list_bad_bytes},
    {"a type of no kind", CRDT_INVALID, list_no_kind},
    {"a map with a node name", CRDT_INVALID, list_named_map},
    {"a node name that is no UTF-8", CRDT_MALFORMED, list_bad_node_name},
    {"options that are null", CRDT_INVALID, list_bad_options},
    {"an element behind nobody", CRDT_INVALID, list_behind_nobody},
    {"an element behind a root", CRDT_INVALID, list_behind_a_root},
    {"an element behind an entry", CRDT_INVALID, list_behind_an_entry},
    {"deleting elements past the end", CRDT_INVALID, list_delete_past_the_end},
    {"deleting elements far past the end", CRDT_INVALID, list_delete_far_past_the_end},
    {"a key that is no UTF-8", CRDT_MALFORMED, map_bad_key},
    {"deleting a key that is no UTF-8", CRDT_MALFORMED, map_delete_bad_key},
    {"an entry that is no JSON", CRDT_MALFORMED, map_bad_value},
    {"an entry of a type that is gone", CRDT_GONE, map_gone},
    {"clearing what never was", CRDT_GONE, map_never},
};

static void open_filled(scene *s)
{
    const crdt_value values[] = {crdt_json("1"), crdt_json("[2]"), crdt_json("3")};
    const crdt_value type = {.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP};
    const crdt_value bold = crdt_json("{\"bold\":true}");
    scene_open(s, (crdt_doc_options){0});
    scene_begin(s);
    expect_ok(crdt_text_insert(s->doc, s->text, 0, str("text"), NULL));
    expect_ok(crdt_text_insert(s->doc, s->text, 2, str("more"), &bold));
    expect_ok(crdt_list_insert(s->doc, s->list, 0, values, 3));
    expect_ok(crdt_list_push(s->doc, s->list, &type, 1));
    crdt_value made;
    expect_ok(crdt_list_get(s->doc, s->list, 3, &made));
    gone = made.handle;
    expect_ok(crdt_list_delete(s->doc, s->list, 3, 1));
    expect_ok(crdt_map_set(s->doc, s->map, str("type"), &type));
    crdt_buf update = scene_commit(s);
    crdt_buf_free(&update);
}

static void refused_edits_change_nothing(void **state)
{
    (void)state;
    scene s;
    open_filled(&s);
    crdt_buf before = scene_state(&s);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        scene_begin(&s);
        crdt_err err = refusals[i].act(&s);
        if (err != refusals[i].expected)
            fail_msg("%s: \"%s\"", refusals[i].what, crdt_strerror(err));
        crdt_buf update = scene_commit(&s);
        crdt_buf after = scene_state(&s);
        if (update.len > 0)
            fail_msg("%s: an update", refusals[i].what);
        expect_same(&after, &before);
        crdt_buf_free(&after);
    }
    crdt_buf_free(&before);
    scene_close(&s);
}

/* A type that is deleted in the same transaction is gone at once. */
static void what_lies_in_a_deleted_type_is_gone(void **state)
{
    (void)state;
    const crdt_value type = {.kind = CRDT_VALUE_TYPE, .type = CRDT_ARRAY};
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = CRDT_GC_OFF});
    scene_begin(&s);
    crdt_value outer;
    crdt_value inner;
    expect_ok(crdt_list_insert(s.doc, s.list, 0, &type, 1));
    expect_ok(crdt_list_get(s.doc, s.list, 0, &outer));
    expect_ok(crdt_list_insert(s.doc, outer.handle, 0, &type, 1));
    expect_ok(crdt_list_get(s.doc, outer.handle, 0, &inner));
    expect_ok(crdt_list_delete(s.doc, s.list, 0, 1));
    assert_int_equal(crdt_list_push(s.doc, inner.handle, &type, 1), CRDT_GONE);
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_edits_change_nothing),
        cmocka_unit_test(what_lies_in_a_deleted_type_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
