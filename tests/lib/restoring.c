#include "restoring.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/deep.h"
#include "editor.h"

enum { MOMENTS_MAX = 6, DEPTH_MAX = 64 };

typedef struct run {
    program p;
    editor_types types;
    crdt_doc *here;
    crdt_doc *there;
    crdt_doc *told; /* of what happens here, by updates alone */
    crdt_buf moments[MOMENTS_MAX];
    size_t moment_count;
} run;

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void expect_ok(run *r, crdt_err err, const char *otherwise)
{
    program_expect(&r->p, err == CRDT_OK, otherwise);
}

/* ---- the same content ---- */

/* Behind the string that begins at `at`, behind its first quote. */
static size_t string_end(crdt_bytes json, size_t at)
{
    while (json.data[at] != '"')
        at += json.data[at] == '\\' ? 2 : 1;
    return at + 1;
}

/* Behind the object that begins at `at`. */
static size_t object_end(crdt_bytes json, size_t at)
{
    size_t depth = 0;
    do {
        uint8_t byte = json.data[at++];
        if (byte == '"')
            at = string_end(json, at);
        depth += byte == '{';
        depth -= byte == '}';
    } while (depth > 0);
    return at;
}

/* A delta's text, whose parts of equal attributes are joined: where a mark that changes nothing
 * stands is nobody's business. */
static void join_texts(crdt_bytes delta, crdt_buf *out)
{
    static const char text[] = "{\"insert\":\"";
    const size_t head = sizeof text - 1;
    crdt_bytes last = {NULL, 0}; /* what ended the text before, from its quote on */
    crdt__writer w = crdt__writer_on(out);
    if (delta.len == 2)
        crdt__write_u8(&w, '[');
    for (size_t at = 1; at + 1 < delta.len;) {
        const uint8_t *part = delta.data + at;
        const size_t end = object_end(delta, at);
        const bool is_text = end - at > head && memcmp(part, text, head) == 0;
        const size_t quote = is_text ? string_end(delta, at + head) - 1 : end;
        const crdt_bytes rest = {delta.data + quote, end - quote};
        const bool joins = is_text && last.len > 0 && crdt__bytes_equal(last, rest);
        if (!joins) {
            crdt__write_bytes(&w, last.data, last.len);
            crdt__write_u8(&w, delta.data[at - 1]); /* a bracket, or a comma */
        }
        crdt__write_bytes(&w, part + (joins ? head : 0), quote - at - (joins ? head : 0));
        last = rest;
        at = end + 1;
    }
    crdt__write_bytes(&w, last.data, last.len);
    crdt__write_u8(&w, ']');
    if (crdt__writer_finish(&w) != CRDT_OK)
        abort();
}

static bool read_joined_delta(crdt_doc *doc, crdt_type text, crdt_buf *out)
{
    crdt_buf delta = {0};
    bool ok = crdt_read_delta(doc, text, NULL, &delta) == CRDT_OK;
    if (ok)
        join_texts(bytes_of(&delta), out);
    crdt_buf_free(&delta);
    return ok;
}

static bool same_text(crdt_doc *a, crdt_type in_a, crdt_doc *b, crdt_type in_b)
{
    crdt_buf x = {0}, y = {0};
    bool same = read_joined_delta(a, in_a, &x) && read_joined_delta(b, in_b, &y) &&
                crdt__json_equal(bytes_of(&x), bytes_of(&y), NULL);
    crdt_buf_free(&x);
    crdt_buf_free(&y);
    return same;
}

static bool same_type(crdt_doc *a, crdt_type in_a, crdt_doc *b, crdt_type in_b, size_t depth);

static bool same_value(crdt_doc *a, const crdt_value *x, crdt_doc *b, const crdt_value *y,
                       size_t depth)
{
    if (x->kind != y->kind)
        return false;
    if (x->kind == CRDT_VALUE_TYPE)
        return x->type == y->type && x->bytes.len == y->bytes.len &&
               same_type(a, x->handle, b, y->handle, depth + 1);
    return x->bytes.len == y->bytes.len && x->options.len == y->options.len &&
           (x->bytes.len == 0 || memcmp(x->bytes.data, y->bytes.data, x->bytes.len) == 0);
}

static bool same_elements(crdt_doc *a, crdt_type in_a, crdt_doc *b, crdt_type in_b, size_t depth)
{
    crdt_value x, y;
    for (uint64_t i = 0;; i++) {
        if (crdt_list_get(a, in_a, i, &x) != CRDT_OK || crdt_list_get(b, in_b, i, &y) != CRDT_OK ||
            !same_value(a, &x, b, &y, depth))
            return false;
        if (x.kind == CRDT_VALUE_NONE)
            return true;
    }
}

static bool same_entries(crdt_doc *a, crdt_type in_a, crdt_doc *b, crdt_type in_b, size_t depth)
{
    size_t cursor = 0;
    crdt_bytes key;
    crdt_value x, y;
    for (bool found; crdt_map_next(a, in_a, &cursor, &found, &key, &x) == CRDT_OK && found;)
        if (crdt_map_get(b, in_b, key, &y) != CRDT_OK || !same_value(a, &x, b, &y, depth))
            return false;
    return true;
}

static bool is_text(const crdt_doc *doc, crdt_type type)
{
    crdt_type_info info;
    return crdt_type_describe(doc, type, &info) == CRDT_OK &&
           (info.kind == CRDT_TEXT || info.kind == CRDT_XML_TEXT);
}

static bool same_type(crdt_doc *a, crdt_type in_a, crdt_doc *b, crdt_type in_b, size_t depth)
{
    return depth > DEPTH_MAX ||
           ((!is_text(a, in_a) || same_text(a, in_a, b, in_b)) &&
            same_elements(a, in_a, b, in_b, depth) && same_entries(a, in_a, b, in_b, depth));
}

static bool is_empty(crdt_doc *doc, crdt_type type)
{
    size_t cursor = 0;
    bool found;
    crdt_bytes key;
    crdt_value value;
    crdt_type_info info;
    return crdt_type_describe(doc, type, &info) == CRDT_OK && info.length == 0 &&
           crdt_map_next(doc, type, &cursor, &found, &key, &value) == CRDT_OK && !found;
}

/* An empty root is as good as none. */
static bool covers(crdt_doc *a, crdt_doc *b)
{
    size_t cursor = 0;
    crdt_type root, other;
    crdt_bytes name;
    while (crdt_doc_next_root(a, &cursor, &root, &name)) {
        bool found = crdt_doc_find_root(b, name, &other);
        if (is_empty(a, root) ? found && !is_empty(b, other)
                              : !found || !same_type(a, root, b, other, 0))
            return false;
    }
    return true;
}

bool restoring_same(crdt_doc *a, crdt_doc *b)
{
    return covers(a, b) && covers(b, a);
}

/* ---- what happens ---- */

static crdt_doc *new_doc(run *r, uint64_t client)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    expect_ok(r, crdt_doc_set_client(doc, client), "no client");
    for (size_t i = 0; i < EDITOR_ROOTS; i++)
        (void)editor_root(&r->p, doc, i);
    return doc;
}

static void hear(run *r, crdt_doc *doc, const crdt_buf *update)
{
    if (update->len > 0)
        expect_ok(r, crdt_doc_apply(doc, CRDT_V1, bytes_of(update), NULL),
                  "a good update is refused");
}

static void check(run *r)
{
    const char *broken = crdt_doc_check(r->here);
    program_expect(&r->p, !broken, broken);
    program_expect(&r->p, restoring_same(r->here, r->told), "who was told of it reads otherwise");
    crdt_buf a = {0}, b = {0};
    expect_ok(r, crdt_doc_snapshot(r->here, CRDT_V1, &a), "no snapshot");
    expect_ok(r, crdt_doc_snapshot(r->told, CRDT_V1, &b), "no snapshot");
    program_expect(&r->p, a.len == b.len && memcmp(a.data, b.data, a.len) == 0,
                   "who was told of it has another document");
    crdt_buf_free(&a);
    crdt_buf_free(&b);
}

static void commit(run *r, crdt_doc *doc, crdt_buf *update)
{
    expect_ok(r, crdt_doc_commit(doc, CRDT_V1, update), "no commit");
    if (doc != r->here)
        return;
    hear(r, r->told, update);
}

static void edit(run *r, crdt_doc *doc)
{
    crdt_buf update = {0};
    expect_ok(r, crdt_doc_begin(doc), "no transaction");
    for (size_t edits = 1 + program_below(&r->p, 4); edits > 0; edits--)
        editor_edit(&r->p, doc, &r->types);
    commit(r, doc, &update);
    crdt_buf_free(&update);
}

/* One tells the other what it lacks. */
static void tell(run *r, crdt_doc *from, crdt_doc *to)
{
    crdt_buf sv = {0}, update = {0};
    expect_ok(r, crdt_doc_encode_state_vector(to, &sv), "no state vector");
    expect_ok(r, crdt_doc_encode_state(from, CRDT_V1, bytes_of(&sv), &update), "no difference");
    hear(r, to, &update);
    if (to == r->here)
        hear(r, r->told, &update);
    crdt_buf_free(&sv);
    crdt_buf_free(&update);
}

static void remember(run *r, crdt_doc *doc)
{
    crdt_buf *moment =
        &r->moments[r->moment_count < MOMENTS_MAX ? r->moment_count++
                                                  : program_below(&r->p, MOMENTS_MAX)];
    crdt_buf_free(moment);
    expect_ok(r, crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, moment), "no state");
}

static void restore_to(run *r, crdt_doc *doc, crdt_doc *past)
{
    crdt_buf update = {0};
    bool same = restoring_same(doc, past);
    expect_ok(r, crdt_doc_begin(doc), "no transaction");
    expect_ok(r, crdt_doc_restore(doc, past), "cannot be restored");
    commit(r, doc, &update);
    program_expect(&r->p, !same || update.len == 0, "equal content is edited");
    program_expect(&r->p, restoring_same(doc, past), "another content than in the past");
    update.len = 0;
    expect_ok(r, crdt_doc_begin(doc), "no transaction");
    expect_ok(r, crdt_doc_restore(doc, past), "cannot be restored again");
    commit(r, doc, &update);
    program_expect(&r->p, update.len == 0, "it was restored, and is restored again");
    crdt_buf_free(&update);
}

static void restore(run *r, crdt_doc *doc)
{
    if (r->moment_count == 0)
        return;
    crdt_doc *past = crdt_doc_new(NULL);
    size_t i = program_below(&r->p, r->moment_count + 1);
    if (i < r->moment_count) /* else: before everything */
        hear(r, past, &r->moments[i]);
    restore_to(r, doc, past);
    crdt_doc_free(past);
}

static void do_something(run *r)
{
    switch (program_below(&r->p, 10)) {
    case 0:
    case 1:
    case 2:
        edit(r, r->here);
        break;
    case 3:
        edit(r, r->there);
        break;
    case 4:
        tell(r, r->here, r->there);
        break;
    case 5:
        tell(r, r->there, r->here);
        break;
    case 6:
        remember(r, r->here);
        break;
    case 7:
        remember(r, program_below(&r->p, 4) ? r->here : r->there);
        break;
    case 8:
        restore(r, r->here);
        break;
    default:
        restore(r, program_below(&r->p, 4) ? r->here : r->there);
        break;
    }
}

const char *restoring_run(crdt_bytes bytes)
{
    run r = {.p.left = bytes};
    r.here = new_doc(&r, 1);
    r.there = new_doc(&r, 2);
    r.told = new_doc(&r, 3);
    while (r.p.left.len > 0 && !r.p.wrong) {
        do_something(&r);
        check(&r);
    }
    tell(&r, r.here, r.there);
    tell(&r, r.there, r.here);
    program_expect(&r.p, restoring_same(r.here, r.there), "people do not agree");
    for (size_t i = 0; i < r.moment_count; i++)
        crdt_buf_free(&r.moments[i]);
    crdt_doc_free(r.here);
    crdt_doc_free(r.there);
    crdt_doc_free(r.told);
    return r.p.wrong;
}
