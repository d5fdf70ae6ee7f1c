/* Snapshots: taken, coded in both formats, compared, read, and documents made of them. */
#include "reading.h"

#include <string.h>

/* As the reference has it: nothing collected, and the roots defined. */
static crdt_doc *open_doc(const vector *v)
{
    const crdt_doc_options options = {.gc = CRDT_GC_OFF, .cleanup = CRDT_CLEANUP_ON};
    crdt_doc *doc = crdt_doc_new(&options);
    assert_non_null(doc);
    const char *name;
    json_t *kind;
    json_object_foreach(vector_at(v, "roots"), name, kind)
    {
        const bool is_text = strstr(json_string_value(kind), "Text") != NULL;
        crdt_type root;
        vector_err(v, "root",
                   crdt_doc_root(doc, crdt_bytes_of(name), is_text ? CRDT_TEXT : CRDT_MAP, &root),
                   CRDT_OK);
    }
    return doc;
}

static crdt_doc *doc_after(const vector *v, size_t updates)
{
    crdt_doc *doc = open_doc(v);
    for (size_t i = 0; i < updates; i++)
        vector_err(v, "apply", crdt_doc_apply(doc, CRDT_V1, vector_bytes_i(v, "updates", i), NULL),
                   CRDT_OK);
    return doc;
}

static size_t taken_after(const vector *v)
{
    return (size_t)json_number_value(vector_at(v, "takenAfter"));
}

static crdt_snapshot *decoded(const vector *v, crdt_encoding encoding, crdt_bytes bytes)
{
    crdt_snapshot *snapshot = NULL;
    vector_err(v, "decode", crdt_snapshot_new(encoding, bytes, NULL, &snapshot), CRDT_OK);
    assert_non_null(snapshot);
    return snapshot;
}

/* Each format, taken and coded again from the other one. */
static void use_coding(const vector *v)
{
    static const struct {
        crdt_encoding encoding;
        const char *path;
    } formats[] = {{CRDT_V1, "expect.snapshotV1"}, {CRDT_V2, "expect.snapshotV2"}};
    if (!vector_is(v, "snapshot"))
        return;
    crdt_doc *doc = doc_after(v, taken_after(v));
    for (size_t i = 0; i < 2; i++) {
        crdt_bytes expected = vector_bytes(v, formats[i].path);
        crdt_buf taken = {0};
        vector_err(v, "take", crdt_doc_snapshot(doc, formats[i].encoding, &taken), CRDT_OK);
        vector_same(v, formats[i].path, bytes_of(&taken), expected);
        crdt_snapshot *one = decoded(v, formats[i].encoding, expected);
        crdt_snapshot *other =
            decoded(v, formats[1 - i].encoding, vector_bytes(v, formats[1 - i].path));
        if (!crdt_snapshot_equal(one, other) || !crdt_snapshot_equal(one, one))
            vector_fail(v, "the two formats tell of different moments");
        taken.len = 0;
        vector_err(v, "encode", crdt_snapshot_encode(other, formats[i].encoding, &taken), CRDT_OK);
        vector_same(v, "coded again", bytes_of(&taken), expected);
        crdt_snapshot_free(one);
        crdt_snapshot_free(other);
        crdt_buf_free(&taken);
    }
    crdt_doc_free(doc);
}

static void check_restored(const vector *v, crdt_encoding encoding, crdt_bytes update)
{
    crdt_doc *restored = open_doc(v);
    crdt_buf sv = {0};
    crdt_buf v1 = {0};
    crdt_buf v2 = {0};
    vector_err(v, "apply", crdt_doc_apply(restored, encoding, update, NULL), CRDT_OK);
    vector_err(v, "state vector", crdt_doc_encode_state_vector(restored, &sv), CRDT_OK);
    vector_same(v, "restored state vector", bytes_of(&sv), vector_bytes(v, "expect.restored.sv"));
    vector_err(v, "state", crdt_doc_encode_state(restored, CRDT_V1, (crdt_bytes){0}, &v1), CRDT_OK);
    vector_same(v, "restored", bytes_of(&v1), vector_bytes(v, "expect.restored.v1"));
    vector_err(v, "state", crdt_doc_encode_state(restored, CRDT_V2, (crdt_bytes){0}, &v2), CRDT_OK);
    vector_same(v, "restored, v2", bytes_of(&v2), vector_bytes(v, "expect.restored.v2"));
    reading_check(v, "expect.restored", restored, NULL);
    crdt_buf_free(&sv);
    crdt_buf_free(&v1);
    crdt_buf_free(&v2);
    crdt_doc_free(restored);
}

static void use_restoring(const vector *v)
{
    if (!vector_is(v, "snapshot"))
        return;
    crdt_doc *doc = doc_after(v, vector_count(v, "updates"));
    crdt_snapshot *at = decoded(v, CRDT_V1, vector_bytes(v, "expect.snapshotV1"));
    for (int encoding = CRDT_V1; encoding <= CRDT_V2; encoding++) {
        crdt_buf update = {0};
        vector_err(v, "restore",
                   crdt_doc_encode_snapshot_state(doc, at, (crdt_encoding)encoding, &update),
                   CRDT_OK);
        check_restored(v, (crdt_encoding)encoding, bytes_of(&update));
        crdt_buf_free(&update);
    }
    reading_check(v, "expect.readingsThen", doc, at);
    crdt_buf state = {0};
    vector_err(v, "state", crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state), CRDT_OK);
    vector_same(v, "the document after restoring", bytes_of(&state),
                vector_bytes(v, "expect.fullV1"));
    crdt_buf_free(&state);
    crdt_snapshot_free(at);
    crdt_doc_free(doc);
}

/* An update is contained if and only if it changes nothing of the document at that moment. */
static void check_contains(const vector *v, const crdt_snapshot *at, crdt_bytes update)
{
    crdt_buf converted = {0};
    bool contained = false;
    bool contained_v2 = true;
    crdt_applied applied = {0};
    crdt_doc *then = doc_after(v, taken_after(v));
    vector_err(v, "apply", crdt_doc_apply(then, CRDT_V1, update, &applied), CRDT_OK);
    vector_err(v, "contains", crdt_snapshot_contains(at, CRDT_V1, update, &contained), CRDT_OK);
    vector_err(v, "convert", crdt_update_convert(CRDT_V1, update, CRDT_V2, &converted), CRDT_OK);
    vector_err(v, "contains",
               crdt_snapshot_contains(at, CRDT_V2, bytes_of(&converted), &contained_v2), CRDT_OK);
    if (contained == applied.changed || contained != contained_v2)
        vector_fail(v, "contained: %d, %d; new: %d", contained, contained_v2, applied.changed);
    crdt_buf_free(&converted);
    crdt_doc_free(then);
}

static void use_contains(const vector *v)
{
    if (!vector_is(v, "snapshot"))
        return;
    crdt_snapshot *at = decoded(v, CRDT_V1, vector_bytes(v, "expect.snapshotV1"));
    for (size_t i = 0; i < vector_count(v, "updates"); i++)
        check_contains(v, at, vector_bytes_i(v, "updates", i));
    crdt_snapshot_free(at);
}

static void snapshots_are_coded_as_yjs_codes_them(void **state)
{
    (void)state;
    vectors_each(use_coding);
    vectors_assert_none_failed();
}

static void documents_are_restored_as_yjs_restores_them(void **state)
{
    (void)state;
    vectors_each(use_restoring);
    vectors_assert_none_failed();
}

static void a_snapshot_contains_what_came_before_it(void **state)
{
    (void)state;
    vectors_each(use_contains);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_are_coded_as_yjs_codes_them),
        cmocka_unit_test(documents_are_restored_as_yjs_restores_them),
        cmocka_unit_test(a_snapshot_contains_what_came_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
