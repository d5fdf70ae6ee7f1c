/* Local edits must come to the updates that Yjs made for the same calls, byte for byte. */
#include "vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"
#include "failmem.h"
#include "base/any.h"
#include "types/handle.h"
#include "types/position.h"

typedef struct editor {
    const vector *v;
    failmem memory;
    crdt_doc *doc;
} editor;

static void expect_ok(editor *e, const char *what, crdt_err err)
{
    vector_err(e->v, what, err, CRDT_OK);
}

/* ---- values ---- */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static crdt_bytes bytes_at(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return (crdt_bytes){(const uint8_t *)json_string_value(text), json_string_length(text)};
}

static uint64_t index_at(const json_t *object, const char *key)
{
    return (uint64_t)json_real_value(json_object_get(object, key));
}

static void put_any(crdt__writer *w, const json_t *value);

static void put_text(crdt__writer *w, const char *text, size_t len)
{
    crdt__write_varbytes(w, (crdt_bytes){(const uint8_t *)text, len});
}

static void put_be(crdt__writer *w, uint8_t tag, uint64_t bits)
{
    crdt__write_u8(w, tag);
    for (int shift = 56; shift >= 0; shift -= 8)
        crdt__write_u8(w, (uint8_t)(bits >> shift));
}

static void put_number(crdt__writer *w, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_be(w, CRDT__ANY_FLOAT64, bits);
}

/* What JSON lacks; false for an object that is just that. */
static bool put_tagged(crdt__writer *w, const json_t *object)
{
    if (json_object_get(object, "$undefined")) {
        crdt__write_u8(w, CRDT__ANY_UNDEFINED);
    } else if (json_object_get(object, "$num")) {
        put_number(w, strtod(text_at(object, "$num"), NULL));
    } else if (json_object_get(object, "$bigint")) {
        put_be(w, CRDT__ANY_BIGINT, (uint64_t)strtoll(text_at(object, "$bigint"), NULL, 10));
    } else if (json_object_get(object, "$bin")) {
        crdt_buf bin = {0};
        const char *text = text_at(object, "$bin");
        assert_true(b64_decode(text, strlen(text), &bin));
        crdt__write_u8(w, CRDT__ANY_BYTES);
        crdt__write_varbytes(w, bytes_of(&bin));
        crdt_buf_free(&bin);
    } else {
        return false;
    }
    return true;
}

static void put_object(crdt__writer *w, const json_t *object)
{
    if (put_tagged(w, object))
        return;
    crdt__write_u8(w, CRDT__ANY_OBJECT);
    crdt__write_varuint(w, json_object_size(object));
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        put_text(w, key, strlen(key));
        put_any(w, member);
    }
}

static void put_any(crdt__writer *w, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(w, value);
        break;
    case JSON_ARRAY:
        crdt__write_u8(w, CRDT__ANY_ARRAY);
        crdt__write_varuint(w, json_array_size(value));
        for (size_t i = 0; i < json_array_size(value); i++)
            put_any(w, json_array_get(value, i));
        break;
    case JSON_STRING:
        crdt__write_u8(w, CRDT__ANY_STRING);
        put_text(w, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        put_number(w, json_number_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        crdt__write_u8(w, json_is_true(value) ? CRDT__ANY_TRUE : CRDT__ANY_FALSE);
        break;
    case JSON_NULL:
        crdt__write_u8(w, CRDT__ANY_NULL);
        break;
    }
}

/* A value of the case as callers give it, and the bytes it borrows from. */
typedef struct given {
    crdt_value value;
    crdt_buf bytes;
} given;

static crdt_type_kind kind_of(const char *name)
{
    static const char *const names[] = {"Array",       "Map",     "Text",   "XmlElement",
                                        "XmlFragment", "XmlHook", "XmlText"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (crdt_type_kind)i;
    fail_msg("no type %s", name);
    return CRDT_ARRAY;
}

static given give(const json_t *value)
{
    given g = {0};
    const char *type = text_at(value, "$type");
    if (type) {
        g.value = (crdt_value){.kind = CRDT_VALUE_TYPE, .type = kind_of(type)};
        g.value.bytes = bytes_at(value, "name");
        return g;
    }
    crdt__writer w = crdt__writer_on(&g.bytes);
    if (json_object_get(value, "$doc")) {
        if (json_object_get(value, "opts"))
            put_any(&w, json_object_get(value, "opts"));
        assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
        g.value = (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = bytes_at(value, "$doc")};
        g.value.options = bytes_of(&g.bytes);
        return g;
    }
    put_any(&w, value);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    g.value = (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = bytes_of(&g.bytes)};
    return g;
}

/* ---- new types, filled once they are in ---- */

static void fill(editor *e, const json_t *made);

/* The type that was inserted last. */
static crdt_type last_made(const editor *e)
{
    const crdt__client *own = &e->doc->clients[e->doc->own];
    return (crdt_type){.item = {own->id, own->state - 1}};
}

typedef enum where { AT_INDEX, AT_END, BEHIND } where;

typedef struct target {
    crdt_type list;
    where where;
    uint64_t index;
    const crdt_type *behind;
} target;

static crdt_err insert_run(editor *e, const target *to, const crdt_value *values, size_t count)
{
    switch (to->where) {
    case AT_INDEX:
        return crdt_list_insert(e->doc, to->list, to->index, values, count);
    case AT_END:
        return crdt_list_push(e->doc, to->list, values, count);
    case BEHIND:
        return crdt_list_insert_after(e->doc, to->list, to->behind, values, count);
    }
    return CRDT_INVALID;
}

/* One call for all up to the first type, which is filled before the next call: its content takes
 * the clocks behind it. */
static void insert_values(editor *e, target to, const json_t *values)
{
    enum { VALUES_MAX = 64 };
    size_t total = json_array_size(values);
    assert_true(total <= VALUES_MAX);
    crdt_type made;
    for (size_t i = 0; i < total;) {
        given run[VALUES_MAX];
        crdt_value plain[VALUES_MAX];
        size_t count = 0;
        bool is_type = false;
        while (i + count < total && !is_type) {
            run[count] = give(json_array_get(values, i + count));
            plain[count] = run[count].value;
            is_type = plain[count++].kind == CRDT_VALUE_TYPE;
        }
        expect_ok(e, "insert", insert_run(e, &to, plain, count));
        for (size_t k = 0; k < count; k++)
            crdt_buf_free(&run[k].bytes);
        i += count;
        made = last_made(e);
        if (is_type)
            fill(e, json_array_get(values, i - 1));
        to.index += count;
        to.behind = &made;
    }
}

static void set_entry(editor *e, crdt_type map, crdt_bytes key, const json_t *value)
{
    given g = give(value);
    expect_ok(e, "set", crdt_map_set(e->doc, map, key, &g.value));
    crdt_buf_free(&g.bytes);
    if (g.value.kind == CRDT_VALUE_TYPE)
        fill(e, value);
}

static void set_entries(editor *e, crdt_type map, const json_t *entries)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)entries, key, value) set_entry(e, map, crdt_bytes_of(key), value);
}

static void apply_delta(editor *e, crdt_type text, const json_t *delta, crdt_delta_mode mode)
{
    char *json = json_dumps(delta, JSON_COMPACT | JSON_REAL_PRECISION(17));
    assert_non_null(json);
    expect_ok(e, "delta", crdt_text_apply_delta(e->doc, text, crdt_bytes_of(json), mode));
    free(json);
}

static void fill_text(editor *e, crdt_type text, const json_t *made)
{
    if (json_object_get(made, "delta"))
        apply_delta(e, text, json_object_get(made, "delta"), CRDT_DELTA_AS_IS);
    else if (json_object_get(made, "str"))
        expect_ok(e, "text", crdt_text_insert(e->doc, text, 0, bytes_at(made, "str"), NULL));
}

static void fill(editor *e, const json_t *made)
{
    crdt_type type = last_made(e);
    target inside = {.list = type};
    switch (kind_of(text_at(made, "$type"))) {
    case CRDT_ARRAY:
        insert_values(e, inside, json_object_get(made, "items"));
        break;
    case CRDT_MAP:
    case CRDT_XML_HOOK:
        set_entries(e, type, json_object_get(made, "entries"));
        break;
    case CRDT_TEXT:
    case CRDT_XML_TEXT:
        fill_text(e, type, made);
        break;
    case CRDT_XML_ELEMENT:
    case CRDT_XML_FRAGMENT:
        insert_values(e, inside, json_object_get(made, "children"));
        set_entries(e, type, json_object_get(made, "attrs"));
        break;
    }
}

/* ---- operations ---- */

static crdt_type child_at(editor *e, crdt_type parent, const json_t *step)
{
    crdt__ref type = crdt__handle_find(e->doc, parent);
    crdt__ref item;
    uint64_t offset;
    if (json_is_string(step)) {
        uint32_t key = crdt__doc_find_name(e->doc, crdt_bytes_of(json_string_value(step)));
        item = crdt__type_get(&e->doc->objects, crdt__type_at(&e->doc->objects, type), key);
    } else {
        item = crdt__position_item(e->doc, type, (uint64_t)json_real_value(step), &offset);
    }
    return crdt__handle_of(e->doc, crdt__item_at(e->doc, item)->content);
}

static crdt_type type_at(editor *e, const json_t *path)
{
    crdt_type type = {0};
    crdt_bytes root = crdt_bytes_of(json_string_value(json_array_get(path, 0)));
    expect_ok(e, "root", crdt_doc_root(e->doc, root, CRDT_ARRAY, &type));
    for (size_t i = 1; i < json_array_size(path); i++)
        type = child_at(e, type, json_array_get(path, i));
    return type;
}

static void do_text(editor *e, const char *op, crdt_type text, const json_t *o)
{
    const json_t *attrs = json_object_get(o, "attrs");
    given attributes = attrs ? give(attrs) : (given){0};
    const crdt_value *with = attrs ? &attributes.value : NULL;
    uint64_t index = index_at(o, "index");
    if (strcmp(op, "insert") == 0) {
        expect_ok(e, op, crdt_text_insert(e->doc, text, index, bytes_at(o, "str"), with));
    } else if (strcmp(op, "embed") == 0) {
        given embed = give(json_object_get(o, "embed"));
        expect_ok(e, op, crdt_text_insert_embed(e->doc, text, index, &embed.value, with));
        crdt_buf_free(&embed.bytes);
        if (embed.value.kind == CRDT_VALUE_TYPE)
            fill(e, json_object_get(o, "embed"));
    } else if (strcmp(op, "delete") == 0) {
        expect_ok(e, op, crdt_text_delete(e->doc, text, index, index_at(o, "len")));
    } else if (strcmp(op, "format") == 0) {
        expect_ok(e, op, crdt_text_format(e->doc, text, index, index_at(o, "len"), with));
    } else if (strcmp(op, "delta") == 0) {
        apply_delta(e, text, json_object_get(o, "delta"),
                    json_is_false(json_object_get(o, "sanitize")) ? CRDT_DELTA_DROP_LAST_NEWLINE
                                                                  : CRDT_DELTA_AS_IS);
    } else {
        vector_fail(e->v, "no operation text.%s", op);
    }
    crdt_buf_free(&attributes.bytes);
}

static void do_list(editor *e, const char *op, crdt_type list, const json_t *o)
{
    const json_t *values = json_object_get(o, json_object_get(o, "vals") ? "vals" : "nodes");
    target to = {.list = list, .index = index_at(o, "index")};
    if (strcmp(op, "delete") == 0) {
        expect_ok(e, op, crdt_list_delete(e->doc, list, to.index, index_at(o, "len")));
        return;
    }
    crdt_type behind;
    if (strcmp(op, "push") == 0) {
        to.where = AT_END;
    } else if (strcmp(op, "insertAfter") == 0) {
        to.where = BEHIND;
        if (!json_is_null(json_object_get(o, "ref"))) {
            behind = child_at(e, list, json_object_get(o, "ref"));
            to.behind = &behind;
        }
    }
    insert_values(e, to, values);
}

static void do_map(editor *e, const char *op, crdt_type map, const json_t *o)
{
    if (strcmp(op, "set") == 0 || strcmp(op, "setAttr") == 0)
        set_entry(e, map, bytes_at(o, "key"), json_object_get(o, "val"));
    else if (strcmp(op, "clear") == 0)
        expect_ok(e, op, crdt_map_clear(e->doc, map));
    else
        expect_ok(e, op, crdt_map_delete(e->doc, map, bytes_at(o, "key")));
}

static void do_operation(editor *e, const json_t *o)
{
    const char *name = text_at(o, "op");
    const char *op = strchr(name, '.') + 1;
    crdt_type type = type_at(e, json_object_get(o, "at"));
    if (strncmp(name, "map.", 4) == 0 || strstr(op, "Attr"))
        do_map(e, op, type, o);
    else if (strncmp(name, "text.", 5) == 0)
        do_text(e, op, type, o);
    else
        do_list(e, op, type, o);
}

/* ---- cases ---- */

static void open_editor(const vector *v, editor *e)
{
    e->v = v;
    failmem_init(&e->memory);
    crdt_doc_options options = {.mem = &e->memory.mem,
                                .gc = json_is_false(vector_at(v, "gc")) ? CRDT_GC_OFF : CRDT_GC_ON,
                                .cleanup = CRDT_CLEANUP_ON};
    e->doc = crdt_doc_new(&options);
    assert_non_null(e->doc);
    const char *name;
    json_t *kind;
    json_object_foreach(vector_at(v, "roots"), name, kind)
    {
        crdt_type root;
        expect_ok(
            e, "root",
            crdt_doc_root(e->doc, crdt_bytes_of(name), kind_of(json_string_value(kind)), &root));
    }
    for (size_t i = 0; i < vector_count(v, "base"); i++)
        expect_ok(e, "base", crdt_doc_apply(e->doc, CRDT_V1, vector_bytes_i(v, "base", i), NULL));
    expect_ok(e, "client",
              crdt_doc_set_client(e->doc, (uint64_t)json_real_value(vector_at(v, "client"))));
}

static void close_editor(editor *e)
{
    if (crdt_doc_memory_bytes(e->doc) != e->memory.held_bytes)
        vector_fail(e->v, "memory_bytes tells %zu, held are %zu", crdt_doc_memory_bytes(e->doc),
                    e->memory.held_bytes);
    crdt_doc_free(e->doc);
    if (e->memory.held_bytes != 0)
        vector_fail(e->v, "%zu bytes leaked", e->memory.held_bytes);
    if (e->memory.size_mismatch)
        vector_fail(e->v, "memory given back with another size");
}

static void check(editor *e)
{
    const char *broken = crdt_doc_check(e->doc);
    if (broken)
        vector_fail(e->v, "check: %s", broken);
}

static void do_transaction(editor *e, size_t i, crdt_encoding encoding)
{
    const json_t *operations = json_array_get(vector_at(e->v, "transactions"), i);
    expect_ok(e, "begin", crdt_doc_begin(e->doc));
    for (size_t k = 0; k < json_array_size(operations); k++) {
        do_operation(e, json_array_get(operations, k));
        check(e);
    }
    crdt_buf update = {0};
    expect_ok(e, "commit", crdt_doc_commit(e->doc, encoding, &update));
    check(e);
    char what[64];
    snprintf(what, sizeof what, "update of transaction %zu", i);
    const json_t *expected = json_object_get(json_array_get(vector_at(e->v, "expect"), i),
                                             encoding == CRDT_V1 ? "v1" : "v2");
    const json_t *text = json_array_get(expected, 0);
    crdt_buf bytes = {0};
    if (text)
        assert_true(b64_decode(json_string_value(text), json_string_length(text), &bytes));
    vector_same(e->v, what, bytes_of(&update), bytes_of(&bytes));
    crdt_buf_free(&bytes);
    crdt_buf_free(&update);
}

static void use(const vector *v, crdt_encoding encoding)
{
    if (!vector_is(v, "edit"))
        return;
    editor e;
    open_editor(v, &e);
    for (size_t i = 0; i < vector_count(v, "transactions"); i++)
        do_transaction(&e, i, encoding);
    crdt_buf state = {0};
    expect_ok(&e, "state", crdt_doc_encode_state(e.doc, encoding, (crdt_bytes){0}, &state));
    vector_same(v, "final state", bytes_of(&state),
                vector_bytes(v, encoding == CRDT_V1 ? "final.v1" : "final.v2"));
    crdt_buf_free(&state);
    close_editor(&e);
}

static void use_v1(const vector *v)
{
    use(v, CRDT_V1);
}

static void use_v2(const vector *v)
{
    use(v, CRDT_V2);
}

static void edits_come_to_the_updates_of_yjs(void **state)
{
    (void)state;
    vectors_each(use_v1);
    vectors_assert_none_failed();
}

static void edits_come_to_the_updates_of_yjs_in_v2(void **state)
{
    (void)state;
    vectors_each(use_v2);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_come_to_the_updates_of_yjs),
        cmocka_unit_test(edits_come_to_the_updates_of_yjs_in_v2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
