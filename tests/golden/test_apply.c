/* Documents made of the updates of every `apply` case must hold, byte for byte, what Yjs' hold. */
#include "vector.h"

#include <stdio.h>
#include <string.h>

#include "failmem.h"

/* As what a case's document is opened. */
typedef enum opening { ROOTS_DEFINED, ROOTS_UNKNOWN, NO_CLEANUP } opening;

typedef struct receiver {
    failmem memory;
    crdt_doc *doc;
} receiver;

static bool is_gc_on(const vector *v)
{
    return !json_is_false(vector_at(v, "gc"));
}

static void define_texts(const vector *v, crdt_doc *doc)
{
    const char *name;
    json_t *kind;
    json_object_foreach(vector_at(v, "roots"), name, kind)
    {
        const char *text = json_string_value(kind);
        if (strcmp(text, "Text") == 0 || strcmp(text, "XmlText") == 0) {
            crdt_type type;
            vector_err(v, "root", crdt_doc_root(doc, crdt_bytes_of(name), CRDT_TEXT, &type),
                       CRDT_OK);
        }
    }
}

static void open_receiver(const vector *v, opening how, receiver *out)
{
    failmem_init(&out->memory);
    crdt_doc_options options = {.mem = &out->memory.mem,
                                .gc = is_gc_on(v) ? CRDT_GC_ON : CRDT_GC_OFF,
                                .cleanup = how == NO_CLEANUP ? CRDT_CLEANUP_OFF : CRDT_CLEANUP_ON};
    out->doc = crdt_doc_new(&options);
    assert_non_null(out->doc);
    if (how == ROOTS_DEFINED)
        define_texts(v, out->doc);
}

static void close_receiver(const vector *v, receiver *r)
{
    if (crdt_doc_memory_bytes(r->doc) != r->memory.held_bytes)
        vector_fail(v, "memory_bytes tells %zu, held are %zu", crdt_doc_memory_bytes(r->doc),
                    r->memory.held_bytes);
    crdt_doc_free(r->doc);
    if (r->memory.held_bytes != 0)
        vector_fail(v, "%zu bytes leaked", r->memory.held_bytes);
    if (r->memory.size_mismatch)
        vector_fail(v, "memory given back with another size");
}

static void apply_in(const vector *v, receiver *r, crdt_encoding encoding, crdt_bytes update,
                     crdt_applied *out)
{
    vector_err(v, "validate", crdt_update_validate(encoding, update), CRDT_OK);
    vector_err(v, "apply", crdt_doc_apply(r->doc, encoding, update, out), CRDT_OK);
    const char *broken = crdt_doc_check(r->doc);
    if (broken)
        vector_fail(v, "check: %s", broken);
}

static void apply(const vector *v, receiver *r, crdt_bytes update, crdt_applied *out)
{
    apply_in(v, r, vector_encoding(v), update, out);
}

static void apply_all(const vector *v, receiver *r)
{
    for (size_t i = 0; i < vector_count(v, "updates"); i++)
        apply(v, r, vector_bytes_i(v, "updates", i), NULL);
}

static crdt_buf state_in(const vector *v, receiver *r, crdt_encoding encoding)
{
    crdt_buf state = {0};
    vector_err(v, "encode_state", crdt_doc_encode_state(r->doc, encoding, (crdt_bytes){0}, &state),
               CRDT_OK);
    return state;
}

static crdt_buf state_of(const vector *v, receiver *r)
{
    return state_in(v, r, CRDT_V1);
}

/* The state is what Yjs' is, and encoding has changed nothing: the second time gives the same. */
static void check_format(const vector *v, receiver *r, crdt_encoding encoding, crdt_bytes expected)
{
    crdt_buf state = state_in(v, r, encoding);
    crdt_buf again = state_in(v, r, encoding);
    const char *what = encoding == CRDT_V1 ? "state" : "state, v2";
    vector_same(v, what, bytes_of(&state), expected);
    vector_same(v, "state, encoded again", bytes_of(&again), bytes_of(&state));
    crdt_buf_free(&state);
    crdt_buf_free(&again);
}

/* `expected`: the member of the case that has sv, v1, and perhaps v2. */
static void check_state(const vector *v, receiver *r, const char *expected)
{
    char path[32];
    crdt_buf sv = {0};
    vector_err(v, "encode_state_vector", crdt_doc_encode_state_vector(r->doc, &sv), CRDT_OK);
    snprintf(path, sizeof path, "%s.sv", expected);
    vector_same(v, "state vector", bytes_of(&sv), vector_bytes(v, path));
    crdt_buf_free(&sv);
    snprintf(path, sizeof path, "%s.v1", expected);
    if (vector_at(v, path)) /* Yjs cannot encode every value in v1 */
        check_format(v, r, CRDT_V1, vector_bytes(v, path));
    snprintf(path, sizeof path, "%s.v2", expected);
    if (vector_at(v, path))
        check_format(v, r, CRDT_V2, vector_bytes(v, path));
}

static void check_pending(const vector *v, receiver *r)
{
    bool expected = json_is_object(vector_at(v, "expect.pending.missing")) ||
                    json_is_true(vector_at(v, "expect.pending.ds"));
    if (crdt_doc_pending(r->doc) != expected)
        vector_fail(v, "pending is %d", !expected);
    if (!expected && crdt_doc_pending_bytes(r->doc) != 0)
        vector_fail(v, "nothing is pending, in %zu bytes", crdt_doc_pending_bytes(r->doc));
}

static void use_defined(const vector *v)
{
    if (!vector_is(v, "apply") || vector_stricter(v))
        return;
    receiver r;
    open_receiver(v, ROOTS_DEFINED, &r);
    apply_all(v, &r);
    check_state(v, &r, "expect");
    check_pending(v, &r);
    close_receiver(v, &r);
}

static void use_unknown(const vector *v)
{
    if (!vector_is(v, "apply") || vector_stricter(v))
        return;
    receiver r;
    open_receiver(v, ROOTS_UNKNOWN, &r);
    apply_all(v, &r);
    check_state(v, &r, vector_at(v, "server") ? "server" : "expect");
    check_pending(v, &r);
    close_receiver(v, &r);
}

/* Yjs' bytes without clean-up are told by the cases of our own generator. */
static void use_without_cleanup(const vector *v)
{
    if (!vector_is(v, "apply") || !vector_at(v, "plain"))
        return;
    receiver r;
    open_receiver(v, NO_CLEANUP, &r);
    apply_all(v, &r);
    check_state(v, &r, "plain");
    close_receiver(v, &r);
}

/* Every update once more: nothing is new. */
static void use_twice(const vector *v)
{
    if (!vector_is(v, "apply") || vector_stricter(v))
        return;
    receiver r;
    open_receiver(v, NO_CLEANUP, &r);
    apply_all(v, &r);
    for (size_t i = 0; i < vector_count(v, "updates"); i++) {
        crdt_applied applied = {0};
        bool pending = crdt_doc_pending(r.doc);
        apply(v, &r, vector_bytes_i(v, "updates", i), &applied);
        if (applied.changed || applied.integrated || applied.pending != pending)
            vector_fail(v, "update %zu again: changed %d, integrated %d, pending %d", i,
                        applied.changed, applied.integrated, applied.pending);
    }
    close_receiver(v, &r);
}

/* A state loaded, encoded, loaded, encoded: as Yjs does it or, where the case does not tell, the
 * second and the third are the same. (They need not be: a neighbour that was not next to it splits
 * what the first loading joined.) */
static void use_reloaded(const vector *v)
{
    if (!vector_has_v1(v) || vector_stricter(v))
        return;
    crdt_bytes state = vector_bytes(v, "expect.v1");
    crdt_buf again[2] = {{0}, {0}};
    for (size_t i = 0; i < 2; i++) {
        receiver r;
        open_receiver(v, NO_CLEANUP, &r);
        apply_in(v, &r, CRDT_V1, i == 0 ? state : bytes_of(&again[0]), NULL);
        again[i] = state_of(v, &r);
        crdt_buf sv = {0};
        vector_err(v, "encode_state_vector", crdt_doc_encode_state_vector(r.doc, &sv), CRDT_OK);
        vector_same(v, "state vector, loaded", bytes_of(&sv), vector_bytes(v, "expect.sv"));
        crdt_buf_free(&sv);
        close_receiver(v, &r);
    }
    if (vector_at(v, "reloaded"))
        vector_same(v, "state loaded", bytes_of(&again[0]), vector_bytes(v, "reloaded"));
    else
        vector_same(v, "state loaded twice", bytes_of(&again[1]), bytes_of(&again[0]));
    crdt_buf_free(&again[0]);
    crdt_buf_free(&again[1]);
}

/* A state in format v2 loaded and encoded gives what the same state in v1 gives, but for texts with
 * unpaired surrogates, which v1 cannot hold, and for JSON that Any cannot tell. */
static void use_reloaded_v2(const vector *v)
{
    if (!vector_has_v1(v) || vector_stricter(v) || !vector_at(v, "expect.v2") ||
        vector_named(v, "lone-surrogate") || vector_named(v, "halves/") || vector_named(v, "json/"))
        return;
    crdt_buf states[2];
    for (size_t i = 0; i < 2; i++) {
        receiver r;
        open_receiver(v, NO_CLEANUP, &r);
        apply_in(v, &r, i == 0 ? CRDT_V1 : CRDT_V2,
                 vector_bytes(v, i == 0 ? "expect.v1" : "expect.v2"), NULL);
        states[i] = state_of(v, &r);
        close_receiver(v, &r);
    }
    vector_same(v, "state loaded from v2", bytes_of(&states[1]), bytes_of(&states[0]));
    crdt_buf_free(&states[0]);
    crdt_buf_free(&states[1]);
}

static void use_encode_from(const vector *v)
{
    if (!vector_is(v, "encode-from"))
        return;
    receiver r;
    open_receiver(v, ROOTS_DEFINED, &r);
    apply_all(v, &r);
    for (crdt_encoding encoding = CRDT_V1; encoding <= CRDT_V2; encoding++) {
        const char *path = encoding == CRDT_V1 ? "expect.v1" : "expect.v2";
        crdt_buf diff = {0};
        if (!vector_at(v, path))
            continue;
        vector_err(v, "encode_state",
                   crdt_doc_encode_state(r.doc, encoding, vector_bytes(v, "sv"), &diff), CRDT_OK);
        vector_same(v, path, bytes_of(&diff), vector_bytes(v, path));
        crdt_buf_free(&diff);
    }
    close_receiver(v, &r);
}

/* Every proper prefix of an update is refused and changes nothing: not in a new document, not in
 * one full of the updates. */
static void use_truncated(const vector *v)
{
    enum { UPDATE_LEN_MAX = 400 };
    if (!vector_is(v, "apply") || vector_stricter(v) || vector_count(v, "updates") == 0)
        return;
    crdt_bytes update = vector_bytes_i(v, "updates", vector_count(v, "updates") - 1);
    if (update.len > UPDATE_LEN_MAX)
        return;
    receiver r;
    open_receiver(v, ROOTS_UNKNOWN, &r);
    for (size_t i = 0; i + 1 < vector_count(v, "updates"); i++)
        apply(v, &r, vector_bytes_i(v, "updates", i), NULL);
    crdt_buf before = state_of(v, &r);
    for (size_t len = 0; len < update.len; len++) {
        crdt_bytes prefix = {update.data, len};
        crdt_encoding encoding = vector_encoding(v);
        if (crdt_update_validate(encoding, prefix) != CRDT_MALFORMED ||
            crdt_doc_apply(r.doc, encoding, prefix, NULL) != CRDT_MALFORMED)
            vector_fail(v, "the first %zu of %zu bytes are taken", len, update.len);
    }
    crdt_buf after = state_of(v, &r);
    vector_same(v, "state after prefixes", bytes_of(&after), bytes_of(&before));
    crdt_buf_free(&before);
    crdt_buf_free(&after);
    close_receiver(v, &r);
}

static void all(void (*use)(const vector *v))
{
    vectors_each(use);
    vectors_assert_none_failed();
}

static void documents_with_defined_roots_hold_what_yjs_holds(void **state)
{
    (void)state;
    all(use_defined);
}

static void documents_of_a_server_hold_what_yjs_holds(void **state)
{
    (void)state;
    all(use_unknown);
}

static void documents_without_cleanup_hold_what_yjs_holds(void **state)
{
    (void)state;
    all(use_without_cleanup);
}

static void updates_again_change_nothing(void **state)
{
    (void)state;
    all(use_twice);
}

static void a_state_survives_loading(void **state)
{
    (void)state;
    all(use_reloaded);
}

static void a_state_survives_loading_in_format_v2(void **state)
{
    (void)state;
    all(use_reloaded_v2);
}

static void differences_are_as_yjs_encodes_them(void **state)
{
    (void)state;
    all(use_encode_from);
}

static void truncated_updates_change_nothing(void **state)
{
    (void)state;
    all(use_truncated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_with_defined_roots_hold_what_yjs_holds),
        cmocka_unit_test(documents_of_a_server_hold_what_yjs_holds),
        cmocka_unit_test(documents_without_cleanup_hold_what_yjs_holds),
        cmocka_unit_test(updates_again_change_nothing),
        cmocka_unit_test(a_state_survives_loading),
        cmocka_unit_test(a_state_survives_loading_in_format_v2),
        cmocka_unit_test(differences_are_as_yjs_encodes_them),
        cmocka_unit_test(truncated_updates_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
