/* What people at a keyboard send, applied in place: one more character behind the last, one less
 * before or behind what was erased. Each does what integrating, deleting, collecting and merging
 * would come to, without a new struct, a transaction or an allocation beyond the bytes. */
#ifndef CRDT_WIRE_TYPING_H
#define CRDT_WIRE_TYPING_H

#include "core/doc.h"
#include "wire/small.h"

/* Applies an update of one string that continues the run its client typed last. False, and nothing
 * changed, if it is not that, or memory ran out: it must go the long way. *done is what it added.
 */
bool crdt__apply_typed(crdt_doc *doc, const crdt__small *update, crdt__span *done);

/* Applies an update that deletes a part of one run. False as above. *done is what it deleted. */
bool crdt__apply_erased(crdt_doc *doc, const crdt__small *update, crdt__span *done);

#endif
