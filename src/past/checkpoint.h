/* Checkpoints as bytes: a whole state, made small.
 *
 *     form u8
 *     form 1: one update in format v1
 *     form 2: one update in format v2, in one zstd frame that says how long it is
 *     form 3: seq u64 (big-endian) of an earlier checkpoint of the document, in form 2; then such a
 *             frame, with a checksum, made with that one's state before it (zstd's prefix)
 *
 * States of one document have most in common: a difference takes a tenth of a state. It is told
 * against a whole one, so that two values are read at most.
 *
 * Form 1 is what older versions wrote, and is read; to a version that does not know form 3 such a
 * checkpoint is none. Nothing here knows libuv or the store. */
#ifndef WEFT_PAST_CHECKPOINT_H
#define WEFT_PAST_CHECKPOINT_H

#include <crdt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The least that lies between two checkpoints, in the weight of events: replaying that much costs a
 * millisecond, and a checkpoint takes a page or more. */
#define CHECKPOINT_WEIGHT_MIN ((uint64_t)48 << 10)
/* Of an event's update so many bytes are mostly ids, and next to nothing once they are packed; ...
 */
#define CHECKPOINT_EVENT_IDS 24
/* ... what is left of them weighs this much. */
#define CHECKPOINT_EVENT_WEIGHT 2

/* Two states together are not longer than this, where one is told against the other: zstd looks
 * back so far. */
#define CHECKPOINT_DIFFERENCE_MAX ((size_t)4 << 20)
/* What a checkpoint takes on disk is less than this part of its state: whole, if that is mostly
 * text, and as a difference, with its part of the whole one. */
#define CHECKPOINT_WHOLE_SHRINKS      2
#define CHECKPOINT_DIFFERENCE_SHRINKS 4

/* What an event weighs that a replay has to read: about what it takes when it is packed. */
static inline uint64_t checkpoint_weight(size_t update_len)
{
    size_t content = update_len > CHECKPOINT_EVENT_IDS ? update_len - CHECKPOINT_EVENT_IDS : 0;
    return CHECKPOINT_EVENT_WEIGHT + content;
}

/* Whether a checkpoint is due: the events since the last one weigh as much as it takes, so that a
 * replay reads less than twice the state, and all checkpoints together take no more than the
 * events. `len` is that of the last one's state, not compressed; 0: there is none. */
static inline bool checkpoint_is_due(uint64_t weight_since, uint64_t len)
{
    uint64_t takes = len / (len <= CHECKPOINT_DIFFERENCE_MAX / 2 ? CHECKPOINT_DIFFERENCE_SHRINKS
                                                                 : CHECKPOINT_WHOLE_SHRINKS);
    return weight_since >= (takes > CHECKPOINT_WEIGHT_MIN ? takes : CHECKPOINT_WEIGHT_MIN);
}

/* A checkpoint that others are told against. */
typedef struct checkpoint_base {
    uint64_t seq;     /* the event behind which it is; 0: there is none */
    crdt_bytes bytes; /* the whole checkpoint, in form 2 */
} checkpoint_base;

/* Appends the checkpoint of `state`, one update in format v2 (crdt_doc_encode_state), to `out`
 * (malloc's): as the difference to `base`, which is earlier, if that is worth it. ERR_NO_MEMORY.
 * Cost: linear, and not small: for the pool. */
ERR_MUST_CHECK err checkpoint_encode(crdt_bytes state, const checkpoint_base *base, crdt_buf *out);

/* The seq of the checkpoint that this one is told against; 0: it stands for itself, or is none. */
uint64_t checkpoint_base_seq(crdt_bytes bytes);

/* Applies a checkpoint to an empty document; `base` is the one that it is told against, empty if
 * there is none. *len is that of the state, not compressed. ERR_STORAGE: one of them is no
 * checkpoint, or they do not belong together. ERR_PENDING_LIMIT, ERR_NO_MEMORY: as applying an
 * update. */
ERR_MUST_CHECK err checkpoint_apply(crdt_doc *doc, crdt_bytes bytes, crdt_bytes base,
                                    uint64_t *len);

#endif
