/* Traps in reading a document, and in being told what changed in it. */
#include "traps.h"

#include <stdio.h>

#include "base/bytes.h"

enum { OWN = 7 };

typedef struct scene {
    fixture f;
    crdt_type root; /* `t`, a text or a list as one likes */
    crdt_type map;
    crdt_buf scratch;
} scene;

static crdt_type root_of(scene *s, const char *name)
{
    crdt_type root;
    trap_ok(crdt_doc_root(s->f.doc, crdt_bytes_of(name), CRDT_ARRAY, &root));
    return root;
}

static void open(scene *s, crdt_doc_options options)
{
    *s = (scene){0};
    fixture_open(&s->f, options);
    s->root = root_of(s, "t");
    s->map = root_of(s, "m");
    trap_ok(crdt_doc_set_client(s->f.doc, OWN));
    trap_ok(crdt_doc_begin(s->f.doc));
}

static void commit(scene *s)
{
    trap_ok(crdt_doc_commit(s->f.doc, CRDT_V1, NULL));
}

static void close(scene *s)
{
    crdt_buf_free(&s->scratch);
    trap_close(&s->f);
}

static void numbered(char name[32], uint64_t number)
{
    snprintf(name, 32, "name%u", (unsigned)number);
}

/* A type in the list, which is then its first element. */
static crdt_type put_type(scene *s, crdt_type list, crdt_type_kind kind)
{
    const crdt_value value = {.kind = CRDT_VALUE_TYPE,
                              .type = kind,
                              .bytes = crdt_bytes_of(kind == CRDT_XML_ELEMENT ? "p" : "")};
    crdt_value made;
    trap_ok(crdt_list_insert(s->f.doc, list, 0, &value, 1));
    trap_ok(crdt_list_get(s->f.doc, list, 0, &made));
    return made.handle;
}

static void read_in_every_way(scene *s, crdt_type type)
{
    s->scratch.len = 0;
    trap_ok(crdt_read_json(s->f.doc, type, NULL, &s->scratch));
    trap_ok(crdt_read_delta(s->f.doc, type, NULL, &s->scratch));
    trap_ok(crdt_read_xml(s->f.doc, type, CRDT_XML_YJS, NULL, &s->scratch));
    trap_ok(crdt_read_xml(s->f.doc, type, CRDT_XML_WELL_FORMED, NULL, &s->scratch));
}

/* An object with many members, {"name9":1,"name8":1,...}, each of them twice. */
static crdt_value many_members(scene *s, uint64_t count)
{
    s->scratch.len = 0;
    crdt__writer w = crdt__writer_on(&s->scratch);
    for (uint64_t i = 2 * count; i-- > 0;) {
        char member[48];
        char name[32];
        numbered(name, i % count);
        snprintf(member, sizeof member, "%c\"%s\":1", i + 1 == 2 * count ? '{' : ',', name);
        crdt__write_bytes(&w, member, strlen(member));
    }
    crdt__write_u8(&w, '}');
    trap_ok(crdt__writer_finish(&w));
    return (crdt_value){.kind = CRDT_VALUE_JSON, .bytes = wm_bytes(&s->scratch)};
}

/* ---- reading ---- */

static void nested_elements(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value value = crdt_json("\"a\"");
    open(&s, (crdt_doc_options){0});
    crdt_type in = s.root;
    for (uint64_t i = 0; i < size; i++) {
        in = put_type(&s, in, i % 2 ? CRDT_XML_TEXT : CRDT_XML_ELEMENT);
        trap_ok(crdt_map_set(s.f.doc, in, crdt_bytes_of("id"), &value));
    }
    commit(&s);
    read_in_every_way(&s, s.root);
    close(&s);
}

static void many_attributes(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value value = crdt_json("\"a\"");
    open(&s, (crdt_doc_options){0});
    crdt_type element = put_type(&s, s.root, CRDT_XML_ELEMENT);
    for (uint64_t i = size; i-- > 0;) {
        char name[32];
        numbered(name, i);
        trap_ok(crdt_map_set(s.f.doc, element, crdt_bytes_of(name), &value));
    }
    commit(&s);
    read_in_every_way(&s, s.root);
    close(&s);
}

static void many_formats_of_one_letter(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s, (crdt_doc_options){0});
    crdt_type text = put_type(&s, s.root, CRDT_XML_TEXT);
    const crdt_value formats = many_members(&s, size);
    trap_ok(crdt_text_insert(s.f.doc, text, 0, crdt_bytes_of("x"), &formats));
    trap_ok(crdt_text_insert(s.f.doc, text, 1, crdt_bytes_of("y"), NULL));
    commit(&s);
    read_in_every_way(&s, text);
    close(&s);
}

static void one_value_with_many_members(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s, (crdt_doc_options){0});
    const crdt_value value = many_members(&s, size);
    trap_ok(crdt_list_insert(s.f.doc, s.root, 0, &value, 1));
    trap_ok(crdt_text_insert_embed(s.f.doc, s.root, 0, &value, NULL));
    trap_ok(crdt_map_set(s.f.doc, s.map, crdt_bytes_of("k"), &value));
    commit(&s);
    read_in_every_way(&s, s.root);
    read_in_every_way(&s, s.map);
    close(&s);
}

/* Past all roots, keys and sub-documents. */
static void walking(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value doc = {.kind = CRDT_VALUE_DOC, .bytes = crdt_bytes_of("guid")};
    open(&s, (crdt_doc_options){0});
    for (uint64_t i = 0; i < size; i++) {
        char name[32];
        numbered(name, i);
        (void)root_of(&s, name);
        trap_ok(crdt_map_set(s.f.doc, s.map, crdt_bytes_of(name), &doc));
        if (i % 2)
            trap_ok(crdt_map_delete(s.f.doc, s.map, crdt_bytes_of(name)));
    }
    commit(&s);
    crdt_type root;
    crdt_bytes name;
    crdt_value value;
    size_t roots = 0;
    size_t subdocs = 0;
    size_t keys = 0;
    bool found = true;
    for (size_t cursor = 0; crdt_doc_next_root(s.f.doc, &cursor, &root, &name);)
        roots++;
    for (size_t cursor = 0; crdt_doc_next_subdoc(s.f.doc, &cursor, &value);)
        subdocs++;
    for (size_t cursor = 0; found; keys += found)
        trap_ok(crdt_map_next(s.f.doc, s.map, &cursor, &found, &name, &value));
    assert_int_equal(roots, size + 2);
    assert_int_equal(subdocs, size / 2);
    assert_int_equal(keys, size / 2);
    close(&s);
}

/* ---- what changed ---- */

static void tell_changes(scene *s)
{
    s->scratch.len = 0;
    trap_ok(crdt_doc_changes(s->f.doc, &s->scratch));
    assert_true(s->scratch.len > 2);
    close(s);
}

/* Each element of a list is changed: a path tells where each of them is. */
static void changes_in_each_of_many(const trap *t, uint64_t size)
{
    scene s;
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON});
    for (uint64_t i = 0; i < size; i++)
        (void)put_type(&s, s.root, CRDT_MAP);
    commit(&s);
    trap_ok(crdt_doc_begin(s.f.doc));
    for (uint64_t i = 0; i < size; i++) {
        crdt_value map;
        trap_ok(crdt_list_get(s.f.doc, s.root, trap_number(t->order, size, i), &map));
        trap_ok(crdt_map_set(s.f.doc, map.handle, crdt_bytes_of("k"), &one));
    }
    commit(&s);
    tell_changes(&s);
}

static void changes_of_many_keys(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON});
    for (int round = 0; round < 3; round++) {
        if (round > 0) {
            commit(&s);
            trap_ok(crdt_doc_begin(s.f.doc));
        }
        for (uint64_t i = 0; i < size; i++) {
            char name[32];
            numbered(name, i);
            trap_ok(crdt_map_set(s.f.doc, s.map, crdt_bytes_of(name), &one));
        }
    }
    commit(&s);
    tell_changes(&s);
}

static void changes_of_many_roots(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON});
    for (uint64_t i = 0; i < size; i++) {
        char name[32];
        numbered(name, i);
        trap_ok(crdt_text_insert(s.f.doc, root_of(&s, name), 0, crdt_bytes_of("x"), NULL));
    }
    commit(&s);
    tell_changes(&s);
}

#define READING(text, function, which, most)                                                       \
    {                                                                                              \
        .name = text, .run = (function), .size = 2500, .each_max = (most), .order = (which)        \
    }

static const trap traps[] = {
    READING("nested elements", nested_elements, ORDER_UP, 6500),
    READING("many attributes", many_attributes, ORDER_UP, 22000),
    READING("many formats of one letter", many_formats_of_one_letter, ORDER_UP, 25000),
    READING("one value with many members", one_value_with_many_members, ORDER_UP, 19000),
    READING("walking", walking, ORDER_UP, 2300),
    READING("changes in each of many", changes_in_each_of_many, ORDER_UP, 4300),
    READING("changes in each of many, mixed", changes_in_each_of_many, ORDER_MIXED, 5000),
    READING("changes of many keys", changes_of_many_keys, ORDER_UP, 8500),
    READING("changes of many roots", changes_of_many_roots, ORDER_UP, 2000),
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
