/* What people at a keyboard do, done in place: a few units more, a few less. Each does what
 * integrating or deleting, collecting and merging would come to, without a transaction, and mostly
 * without a new struct or an allocation beyond the bytes.
 *
 * All are about texts whose formatting marks need no tidying, of documents that collect garbage if
 * something is erased. Each returns false (or 0) when it cannot: memory is short, or Yjs would do
 * more than is done here. Nothing has changed then, and the edit takes the long way. */
#ifndef CRDT_CORE_INPLACE_H
#define CRDT_CORE_INPLACE_H

#include "core/doc.h"

/* Adds behind a STRING, the last struct of its client, which must have its right origin for its
 * right neighbour still. `text` is valid UTF-8 of `units` units. */
bool crdt__inplace_add(crdt_doc *doc, crdt__ref ref, crdt_bytes text, uint64_t units);

/* Makes the next struct of the own client, of such a text, in a list: behind the first `offset`
 * units of `left`, which is a STRING if that cuts it; at the start if `left` is 0. It must not be
 * such as to be merged with `left`. Returns it. */
crdt__ref crdt__inplace_insert(crdt_doc *doc, crdt__ref type, crdt__ref left, uint64_t offset,
                               crdt_bytes text, uint64_t units);

/* Erases units of a STRING that is not deleted. */
bool crdt__inplace_erase(crdt_doc *doc, crdt__ref ref, uint64_t offset, uint64_t units);

/* Tells the transaction of what was done in place in it (doc->local): it is going to hold more.
 * False when out of memory. */
bool crdt__inplace_settle(crdt_doc *doc);

#endif
