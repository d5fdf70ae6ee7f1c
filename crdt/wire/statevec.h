/* State vectors: per client the next clock one expects.
 *
 *     varuint clients, per client varuint client, varuint clock; descending when written, any order
 *     when read, and of one client named twice the last entry counts
 */
#ifndef CRDT_WIRE_STATEVEC_H
#define CRDT_WIRE_STATEVEC_H

#include "base/idset.h"

/* {0} is empty. */
typedef struct crdt__statevec {
    crdt__idset known; /* per client one range: the clocks below the next one, from 0 */
} crdt__statevec;

/* Decodes a state vector. CRDT_MALFORMED (bytes after the end included), CRDT_NO_MEMORY or CRDT_OK;
 * when it fails *out is empty. */
CRDT_MUST_CHECK crdt_err crdt__statevec_read(crdt_bytes sv, const crdt_mem *mem,
                                             crdt__statevec *out);
void crdt__statevec_deinit(crdt__statevec *sv);

/* The next clock of `client`; 0 if it is not named. Cost: logarithmic. */
uint64_t crdt__statevec_get(const crdt__statevec *sv, uint64_t client);

#endif
