/* The order in which the structs of an update go into a document (yjs/src/utils/encoding.js,
 * integrateStructs).
 *
 * Sections are worked from the highest client down; a struct that needs another client's waits on a
 * stack while that client's section is worked. What needs something that is not there is parked: it
 * becomes an update of its own, to wait.
 */
#ifndef CRDT_WIRE_SCHEDULE_H
#define CRDT_WIRE_SCHEDULE_H

#include "core/doc.h"

/* What could not be integrated. */
typedef struct crdt__rest {
    crdt_buf update; /* encoded, without deletes; empty if nothing is left */
    bool is_new;     /* some of it was not waiting already */
} crdt__rest;

/* Integrates the structs of a validated update into the running transaction, as far as they go.
 * What remains is encoded into `rest` (the caller frees rest->update), and noted in the document's
 * pending clocks: what is missing, and what waits. False when out of memory. */
bool crdt__schedule(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                    crdt__rest *rest);

/* True if the update would leave structs or deletes waiting. Changes nothing. *ok is false when out
 * of memory. */
bool crdt__schedule_leaves_rest(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                                bool *ok);

#endif
