/* The update of one transaction: what it added and what it deleted, as it lies after collecting and
 * merging (yjs/src/utils/Transaction.js, writeUpdateMessageFromTransaction). */
#ifndef CRDT_WIRE_EVENT_H
#define CRDT_WIRE_EVENT_H

#include "core/doc.h"

/* Appends the update of the running transaction, which is tidied and not ended, to `out`; nothing
 * if it added and deleted nothing. CRDT_NO_MEMORY: `out` is as it was. */
CRDT_MUST_CHECK crdt_err crdt__event_write(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out);

/* The same for what the fast paths did without a transaction (wire/typing.h): `done` was added, or
 * deleted. */
CRDT_MUST_CHECK crdt_err crdt__event_write_added(crdt_doc *doc, crdt_encoding encoding,
                                                 crdt__span done, crdt_buf *out);
CRDT_MUST_CHECK crdt_err crdt__event_write_deleted(crdt_doc *doc, crdt_encoding encoding,
                                                   crdt__span done, crdt_buf *out);

/* Commits a transaction that came from others, the tidying of formatting marks behind it included,
 * and appends the update of it all to `out` (NULL: nobody asks). False when out of memory: half of
 * it may be done, and `out` is as it was. */
bool crdt__event_commit_remote(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out);

#endif
