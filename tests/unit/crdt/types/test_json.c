/* Values and types as JSON: the rules for what JSON lacks, and for roots. */
#include "scene.h"

#include <string.h>

#include "wiremake.h"

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static crdt_value any(const char *bytes, size_t len)
{
    return (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {(const uint8_t *)bytes, len}};
}

static void what_json_lacks_follows_rules(void **state)
{
    (void)state;
    static const struct {
        const char *any;
        size_t len;
        const char *json;
    } cases[] = {
        {"\x7f", 1, "null"},
        {"\x7e", 1, "null"},
        {"\x79", 1, "false"},
        {"\x78", 1, "true"},
        {"\x7d\x40", 2, "0"}, /* -0 */
        {"\x7d\x41", 2, "-1"},
        {"\x7c\x3f\x00\x00\x00", 5, "0.5"},
        {"\x7c\x7f\x80\x00\x00", 5, "null"}, /* infinity */
        {"\x7b\x7f\xf8\x00\x00\x00\x00\x00\x00", 9, "null"},
        {"\x7b\x44\x4b\x1a\xe4\xd6\xe2\xef\x50", 9, "1e+21"},
        {"\x7a\xff\xff\xff\xff\xff\xff\xff\xff", 9, "-1"},
        {"\x7a\x00\x1f\xff\xff\xff\xff\xff\xff", 9, "9007199254740991"},
        {"\x7a\x00\x20\x00\x00\x00\x00\x00\x00", 9, "\"9007199254740992\""},
        {"\x7a\x80\x00\x00\x00\x00\x00\x00\x00", 9, "\"-9223372036854775808\""},
        {"\x77\x05\"\\\x01/\x7f", 7, "\"\\\"\\\\\\u0001/\x7f\""},
        {"\x77\x05\b\f\n\r\t", 7, "\"\\b\\f\\n\\r\\t\""},
        {"\x74\x00", 2, "\"\""},
        {"\x74\x01\xff", 3, "\"/w==\""},
        {"\x74\x02\xff\xfe", 4, "\"//4=\""},
        {"\x74\x03\x00\x10\x83", 5, "\"ABCD\""},
        {"\x75\x00", 2, "[]"},
        {"\x76\x00", 2, "{}"},
        {"\x75\x03\x76\x01\x01k\x7f\x75\x01\x7e\x78", 11, "[{\"k\":null},[null],true]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene s;
        scene_open(&s, (crdt_doc_options){0});
        scene_begin(&s);
        const crdt_value value = any(cases[i].any, cases[i].len);
        expect_ok(crdt_map_set(s.doc, s.map, str("v"), &value));
        char expected[128] = "{\"v\":";
        strcat(strcat(expected, cases[i].json), "}");
        scene_expect_map(&s, expected);
        scene_close(&s);
    }
}

static void subdocuments_and_bytes_are_told(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value values[] = {{.kind = CRDT_VALUE_DOC, .bytes = str("a \"guid\"")},
                                 {.kind = CRDT_VALUE_BINARY, .bytes = str("abc")}};
    expect_ok(crdt_list_push(s.doc, s.list, values, 2));
    scene_expect_list(&s, "[{\"guid\":\"a \\\"guid\\\"\"},\"YWJj\"]");
    scene_close(&s);
}

/* The old content of JSON texts, which nobody writes any more: one struct with four of them. */
static void texts_of_json_are_values(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_buf u = {0};
    wm_begin(&u, 1);
    wm_section(&u, 1, 1, 0);
    wm_byte(&u, 2);
    wm_varuint(&u, 1);
    wm_string(&u, "list");
    wm_varuint(&u, 4);
    wm_string(&u, "{\"a\":[1]}");
    wm_string(&u, "undefined");
    wm_string(&u, "\"\\ud800\\\\ud800\"");
    wm_string(&u, "2");
    wm_begin_deletes(&u, 0);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, wm_bytes(&u), NULL));
    scene_expect_list(&s, "[{\"a\":[1]},null,\"\xef\xbf\xbd\\\\ud800\",2]");
    crdt_value value;
    expect_ok(crdt_list_get(s.doc, s.list, 1, &value));
    assert_int_equal(value.kind, CRDT_VALUE_ANY);
    assert_int_equal(value.bytes.data[0], 0x7f);
    expect_ok(crdt_list_get(s.doc, s.list, 3, &value));
    assert_int_equal(value.kind, CRDT_VALUE_JSON);
    assert_int_equal(value.bytes.data[0], '2');
    crdt_buf_free(&u);
    scene_close(&s);
}

/* A text as a list: its units; marks are nothing. */
static void units_of_text_are_elements(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value bold = crdt_json("{\"bold\":true}");
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("a\xf0\x9f\x98\x80"), &bold));
    scene_expect(&s, s.text, crdt_read_array, NULL, "[\"a\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd\"]");
    scene_close(&s);
}

static crdt_value nested(crdt_type_kind kind, const char *name)
{
    return (crdt_value){.kind = CRDT_VALUE_TYPE, .type = kind, .bytes = str(name)};
}

static crdt_type child(scene *s, crdt_type list, uint64_t index)
{
    crdt_value value;
    expect_ok(crdt_list_get(s->doc, list, index, &value));
    return value.handle;
}

static void nested_types_are_what_they_are(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value types[] = {nested(CRDT_ARRAY, ""),        nested(CRDT_MAP, ""),
                                nested(CRDT_TEXT, ""),         nested(CRDT_XML_ELEMENT, "P"),
                                nested(CRDT_XML_FRAGMENT, ""), nested(CRDT_XML_HOOK, "h"),
                                nested(CRDT_XML_TEXT, ""),     crdt_json("1")};
    expect_ok(crdt_list_push(s.doc, s.list, types, 8));
    scene_expect_list(&s, "[[],{},\"\",\"<p></p>\",\"\",{},\"\",1]");
    const crdt_value one = crdt_json("1");
    const crdt_value bold = crdt_json("{\"b\":true}");
    expect_ok(crdt_list_push(s.doc, child(&s, s.list, 0), &types[1], 1));
    expect_ok(crdt_map_set(s.doc, child(&s, s.list, 1), str("k"), &types[0]));
    expect_ok(crdt_text_insert(s.doc, child(&s, s.list, 2), 0, str("t\""), &bold));
    expect_ok(crdt_list_push(s.doc, child(&s, s.list, 3), &types[6], 1));
    expect_ok(crdt_map_set(s.doc, child(&s, s.list, 3), str("id"), &one));
    expect_ok(crdt_map_set(s.doc, child(&s, s.list, 5), str("x"), &one));
    expect_ok(crdt_text_insert(s.doc, child(&s, s.list, 6), 0, str("x"), &bold));
    scene_expect_list(&s, "[[{}],{\"k\":[]},\"t\\\"\",\"<p id=\\\"1\\\"></p>\",\"\",{\"x\":1},"
                          "\"<b>x</b>\",1]");
    scene_close(&s);
}

static void a_root_reads_as_what_is_in_it(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value one = crdt_json("1");
    const crdt_value element = nested(CRDT_XML_ELEMENT, "p");
    crdt_type xml;
    expect_ok(crdt_doc_root(s.doc, str("xml"), CRDT_XML_FRAGMENT, &xml));
    scene_expect(&s, s.list, crdt_read_json, NULL, "null");
    expect_ok(crdt_list_push(s.doc, s.list, &one, 1));
    expect_ok(crdt_list_push(s.doc, xml, &element, 1));
    expect_ok(crdt_map_set(s.doc, s.map, str("k"), &one));
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("te"), NULL));
    scene_expect(&s, s.list, crdt_read_json, NULL, "[1]");
    scene_expect(&s, xml, crdt_read_json, NULL, "\"<p></p>\"");
    scene_expect(&s, s.map, crdt_read_json, NULL, "{\"k\":1}");
    scene_expect(&s, s.text, crdt_read_json, NULL, "\"te\"");
    expect_ok(crdt_map_set(s.doc, s.text, str("dir"), &one));
    scene_expect(&s, s.text, crdt_read_json, NULL, "{\"dir\":1}");
    expect_ok(crdt_map_delete(s.doc, s.map, str("k")));
    scene_expect(&s, s.map, crdt_read_json, NULL, "{}");
    scene_close(&s);
}

/* An unpaired half that came in as an escape of JSON. */
static void half_a_pair_is_replaced(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    const crdt_value half = crdt_json("{\"v\":\"a\\ud83d\"}");
    expect_ok(crdt_text_insert_embed(s.doc, s.text, 0, &half, &half));
    scene_expect_delta(&s, "[{\"insert\":{\"v\":\"a\xef\xbf\xbd\"},\"attributes\":{\"v\":\"a"
                           "\xef\xbf\xbd\"}}]");
    scene_close(&s);
}

/* Two items of two clients, each with half of a character, as format v2 can tell them (from Yjs):
 * whoever reads on from one to the other reads the character. */
static void halves_that_meet_are_one_character(void **state)
{
    (void)state;
    static const uint8_t update[] = {0x00, 0x00, 0x03, 0x02, 0x01, 0x02, 0x01, 0x02, 0x00, 0x03,
                                     0x04, 0x00, 0x84, 0x0e, 0x0a, 0x74, 0x65, 0x78, 0x74, 0x61,
                                     0xf0, 0x9f, 0x98, 0x80, 0x62, 0x04, 0x42, 0x00, 0x01, 0x01,
                                     0x00, 0x00, 0x02, 0x01, 0x00, 0x01, 0x00, 0x00};
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    expect_ok(crdt_doc_apply(s.doc, CRDT_V2, (crdt_bytes){update, sizeof update}, NULL));
    scene_expect_text(&s, "a\xf0\x9f\x98\x80"
                          "b");
    scene_expect_delta(&s, "[{\"insert\":\"a\xf0\x9f\x98\x80"
                           "b\"}]");
    scene_expect(&s, s.text, crdt_read_array, NULL,
                 "[\"a\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd\",\"b\"]");
    scene_begin(&s);
    const crdt_value bold = crdt_json("{\"bold\":true}");
    expect_ok(crdt_text_format(s.doc, s.text, 2, 1, &bold));
    scene_expect_delta(&s, "[{\"insert\":\"a\xef\xbf\xbd\"},{\"insert\":\"\xef\xbf\xbd\","
                           "\"attributes\":{\"bold\":true}},{\"insert\":\"b\"}]");
    scene_expect_text(&s, "a\xf0\x9f\x98\x80"
                          "b");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_lacks_follows_rules),
        cmocka_unit_test(subdocuments_and_bytes_are_told),
        cmocka_unit_test(texts_of_json_are_values),
        cmocka_unit_test(units_of_text_are_elements),
        cmocka_unit_test(nested_types_are_what_they_are),
        cmocka_unit_test(a_root_reads_as_what_is_in_it),
        cmocka_unit_test(half_a_pair_is_replaced),
        cmocka_unit_test(halves_that_meet_are_one_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
