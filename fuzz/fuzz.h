/* What every fuzz target has: the entry point that libFuzzer and replay.c call, and a way to say
 * that something does not hold.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays on in every build. */
static inline void fuzz_expect(bool holds, const char *otherwise)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz: %s\n", otherwise);
    abort();
}

static inline crdt_bytes fuzz_bytes(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static inline bool fuzz_same(const crdt_buf *a, const crdt_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Takes up to `max` updates from the input, each behind its length (two bytes); how many. */
static inline size_t fuzz_split(crdt_bytes input, crdt_bytes *updates, size_t max)
{
    size_t count = 0;
    while (input.len >= 2 && count < max) {
        size_t len = (size_t)input.data[0] | (size_t)input.data[1] << 8;
        input.data += 2;
        input.len -= 2;
        len = len < input.len ? len : input.len;
        updates[count++] = (crdt_bytes){input.data, len};
        input.data += len;
        input.len -= len;
    }
    return count;
}

static inline void fuzz_check(const crdt_doc *doc)
{
    const char *broken = crdt_doc_check(doc);
    fuzz_expect(!broken, broken);
}

static inline crdt_buf fuzz_state(crdt_doc *doc)
{
    crdt_buf state = {0};
    fuzz_expect(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state) == CRDT_OK,
                "a document cannot be encoded");
    return state;
}

static inline crdt_buf fuzz_state_vector(crdt_doc *doc)
{
    crdt_buf sv = {0};
    fuzz_expect(crdt_doc_encode_state_vector(doc, &sv) == CRDT_OK, "no state vector");
    return sv;
}

#endif
