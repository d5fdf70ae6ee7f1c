/* What applying an update and loading one share. */
#ifndef CRDT_WIRE_APPLY_H
#define CRDT_WIRE_APPLY_H

#include "core/doc.h"

/* Applies an encoded delete set that speaks of known clocks alone. False when out of memory. */
bool crdt__apply_known_deletes(crdt_doc *doc, crdt_bytes ds);

#endif
