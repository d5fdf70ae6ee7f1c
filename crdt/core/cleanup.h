/* The tidying of formatting marks after a transaction (yjs/src/types/YText.js,
 * cleanupYTextAfterTransaction).
 *
 * Its result is a set of deletions. It depends on the order in which updates arrived, and is not
 * needed for convergence; it must not be done differently from Yjs.
 */
#ifndef CRDT_CORE_CLEANUP_H
#define CRDT_CORE_CLEANUP_H

#include "core/doc.h"

/* True if the running transaction changed a living text with formatting marks. */
bool crdt__cleanup_wanted(const crdt_doc *doc);

/* Deletes the marks that `finished` (its deletes sorted, nothing merged yet) has made redundant,
 * within the running transaction, which is a new one. False when out of memory. */
bool crdt__cleanup_run(crdt_doc *doc, const crdt__txn *finished);

#endif
