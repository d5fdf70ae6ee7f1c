/* What is deleted in a document. */
#ifndef CRDT_WIRE_DIFF_H
#define CRDT_WIRE_DIFF_H

#include "core/doc.h"

/* Adds the deleted ranges of the whole document: every maximal run of deleted structs. `clients` is
 * what crdt__doc_clients_descending gave. Still to be normalized, which is linear then. False when
 * out of memory. (yjs: createDeleteSetFromStructStore) */
CRDT_MUST_CHECK bool crdt__collect_deletes(const crdt_doc *doc, const uint32_t *clients,
                                           crdt__idset *out);

#endif
