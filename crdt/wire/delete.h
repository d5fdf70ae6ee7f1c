/* The delete set of an update, and deletes that waited, applied to a document
 * (yjs/src/utils/DeleteSet.js, readAndApplyDeleteSet). */
#ifndef CRDT_WIRE_DELETE_H
#define CRDT_WIRE_DELETE_H

#include "core/doc.h"

/* Applies an encoded delete set, which is valid, as far as its clocks are known; the rest waits.
 * *is_new becomes true if some of that did not wait already. False when out of memory. */
bool crdt__delete_encoded(crdt_doc *doc, crdt_bytes ds, bool *is_new);

/* Applies what waited and is known now, of the clients that have moved. False when out of memory.
 */
bool crdt__delete_present(crdt_doc *doc);

#endif
