/* What waits in a document: tried again when what it lacked has come, and told as an update. */
#ifndef CRDT_WIRE_WAITING_H
#define CRDT_WIRE_WAITING_H

#include "wire/schedule.h"

/* Takes in what is left of an update, and, if the clients that moved in the running transaction
 * were noted as missing, integrates into it whatever can go. *is_new becomes true if some of the
 * rest did not wait already. False when out of memory. */
bool crdt__waiting_take(crdt_doc *doc, const crdt__rest *rest, bool *is_new);

/* Appends an update, in extended v1, of the structs that wait, as Yjs would have merged it.
 * CRDT_NO_MEMORY: `out` is as it was. */
CRDT_MUST_CHECK crdt_err crdt__waiting_encode(crdt_doc *doc, crdt_buf *out);

/* The same of the deletes that wait, in any format. */
CRDT_MUST_CHECK crdt_err crdt__waiting_encode_deletes(crdt_doc *doc, crdt_encoding encoding,
                                                      crdt_buf *out);

#endif
