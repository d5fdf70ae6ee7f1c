/* What the running transaction did to a list, as the operations of a delta: retained, deleted,
 * inserted; what is retained at the end is left out. */
#ifndef CRDT_TYPES_OPS_H
#define CRDT_TYPES_OPS_H

#include "types/printer.h"

/* Both write `,"delta":[...]`, and return true; or nothing, if nothing is different. The printer
 * has nothing open. Values go in as arrays (yjs/src/utils/YEvent.js, changes), texts as strings,
 * with formats (yjs/src/types/YText.js, YTextEvent.delta). */
bool crdt__ops_of_list(crdt__printer *p, const crdt__type *type);
bool crdt__ops_of_text(crdt__printer *p, const crdt__type *type);

#endif
