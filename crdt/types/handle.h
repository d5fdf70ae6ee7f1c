/* Public handles of types, and the types behind them. */
#ifndef CRDT_TYPES_HANDLE_H
#define CRDT_TYPES_HANDLE_H

#include "core/doc.h"

/* The type behind a handle, or 0: there is none, or it is collected. A deleted one that is not
 * collected is found. */
crdt__ref crdt__handle_find(const crdt_doc *doc, crdt_type handle);

/* The handle of a type. */
crdt_type crdt__handle_of(const crdt_doc *doc, crdt__ref type);

#endif
