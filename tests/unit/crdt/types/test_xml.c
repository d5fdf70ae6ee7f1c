/* XML as Yjs prints it, which escapes nothing, and so that it is well-formed. */
#include "scene.h"

#include <string.h>

#include "xmlcheck.h"

typedef struct xml_scene {
    scene s;
    crdt_type root;
} xml_scene;

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static void open(xml_scene *x)
{
    scene_open(&x->s, (crdt_doc_options){0});
    expect_ok(crdt_doc_root(x->s.doc, str("xml"), CRDT_XML_FRAGMENT, &x->root));
    scene_begin(&x->s);
}

static crdt_type put_type(xml_scene *x, crdt_type list, crdt_type_kind kind, const char *name)
{
    const crdt_value value = {.kind = CRDT_VALUE_TYPE, .type = kind, .bytes = str(name)};
    crdt_value made;
    expect_ok(crdt_list_insert(x->s.doc, list, 0, &value, 1));
    expect_ok(crdt_list_get(x->s.doc, list, 0, &made));
    return made.handle;
}

static void set(xml_scene *x, crdt_type node, const char *key, crdt_value value)
{
    expect_ok(crdt_map_set(x->s.doc, node, str(key), &value));
}

static void insert(xml_scene *x, crdt_type text, const char *string, const char *attributes)
{
    const crdt_value value = crdt_json(attributes);
    crdt_type_info info;
    expect_ok(crdt_type_describe(x->s.doc, text, &info));
    expect_ok(crdt_text_insert(x->s.doc, text, info.length, str(string), &value));
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

static void expect_xml(xml_scene *x, const char *yjs, const char *well_formed)
{
    scene_expect(&x->s, x->root, read_yjs, NULL, yjs);
    scene_expect(&x->s, x->root, read_well_formed, NULL, well_formed);
    const char *wrong = xmlcheck(str(well_formed));
    if (wrong)
        fail_msg("%s: %s", wrong, well_formed);
}

/* The checker that says so can tell otherwise. */
static void not_everything_is_well_formed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<",        "a > b",         "a & b",   "&nbsp;",       "<p>",
        "</p>",     "<p></b>",       "<1></1>", "<a b></a b>",  "<p x=\"<\"></p>",
        "<p x=\"1", "<p x=1></p>",   "\x01",    "\xef\xbf\xbf", "<p x=\"1\" x=\"2\"></p>",
        "<p",       "<b><i></b></i>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(xmlcheck(str(bad[i])));
    assert_null(xmlcheck(str("")));
    assert_null(xmlcheck(str("a<p x=\"&lt;\" y=\"\">&amp;<b></b>\"'</p>")));
}

static void markup_is_escaped_or_it_is_not(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "P");
    set(&x, p, "title", crdt_json("\"<a & \\\"b\\\">\\t\\n\\r\""));
    insert(&x, put_type(&x, p, CRDT_XML_TEXT, ""), "1 < 2 && \"3\" > 2\t\n\r", "{}");
    expect_xml(&x, "<p title=\"<a & \"b\">\t\n\r\">1 < 2 && \"3\" > 2\t\n\r</p>",
               "<p title=\"&lt;a &amp; &quot;b&quot;&gt;&#9;&#10;&#13;\">"
               "1 &lt; 2 &amp;&amp; \"3\" &gt; 2\t\n&#13;</p>");
    scene_close(&x.s);
}

static void attributes_are_sorted_by_units(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "p");
    static const char *const keys[] = {"b", "\xef\xac\x81", "\xf0\x9f\x98\x80", "a", "B", "aa"};
    for (size_t i = 0; i < 6; i++)
        set(&x, p, keys[i], crdt_json("1"));
    /* U+FB01 is one unit, above the surrogates that U+1F600 is made of. */
    scene_expect(
        &x.s, x.root, read_yjs, NULL,
        "<p B=\"1\" a=\"1\" aa=\"1\" b=\"1\" \xf0\x9f\x98\x80=\"1\" \xef\xac\x81=\"1\"></p>");
    scene_close(&x.s);
}

static void names_are_made_to_fit(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "1a b:C.\xc3\x9c\xc2\xb7");
    set(&x, p, "", crdt_json("1"));
    set(&x, p, "a b", crdt_json("2"));
    set(&x, p, "a^b", crdt_json("3"));
    set(&x, p, "a_b", crdt_json("4"));
    set(&x, p, "a-1", crdt_json("5"));
    expect_xml(&x,
               "<1a b:c.\xc3\xbc\xc2\xb7 =\"1\" a b=\"2\" a-1=\"5\" a^b=\"3\" a_b=\"4\">"
               "</1a b:c.\xc3\xbc\xc2\xb7>",
               "<_a_b_c.\xc3\xbc\xc2\xb7 _=\"1\" a-1=\"5\" a_b=\"2\">"
               "</_a_b_c.\xc3\xbc\xc2\xb7>");
    scene_close(&x.s);
}

static void characters_that_xml_lacks_are_replaced(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    insert(&x, put_type(&x, x.root, CRDT_XML_TEXT, ""),
           "a\x01"
           "b\x1f\xef\xbf\xbe\xef\xbf\xbf\x7f\xf0\x9f\x98\x80",
           "{}");
    expect_xml(&x,
               "a\x01"
               "b\x1f\xef\xbf\xbe\xef\xbf\xbf\x7f\xf0\x9f\x98\x80",
               "a\xef\xbf\xbd"
               "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x7f\xf0\x9f\x98\x80");
    scene_close(&x.s);
}

static void values_become_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *string;
    } cases[] = {
        {"1.5", "1.5"},
        {"-0.0", "0"},
        {"1e21", "1e+21"},
        {"true", "true"},
        {"null", "null"},
        {"{\"a\":[1,{\"b\":2}]}", "[object Object]"},
        {"[]", ""},
        {"[1,[2,[]],null,{\"a\":[1]},\"x\",[[]],3]", "1,2,,,[object Object],x,,3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xml_scene x;
        open(&x);
        crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "p");
        set(&x, p, "v", crdt_json(cases[i].json));
        char expected[128] = "<p v=\"";
        strcat(strcat(expected, cases[i].string), "\"></p>");
        expect_xml(&x, expected, expected);
        scene_close(&x.s);
    }
}

static void other_values_become_strings(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "p");
    const char any[] = "\x75\x05\x7f\x7b\x7f\xf8\x00\x00\x00\x00\x00\x00\x7c\xff\x80\x00\x00"
                       "\x7a\xff\xff\xff\xff\xff\xff\xff\xfe\x74\x02\x01\xff";
    set(&x, p, "a",
        (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {(const uint8_t *)any, sizeof any - 1}});
    set(&x, p, "b", (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {(const uint8_t *)"\x7f", 1}});
    set(&x, p, "c", (crdt_value){.kind = CRDT_VALUE_BINARY, .bytes = str("\x01\x02")});
    set(&x, p, "d", (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = str("guid")});
    const char *expected = "<p a=\",NaN,-Infinity,-2,1,255\" b=\"undefined\" c=\"1,2\" "
                           "d=\"[object Object]\"></p>";
    expect_xml(&x, expected, expected);
    scene_close(&x.s);
}

/* An attribute may hold a type; where XML is well-formed, nodes do not fit there. */
static void types_become_strings(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type p = put_type(&x, x.root, CRDT_XML_ELEMENT, "p");
    static const struct {
        const char *key;
        crdt_type_kind kind;
        const char *name;
    } types[] = {{"a", CRDT_TEXT, ""},         {"b", CRDT_XML_TEXT, ""},
                 {"c", CRDT_XML_ELEMENT, "n"}, {"d", CRDT_XML_FRAGMENT, ""},
                 {"e", CRDT_ARRAY, ""},        {"f", CRDT_XML_HOOK, "h"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        crdt_value value = {
            .kind = CRDT_VALUE_TYPE, .type = types[i].kind, .bytes = str(types[i].name)};
        set(&x, p, types[i].key, value);
        expect_ok(crdt_map_get(x.s.doc, p, str(types[i].key), &value));
        if (i < 2)
            insert(&x, value.handle, "<>", "{\"b\":true}");
        if (i == 2)
            set(&x, value.handle, "x", (crdt_value){.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP});
    }
    expect_xml(&x,
               "<p a=\"<>\" b=\"<b><></b>\" c=\"<n x=\"[object Object]\"></n>\" d=\"\" "
               "e=\"[object Object]\" f=\"[object Object]\"></p>",
               "<p a=\"&lt;&gt;\" b=\"[object Object]\" c=\"[object Object]\" "
               "d=\"[object Object]\" e=\"[object Object]\" f=\"[object Object]\"></p>");
    scene_close(&x.s);
}

static void formats_are_tags(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type text = put_type(&x, x.root, CRDT_XML_TEXT, "");
    insert(&x, text, "a", "{\"link\":{\"to\":\"<u>\",\"n\":[1,2]},\"bold\":true}");
    insert(&x, text, "b", "{\"size\":\"h\xf0\x9f\x98\x80\",\"list\":[\"x\",{}]}");
    insert(&x, text, "c", "{\"a b\":1,\"empty\":{}}");
    expect_xml(&x,
               "<bold><link n=\"1,2\" to=\"<u>\">a</link></bold>"
               "<list 0=\"x\" 1=\"[object Object]\"><size 0=\"h\" 1=\"\xef\xbf\xbd\" "
               "2=\"\xef\xbf\xbd\">b</size></list><a b><empty>c</empty></a b>",
               "<bold><link n=\"1,2\" to=\"&lt;u&gt;\">a</link></bold>"
               "<list _=\"x\"><size _=\"h\">b</size></list><a_b><empty>c</empty></a_b>");
    scene_close(&x.s);
}

static void embeds_stand_between_the_tags(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    crdt_type text = put_type(&x, x.root, CRDT_XML_TEXT, "");
    const crdt_value bold = crdt_json("{\"b\":true}");
    const crdt_value embed = crdt_json("{\"image\":1}");
    const crdt_value node = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("br")};
    insert(&x, text, "x", "{}");
    expect_ok(crdt_text_insert_embed(x.s.doc, text, 1, &embed, &bold));
    expect_ok(crdt_text_insert_embed(x.s.doc, text, 2, &node, &bold));
    insert(&x, text, "y", "{\"b\":true}");
    const char *expected = "x<b>[object Object]</b><b><br></br></b><b>y</b>";
    expect_xml(&x, expected, expected);
    scene_close(&x.s);
}

/* Elements of other kinds among the children, and a root that is a text. */
static void anything_may_be_a_child(void **state)
{
    (void)state;
    xml_scene x;
    open(&x);
    const crdt_value values[] = {
        crdt_json("1"),
        crdt_json("[null,\"<\"]"),
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_HOOK, .bytes = str("h")},
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("")},
        {.kind = CRDT_VALUE_DOC, .bytes = str("g")}};
    expect_ok(crdt_list_insert(x.s.doc, x.root, 0, values, 5));
    expect_xml(&x, "1,<[object Object]<></>[object Object]",
               "1,&lt;[object Object]<_></_>[object Object]");
    insert(&x, x.s.text, "t", "{\"b\":true}");
    scene_expect(&x.s, x.s.text, read_yjs, NULL, "<b>t</b>");
    scene_expect(&x.s, x.s.map, read_yjs, NULL, "");
    scene_close(&x.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_everything_is_well_formed),
        cmocka_unit_test(markup_is_escaped_or_it_is_not),
        cmocka_unit_test(attributes_are_sorted_by_units),
        cmocka_unit_test(names_are_made_to_fit),
        cmocka_unit_test(characters_that_xml_lacks_are_replaced),
        cmocka_unit_test(values_become_strings),
        cmocka_unit_test(other_values_become_strings),
        cmocka_unit_test(types_become_strings),
        cmocka_unit_test(formats_are_tags),
        cmocka_unit_test(embeds_stand_between_the_tags),
        cmocka_unit_test(anything_may_be_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
