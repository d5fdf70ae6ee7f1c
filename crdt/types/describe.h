/* What a type is, and what a root's content tells of it. */
#ifndef CRDT_TYPES_DESCRIBE_H
#define CRDT_TYPES_DESCRIBE_H

#include "types/visible.h"

/* The kind of a type at a moment. A root's is told by what is in it; false where nothing tells it.
 * `by`: what counts first where a root has both. Cost: of a root, linear in its list. */
typedef enum crdt__kind_by { CRDT__LIST_FIRST, CRDT__KEYS_FIRST } crdt__kind_by;

bool crdt__kind_of_type(const crdt_doc *doc, const crdt__moment *moment, const crdt__type *type,
                        crdt__kind_by by, crdt_type_kind *out);

#endif
