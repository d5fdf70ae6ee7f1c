/* What waits, as it would come back from format v2, in which Yjs keeps it.
 *
 * Format v2 has embeds and formats as Any, and all strings of an update in one row: of unpaired
 * surrogates only those stay that stand next to their other half there, at the end of one string
 * and at the start of the next. The others become U+FFFD (wire/encoder.h).
 */
#ifndef CRDT_WIRE_RETELL_H
#define CRDT_WIRE_RETELL_H

#include "wire/schedule.h"

/* A rest told again, in memory of its own where that makes a difference. */
typedef struct crdt__retold {
    const crdt__section *sections;
    size_t count;
    crdt_buf room;
    crdt__section *owned;
} crdt__retold;

/* Borrows the rest. False when out of memory: there is nothing to release. */
bool crdt__retell(crdt_doc *doc, const crdt__rest *rest, crdt__retold *out);
void crdt__retold_release(crdt_doc *doc, crdt__retold *retold);

/* After something was merged into what waits, or went from it: what stood next to its other half
 * may not any more. Cost: linear in what waits and in the clients; nothing where that is much, or
 * nothing that waits has unpaired surrogates. */
void crdt__retell_waiting(crdt_doc *doc);

#endif
