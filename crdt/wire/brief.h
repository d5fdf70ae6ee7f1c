/* The update (format v1) of one edit made in place: the commonest of all, written without looking
 * at anything else. */
#ifndef CRDT_WIRE_BRIEF_H
#define CRDT_WIRE_BRIEF_H

#include "core/doc.h"

/* Appends the update of `done`, the last units of a STRING at its client's end, to `out`. False,
 * and nothing appended: it is not that simple, or memory ran out. */
bool crdt__brief_added(const crdt_doc *doc, const crdt__span *done, crdt_buf *out);

/* Appends the update of one deleted range. False as above. */
bool crdt__brief_deleted(const crdt_doc *doc, const crdt__span *done, crdt_buf *out);

#endif
