/* Checkpoints as bytes: a whole state, made small.
 *
 *     form u8; form 1: one update in format v1; form 2: one update in format v2, in one zstd frame
 *     that says how long it is
 *
 * Form 1 is what older versions wrote, and is read. Nothing here knows libuv or the store. */
#ifndef WEFT_PAST_CHECKPOINT_H
#define WEFT_PAST_CHECKPOINT_H

#include <crdt.h>
#include <stdint.h>

#include "base/err.h"

/* Appends the checkpoint of `state`, one update in format v2 (crdt_doc_encode_state), to `out`
 * (malloc's). ERR_NO_MEMORY. Cost: linear, and not small: for the pool. */
ERR_MUST_CHECK err checkpoint_encode(crdt_bytes state, crdt_buf *out);

/* Applies a checkpoint to an empty document. *len is that of the state, not compressed.
 * ERR_STORAGE: it is none. ERR_PENDING_LIMIT, ERR_NO_MEMORY: as applying an update. */
ERR_MUST_CHECK err checkpoint_apply(crdt_doc *doc, crdt_bytes bytes, uint64_t *len);

#endif
