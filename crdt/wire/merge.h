/* Updates merged and cut down without a document, from any format into any. */
#ifndef CRDT_WIRE_MERGE_H
#define CRDT_WIRE_MERGE_H

#include "wire/encoder.h"
#include "wire/statevec.h"

/* Appends to `out` one update that holds what all `count` updates hold, in format `to`. (yjs:
 * mergeUpdatesV2) CRDT_MALFORMED, CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__merge(crdt_encoding from, const crdt_bytes *updates, size_t count,
                                     crdt_encoding to, crdt_buf *out);

/* Appends to `out`, in format `to`, what of the update `known` lacks, deletions whole. (yjs:
 * diffUpdateV2) CRDT_MALFORMED, CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__diff(crdt_encoding from, crdt_bytes update,
                                    const crdt__statevec *known, crdt_encoding to, crdt_buf *out);

#endif
