/* What people at a keyboard do, done in place: a few more units behind a run, a few less at its
 * edge. Each does what integrating, deleting, collecting and merging would come to, without a new
 * struct or a transaction, and without an allocation beyond the bytes. */
#ifndef CRDT_CORE_INPLACE_H
#define CRDT_CORE_INPLACE_H

#include "core/doc.h"

/* Adds to a STRING, the last struct of its client, which must have its right origin for its right
 * neighbour still. `text` is valid UTF-8 of `units` units. False, and nothing changed: it would
 * grow too long, or memory ran out. */
bool crdt__inplace_add(crdt_doc *doc, crdt__ref ref, crdt_bytes text, uint64_t units);

/* Takes units [offset, offset + units), the first or the last but not all, from a STRING that is
 * not deleted, of a document that collects garbage. They join what is deleted next to them. `pos`
 * is the place of `ref` among the structs of its client. False, and nothing changed: nothing is
 * deleted there that they would be merged with, or they are not whole characters. */
bool crdt__inplace_erase(crdt_doc *doc, crdt__ref ref, crdt__pos pos, uint64_t offset,
                         uint64_t units);

/* Tells the transaction of what was done in place in it (doc->local): it is going to hold more.
 * False when out of memory. */
bool crdt__inplace_settle(crdt_doc *doc);

#endif
