#include "edits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deep.h"
#include "program.h"
#include "richtwin.h"

/* One document, its twin, and the document that follows. */
typedef struct bench {
    program p;
    crdt_doc *doc;
    crdt_doc *follower;
    crdt_type text;
    crdt_type list;
    crdt_type map;
    richtwin twin;
    bool cuts; /* surrogate pairs may be cut */
} bench;

enum { OWN_CLIENT = 5 };

static const char *const pieces[] = {
    "a", "bcd", "\xc3\xa9", "\xe2\x86\x92x", "\n", "\xf0\x9f\x99\x82", "longer than most", ""};

static void expect_ok(bench *b, crdt_err err, const char *otherwise)
{
    program_expect(&b->p, err == CRDT_OK, otherwise);
}

/* An index into the text, up to its end. */
static size_t choose_index(bench *b)
{
    const size_t index = program_below(&b->p, b->twin.text_count + 1);
    return !b->cuts && richtwin_splits_pair(&b->twin, index) ? index + 1 : index;
}

/* How many units from `index` on; some lengths go past the end. */
static size_t choose_length(bench *b, size_t index, size_t limit)
{
    const size_t length = program_below(&b->p, limit);
    return !b->cuts && richtwin_splits_pair(&b->twin, index + length) ? length + 1 : length;
}

/* ---- formats ---- */

/* Some of the format keys, with values; 0 is null. Written as JSON, too. */
typedef struct choice {
    unsigned keys;
    richtwin_formats formats;
    char json[40];
} choice;

static choice choose_formats(bench *b)
{
    choice c = {.keys = 1 + (unsigned)program_below(&b->p, 3)};
    const char *before = "{";
    size_t len = 0;
    for (size_t k = 0; k < RICHTWIN_FORMATS; k++) {
        if (!(c.keys & 1u << k))
            continue;
        const uint8_t value = (uint8_t)program_below(&b->p, 3);
        c.formats.value[k] = value;
        const char digit[2] = {(char)('0' + value), '\0'};
        len += (size_t)snprintf(c.json + len, sizeof c.json - len, "%s\"f%zu\":%s", before, k,
                                value ? digit : "null");
        before = ",";
    }
    c.json[len] = '}';
    return c;
}

/* ---- the text ---- */

static void insert_text(bench *b)
{
    const char *piece = pieces[program_below(&b->p, sizeof pieces / sizeof pieces[0])];
    const size_t index = choose_index(b);
    if (b->twin.text_count + richtwin_units(piece) > RICHTWIN_UNITS_MAX)
        return;
    crdt_err err;
    if (program_byte(&b->p) % 2) {
        const choice c = choose_formats(b);
        const crdt_value attributes = crdt_json(c.json);
        err = crdt_text_insert(b->doc, b->text, index, crdt_bytes_of(piece), &attributes);
        richtwin_insert(&b->twin, index, piece, c.formats);
    } else {
        err = crdt_text_insert(b->doc, b->text, index, crdt_bytes_of(piece), NULL);
        richtwin_insert(&b->twin, index, piece, richtwin_around(&b->twin, index));
    }
    expect_ok(b, err, "text cannot be inserted");
}

static void insert_embed(bench *b)
{
    const size_t index = choose_index(b);
    const uint8_t embed = (uint8_t)(1 + program_below(&b->p, 9));
    if (b->twin.text_count == RICHTWIN_UNITS_MAX)
        return;
    char json[16];
    snprintf(json, sizeof json, "{\"e\":%u}", embed);
    const crdt_value value = crdt_json(json);
    choice c = {0};
    if (program_byte(&b->p) % 2)
        c = choose_formats(b);
    const crdt_value attributes = crdt_json(c.json);
    expect_ok(b,
              crdt_text_insert_embed(b->doc, b->text, index, &value, c.keys ? &attributes : NULL),
              "an embed cannot be inserted");
    richtwin_insert_embed(&b->twin, index, embed, c.formats);
}

static void delete_text(bench *b)
{
    const size_t index = choose_index(b);
    const size_t length = choose_length(b, index, 20);
    expect_ok(b, crdt_text_delete(b->doc, b->text, index, length), "text cannot be deleted");
    richtwin_delete(&b->twin, index, length);
}

/* At the very end nothing tells whether deleted units or marks lie behind, on which it depends
 * whether newlines are added: not there. */
static void format_text(bench *b)
{
    const size_t index = choose_index(b);
    const size_t length = choose_length(b, index, 24);
    const choice c = choose_formats(b);
    if (index == b->twin.text_count || index + length > RICHTWIN_UNITS_MAX)
        return;
    const crdt_value attributes = crdt_json(c.json);
    expect_ok(b, crdt_text_format(b->doc, b->text, index, length, &attributes),
              "text cannot be formatted");
    richtwin_format(&b->twin, index, length, c.keys, c.formats);
}

/* Writes one operation, and does it to the twin; returns the index behind it. */
static size_t delta_operation(bench *b, size_t index, char *out, size_t size)
{
    const size_t left = b->twin.text_count - index;
    const char *piece = pieces[program_below(&b->p, 4)];
    const choice c = choose_formats(b);
    const size_t length = choose_length(b, index, 12);
    switch (program_below(&b->p, 4)) {
    case 0:
        if (length == 0)
            break;
        snprintf(out, size, "{\"delete\":%zu}", length);
        richtwin_delete(&b->twin, index, length);
        return index;
    case 1:
        if (length == 0 || length > left)
            break;
        snprintf(out, size, "{\"retain\":%zu,\"attributes\":%s}", length, c.json);
        richtwin_format(&b->twin, index, length, c.keys, c.formats);
        return index + length;
    case 2:
        if (length == 0 || length > left)
            break;
        snprintf(out, size, "{\"retain\":%zu}", length);
        richtwin_format(&b->twin, index, length, 0, c.formats); /* cuts pairs */
        return index + length;
    default:
        break;
    }
    snprintf(out, size, "{\"insert\":\"%s\",\"attributes\":%s}", piece, c.json);
    richtwin_insert(&b->twin, index, piece, c.formats);
    return index + richtwin_units(piece);
}

static void apply_delta(bench *b)
{
    enum { OPERATIONS_MAX = 4, OPERATION_LEN_MAX = 96 };
    char delta[OPERATIONS_MAX * OPERATION_LEN_MAX + 2] = "[";
    size_t len = 1;
    size_t index = 0;
    const size_t count = 1 + program_below(&b->p, OPERATIONS_MAX);
    if (b->twin.text_count + OPERATIONS_MAX * 4 > RICHTWIN_UNITS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            delta[len++] = ',';
        index = delta_operation(b, index, delta + len, OPERATION_LEN_MAX);
        len += strlen(delta + len);
    }
    delta[len++] = ']';
    expect_ok(b,
              crdt_text_apply_delta(b->doc, b->text, (crdt_bytes){(uint8_t *)delta, len},
                                    CRDT_DELTA_AS_IS),
              "a delta cannot be applied");
}

/* ---- the list and the map ---- */

static const struct {
    crdt_value value;
    const char *json; /* as it is read */
} values[] = {
    {{.kind = CRDT_VALUE_JSON, .bytes = {(const uint8_t *)"7", 1}}, "7"},
    {{.kind = CRDT_VALUE_JSON, .bytes = {(const uint8_t *)"\"s\"", 3}}, "\"s\""},
    {{.kind = CRDT_VALUE_JSON, .bytes = {(const uint8_t *)"null", 4}}, "null"},
    {{.kind = CRDT_VALUE_JSON, .bytes = {(const uint8_t *)"[1,{}]", 6}}, "[1,{}]"},
    {{.kind = CRDT_VALUE_BINARY, .bytes = {(const uint8_t *)"abc", 3}}, "\"YWJj\""},
    {{.kind = CRDT_VALUE_TYPE, .type = CRDT_ARRAY}, "[]"},
    {{.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP}, "{}"},
    {{.kind = CRDT_VALUE_TYPE, .type = CRDT_TEXT}, "\"\""},
};

static size_t choose_value(bench *b)
{
    return program_below(&b->p, sizeof values / sizeof values[0]);
}

static richtwin_value twin_value(size_t i)
{
    richtwin_value value = {{0}};
    memcpy(value.json, values[i].json, strlen(values[i].json));
    return value;
}

static void insert_elements(bench *b)
{
    enum { ELEMENTS_MAX = 5 };
    crdt_value given[ELEMENTS_MAX];
    richtwin_value same[ELEMENTS_MAX];
    const size_t count = program_below(&b->p, ELEMENTS_MAX + 1);
    const bool pushes = program_byte(&b->p) % 2 != 0;
    const size_t index = pushes ? b->twin.list_count : program_below(&b->p, b->twin.list_count + 1);
    if (b->twin.list_count + count > RICHTWIN_UNITS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        const size_t chosen = choose_value(b);
        given[i] = values[chosen].value;
        same[i] = twin_value(chosen);
    }
    expect_ok(b,
              pushes ? crdt_list_push(b->doc, b->list, given, count)
                     : crdt_list_insert(b->doc, b->list, index, given, count),
              "elements cannot be inserted");
    richtwin_list_insert(&b->twin, index, same, count);
}

static void delete_elements(bench *b)
{
    const size_t index = program_below(&b->p, b->twin.list_count + 1);
    const size_t length = program_below(&b->p, 8);
    const bool fits = length <= b->twin.list_count - index;
    program_expect(
        &b->p, crdt_list_delete(b->doc, b->list, index, length) == (fits ? CRDT_OK : CRDT_INVALID),
        "elements are deleted that are not there, or not those that are");
    if (fits)
        richtwin_list_delete(&b->twin, index, length);
}

static void edit_map(bench *b)
{
    const size_t k = program_below(&b->p, RICHTWIN_KEYS);
    const char key[2] = {'k', (char)('0' + k)};
    const crdt_bytes name = {(const uint8_t *)key, sizeof key};
    const size_t what = program_below(&b->p, 8);
    crdt_err err;
    if (what == 0) {
        err = crdt_map_clear(b->doc, b->map);
        memset(b->twin.map, 0, sizeof b->twin.map);
    } else if (what < 3) {
        err = crdt_map_delete(b->doc, b->map, name);
        b->twin.map[k] = (richtwin_value){{0}};
    } else {
        const size_t chosen = choose_value(b);
        err = crdt_map_set(b->doc, b->map, name, &values[chosen].value);
        b->twin.map[k] = twin_value(chosen);
    }
    expect_ok(b, err, "the map cannot be edited");
}

/* ---- comparing ---- */

typedef crdt_err (*reader)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);

static bool same_value(const crdt_buf *a, const crdt_buf *b)
{
    return crdt__json_equal((crdt_bytes){a->data, a->len}, (crdt_bytes){b->data, b->len}, NULL);
}

static void compare(bench *b, crdt_type type, reader read,
                    void (*print)(const richtwin *t, crdt_buf *out), bool is_json,
                    const char *otherwise)
{
    crdt_buf got = {0};
    crdt_buf wanted = {0};
    expect_ok(b, read(b->doc, type, NULL, &got), "a type cannot be read");
    print(&b->twin, &wanted);
    program_expect(&b->p,
                   is_json ? same_value(&got, &wanted)
                           : got.len == wanted.len &&
                                 (got.len == 0 || memcmp(got.data, wanted.data, got.len) == 0),
                   otherwise);
    crdt_buf_free(&got);
    crdt_buf_free(&wanted);
}

static void compare_with_twin(bench *b)
{
    compare(b, b->text, crdt_read_text, richtwin_print_text, false, "the twin's text is another");
    compare(b, b->text, crdt_read_delta, richtwin_print_delta, true,
            "the twin's formats are others");
    compare(b, b->list, crdt_read_array, richtwin_print_list, true, "the twin's list is another");
    compare(b, b->map, crdt_read_map, richtwin_print_map, true, "the twin's map is another");
}

static void compare_with_follower(bench *b)
{
    crdt_buf mine = {0};
    crdt_buf other = {0};
    expect_ok(b, crdt_doc_encode_state(b->doc, CRDT_V1, (crdt_bytes){0}, &mine), "no state");
    expect_ok(b, crdt_doc_encode_state(b->follower, CRDT_V1, (crdt_bytes){0}, &other), "no state");
    program_expect(&b->p, mine.len == other.len && memcmp(mine.data, other.data, mine.len) == 0,
                   "who applies the updates comes to another state");
    crdt_buf_free(&mine);
    crdt_buf_free(&other);
}

static void check(bench *b)
{
    const char *broken = crdt_doc_check(b->doc);
    program_expect(&b->p, !broken, broken);
    broken = crdt_doc_check(b->follower);
    program_expect(&b->p, !broken, broken);
}

/* ---- transactions ---- */

static void edit(bench *b)
{
    switch (program_below(&b->p, 12)) {
    case 0:
    case 1:
    case 2:
        insert_text(b);
        break;
    case 3:
        insert_embed(b);
        break;
    case 4:
    case 5:
        delete_text(b);
        break;
    case 6:
    case 7:
        format_text(b);
        break;
    case 8:
        apply_delta(b);
        break;
    case 9:
        insert_elements(b);
        break;
    case 10:
        delete_elements(b);
        break;
    default:
        edit_map(b);
        break;
    }
}

static void tell_follower(bench *b, crdt_bytes update, crdt_encoding encoding)
{
    crdt_applied applied = {0};
    if (update.len == 0)
        return;
    expect_ok(b, crdt_doc_apply(b->follower, encoding, update, &applied), "an update is refused");
    program_expect(&b->p, applied.integrated && !applied.pending, "an update says nothing new");
}

static void transact(bench *b)
{
    crdt_buf update = {0};
    const uint8_t shape = program_byte(&b->p);
    const crdt_encoding encoding = shape & 0x80 ? CRDT_V2 : CRDT_V1;
    expect_ok(b, crdt_doc_begin(b->doc), "no transaction");
    for (size_t edits = 1 + shape % 4; edits > 0 && !b->p.wrong; edits--)
        edit(b);
    expect_ok(b, crdt_doc_commit(b->doc, encoding, &update), "no commit");
    tell_follower(b, (crdt_bytes){update.data, update.len}, encoding);
    crdt_buf_free(&update);
    check(b);
    compare_with_twin(b);
    if (!b->cuts)
        compare_with_follower(b);
}

/* ---- the call ---- */

static crdt_type root(bench *b, const char *name, crdt_type_kind kind)
{
    crdt_type type = {0};
    expect_ok(b, crdt_doc_root(b->doc, crdt_bytes_of(name), kind, &type), "no root");
    return type;
}

const char *edits_run(crdt_bytes bytes)
{
    bench *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->p.left = bytes;
    const uint8_t shape = program_byte(&b->p);
    const crdt_doc_options options = {.gc = shape & 1 ? CRDT_GC_OFF : CRDT_GC_ON};
    b->cuts = (shape & 2) != 0;
    b->doc = crdt_doc_new(&options);
    b->follower = crdt_doc_new(&options);
    if (!b->doc || !b->follower)
        abort();
    b->text = root(b, "t", CRDT_TEXT);
    b->list = root(b, "l", CRDT_ARRAY);
    b->map = root(b, "m", CRDT_MAP);
    expect_ok(b, crdt_doc_set_client(b->doc, OWN_CLIENT), "no client");
    while (b->p.left.len > 0 && !b->p.wrong)
        transact(b);
    const char *wrong = b->p.wrong;
    crdt_doc_free(b->doc);
    crdt_doc_free(b->follower);
    free(b);
    return wrong;
}
