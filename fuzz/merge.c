/* Updates merged, cut and measured without a document. The input is some updates, each behind its
 * length (two bytes). */
#include "fuzz.h"

enum { UPDATES_MAX = 6 };

static crdt_buf vector_after(crdt_bytes update)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    fuzz_expect(crdt_doc_apply(doc, CRDT_V1, update, NULL) == CRDT_OK, "a valid update is refused");
    fuzz_check(doc);
    crdt_buf sv = fuzz_state_vector(doc);
    crdt_doc_free(doc);
    return sv;
}

/* One update, merged with nothing, and cut by nothing, brings a document as far as it did alone. */
static void check_alone(crdt_bytes update)
{
    const crdt_bytes pair[2] = {update, {(const uint8_t *)"\0\0", 2}};
    const crdt_bytes nobody = {(const uint8_t *)"\0", 1};
    crdt_buf merged = {0};
    crdt_buf diff = {0};
    crdt_buf reach = {0};
    fuzz_expect(crdt_update_merge(CRDT_V1, pair, 2, &merged) == CRDT_OK,
                "a valid update does not merge");
    fuzz_expect(crdt_update_diff(CRDT_V1, update, nobody, &diff) == CRDT_OK,
                "a valid update cannot be cut");
    fuzz_expect(crdt_update_state_vector(CRDT_V1, update, &reach) == CRDT_OK &&
                    crdt_state_vector_validate(fuzz_bytes(&reach)) == CRDT_OK,
                "a valid update has no state vector");
    crdt_buf alone = vector_after(update);
    crdt_buf after_merged = vector_after(fuzz_bytes(&merged));
    crdt_buf after_diff = vector_after(fuzz_bytes(&diff));
    fuzz_expect(fuzz_same(&alone, &after_merged), "merged with nothing it does something else");
    fuzz_expect(fuzz_same(&alone, &after_diff), "cut by nothing it does something else");
    crdt_buf_free(&merged);
    crdt_buf_free(&diff);
    crdt_buf_free(&reach);
    crdt_buf_free(&alone);
    crdt_buf_free(&after_merged);
    crdt_buf_free(&after_diff);
}

/* What is merged is valid, and merging it with itself changes nothing that a document would see. */
static void check_merged(const crdt_bytes *updates, size_t count)
{
    crdt_buf merged = {0};
    crdt_buf twice = {0};
    crdt_buf rewound = {0};
    fuzz_expect(crdt_update_merge(CRDT_V1, updates, count, &merged) == CRDT_OK, "no merge");
    const crdt_bytes pair[2] = {fuzz_bytes(&merged), fuzz_bytes(&merged)};
    fuzz_expect(crdt_update_merge(CRDT_V1, pair, 2, &twice) == CRDT_OK,
                "what is merged does not merge");
    crdt_buf once_sv = vector_after(fuzz_bytes(&merged));
    crdt_buf twice_sv = vector_after(fuzz_bytes(&twice));
    fuzz_expect(fuzz_same(&once_sv, &twice_sv), "merged with itself it does something else");
    fuzz_expect(crdt_state_vector_rewind(CRDT_V1, fuzz_bytes(&once_sv), updates, count, &rewound) ==
                        CRDT_OK &&
                    crdt_state_vector_validate(fuzz_bytes(&rewound)) == CRDT_OK,
                "no rewound vector");
    crdt_buf_free(&merged);
    crdt_buf_free(&twice);
    crdt_buf_free(&rewound);
    crdt_buf_free(&once_sv);
    crdt_buf_free(&twice_sv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crdt_bytes updates[UPDATES_MAX];
    size_t count = fuzz_split((crdt_bytes){data, size}, updates, UPDATES_MAX);
    bool valid = true;
    for (size_t i = 0; i < count; i++) {
        if (crdt_update_validate(CRDT_V1, updates[i]) == CRDT_OK)
            check_alone(updates[i]);
        else
            valid = false;
    }
    if (valid) {
        check_merged(updates, count);
        return 0;
    }
    crdt_buf out = {0};
    fuzz_expect(crdt_update_merge(CRDT_V1, updates, count, &out) == CRDT_MALFORMED && out.len == 0,
                "a bad update is merged");
    crdt_buf_free(&out);
    return 0;
}
