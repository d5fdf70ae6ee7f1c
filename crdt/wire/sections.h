/* An update with its sections in the order in which Yjs writes them: by client, descending.
 *
 * Readers take them in any order, but merging counts on this one: Yjs' mergeUpdates drops whole
 * sections of an update that is written otherwise, as other and older implementations do. We sort
 * them first.
 */
#ifndef CRDT_WIRE_SECTIONS_H
#define CRDT_WIRE_SECTIONS_H

#include "wire/update.h"

/* Appends the update to `out`, with its sections in order. Of a client that has several the last
 * one alone is kept, as whoever applies the update does. `shape` is what validation told: not
 * `descending`. CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__v1_sort_sections(crdt_bytes update, const crdt__v1_shape *shape,
                                                crdt_buf *out);

#endif
