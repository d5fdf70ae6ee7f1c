/* weft-crdt: Yjs 13 documents in C, from encoded updates to encoded updates.
 *
 * SPDX-License-Identifier: MIT
 *
 * The nouns. A document (`crdt_doc`) is the merge of every update applied to it. An update is bytes
 * in Yjs' update format v1: structs (runs of units, each with a client and a clock) and a delete
 * set. A state vector says, per client, the next clock one expects; a document encoded against
 * somebody's state vector is what they lack.
 *
 * The rules. The library does no I/O, keeps no globals, starts no threads, reads no clock.
 * Different documents may be used by different threads at once; one document by one thread at a
 * time. Nothing here calls back. Input is never trusted: an update is decoded and validated whole
 * before the document changes, and work and memory are bounded by its bytes.
 *
 * Memory. "borrows": until the call returns. "appends to out": the buffer is the caller's, and is
 * left as it was when the call fails.
 */
#ifndef CRDT_H
#define CRDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRDT_MUST_CHECK __attribute__((warn_unused_result))

/* Every error, with the sentence that `crdt_strerror` returns. */
#define CRDT_ERR_TABLE(X)                                                                          \
    X(CRDT_OK, 0, "success")                                                                       \
    X(CRDT_MALFORMED, -1, "the bytes are not what they should be in Yjs' formats")                 \
    X(CRDT_NO_MEMORY, -2, "out of memory")                                                         \
    X(CRDT_LIMIT, -3, "a limit of the document would be passed")                                   \
    X(CRDT_FAILED, -4, "the document failed half way before; it can only be freed")

typedef enum crdt_err {
#define X(name, value, text) name = value,
    CRDT_ERR_TABLE(X)
#undef X
} crdt_err;

/* Returns a static sentence. */
const char *crdt_strerror(crdt_err err);

/* Clients and clocks are integers up to 2^53-1 (Number.MAX_SAFE_INTEGER). */
#define CRDT_CLOCK_MAX UINT64_C(9007199254740991)
/* Any and JSON values may nest this deep; types may nest without limit. */
#define CRDT_VALUE_DEPTH_MAX 512
/* Clients in one document. */
#define CRDT_CLIENTS_MAX ((1u << 24) - 1)

/* Where memory comes from. `resize` behaves as realloc does for every size above 0; `release`
 * accepts NULL. */
typedef struct crdt_mem {
    void *(*resize)(void *ctx, void *old, size_t old_size, size_t new_size);
    void (*release)(void *ctx, void *ptr, size_t size);
    void *ctx;
} crdt_mem;

/* Bytes that belong to somebody else. */
typedef struct crdt_bytes {
    const uint8_t *data;
    size_t len;
} crdt_bytes;

/* Bytes that belong to whoever holds the struct. {0} is an empty buffer on malloc. */
typedef struct crdt_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    const crdt_mem *mem; /* NULL: malloc */
} crdt_buf;

void crdt_buf_free(crdt_buf *buf); /* leaves it empty and usable */

/* ---- documents ---- */

typedef struct crdt_doc crdt_doc;

typedef enum crdt_gc { CRDT_GC_ON, CRDT_GC_OFF } crdt_gc;

/* Yjs tidies redundant formatting marks of texts after a remote transaction, which is an edit of
 * its own. A server whose state must be the merge of what it accepted leaves that to the editors.
 */
typedef enum crdt_cleanup { CRDT_CLEANUP_OFF, CRDT_CLEANUP_ON } crdt_cleanup;

/* {0} is a good default. */
typedef struct crdt_doc_options {
    const crdt_mem *mem;      /* kept until crdt_doc_free; NULL: malloc */
    size_t memory_max;        /* bytes the document may hold; 0: no limit */
    size_t pending_bytes_max; /* bytes of structs and deletes waiting for others; 0: no limit */
    uint64_t hash_seed; /* something peers cannot guess, against crafted collisions; 0 will do in
                           tests */
    crdt_gc gc;
    crdt_cleanup cleanup;
} crdt_doc_options;

/* Returns owned (crdt_doc_free), or NULL when out of memory. Borrows `options` (NULL: the default).
 */
crdt_doc *crdt_doc_new(const crdt_doc_options *options);

/* Frees everything in a few calls, whatever the size. Accepts NULL. */
void crdt_doc_free(crdt_doc *doc);

/* What applying an update did. */
typedef struct crdt_applied {
    bool changed;    /* something was new: integrated, deleted, or put to wait */
    bool integrated; /* the visible part changed: state vector or deletions */
    bool pending; /* after the call, something in the document waits for updates that have not come
                   */
} crdt_applied;

/* Applies one update (Yjs: applyUpdate). Borrows `update`; `out` may be NULL.
 * CRDT_MALFORMED: bad bytes, bytes after the end included; document unchanged.
 * CRDT_LIMIT: `memory_max` or `pending_bytes_max` would be passed; document unchanged or, when
 * memory ran out half way, failed. CRDT_NO_MEMORY: document unchanged, or failed. CRDT_FAILED: it
 * had failed before. Cost: linear in the update, times the logarithm of the structs of a client;
 * constant for typing. */
CRDT_MUST_CHECK crdt_err crdt_doc_apply_v1(crdt_doc *doc, crdt_bytes update, crdt_applied *out);

/* True once an operation ran out of memory half way: the document refuses all work and is to be
 * freed. */
bool crdt_doc_failed(const crdt_doc *doc);

/* True while structs or deletes wait for updates that have not come. A peer's difference to the
 * document's state vector completes it. */
bool crdt_doc_pending(const crdt_doc *doc);

/* Appends to `out` one update with everything `sv` (an encoded state vector; empty: nothing known)
 * lacks, with all deletions and all that is pending (Yjs: encodeStateAsUpdate). CRDT_MALFORMED: bad
 * `sv`. */
CRDT_MUST_CHECK crdt_err crdt_doc_encode_state_v1(crdt_doc *doc, crdt_bytes sv, crdt_buf *out);

/* Appends the encoded state vector to `out` (Yjs: encodeStateVector). */
CRDT_MUST_CHECK crdt_err crdt_doc_encode_state_vector(crdt_doc *doc, crdt_buf *out);

/* Makes the root `name` (UTF-8, borrowed) known as a text, as an application does with
 * doc.getText(name); only the clean-up of formatting marks looks at it. */
CRDT_MUST_CHECK crdt_err crdt_doc_define_text(crdt_doc *doc, crdt_bytes name);

/* Bytes held now, all of them. */
size_t crdt_doc_memory_bytes(const crdt_doc *doc);
/* Structs held now. */
size_t crdt_doc_struct_count(const crdt_doc *doc);
/* Bytes of structs and deletes that wait, about what they take encoded. */
size_t crdt_doc_pending_bytes(const crdt_doc *doc);

/* Verifies every numbered invariant of crdt/README.md. Returns NULL, or a static sentence naming
 * the first one that does not hold. Cost: linear in the document. */
const char *crdt_doc_check(const crdt_doc *doc);

/* ---- updates without a document ---- */

/* Decodes everything and keeps nothing: CRDT_OK or CRDT_MALFORMED. The same judgement as
 * crdt_doc_apply_v1. */
CRDT_MUST_CHECK crdt_err crdt_update_validate_v1(crdt_bytes update);

/* True if a valid update says nothing: no structs but Skips, no deletes. */
bool crdt_update_is_empty_v1(crdt_bytes update);

/* Appends to `out` one update that holds what all `count` updates hold (Yjs: mergeUpdates). One
 * update comes out as its very bytes; none: the empty update. CRDT_MALFORMED: one of them is. Cost:
 * linear in their bytes, times the logarithm of `count`. */
CRDT_MUST_CHECK crdt_err crdt_update_merge_v1(const crdt_bytes *updates, size_t count,
                                              crdt_buf *out);

/* Appends to `out` what of `update` the state vector `sv` lacks, deletions whole (Yjs: diffUpdate).
 */
CRDT_MUST_CHECK crdt_err crdt_update_diff_v1(crdt_bytes update, crdt_bytes sv, crdt_buf *out);

/* Appends the state vector that the update alone brings about (Yjs: encodeStateVectorFromUpdate).
 */
CRDT_MUST_CHECK crdt_err crdt_update_state_vector_v1(crdt_bytes update, crdt_buf *out);

/* ---- state vectors ---- */

/* CRDT_OK, or CRDT_MALFORMED (bytes after the end included). */
CRDT_MUST_CHECK crdt_err crdt_state_vector_validate(crdt_bytes sv);

/* Appends to `out` a state vector that was true before `updates` were applied, given `sv` after
 * them: per client the smaller of `sv` and the first clock that the updates speak of. Whoever has
 * seen everything before the updates lacks nothing that a difference to the result does not hold.
 * CRDT_MALFORMED: one of the inputs is. */
CRDT_MUST_CHECK crdt_err crdt_state_vector_rewind_v1(crdt_bytes sv, const crdt_bytes *updates,
                                                     size_t count, crdt_buf *out);

/* ---- awareness ---- */

/* Who is present and what they say of themselves: client -> (clock, JSON). Never stored; times are
 * the caller's milliseconds, from any clock that only goes forward. (y-protocols/awareness.js) */
typedef struct crdt_awareness crdt_awareness;

/* Entries one awareness may hold, the remembered clocks of clients that left included. */
#define CRDT_AWARENESS_CLIENTS_MAX 65536

/* Returns owned (crdt_awareness_free), or NULL when out of memory. `mem` is kept; NULL: malloc. */
crdt_awareness *crdt_awareness_new(const crdt_mem *mem);
void crdt_awareness_free(crdt_awareness *awareness); /* accepts NULL */

/* Applies an awareness update, whole or not at all (applyAwarenessUpdate, without a local client).
 * Appends to `changed` an awareness update with the entries that were accepted, or nothing if none
 * was: what others must hear. `changed` may be NULL. CRDT_MALFORMED, CRDT_NO_MEMORY, CRDT_LIMIT:
 * nothing changed. */
CRDT_MUST_CHECK crdt_err crdt_awareness_apply(crdt_awareness *awareness, crdt_bytes update,
                                              uint64_t now_ms, crdt_buf *changed);

/* Appends an awareness update with every present state. Nothing is appended if nobody is present.
 */
CRDT_MUST_CHECK crdt_err crdt_awareness_encode(const crdt_awareness *awareness, crdt_buf *out);

/* Takes the state of `client` away, at the clock it had, and appends the update that says so;
 * nothing if it was not present. */
CRDT_MUST_CHECK crdt_err crdt_awareness_remove(crdt_awareness *awareness, uint64_t client,
                                               uint64_t now_ms, crdt_buf *changed);

/* Takes away every state not renewed since `older_than_ms`, and appends the update that says so, or
 * nothing. */
CRDT_MUST_CHECK crdt_err crdt_awareness_expire(crdt_awareness *awareness, uint64_t older_than_ms,
                                               uint64_t now_ms, crdt_buf *changed);

/* When the state of `client` was last renewed; false if it is not present. */
bool crdt_awareness_find(const crdt_awareness *awareness, uint64_t client, uint64_t *renewed_ms);

/* Present states, and the earliest renewal among them (UINT64_MAX if none): when the next expiry
 * can be due. */
size_t crdt_awareness_count(const crdt_awareness *awareness);
uint64_t crdt_awareness_oldest_ms(const crdt_awareness *awareness);

#endif
