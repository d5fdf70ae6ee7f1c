/* An update from anybody, to a document with some content: refused and nothing changed, or taken,
 * and then the document's invariants hold, its state loads again, and the same update says nothing
 * new. The first byte chooses the document. */
#include "base.h"

static void check_unchanged(crdt_doc *doc, const crdt_buf *before, const char *otherwise)
{
    crdt_buf after = fuzz_state(doc);
    fuzz_expect(fuzz_same(before, &after), otherwise);
    crdt_buf_free(&after);
}

static void check_taken(crdt_doc *doc, crdt_bytes update)
{
    crdt_buf state = fuzz_state(doc);
    fuzz_expect(crdt_update_validate(CRDT_V1, fuzz_bytes(&state)) == CRDT_OK,
                "the state is not valid");
    crdt_err again = crdt_doc_apply(doc, CRDT_V1, update, NULL);
    fuzz_expect(again == CRDT_OK || (again == CRDT_LIMIT && crdt_doc_pending(doc)),
                "refused the second time");
    fuzz_check(doc);
    crdt_buf sv = fuzz_state_vector(doc);
    crdt_doc *loaded = crdt_doc_new(NULL);
    fuzz_expect(crdt_doc_apply(loaded, CRDT_V1, fuzz_bytes(&state), NULL) == CRDT_OK,
                "the state cannot be loaded");
    fuzz_check(loaded);
    crdt_buf loaded_sv = fuzz_state_vector(loaded);
    /* Who waits looks again only when something moves; a new document looks at all of it. */
    fuzz_expect(crdt_doc_pending(doc) || fuzz_same(&sv, &loaded_sv),
                "the loaded state has another vector");
    crdt_doc_free(loaded);
    crdt_buf_free(&sv);
    crdt_buf_free(&loaded_sv);
    crdt_buf_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    crdt_bytes update = {data + 1, size - 1};
    crdt_doc *doc = fuzz_base_doc(data[0]);
    crdt_buf before = fuzz_state(doc);
    crdt_err valid = crdt_update_validate(CRDT_V1, update);
    crdt_err err = crdt_doc_apply(doc, CRDT_V1, update, NULL);
    fuzz_check(doc);
    fuzz_expect((err == CRDT_MALFORMED) == (valid == CRDT_MALFORMED), "validate and apply differ");
    if (err == CRDT_OK)
        check_taken(doc, update);
    else
        check_unchanged(doc, &before, "a refused update changed the document");
    crdt_buf_free(&before);
    crdt_doc_free(doc);
    return 0;
}
