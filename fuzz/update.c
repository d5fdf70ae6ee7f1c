#include "update.h"

#include "base.h"

static crdt_buf state_in(crdt_doc *doc, crdt_encoding encoding)
{
    crdt_buf state = {0};
    fuzz_expect(crdt_doc_encode_state(doc, encoding, (crdt_bytes){0}, &state) == CRDT_OK,
                "a document cannot be encoded");
    return state;
}

static void check_unchanged(crdt_doc *doc, const crdt_buf *before, const char *otherwise)
{
    crdt_buf after = state_in(doc, CRDT_V2);
    fuzz_expect(fuzz_same(before, &after), otherwise);
    crdt_buf_free(&after);
}

/* ---- states ---- */

static void check_loads(crdt_doc *doc, crdt_encoding encoding)
{
    crdt_buf state = state_in(doc, encoding);
    crdt_buf again = state_in(doc, encoding);
    fuzz_expect(fuzz_same(&state, &again), "encoded twice it is not the same");
    fuzz_expect(crdt_update_validate(encoding, fuzz_bytes(&state)) == CRDT_OK,
                "the state is not valid");
    crdt_buf sv = fuzz_state_vector(doc);
    crdt_doc *loaded = crdt_doc_new(NULL);
    fuzz_expect(crdt_doc_apply(loaded, encoding, fuzz_bytes(&state), NULL) == CRDT_OK,
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
    crdt_buf_free(&again);
}

static void check_taken(crdt_doc *doc, crdt_encoding encoding, crdt_bytes update)
{
    check_loads(doc, CRDT_V1);
    check_loads(doc, CRDT_V2);
    crdt_err again = crdt_doc_apply(doc, encoding, update, NULL);
    fuzz_expect(again == CRDT_OK || (again == CRDT_LIMIT && crdt_doc_pending(doc)),
                "refused the second time");
    fuzz_check(doc);
}

/* ---- formats ---- */

static crdt_buf converted(crdt_encoding from, crdt_bytes update, crdt_encoding to)
{
    crdt_buf out = {0};
    fuzz_expect(crdt_update_convert(from, update, to, &out) == CRDT_OK,
                "a valid update is refused");
    fuzz_expect(crdt_update_validate(to, fuzz_bytes(&out)) == CRDT_OK,
                "what was converted is not valid");
    return out;
}

/* The first way through v1 and v2 loses what one of them cannot tell, no way after it anything. */
static void check_formats(crdt_encoding encoding, crdt_bytes update)
{
    crdt_buf told[5];
    crdt_bytes last = update;
    crdt_encoding from = encoding;
    for (size_t i = 0; i < 5; i++) {
        crdt_encoding to = i % 2 == 0 ? CRDT_V2 : CRDT_V1;
        told[i] = converted(from, last, to);
        last = fuzz_bytes(&told[i]);
        from = to;
    }
    fuzz_expect(fuzz_same(&told[2], &told[4]), "v2 to v1 and back is something else");
    for (size_t i = 0; i < 5; i++)
        crdt_buf_free(&told[i]);
}

void fuzz_update(crdt_encoding encoding, const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    crdt_bytes update = {data + 1, size - 1};
    crdt_doc *doc = fuzz_base_doc(data[0]);
    crdt_buf before = state_in(doc, CRDT_V2);
    crdt_err valid = crdt_update_validate(encoding, update);
    crdt_err err = crdt_doc_apply(doc, encoding, update, NULL);
    fuzz_check(doc);
    fuzz_expect((err == CRDT_MALFORMED) == (valid == CRDT_MALFORMED), "validate and apply differ");
    if (err == CRDT_OK)
        check_taken(doc, encoding, update);
    else
        check_unchanged(doc, &before, "a refused update changed the document");
    if (valid == CRDT_OK)
        check_formats(encoding, update);
    crdt_buf_free(&before);
    crdt_doc_free(doc);
}
