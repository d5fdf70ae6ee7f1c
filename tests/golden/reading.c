#include "reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is expected ---- */

static json_t *plain(json_t *value);

static json_t *plain_bigint(const char *digits)
{
    const double safe = 9007199254740991.0;
    double number = strtod(digits, NULL);
    return fabs(number) <= safe ? json_real(number) : json_string(digits);
}

static json_t *plain_type(json_t *value)
{
    static const char *const members[] = {"json", "xml", "text"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *member = json_object_get(value, members[i]);
        if (member)
            return plain(member);
    }
    return json_null();
}

/* The plain value that a tag stands for; NULL if it is none. */
static json_t *plain_tag(json_t *value)
{
    json_t *member;
    if (json_object_get(value, "$undefined"))
        return json_null();
    if ((member = json_object_get(value, "$num")))
        return strcmp(json_string_value(member), "-0") == 0 ? json_real(0) : json_null();
    if ((member = json_object_get(value, "$bigint")))
        return plain_bigint(json_string_value(member));
    if ((member = json_object_get(value, "$bin")))
        return json_incref(member);
    if ((member = json_object_get(value, "$doc")))
        return json_pack("{s:O}", "guid", member);
    return json_object_get(value, "$type") ? plain_type(value) : NULL;
}

static json_t *plain(json_t *value)
{
    json_t *result;
    if (json_is_array(value)) {
        size_t i;
        json_t *element;
        result = json_array();
        json_array_foreach(value, i, element) json_array_append_new(result, plain(element));
        return result;
    }
    if (!json_is_object(value))
        return json_incref(value);
    if ((result = plain_tag(value)))
        return result;
    const char *key;
    json_t *member;
    result = json_object();
    json_object_foreach(value, key, member) json_object_set_new(result, key, plain(member));
    return result;
}

/* ---- deltas ---- */

static bool joins(json_t *last, json_t *next)
{
    json_t *a = json_object_get(last, "attributes");
    json_t *b = json_object_get(next, "attributes");
    return json_is_string(json_object_get(last, "insert")) &&
           json_is_string(json_object_get(next, "insert")) && (a ? b && json_equal(a, b) : !b);
}

static void append(json_t *string, const json_t *more)
{
    size_t len = json_string_length(string);
    size_t more_len = json_string_length(more);
    char *text = malloc(len + more_len + 1);
    assert_non_null(text);
    memcpy(text, json_string_value(string), len);
    memcpy(text + len, json_string_value(more), more_len);
    json_string_setn(string, text, len + more_len);
    free(text);
}

static json_t *joined(json_t *delta)
{
    json_t *result = json_array();
    size_t i;
    json_t *op;
    json_array_foreach(delta, i, op)
    {
        json_t *last = json_array_get(result, json_array_size(result) - 1);
        if (json_array_size(result) == 0 || !joins(last, op)) {
            json_array_append_new(result, json_deep_copy(op));
            continue;
        }
        append(json_object_get(last, "insert"), json_object_get(op, "insert"));
    }
    return result;
}

/* ---- what is read ---- */

typedef crdt_err (*reader)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);

/* The same text; halved: each character above U+FFFF is two U+FFFD. Owned. */
static crdt_buf comparable(crdt_bytes text, bool halved)
{
    crdt_buf out = {.data = malloc(text.len * 2 + 1)};
    assert_non_null(out.data);
    for (size_t i = 0; i < text.len; i++) {
        bool pair = halved && text.data[i] >= 0xf0;
        memcpy(out.data + out.len, pair ? (const void *)"\xef\xbf\xbd\xef\xbf\xbd" : &text.data[i],
               pair ? 6 : 1);
        out.len += pair ? 6 : 1;
        i += pair ? 3 : 0;
    }
    out.data[out.len] = '\0';
    return out;
}

static json_t *loaded(const vector *v, const char *what, crdt_bytes read, bool halved)
{
    json_error_t error;
    crdt_buf text = comparable(read, halved);
    json_t *json = json_loadb((const char *)text.data, text.len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (!json)
        vector_fail(v, "%s is no JSON: %s: %.300s", what, error.text, text.data);
    crdt_buf_free(&text);
    return json;
}

static json_t *wanted(const vector *v, const char *what, json_t *expected, bool halved)
{
    json_t *value = plain(expected);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    json_t *json = loaded(v, what, crdt_bytes_of(text), halved);
    free(text);
    return json;
}

static void check_json(const vector *v, const char *what, const crdt_buf *read, json_t *expected,
                       const crdt_snapshot *at)
{
    json_t *got = loaded(v, what, bytes_of(read), at != NULL);
    json_t *want = wanted(v, what, expected, at != NULL);
    if (strncmp(what, "delta", 5) == 0) {
        json_t *ops[2] = {got, want};
        got = joined(ops[0]);
        want = joined(ops[1]);
        json_decref(ops[0]);
        json_decref(ops[1]);
    }
    if (!json_equal(got, want)) {
        char *texts[2] = {json_dumps(got, JSON_ENCODE_ANY), json_dumps(want, JSON_ENCODE_ANY)};
        vector_fail(v, "%s\n    got      %.1500s\n    expected %.1500s", what, texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
    }
    json_decref(got);
    json_decref(want);
}

static void check_text(const vector *v, const char *what, const crdt_buf *read, json_t *expected,
                       const crdt_snapshot *at)
{
    const crdt_bytes text = {(const uint8_t *)json_string_value(expected),
                             json_string_length(expected)};
    crdt_buf got = comparable(bytes_of(read), at != NULL);
    crdt_buf want = comparable(text, at != NULL);
    vector_same(v, what, bytes_of(&got), bytes_of(&want));
    crdt_buf_free(&got);
    crdt_buf_free(&want);
}

static crdt_err read_xml(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_YJS, at, out);
}

/* One reading of every root that the case tells of. */
static void check_each(const vector *v, const char *path, const char *member, crdt_doc *doc,
                       const crdt_snapshot *at, reader (*reader_for)(const char *kind))
{
    char at_path[64];
    snprintf(at_path, sizeof at_path, "%s%s%s", path, *path ? "." : "", member);
    const char *name;
    json_t *expected;
    json_object_foreach(vector_at(v, at_path), name, expected)
    {
        json_t *kind = json_object_get(vector_at(v, "roots"), name);
        reader read = reader_for(json_string_value(kind));
        char what[128];
        snprintf(what, sizeof what, "%s of %s", member, name);
        crdt_type type;
        crdt_buf out = {0};
        vector_err(v, "root", crdt_doc_root(doc, crdt_bytes_of(name), CRDT_ARRAY, &type), CRDT_OK);
        if (!read)
            continue;
        vector_err(v, what, read(doc, type, at, &out), CRDT_OK);
        if (read == crdt_read_text || read == read_xml)
            check_text(v, what, &out, expected, at);
        else
            check_json(v, what, &out, expected, at);
        crdt_buf_free(&out);
    }
}

static reader json_reader(const char *kind)
{
    static const struct {
        const char *kind;
        reader read;
    } readers[] = {{"Array", crdt_read_array}, {"Map", crdt_read_map}, {"Text", crdt_read_text}};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (strcmp(kind, readers[i].kind) == 0)
            return readers[i].read;
    return NULL; /* its XML is told, too */
}

static reader text_reader(const char *kind)
{
    (void)kind;
    return crdt_read_text;
}

static reader delta_reader(const char *kind)
{
    (void)kind;
    return crdt_read_delta;
}

/* The element that Yjs makes of a root has tags that no root of ours has. */
static reader xml_reader(const char *kind)
{
    return strcmp(kind, "XmlElement") == 0 ? NULL : read_xml;
}

static reader attributes_reader(const char *kind)
{
    (void)kind;
    return crdt_read_map;
}

void reading_check(const vector *v, const char *path, crdt_doc *doc, const crdt_snapshot *at)
{
    check_each(v, path, "json", doc, at, json_reader);
    check_each(v, path, "text", doc, at, text_reader);
    check_each(v, path, "delta", doc, at, delta_reader);
    check_each(v, path, "xml", doc, at, xml_reader);
    check_each(v, path, "attributes", doc, at, attributes_reader);
}
