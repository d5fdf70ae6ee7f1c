/* Readings of documents must be what Yjs reads, now and at snapshots. */
#include "reading.h"

#include <string.h>

#include "failmem.h"

typedef struct opened {
    failmem memory;
    crdt_doc *doc;
} opened;

static void open_doc(const vector *v, opened *o, crdt_cleanup cleanup)
{
    failmem_init(&o->memory);
    crdt_doc_options options = {.mem = &o->memory.mem,
                                .gc = json_is_false(vector_at(v, "gc")) ? CRDT_GC_OFF : CRDT_GC_ON,
                                .cleanup = cleanup};
    o->doc = crdt_doc_new(&options);
    assert_non_null(o->doc);
}

static void close_doc(const vector *v, opened *o)
{
    crdt_doc_free(o->doc);
    if (o->memory.held_bytes != 0 || o->memory.size_mismatch)
        vector_fail(v, "memory: %zu bytes leaked, sizes wrong: %d", o->memory.held_bytes,
                    o->memory.size_mismatch);
}

static void apply_each(const vector *v, crdt_doc *doc, const char *path)
{
    for (size_t i = 0; i < vector_count(v, path); i++)
        vector_err(v, "apply",
                   crdt_doc_apply(doc, vector_encoding(v), vector_bytes_i(v, path, i), NULL),
                   CRDT_OK);
}

/* A document tidied as Yjs tidies it, where roots are defined, shows the same. */
static void define_roots(const vector *v, crdt_doc *doc)
{
    const char *name;
    json_t *kind;
    json_object_foreach(vector_at(v, "roots"), name, kind)
    {
        bool text = strstr(json_string_value(kind), "Text") != NULL;
        crdt_type type;
        vector_err(v, "root",
                   crdt_doc_root(doc, crdt_bytes_of(name), text ? CRDT_TEXT : CRDT_ARRAY, &type),
                   CRDT_OK);
    }
}

static void use_applied(const vector *v)
{
    if (!vector_is(v, "apply") || vector_stricter(v))
        return;
    opened o;
    open_doc(v, &o, CRDT_CLEANUP_ON);
    define_roots(v, o.doc);
    apply_each(v, o.doc, "updates");
    reading_check(v, "expect", o.doc, NULL);
    close_doc(v, &o);
}

static void use_edited(const vector *v)
{
    if (!vector_is(v, "edit"))
        return;
    opened o;
    open_doc(v, &o, CRDT_CLEANUP_OFF);
    apply_each(v, o.doc, "base");
    size_t i;
    json_t *transaction;
    json_array_foreach(vector_at(v, "expect"), i, transaction)
    {
        vector updates = {.json = transaction, .name = v->name, .kind = v->kind};
        apply_each(&updates, o.doc, "v1");
    }
    reading_check(v, "final", o.doc, NULL);
    close_doc(v, &o);
}

static void use_snapshot(const vector *v)
{
    if (!vector_is(v, "snapshot"))
        return;
    opened o;
    open_doc(v, &o, CRDT_CLEANUP_OFF);
    apply_each(v, o.doc, "updates");
    crdt_snapshot *at = NULL;
    vector_err(v, "snapshot",
               crdt_snapshot_new(CRDT_V1, vector_bytes(v, "expect.snapshotV1"), &o.memory.mem, &at),
               CRDT_OK);
    reading_check(v, "expect.readingsThen", o.doc, at);
    crdt_snapshot_free(at);
    close_doc(v, &o);
}

static void documents_read_as_in_yjs(void **state)
{
    (void)state;
    vectors_each(use_applied);
    vectors_assert_none_failed();
}

static void edited_documents_read_as_in_yjs(void **state)
{
    (void)state;
    vectors_each(use_edited);
    vectors_assert_none_failed();
}

static void documents_read_at_a_snapshot_as_then(void **state)
{
    (void)state;
    vectors_each(use_snapshot);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_read_as_in_yjs),
        cmocka_unit_test(edited_documents_read_as_in_yjs),
        cmocka_unit_test(documents_read_at_a_snapshot_as_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
