/* Checkpoints as bytes: a whole state, made small.
 *
 *     form u8; form 1: one update in format v1; form 2: one update in format v2, in one zstd frame
 *     that says how long it is
 *
 * Form 1 is what older versions wrote, and is read. Nothing here knows libuv or the store. */
#ifndef WEFT_PAST_CHECKPOINT_H
#define WEFT_PAST_CHECKPOINT_H

#include <crdt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The least that lies between two checkpoints, in the weight of events: replaying that much costs a
 * few milliseconds, and a checkpoint takes a page or more. */
#define CHECKPOINT_WEIGHT_MIN ((uint64_t)64 << 10)
/* Of an event's update so many bytes are mostly ids, and next to nothing once they are packed; ...
 */
#define CHECKPOINT_EVENT_IDS 24
/* ... what is left of them weighs this much. */
#define CHECKPOINT_EVENT_WEIGHT 2

/* What an event weighs that a replay has to read: about what it takes when it is packed. */
static inline uint64_t checkpoint_weight(size_t update_len)
{
    size_t content = update_len > CHECKPOINT_EVENT_IDS ? update_len - CHECKPOINT_EVENT_IDS : 0;
    return CHECKPOINT_EVENT_WEIGHT + content;
}

/* Compressed, a state that is mostly text takes less than this part of its length. */
#define CHECKPOINT_SHRINKS 2

/* Whether a checkpoint is due: the events since the last one weigh as much as it takes, so that a
 * replay reads less than twice the state, and all checkpoints together take no more than the
 * events. `len` is that of the last one's state, not compressed; 0: there is none. */
static inline bool checkpoint_is_due(uint64_t weight_since, uint64_t len)
{
    uint64_t takes = len / CHECKPOINT_SHRINKS;
    return weight_since >= (takes > CHECKPOINT_WEIGHT_MIN ? takes : CHECKPOINT_WEIGHT_MIN);
}

/* Appends the checkpoint of `state`, one update in format v2 (crdt_doc_encode_state), to `out`
 * (malloc's). ERR_NO_MEMORY. Cost: linear, and not small: for the pool. */
ERR_MUST_CHECK err checkpoint_encode(crdt_bytes state, crdt_buf *out);

/* Applies a checkpoint to an empty document. *len is that of the state, not compressed.
 * ERR_STORAGE: it is none. ERR_PENDING_LIMIT, ERR_NO_MEMORY: as applying an update. */
ERR_MUST_CHECK err checkpoint_apply(crdt_doc *doc, crdt_bytes bytes, uint64_t *len);

#endif
