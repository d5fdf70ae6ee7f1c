/* How every reading of a type begins. */
#ifndef CRDT_TYPES_READ_H
#define CRDT_TYPES_READ_H

#include "types/handle.h"

/* Finds the type: CRDT_FAILED, CRDT_GONE (now: a deleted one, too), CRDT_INVALID (`at` is given,
 * and the document collects garbage), or CRDT_OK and *type. */
CRDT_MUST_CHECK crdt_err crdt__read_begin(const crdt_doc *doc, crdt_type handle,
                                          const crdt_snapshot *at, crdt__ref *type);

#endif
