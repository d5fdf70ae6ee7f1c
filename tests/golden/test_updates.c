/* Updates without a document: merge, difference, state vector. And that every kind of case has
 * somebody who reads it. */
#include "vector.h"

#include <stdio.h>
#include <string.h>

static void use_merge(const vector *v)
{
    enum { UPDATES_MAX = 256 };
    if (!vector_is(v, "merge"))
        return;
    crdt_bytes updates[UPDATES_MAX];
    size_t count = vector_count(v, "updates");
    assert_true(count <= UPDATES_MAX);
    for (size_t i = 0; i < count; i++)
        updates[i] = vector_bytes_i(v, "updates", i);
    crdt_buf merged = {0};
    vector_err(v, "merge", crdt_update_merge(CRDT_V1, updates, count, &merged), CRDT_OK);
    vector_same(v, "merged", bytes_of(&merged), vector_bytes(v, "expect"));
    crdt_buf_free(&merged);
}

static void use_diff(const vector *v)
{
    if (!vector_is(v, "diff"))
        return;
    crdt_buf diff = {0};
    vector_err(v, "diff",
               crdt_update_diff(CRDT_V1, vector_bytes(v, "update"), vector_bytes(v, "sv"), &diff),
               CRDT_OK);
    vector_same(v, "difference", bytes_of(&diff), vector_bytes(v, "expect"));
    crdt_buf_free(&diff);
}

static void use_state_vector(const vector *v)
{
    if (!vector_is(v, "sv-from-update"))
        return;
    crdt_buf sv = {0};
    vector_err(v, "state_vector", crdt_update_state_vector(CRDT_V1, vector_bytes(v, "update"), &sv),
               CRDT_OK);
    vector_same(v, "state vector", bytes_of(&sv), vector_bytes(v, "expect"));
    vector_err(v, "validate", crdt_state_vector_validate(bytes_of(&sv)), CRDT_OK);
    crdt_buf_free(&sv);
}

/* What the kinds are for, and which of them need what the engine does not have. */
static struct {
    const char *kind;
    const char *enc; /* NULL: any */
    const char *out_of_scope;
    size_t count;
} kinds[] = {
    {"apply", "v1", NULL, 0},
    {"merge", "v1", NULL, 0},
    {"diff", "v1", NULL, 0},
    {"sv-from-update", "v1", NULL, 0},
    {"encode-from", "v1", NULL, 0},
    {"awareness", NULL, NULL, 0},
    {"invalid", "v1", NULL, 0},
    {"apply", "v2", "update format v2", 0},
    {"merge", "v2", "update format v2", 0},
    {"diff", "v2", "update format v2", 0},
    {"sv-from-update", "v2", "update format v2", 0},
    {"encode-from", "v2", "update format v2", 0},
    {"invalid", "v2", "update format v2", 0},
    {"update-meta", NULL, "the clocks an update speaks of are not in the API", 0},
    {"convert", NULL, "update format v2", 0},
    {"prim", NULL, "the column codecs of update format v2", 0},
    {"edit", NULL, NULL, 0},
    {"snapshot", NULL, NULL, 0},
    {"relpos", NULL, NULL, 0},
    {"sync", NULL, NULL, 0},
    {"frame", NULL, NULL, 0},
};

static void use_kind(const vector *v)
{
    const char *enc = json_string_value(vector_at(v, "enc"));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(v->kind, kinds[i].kind) != 0 ||
            (kinds[i].enc && (!enc || strcmp(enc, kinds[i].enc) != 0)))
            continue;
        kinds[i].count++;
        return;
    }
    vector_fail(v, "kind %s, format %s: nobody reads it", v->kind, enc ? enc : "none");
}

static void merged_updates_are_as_yjs_merges_them(void **state)
{
    (void)state;
    vectors_each(use_merge);
    vectors_assert_none_failed();
}

static void differences_of_updates_are_as_yjs_makes_them(void **state)
{
    (void)state;
    vectors_each(use_diff);
    vectors_assert_none_failed();
}

static void state_vectors_of_updates_are_as_yjs_reads_them(void **state)
{
    (void)state;
    vectors_each(use_state_vector);
    vectors_assert_none_failed();
}

static void every_kind_of_case_is_read_or_out_of_scope(void **state)
{
    (void)state;
    size_t count = vectors_each(use_kind);
    vectors_assert_none_failed();
    size_t sum = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        printf("%5zu %s%s%s%s%s\n", kinds[i].count, kinds[i].kind, kinds[i].enc ? " " : "",
               kinds[i].enc ? kinds[i].enc : "",
               kinds[i].out_of_scope ? ": not read, for want of " : "",
               kinds[i].out_of_scope ? kinds[i].out_of_scope : "");
        sum += kinds[i].count;
        assert_true(kinds[i].out_of_scope || kinds[i].count > 0);
    }
    assert_int_equal(sum, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_updates_are_as_yjs_merges_them),
        cmocka_unit_test(differences_of_updates_are_as_yjs_makes_them),
        cmocka_unit_test(state_vectors_of_updates_are_as_yjs_reads_them),
        cmocka_unit_test(every_kind_of_case_is_read_or_out_of_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
