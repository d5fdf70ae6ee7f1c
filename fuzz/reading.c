/* Whatever a document holds can be read, in every way, now and as it was, and what it tells of its
 * changes; and what comes out is JSON, well-formed XML, UTF-8. The input is the document's shape
 * and an update to it. */
#include "base.h"

#include "base/json.h"
#include "base/utf16.h"
#include "xmlcheck.h"

typedef crdt_err (*reader)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);

static crdt_err read_yjs(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_YJS, at, out);
}

static crdt_err read_well_formed(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                 crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_WELL_FORMED, at, out);
}

typedef enum form { FORM_TEXT, FORM_JSON, FORM_XML } form;

static const struct {
    reader read;
    form form;
} renderings[] = {
    {crdt_read_text, FORM_TEXT},  {crdt_read_delta, FORM_JSON}, {crdt_read_array, FORM_JSON},
    {crdt_read_map, FORM_JSON},   {crdt_read_json, FORM_JSON},  {read_yjs, FORM_TEXT},
    {read_well_formed, FORM_XML},
};

/* Values may nest only so deep in JSON that is checked, types may deeper. */
static bool is_shallow(const crdt_doc *doc)
{
    return crdt_doc_struct_count(doc) < CRDT_VALUE_DEPTH_MAX / 4;
}

static void check_form(const crdt_doc *doc, form as, const crdt_buf *out)
{
    const char *wrong = as == FORM_XML ? xmlcheck(fuzz_bytes(out)) : NULL;
    fuzz_expect(crdt__utf8_valid(fuzz_bytes(out), NULL), "what is read is not UTF-8");
    fuzz_expect(!wrong, wrong);
    /* A value may be as deep as it can be, and lie below something. */
    if (as == FORM_JSON && is_shallow(doc))
        fuzz_expect(crdt__json_check(fuzz_bytes(out)) != CRDT__JSON_INVALID,
                    "what is read is not JSON");
}

static void read_everything(crdt_doc *doc, crdt_type type, const crdt_snapshot *at)
{
    for (size_t i = 0; i < sizeof renderings / sizeof renderings[0]; i++) {
        crdt_buf out = {0};
        fuzz_expect(renderings[i].read(doc, type, at, &out) == CRDT_OK, "a root cannot be read");
        check_form(doc, renderings[i].form, &out);
        crdt_buf_free(&out);
    }
}

static void read_one_by_one(crdt_doc *doc, crdt_type type)
{
    enum { ELEMENTS_MAX = 256 };
    crdt_type_info info;
    crdt_value value;
    crdt_bytes key;
    bool found = true;
    fuzz_expect(crdt_type_describe(doc, type, &info) == CRDT_OK, "a root is gone");
    for (uint64_t i = 0; i < info.length && i < ELEMENTS_MAX; i++)
        fuzz_expect(crdt_list_get(doc, type, i, &value) == CRDT_OK && value.kind != CRDT_VALUE_NONE,
                    "an element is missing");
    fuzz_expect(crdt_list_get(doc, type, info.length, &value) == CRDT_OK &&
                    value.kind == CRDT_VALUE_NONE,
                "an element too many");
    for (size_t cursor = 0; found;) {
        fuzz_expect(crdt_map_next(doc, type, &cursor, &found, &key, &value) == CRDT_OK,
                    "keys cannot be walked");
        crdt_value same = {0};
        if (found)
            fuzz_expect(crdt_map_get(doc, type, key, &same) == CRDT_OK && same.kind == value.kind,
                        "a key has another value");
    }
}

static void read_roots(crdt_doc *doc, const crdt_snapshot *at)
{
    crdt_type type;
    crdt_bytes name;
    for (size_t cursor = 0; crdt_doc_next_root(doc, &cursor, &type, &name);) {
        read_everything(doc, type, NULL);
        read_one_by_one(doc, type);
        if (at)
            read_everything(doc, type, at);
    }
    crdt_value subdoc;
    for (size_t cursor = 0; crdt_doc_next_subdoc(doc, &cursor, &subdoc);)
        fuzz_expect(subdoc.kind == CRDT_VALUE_DOC, "a sub-document that is none");
}

static crdt_snapshot *moment_of(crdt_doc *doc)
{
    crdt_buf bytes = {0};
    crdt_snapshot *at = NULL;
    fuzz_expect(crdt_doc_snapshot(doc, CRDT_V1, &bytes) == CRDT_OK &&
                    crdt_snapshot_new(CRDT_V1, fuzz_bytes(&bytes), NULL, &at) == CRDT_OK,
                "no snapshot");
    crdt_buf_free(&bytes);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool collects = !(data[0] & FUZZ_BASE_NO_GC);
    crdt_doc *doc = fuzz_base_doc(data[0]);
    crdt_snapshot *at = collects ? NULL : moment_of(doc);
    if (crdt_doc_apply(doc, CRDT_V1, (crdt_bytes){data + 1, size - 1}, NULL) == CRDT_OK) {
        read_roots(doc, at);
        crdt_buf changes = {0};
        if (data[0] & FUZZ_BASE_CHANGES)
            fuzz_expect(crdt_doc_changes(doc, &changes) == CRDT_OK, "changes are not told");
        if (changes.len > 0)
            check_form(doc, FORM_JSON, &changes);
        crdt_buf_free(&changes);
        fuzz_check(doc);
    }
    crdt_snapshot_free(at);
    crdt_doc_free(doc);
    return 0;
}
