#include "editor.h"

#include <stdio.h>
#include <string.h>

const char *const editor_root_names[EDITOR_ROOTS] = {"t", "l", "m", "x"};
const crdt_type_kind editor_root_kinds[EDITOR_ROOTS] = {CRDT_TEXT, CRDT_ARRAY, CRDT_MAP,
                                                        CRDT_XML_FRAGMENT};

/* An editor at work on one type. */
typedef struct desk {
    program *p;
    crdt_doc *doc;
    editor_types *types;
    crdt_type at;
    uint64_t length;
} desk;

/* What an edit may come to. Elements of a type that is deleted are gone, or the type is. */
static void expect_done(desk *d, crdt_err err)
{
    program_expect(d->p, err == CRDT_OK, "an edit that fits is refused");
}

crdt_type editor_root(program *p, crdt_doc *doc, size_t i)
{
    crdt_type root = {0};
    program_expect(p,
                   crdt_doc_root(doc, crdt_bytes_of(editor_root_names[i]), editor_root_kinds[i],
                                 &root) == CRDT_OK,
                   "no root");
    return root;
}

/* ---- values ---- */

static const char *const texts[] = {"a",  "bc",   "\xc3\xa9",      "\xf0\x9f\x99\x82",
                                    "\n", " def", "x\xe2\x82\xac", "0123456789"};
static const char *const attributes[] = {"{\"b\":true}",
                                         "{\"b\":null}",
                                         "{\"b\":1,\"i\":{\"x\":[1]}}",
                                         "{\"i\":null}",
                                         "{\"b\":null,\"i\":null}",
                                         "{\"c\":\"red\"}"};

static crdt_value choose_attributes(program *p)
{
    return crdt_json(attributes[program_below(p, sizeof attributes / sizeof attributes[0])]);
}

static crdt_value choose_plain(program *p)
{
    static const uint8_t any[] = {117, 2, 127, 126}; /* [undefined, null] */
    switch (program_below(p, 6)) {
    case 0:
        return crdt_json("1");
    case 1:
        return crdt_json("\"string\"");
    case 2:
        return crdt_json("{\"k\":[1.5,null,{}]}");
    case 3:
        return (crdt_value){.kind = CRDT_VALUE_BINARY, .bytes = {(const uint8_t *)"\0\1", 2}};
    case 4:
        return (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = crdt_bytes_of("guid")};
    default:
        return (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}};
    }
}

static crdt_value choose_type(program *p, bool in_xml)
{
    static const crdt_type_kind kinds[] = {CRDT_TEXT, CRDT_ARRAY, CRDT_MAP};
    static const crdt_type_kind xml_kinds[] = {CRDT_XML_ELEMENT, CRDT_XML_TEXT};
    const crdt_type_kind kind =
        in_xml ? xml_kinds[program_below(p, 2)] : kinds[program_below(p, 3)];
    return (crdt_value){.kind = CRDT_VALUE_TYPE,
                        .type = kind,
                        .bytes = crdt_bytes_of(kind == CRDT_XML_ELEMENT ? "p" : "")};
}

static crdt_value choose_value(program *p)
{
    return program_below(p, 3) == 0 ? choose_type(p, false) : choose_plain(p);
}

/* The type that was just made at this place of the list. */
static void remember_element(desk *d, uint64_t index)
{
    crdt_value value;
    expect_done(d, crdt_list_get(d->doc, d->at, index, &value));
    program_expect(d->p, value.kind == CRDT_VALUE_TYPE, "a type is made, and is not there");
    if (d->types->count < EDITOR_TYPES_MAX)
        d->types->items[d->types->count++] = (editor_type){value.handle, value.type};
}

/* ---- texts ---- */

static uint64_t whole_character(desk *d, uint64_t index)
{
    return crdt_text_splits_pair(d->doc, d->at, index) ? index + 1 : index;
}

static uint64_t choose_index(desk *d)
{
    const size_t limit = d->length < 65535 ? (size_t)d->length + 1 : 65536;
    return whole_character(d, program_below(d->p, limit));
}

/* Units from `index` to the end of a character, 12 or so; never past the end. */
static uint64_t choose_length(desk *d, uint64_t index)
{
    const uint64_t end = whole_character(d, index + program_below(d->p, 12));
    return (end < d->length ? end : d->length) - index;
}

static void insert_text(desk *d)
{
    const crdt_bytes text = crdt_bytes_of(texts[program_below(d->p, 8)]);
    const uint64_t index = choose_index(d);
    const bool plain = program_below(d->p, 3) > 0;
    const crdt_value formats = choose_attributes(d->p);
    expect_done(d, crdt_text_insert(d->doc, d->at, index, text, plain ? NULL : &formats));
}

static void insert_embed(desk *d)
{
    const uint64_t index = choose_index(d);
    const bool is_type = program_below(d->p, 3) == 0;
    const crdt_value value =
        is_type ? choose_type(d->p, false) : crdt_json("{\"image\":{\"src\":\"x\"}}");
    const bool plain = program_below(d->p, 2) == 0;
    const crdt_value formats = choose_attributes(d->p);
    expect_done(d, crdt_text_insert_embed(d->doc, d->at, index, &value, plain ? NULL : &formats));
    if (is_type)
        remember_element(d, index);
}

static void format_text(desk *d)
{
    const uint64_t index = choose_index(d);
    const crdt_value formats = choose_attributes(d->p);
    expect_done(d, crdt_text_format(d->doc, d->at, index, choose_length(d, index), &formats));
}

static void delete_text(desk *d)
{
    const uint64_t index = choose_index(d);
    expect_done(d, crdt_text_delete(d->doc, d->at, index, choose_length(d, index)));
}

static void apply_delta(desk *d)
{
    char delta[160];
    const uint64_t index = choose_index(d);
    const uint64_t length = choose_length(d, index);
    if (index == 0 || length == 0)
        return;
    const char *formats = attributes[program_below(d->p, 6)];
    const char *then = program_below(d->p, 2) ? "delete" : "retain";
    snprintf(delta, sizeof delta,
             "[{\"retain\":%u},{\"insert\":\"new\",\"attributes\":%s},{\"%s\":%u},"
             "{\"insert\":{\"e\":1}}]",
             (unsigned)index, formats, then, (unsigned)length);
    expect_done(d, crdt_text_apply_delta(d->doc, d->at, crdt_bytes_of(delta), CRDT_DELTA_AS_IS));
}

static void edit_text(desk *d)
{
    switch (program_below(d->p, 8)) {
    case 0:
    case 1:
    case 2:
        insert_text(d);
        break;
    case 3:
        insert_embed(d);
        break;
    case 4:
        format_text(d);
        break;
    case 5:
        apply_delta(d);
        break;
    default:
        delete_text(d);
        break;
    }
}

/* ---- lists and maps ---- */

static uint64_t choose_place(desk *d, uint64_t limit)
{
    return program_below(d->p, limit < 65536 ? (size_t)limit : 65536);
}

static void insert_elements(desk *d, bool in_xml)
{
    crdt_value values[3];
    const uint64_t index = choose_place(d, d->length + 1);
    const size_t count = 1 + program_below(d->p, 3);
    for (size_t i = 0; i < count; i++)
        values[i] = in_xml ? choose_type(d->p, true) : choose_value(d->p);
    expect_done(d, crdt_list_insert(d->doc, d->at, index, values, count));
    for (size_t i = 0; i < count; i++)
        if (values[i].kind == CRDT_VALUE_TYPE)
            remember_element(d, index + i);
}

static void push_element(desk *d, bool in_xml)
{
    const crdt_value value = in_xml ? choose_type(d->p, true) : choose_plain(d->p);
    expect_done(d, crdt_list_push(d->doc, d->at, &value, 1));
}

static void delete_elements(desk *d)
{
    if (d->length == 0)
        return;
    const uint64_t index = choose_place(d, d->length);
    const uint64_t left = d->length - index;
    const uint64_t wanted = 1 + program_below(d->p, 4);
    expect_done(d, crdt_list_delete(d->doc, d->at, index, wanted < left ? wanted : left));
}

static void edit_list(desk *d, bool in_xml)
{
    const size_t what = program_below(d->p, 6);
    if (what < 3)
        insert_elements(d, in_xml);
    else if (what == 3)
        push_element(d, in_xml);
    else
        delete_elements(d);
}

static void set_type(desk *d, crdt_bytes key)
{
    const crdt_value value = choose_type(d->p, false);
    crdt_value made;
    expect_done(d, crdt_map_set(d->doc, d->at, key, &value));
    expect_done(d, crdt_map_get(d->doc, d->at, key, &made));
    program_expect(d->p, made.kind == CRDT_VALUE_TYPE, "a type is made, and is not there");
    if (d->types->count < EDITOR_TYPES_MAX)
        d->types->items[d->types->count++] = (editor_type){made.handle, made.type};
}

static void edit_map(desk *d)
{
    static const char *const keys[] = {"a", "b", "10", "2"};
    const crdt_bytes key = crdt_bytes_of(keys[program_below(d->p, 4)]);
    const size_t what = program_below(d->p, 12);
    const crdt_value value = choose_plain(d->p);
    if (what == 0)
        expect_done(d, crdt_map_clear(d->doc, d->at));
    else if (what < 3)
        expect_done(d, crdt_map_delete(d->doc, d->at, key));
    else if (what < 6)
        set_type(d, key);
    else
        expect_done(d, crdt_map_set(d->doc, d->at, key, &value));
}

/* The attributes of an element are strings. */
static void edit_attribute(desk *d)
{
    const crdt_bytes key = crdt_bytes_of(program_below(d->p, 2) ? "id" : "class");
    const crdt_value value = crdt_json(program_below(d->p, 2) ? "\"one\"" : "\"two\"");
    if (program_below(d->p, 4) == 0)
        expect_done(d, crdt_map_delete(d->doc, d->at, key));
    else
        expect_done(d, crdt_map_set(d->doc, d->at, key, &value));
}

/* ---- choosing ---- */

/* False: there is no such type in the document. */
static bool sit_down(desk *d, crdt_type_kind *kind)
{
    const size_t i = program_below(d->p, EDITOR_ROOTS + d->types->count);
    *kind = i < EDITOR_ROOTS ? editor_root_kinds[i] : d->types->items[i - EDITOR_ROOTS].kind;
    d->at =
        i < EDITOR_ROOTS ? editor_root(d->p, d->doc, i) : d->types->items[i - EDITOR_ROOTS].handle;
    crdt_type_info info;
    const crdt_err err = crdt_type_describe(d->doc, d->at, &info);
    program_expect(d->p, err == CRDT_OK || (err == CRDT_GONE && i >= EDITOR_ROOTS),
                   "a type cannot be described");
    if (err != CRDT_OK || info.deleted)
        return false;
    program_expect(d->p, i < EDITOR_ROOTS || info.kind == *kind, "a type is of another kind");
    d->length = info.length;
    return true;
}

void editor_edit(program *p, crdt_doc *doc, editor_types *types)
{
    desk d = {.p = p, .doc = doc, .types = types};
    crdt_type_kind kind;
    if (!sit_down(&d, &kind))
        return;
    switch (kind) {
    case CRDT_TEXT:
    case CRDT_XML_TEXT:
        edit_text(&d);
        break;
    case CRDT_ARRAY:
        edit_list(&d, false);
        break;
    case CRDT_MAP:
        edit_map(&d);
        break;
    case CRDT_XML_ELEMENT:
        if (program_below(p, 2)) {
            edit_attribute(&d);
            break;
        }
        edit_list(&d, true);
        break;
    case CRDT_XML_FRAGMENT:
        edit_list(&d, true);
        break;
    case CRDT_XML_HOOK:
        break;
    }
}
