#include "edit/edits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/shape.h"

/* Every number is read as a double, as JSON.parse does, and written so that it is the same again.
 */
#define LOAD_FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)
#define DUMP_FLAGS (JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17))

#define TOO_DEEP "a value is nested deeper than 512 levels"

/* One edit on its way. */
typedef struct making {
    crdt_doc *doc;
    crdt_type root;
    const char *problem; /* of ERR_INVALID_EDIT */
} making;

static err invalid(making *m, const char *problem)
{
    m->problem = problem;
    return ERR_INVALID_EDIT;
}

/* What the engine says of an edit: `refused` is what it means by CRDT_INVALID. */
static err made(making *m, crdt_err e, const char *refused)
{
    switch (e) {
    case CRDT_OK:
        return ERR_OK;
    case CRDT_INVALID:
        return invalid(m, refused);
    case CRDT_MALFORMED: /* the text is JSON in UTF-8: nothing else can be wrong */
        return invalid(m, TOO_DEEP);
    case CRDT_NO_MEMORY:
    case CRDT_LIMIT:
    case CRDT_FAILED:
    case CRDT_GONE: /* roots are there for good */
        return ERR_NO_MEMORY;
    }
    return ERR_NO_MEMORY;
}

/* ---- values ---- */

/* Returns owned (free) the JSON text, or NULL when out of memory. */
static crdt_value json_value(const json_t *json)
{
    char *text = json_dumps(json, DUMP_FLAGS);
    crdt_value value = {.kind = CRDT_VALUE_JSON};
    if (text != NULL)
        value.bytes = crdt_bytes_of(text);
    return value;
}

static void value_free(crdt_value *value)
{
    free((void *)(uintptr_t)value->bytes.data);
}

static crdt_bytes bytes_of(const json_t *string)
{
    return (crdt_bytes){(const uint8_t *)json_string_value(string), json_string_length(string)};
}

/* ---- texts ---- */

/* Whether the delta stays within the text, and between characters. */
static err check_delta(making *m, const json_t *delta)
{
    uint64_t at = 0;
    for (size_t i = 0; i < json_array_size(delta); i++) {
        const json_t *op = json_array_get(delta, i);
        uint64_t units = 0;
        if (!shape_count(json_object_get(op, "retain"), &units))
            (void)shape_count(json_object_get(op, "delete"), &units);
        if (units > CRDT_CLOCK_MAX - at)
            return invalid(m, "the delta goes past the end of the text");
        at += units;
        if (crdt_text_splits_pair(m->doc, m->root, at))
            return invalid(m, "an operation of the delta ends inside a surrogate pair");
    }
    crdt_value last = {.kind = CRDT_VALUE_JSON};
    if (at > 0 && crdt_list_get(m->doc, m->root, at - 1, &last) != CRDT_OK)
        return ERR_NO_MEMORY;
    return last.kind == CRDT_VALUE_NONE ? invalid(m, "the delta goes past the end of the text")
                                        : ERR_OK;
}

static err make_text(making *m, const json_t *edit)
{
    const json_t *delta = json_object_get(edit, "delta");
    err failed = check_delta(m, delta);
    if (failed != ERR_OK)
        return failed;
    crdt_value text = json_value(delta);
    if (text.bytes.data == NULL)
        return ERR_NO_MEMORY;
    failed = made(m, crdt_text_apply_delta(m->doc, m->root, text.bytes, CRDT_DELTA_AS_IS),
                  "the delta cannot be applied");
    value_free(&text);
    return failed;
}

/* ---- maps ---- */

static err set_key(making *m, const char *key, size_t key_len, const json_t *json)
{
    crdt_value value = json_value(json);
    if (value.bytes.data == NULL)
        return ERR_NO_MEMORY;
    crdt_bytes name = {(const uint8_t *)key, key_len};
    err failed = made(m, crdt_map_set(m->doc, m->root, name, &value), "a value cannot be set");
    value_free(&value);
    return failed;
}

static err make_map(making *m, const json_t *edit)
{
    json_t *set = json_object_get(edit, "set");
    const char *key;
    size_t key_len;
    json_t *value;
    json_object_keylen_foreach(set, key, key_len, value)
    {
        err failed = set_key(m, key, key_len, value);
        if (failed != ERR_OK)
            return failed;
    }
    const json_t *removed = json_object_get(edit, "delete");
    for (size_t i = 0; i < json_array_size(removed); i++) {
        crdt_bytes name = bytes_of(json_array_get(removed, i));
        err failed = made(m, crdt_map_delete(m->doc, m->root, name), "a key cannot be deleted");
        if (failed != ERR_OK)
            return failed;
    }
    return ERR_OK;
}

/* ---- arrays ---- */

static void values_free(crdt_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        value_free(&values[i]);
    free(values);
}

/* Returns owned (values_free), or NULL when out of memory. */
static crdt_value *values_of(const json_t *array)
{
    size_t count = json_array_size(array);
    crdt_value *values = calloc(count + 1, sizeof(*values));
    for (size_t i = 0; values != NULL && i < count; i++) {
        values[i] = json_value(json_array_get(array, i));
        if (values[i].bytes.data == NULL) {
            values_free(values, i);
            return NULL;
        }
    }
    return values;
}

static err insert_values(making *m, const json_t *insert)
{
    const json_t *array = json_object_get(insert, "values");
    uint64_t index = 0;
    (void)shape_count(json_object_get(insert, "index"), &index);
    crdt_value *values = values_of(array);
    if (values == NULL)
        return ERR_NO_MEMORY;
    size_t count = json_array_size(array);
    err failed = made(m, crdt_list_insert(m->doc, m->root, index, values, count),
                      "index lies past the end of the array");
    values_free(values, count);
    return failed;
}

static err delete_values(making *m, const json_t *removed)
{
    uint64_t index = 0, length = 0;
    (void)shape_count(json_object_get(removed, "index"), &index);
    (void)shape_count(json_object_get(removed, "length"), &length);
    return made(m, crdt_list_delete(m->doc, m->root, index, length),
                "index and length reach past the end of the array");
}

static err make_array(making *m, const json_t *edit)
{
    const json_t *insert = json_object_get(edit, "insert");
    return insert != NULL ? insert_values(m, insert)
                          : delete_values(m, json_object_get(edit, "delete"));
}

/* ---- all of them ---- */

static err make_edit(making *m, const json_t *edit)
{
    const char *as = json_string_value(json_object_get(edit, "as"));
    bool text = strcmp(as, "text") == 0, map = strcmp(as, "map") == 0;
    crdt_type_kind kind = text ? CRDT_TEXT : map ? CRDT_MAP : CRDT_ARRAY;
    crdt_bytes name = bytes_of(json_object_get(edit, "root"));
    err failed = made(m, crdt_doc_root(m->doc, name, kind, &m->root), "there is no such root");
    if (failed != ERR_OK)
        return failed;
    return text ? make_text(m, edit) : map ? make_map(m, edit) : make_array(m, edit);
}

static err say(edits_detail *detail, size_t edit, const char *problem)
{
    (void)snprintf(detail->text, sizeof(detail->text), "edits[%zu]: %s", edit, problem);
    return ERR_INVALID_EDIT;
}

static err make_all(crdt_doc *doc, const json_t *edits, edits_detail *detail)
{
    size_t wrong;
    const char *problem = shape_check(edits, &wrong);
    if (problem != NULL)
        return say(detail, wrong, problem);
    making m = {.doc = doc};
    for (size_t i = 0; i < json_array_size(edits); i++) {
        err failed = make_edit(&m, json_array_get(edits, i));
        if (failed == ERR_INVALID_EDIT)
            return say(detail, i, m.problem);
        if (failed != ERR_OK)
            return failed;
    }
    return ERR_OK;
}

static err not_parsed(const json_error_t *error, edits_detail *detail)
{
    enum json_error_code code = json_error_code(error);
    if (code == json_error_out_of_memory)
        return ERR_NO_MEMORY;
    if (code == json_error_stack_overflow) {
        (void)snprintf(detail->text, sizeof(detail->text), TOO_DEEP);
        return ERR_INVALID_EDIT;
    }
    (void)snprintf(detail->text, sizeof(detail->text),
                   "the body is not JSON: see line %d, column %d", error->line, error->column);
    return ERR_NOT_JSON;
}

err edits_make(crdt_doc *doc, slice json, edits_detail *detail)
{
    json_error_t error;
    json_t *body = json_loadb(json.data, json.len, LOAD_FLAGS, &error);
    if (body == NULL)
        return not_parsed(&error, detail);
    const json_t *edits = json_object_get(body, "edits");
    err failed = ERR_INVALID_EDIT;
    if (json_is_array(edits) && json_object_size(body) == 1)
        failed = make_all(doc, edits, detail);
    else
        (void)snprintf(detail->text, sizeof(detail->text),
                       "the body is an object with edits, an array, and nothing else");
    json_decref(body);
    return failed;
}
