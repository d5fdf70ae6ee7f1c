/* The order in which the structs of an update go into a document (yjs/src/utils/encoding.js,
 * integrateStructs).
 *
 * Sections are worked from the highest client down; a struct that needs another client's waits on a
 * stack while that client's section is worked. What needs something that is not there is parked,
 * and what follows it of its client with it: that has to wait.
 */
#ifndef CRDT_WIRE_SCHEDULE_H
#define CRDT_WIRE_SCHEDULE_H

#include "core/doc.h"
#include "wire/small.h"

/* What could not be integrated: per client the structs from some place of the update on, by client
 * descending. Borrows from the update. */
typedef struct crdt__rest {
    crdt__section *sections;
    size_t count;
    size_t cap;
    crdt_id *missing; /* clients that the update lacks something of, and where they stand */
    size_t missing_count;
    size_t missing_cap;
    crdt__section single; /* where one of each is kept */
    crdt_id single_missing;
} crdt__rest;

/* Integrates the structs of a validated update into the running transaction, as far as they go. The
 * caller releases *rest, which must not be moved until then. False when out of memory. */
bool crdt__schedule(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                    crdt__rest *rest);
/* The same for the one struct of a small update. */
bool crdt__schedule_small(crdt_doc *doc, const crdt__small *update, crdt__rest *rest);
void crdt__rest_release(crdt_doc *doc, crdt__rest *rest);

/* True if the update would leave structs or deletes waiting. Changes nothing. *ok is false when out
 * of memory. */
bool crdt__schedule_leaves_rest(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                                bool *ok);

#endif
