/* What one does at a keyboard in a plain text: local edits made in place, without the machinery of
 * transactions (core/inplace.h). Each is tried first, and comes to what the long way comes to. */
#ifndef CRDT_TYPES_TYPING_H
#define CRDT_TYPES_TYPING_H

#include "core/doc.h"

/* Inserts text without formats. False, and nothing done: it is more than that, or something is
 * wrong, or memory is short. */
bool crdt__typing_insert(crdt_doc *doc, const crdt_type *text, uint64_t index, crdt_bytes string);

/* Deletes units that lie in one run. False as above. */
bool crdt__typing_delete(crdt_doc *doc, const crdt_type *text, uint64_t index, uint64_t length);

#endif
