/* Bad updates: refused, and nothing has changed; or taken as Yjs takes them. */
#include "vector.h"

#include <string.h>

static crdt_doc *base_of(const vector *v)
{
    crdt_doc_options options = {.cleanup = CRDT_CLEANUP_ON};
    crdt_doc *doc = crdt_doc_new(&options);
    assert_non_null(doc);
    for (size_t i = 0; i < vector_count(v, "base"); i++)
        vector_err(v, "base", crdt_doc_apply(doc, CRDT_V1, vector_bytes_i(v, "base", i), NULL),
                   CRDT_OK);
    return doc;
}

static crdt_buf state_of(const vector *v, crdt_doc *doc)
{
    crdt_buf state = {0};
    vector_err(v, "encode_state", crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state),
               CRDT_OK);
    return state;
}

/* What does not take a document refuses the same bytes. */
static void check_refused_everywhere(const vector *v, crdt_bytes update)
{
    static const uint8_t nothing[] = {0};
    crdt_encoding encoding = vector_encoding(v);
    crdt_encoding other = encoding == CRDT_V1 ? CRDT_V2 : CRDT_V1;
    crdt_buf out = {0};
    crdt_update_client *clients;
    size_t count;
    const crdt_bytes pair[2] = {update, {(const uint8_t *)"\0\0", 2}};
    vector_err(v, "validate", crdt_update_validate(encoding, update), CRDT_MALFORMED);
    vector_err(v, "merge", crdt_update_merge(encoding, pair, 2, &out), CRDT_MALFORMED);
    vector_err(v, "diff", crdt_update_diff(encoding, update, (crdt_bytes){nothing, 1}, &out),
               CRDT_MALFORMED);
    vector_err(v, "state_vector", crdt_update_state_vector(encoding, update, &out), CRDT_MALFORMED);
    vector_err(v, "convert", crdt_update_convert(encoding, update, other, &out), CRDT_MALFORMED);
    vector_err(v, "clients", crdt_update_clients(encoding, update, &clients, &count),
               CRDT_MALFORMED);
    if (out.len != 0)
        vector_fail(v, "%zu bytes came out of bad ones", out.len);
    crdt_buf_free(&out);
}

static void check_taken(const vector *v, crdt_doc *doc, crdt_bytes before)
{
    crdt_buf after = state_of(v, doc);
    if (vector_at(v, "yjs.after.v1"))
        vector_same(v, "state", bytes_of(&after), vector_bytes(v, "yjs.after.v1"));
    else if (json_is_true(vector_at(v, "yjs.docUnchanged")))
        vector_same(v, "state", bytes_of(&after), before);
    crdt_buf_free(&after);
}

static void use_invalid(const vector *v)
{
    if (!vector_is(v, "invalid"))
        return;
    crdt_doc *doc = base_of(v);
    crdt_buf before = state_of(v, doc);
    crdt_bytes update = vector_bytes(v, "update");
    crdt_err err = crdt_doc_apply(doc, vector_encoding(v), update, NULL);
    const char *robust = json_string_value(vector_at(v, "robust"));
    bool refused = vector_stricter(v) || strcmp(robust, "error") == 0;
    if (refused || err != CRDT_OK) {
        crdt_buf after = state_of(v, doc);
        vector_same(v, "state after a refused update", bytes_of(&after), bytes_of(&before));
        crdt_buf_free(&after);
    }
    if (refused) {
        vector_err(v, "apply", err, CRDT_MALFORMED);
        check_refused_everywhere(v, update);
    } else if (strcmp(robust, "accept") == 0) {
        vector_err(v, "apply", err, CRDT_OK);
        check_taken(v, doc, bytes_of(&before));
    }
    const char *broken = crdt_doc_check(doc);
    if (broken)
        vector_fail(v, "check: %s", broken);
    crdt_buf_free(&before);
    crdt_doc_free(doc);
}

/* Cases of the kind `apply` that weft refuses although Yjs takes them. */
static void use_stricter(const vector *v)
{
    if (!vector_is(v, "apply") || !vector_stricter(v))
        return;
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_non_null(doc);
    size_t refused = 0;
    for (size_t i = 0; i < vector_count(v, "updates"); i++)
        refused += crdt_doc_apply(doc, vector_encoding(v), vector_bytes_i(v, "updates", i), NULL) ==
                   CRDT_MALFORMED;
    if (refused != 1)
        vector_fail(v, "%zu updates are refused", refused);
    crdt_doc_free(doc);
}

static void bad_updates_are_refused_and_change_nothing(void **state)
{
    (void)state;
    vectors_each(use_invalid);
    vectors_assert_none_failed();
}

static void what_weft_is_stricter_about_is_refused(void **state)
{
    (void)state;
    vectors_each(use_stricter);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_updates_are_refused_and_change_nothing),
        cmocka_unit_test(what_weft_is_stricter_about_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
