/* The door for updates of both formats: whoever takes one goes through here, and walks what comes
 * out with CRDT__TRUSTED.
 *
 *     v1   checked, and walked where it lies
 *     v2   checked, and told again in extended v1, in memory of its own
 */
#ifndef CRDT_WIRE_OPEN_H
#define CRDT_WIRE_OPEN_H

#include "wire/encoder.h"

typedef struct crdt__opened {
    crdt_bytes update; /* v1, or extended v1 */
    crdt__v1_shape shape;
    crdt_buf room; /* what `update` lies in, if it is not the caller's */
} crdt__opened;

/* Opens an update, borrowed until crdt__close. CRDT__EXTENDED: it came out of this door before, or
 * was written inside, and is not checked again. CRDT_MALFORMED, CRDT_NO_MEMORY: there is nothing to
 * close. */
CRDT_MUST_CHECK crdt_err crdt__open(crdt_encoding encoding, crdt_bytes update, const crdt_mem *mem,
                                    crdt__opened *out);
void crdt__close(crdt__opened *opened);

#endif
