/* What local edits of all types are made of: new items of the document's own client, and the end of
 * their transaction. */
#ifndef CRDT_TYPES_EDIT_H
#define CRDT_TYPES_EDIT_H

#include "types/handle.h"
#include "types/position.h"

/* Whether an edit may begin: CRDT_FAILED, CRDT_INVALID (no transaction is open), CRDT_GONE, or
 * CRDT_OK and *type. */
CRDT_MUST_CHECK crdt_err crdt__edit_begin(crdt_doc *doc, crdt_type handle, crdt__ref *type);

/* Makes an item of the own client with the content of `content` (its content fields, kind and len;
 * nothing else of it is looked at), between left and right in the list of `parent` or, with a key,
 * behind the entry `left` of that key; and integrates it. Returns it, or 0 when out of memory.
 * (yjs: new Item(...).integrate) */
crdt__ref crdt__edit_insert(crdt_doc *doc, crdt__ref parent, uint32_t key, crdt__position at,
                            const crdt__wstruct *content);

/* Ends an edit that ran out of memory: the document has failed. Returns why. */
crdt_err crdt__edit_failed(crdt_doc *doc);

#endif
