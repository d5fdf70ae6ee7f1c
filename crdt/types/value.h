/* Contents as public values. */
#ifndef CRDT_TYPES_VALUE_H
#define CRDT_TYPES_VALUE_H

#include "types/visible.h"

/* The value of a run of one unit; its bytes are lent. */
crdt_value crdt__value_of(const crdt_doc *doc, const crdt__run *run);

#endif
