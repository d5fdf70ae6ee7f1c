/* Updates without a document: merge, difference, state vector, conversion, clients. And that every
 * kind of case has somebody who reads it. */
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
    vector_err(v, "merge", crdt_update_merge(vector_encoding(v), updates, count, &merged), CRDT_OK);
    vector_same(v, "merged", bytes_of(&merged), vector_bytes(v, "expect"));
    crdt_buf_free(&merged);
}

static void use_diff(const vector *v)
{
    if (!vector_is(v, "diff"))
        return;
    crdt_buf diff = {0};
    vector_err(v, "diff",
               crdt_update_diff(vector_encoding(v), vector_bytes(v, "update"),
                                vector_bytes(v, "sv"), &diff),
               CRDT_OK);
    vector_same(v, "difference", bytes_of(&diff), vector_bytes(v, "expect"));
    crdt_buf_free(&diff);
}

static void use_state_vector(const vector *v)
{
    if (!vector_is(v, "sv-from-update"))
        return;
    crdt_buf sv = {0};
    vector_err(v, "state_vector",
               crdt_update_state_vector(vector_encoding(v), vector_bytes(v, "update"), &sv),
               CRDT_OK);
    vector_same(v, "state vector", bytes_of(&sv), vector_bytes(v, "expect"));
    vector_err(v, "validate", crdt_state_vector_validate(bytes_of(&sv)), CRDT_OK);
    crdt_buf_free(&sv);
}

static crdt_buf converted(const vector *v, crdt_encoding from, crdt_bytes update, crdt_encoding to)
{
    crdt_buf out = {0};
    vector_err(v, "convert", crdt_update_convert(from, update, to, &out), CRDT_OK);
    return out;
}

static void use_convert(const vector *v)
{
    if (!vector_is(v, "convert"))
        return;
    crdt_encoding from = vector_encoding(v);
    crdt_encoding to = from == CRDT_V1 ? CRDT_V2 : CRDT_V1;
    crdt_buf out = converted(v, from, vector_bytes(v, "update"), to);
    vector_same(v, "converted", bytes_of(&out), vector_bytes(v, "expect"));
    crdt_buf_free(&out);
}

/* Told in v2 and again in v1, a state is what it was; only v1's JSON can hold an unpaired
 * surrogate, as an escape, and the key __proto__. */
static void use_there_and_back(const vector *v)
{
    if (!vector_has_v1(v) || vector_named(v, "lone-surrogate-embed/v1") || vector_named(v, "json/"))
        return;
    crdt_bytes state = vector_bytes(v, "expect.v1");
    crdt_buf same = converted(v, CRDT_V1, state, CRDT_V1);
    crdt_buf there = converted(v, CRDT_V1, state, CRDT_V2);
    crdt_buf back = converted(v, CRDT_V2, bytes_of(&there), CRDT_V1);
    crdt_buf again = converted(v, CRDT_V1, bytes_of(&back), CRDT_V2);
    vector_same(v, "v1 to v2 and back", bytes_of(&back), bytes_of(&same));
    vector_same(v, "v1 to v2, back, and to v2", bytes_of(&again), bytes_of(&there));
    crdt_buf_free(&same);
    crdt_buf_free(&there);
    crdt_buf_free(&back);
    crdt_buf_free(&again);
}

/* Yjs' Map from client to clock at `path` must have this entry. */
static void check_clock(const vector *v, const char *path, uint64_t client, uint64_t clock)
{
    char key[24];
    snprintf(key, sizeof key, "%llu", (unsigned long long)client);
    json_t *expected = json_object_get(vector_at(v, path), key);
    if (!expected || (uint64_t)json_real_value(expected) != clock)
        vector_fail(v, "%s of client %s is told as %llu", path, key, (unsigned long long)clock);
}

static void use_meta(const vector *v)
{
    if (!vector_is(v, "update-meta"))
        return;
    crdt_update_client *clients = NULL;
    size_t count = 0;
    vector_err(v, "clients",
               crdt_update_clients(vector_encoding(v), vector_bytes(v, "update"), &clients, &count),
               CRDT_OK);
    if (count != json_object_size(vector_at(v, "expect.from")))
        vector_fail(v, "%zu clients", count);
    for (size_t i = 0; i < count; i++) {
        check_clock(v, "expect.from", clients[i].client, clients[i].from);
        check_clock(v, "expect.to", clients[i].client, clients[i].to);
    }
    crdt_update_clients_free(clients, count);
}

/* What the kinds are for, and which of them need what the engine does not have. */
static struct {
    const char *kind;
    const char *enc; /* NULL: any */
    const char *out_of_scope;
    size_t count;
} kinds[] = {
    {"apply", "v1", NULL, 0},          {"merge", "v1", NULL, 0},
    {"diff", "v1", NULL, 0},           {"sv-from-update", "v1", NULL, 0},
    {"encode-from", "v1", NULL, 0},    {"awareness", NULL, NULL, 0},
    {"invalid", "v1", NULL, 0},        {"apply", "v2", NULL, 0},
    {"merge", "v2", NULL, 0},          {"diff", "v2", NULL, 0},
    {"sv-from-update", "v2", NULL, 0}, {"encode-from", "v2", NULL, 0},
    {"invalid", "v2", NULL, 0},        {"update-meta", NULL, NULL, 0},
    {"convert", NULL, NULL, 0},        {"prim", NULL, NULL, 0},
    {"edit", NULL, NULL, 0},           {"snapshot", NULL, NULL, 0},
    {"relpos", NULL, NULL, 0},         {"sync", NULL, NULL, 0},
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

static void updates_are_converted_as_yjs_converts_them(void **state)
{
    (void)state;
    vectors_each(use_convert);
    vectors_assert_none_failed();
}

static void a_state_survives_the_other_format(void **state)
{
    (void)state;
    vectors_each(use_there_and_back);
    vectors_assert_none_failed();
}

static void clients_of_updates_are_as_yjs_reads_them(void **state)
{
    (void)state;
    vectors_each(use_meta);
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
        cmocka_unit_test(updates_are_converted_as_yjs_converts_them),
        cmocka_unit_test(a_state_survives_the_other_format),
        cmocka_unit_test(clients_of_updates_are_as_yjs_reads_them),
        cmocka_unit_test(every_kind_of_case_is_read_or_out_of_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
