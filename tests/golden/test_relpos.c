/* Relative positions: made at one time, resolved at another. */
#include "vector.h"

#include <string.h>

static uint64_t number_at(const vector *v, const char *path)
{
    return (uint64_t)json_number_value(vector_at(v, path));
}

static void define_roots(const vector *v, crdt_doc *doc)
{
    const char *name;
    json_t *kind;
    json_object_foreach(vector_at(v, "roots"), name, kind)
    {
        const bool is_text = strcmp(json_string_value(kind), "Text") == 0;
        crdt_type root;
        vector_err(v, "root",
                   crdt_doc_root(doc, crdt_bytes_of(name), is_text ? CRDT_TEXT : CRDT_ARRAY, &root),
                   CRDT_OK);
    }
}

static void apply_some(const vector *v, crdt_doc *doc, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        vector_err(v, "apply", crdt_doc_apply(doc, CRDT_V1, vector_bytes_i(v, "updates", i), NULL),
                   CRDT_OK);
}

/* The cases' positions, one at a time. */
static vector position_at(const vector *v, size_t i)
{
    return (vector){json_array_get(vector_at(v, "positions"), i), v->name, v->kind};
}

static int64_t assoc_of(const vector *position, const char *path)
{
    return (int64_t)json_number_value(vector_at(position, path));
}

static void check_made(const vector *position, crdt_doc *doc, crdt_type root)
{
    crdt_buf bytes = {0};
    vector_err(position, "encode",
               crdt_relpos_encode(doc, root, number_at(position, "index"),
                                  assoc_of(position, "assoc"), &bytes),
               CRDT_OK);
    vector_same(position, "position", bytes_of(&bytes), vector_bytes(position, "bytes"));
    crdt_buf_free(&bytes);
}

static void check_resolved(const vector *position, crdt_doc *doc, crdt_type root)
{
    bool found = false;
    crdt_place place = {0};
    const bool expected = !json_is_null(vector_at(position, "resolved"));
    vector_err(position, "resolve",
               crdt_relpos_resolve(doc, vector_bytes(position, "bytes"), &found, &place), CRDT_OK);
    if (found != expected)
        vector_fail(position, "found: %d", found);
    if (!found || !expected)
        return;
    if (place.index != number_at(position, "resolved.index") ||
        place.assoc != assoc_of(position, "resolved.assoc") || place.type.root != root.root)
        vector_fail(position, "resolved to %llu, %lld", (unsigned long long)place.index,
                    (long long)place.assoc);
}

static void use_relpos(const vector *v)
{
    if (!vector_is(v, "relpos"))
        return;
    const size_t then = (size_t)number_at(v, "takenAfter");
    crdt_doc *doc = crdt_doc_new(&(crdt_doc_options){.cleanup = CRDT_CLEANUP_ON});
    assert_non_null(doc);
    define_roots(v, doc);
    apply_some(v, doc, 0, then);
    crdt_type root;
    assert_true(
        crdt_doc_find_root(doc, crdt_bytes_of(json_string_value(vector_at(v, "root"))), &root));
    for (size_t i = 0; i < vector_count(v, "positions"); i++) {
        const vector position = position_at(v, i);
        check_made(&position, doc, root);
    }
    apply_some(v, doc, then, vector_count(v, "updates"));
    for (size_t i = 0; i < vector_count(v, "positions"); i++) {
        const vector position = position_at(v, i);
        check_resolved(&position, doc, root);
    }
    crdt_doc_free(doc);
}

static void positions_stay_with_their_units_as_in_yjs(void **state)
{
    (void)state;
    vectors_each(use_relpos);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(positions_stay_with_their_units_as_in_yjs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
