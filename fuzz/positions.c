/* Snapshots and relative positions from anybody, at a document that has some of everything. The
 * first byte says what the rest is: bits 0 and 1: a snapshot in v1, one in v2, or a position; the
 * others: the document's shape. */
#include "base.h"

enum { SNAPSHOT_V1, SNAPSHOT_V2, POSITION };

/* ---- snapshots ---- */

static void check_coding(const crdt_snapshot *at)
{
    for (int encoding = CRDT_V1; encoding <= CRDT_V2; encoding++) {
        crdt_buf bytes = {0};
        crdt_buf again = {0};
        crdt_snapshot *same = NULL;
        fuzz_expect(crdt_snapshot_encode(at, (crdt_encoding)encoding, &bytes) == CRDT_OK &&
                        crdt_snapshot_new((crdt_encoding)encoding, fuzz_bytes(&bytes), NULL,
                                          &same) == CRDT_OK,
                    "an encoded snapshot is refused");
        fuzz_expect(crdt_snapshot_encode(same, (crdt_encoding)encoding, &again) == CRDT_OK &&
                        fuzz_same(&bytes, &again),
                    "a snapshot encoded again is another");
        crdt_snapshot_free(same);
        crdt_buf_free(&bytes);
        crdt_buf_free(&again);
    }
    fuzz_expect(crdt_snapshot_equal(at, at), "a snapshot is not itself");
}

static void read_all(crdt_doc *doc, const crdt_snapshot *at, bool collects)
{
    crdt_type root;
    crdt_bytes name;
    for (size_t cursor = 0; crdt_doc_next_root(doc, &cursor, &root, &name);) {
        crdt_buf json = {0};
        crdt_buf delta = {0};
        const crdt_err wanted = collects ? CRDT_INVALID : CRDT_OK;
        fuzz_expect(crdt_read_json(doc, root, at, &json) == wanted &&
                        crdt_read_delta(doc, root, at, &delta) == wanted,
                    "a moment cannot be read, or can");
        crdt_buf_free(&json);
        crdt_buf_free(&delta);
    }
}

static void check_restoring(crdt_doc *doc, const crdt_snapshot *at, bool collects)
{
    crdt_buf update = {0};
    const crdt_err err = crdt_doc_encode_snapshot_state(doc, at, CRDT_V2, &update);
    fuzz_expect(err == CRDT_INVALID || (err == CRDT_OK && !collects), "restored what is collected");
    if (err == CRDT_OK) {
        crdt_doc *restored = crdt_doc_new(NULL);
        fuzz_expect(crdt_doc_apply(restored, CRDT_V2, fuzz_bytes(&update), NULL) == CRDT_OK,
                    "a restored document is refused");
        fuzz_check(restored);
        crdt_doc_free(restored);
    }
    crdt_buf_free(&update);
}

static void use_snapshot(crdt_doc *doc, bool collects, crdt_encoding encoding, crdt_bytes bytes)
{
    crdt_snapshot *at = NULL;
    if (crdt_snapshot_new(encoding, bytes, NULL, &at) != CRDT_OK)
        return;
    check_coding(at);
    read_all(doc, at, collects);
    check_restoring(doc, at, collects);
    crdt_buf state = fuzz_state(doc);
    bool contained;
    fuzz_expect(crdt_snapshot_contains(at, CRDT_V1, fuzz_bytes(&state), &contained) == CRDT_OK,
                "a state is not valid");
    crdt_buf_free(&state);
    crdt_snapshot_free(at);
}

/* ---- positions ---- */

/* A place that lies in its type's list can be told again, and is found there again. */
static void check_again(crdt_doc *doc, const crdt_place *place)
{
    crdt_type_info info;
    fuzz_expect(crdt_type_describe(doc, place->type, &info) == CRDT_OK, "found in no type");
    if (place->index > info.length)
        return; /* of an entry of a map */
    crdt_buf bytes = {0};
    crdt_place again;
    bool found = false;
    fuzz_expect(crdt_relpos_encode(doc, place->type, place->index, place->assoc, &bytes) == CRDT_OK,
                "a place that was found cannot be told");
    fuzz_expect(crdt_relpos_resolve(doc, fuzz_bytes(&bytes), &found, &again) == CRDT_OK && found,
                "a place that was told is not found");
    fuzz_expect(again.index == place->index && again.assoc == place->assoc,
                "a place that was told is found elsewhere");
    crdt_buf_free(&bytes);
}

static void use_position(crdt_doc *doc, crdt_bytes bytes)
{
    crdt_place place;
    bool found = false;
    const crdt_err err = crdt_relpos_resolve(doc, bytes, &found, &place);
    fuzz_expect(err == CRDT_OK || (err == CRDT_MALFORMED && !found), "neither found nor refused");
    if (found)
        check_again(doc, &place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const uint8_t shape = data[0] >> 2;
    const bool collects = (shape & 1) == 0;
    const crdt_bytes rest = {data + 1, size - 1};
    crdt_doc *doc = fuzz_base_doc(shape);
    crdt_buf before = fuzz_state(doc);
    switch (data[0] & 3) {
    case SNAPSHOT_V1:
        use_snapshot(doc, collects, CRDT_V1, rest);
        break;
    case SNAPSHOT_V2:
        use_snapshot(doc, collects, CRDT_V2, rest);
        break;
    default:
        use_position(doc, rest);
        break;
    }
    crdt_buf after = fuzz_state(doc);
    fuzz_expect(fuzz_same(&before, &after), "looking changed the document");
    fuzz_check(doc);
    crdt_buf_free(&before);
    crdt_buf_free(&after);
    crdt_doc_free(doc);
    return 0;
}
