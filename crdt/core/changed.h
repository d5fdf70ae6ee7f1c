/* What the running transaction changed, noted for whoever tells of it: which list, which key of
 * which type (yjs/src/utils/Transaction.js, addChangedTypeToTransaction). Only for documents that
 * are asked to (crdt_doc_options.changes).
 *
 * Telling is not what a document is for: where memory for it runs out, the document is unharmed and
 * has nothing to tell of that transaction but why.
 */
#ifndef CRDT_CORE_CHANGED_H
#define CRDT_CORE_CHANGED_H

#include "base/u64map.h"
#include "core/item.h"

typedef struct crdt__change {
    crdt__ref type;
    uint32_t key; /* a name; 0: the list */
} crdt__change;

typedef struct crdt__changed {
    crdt__change
        *items; /* of the running transaction, each once, in the order in which they came */
    size_t count;
    size_t cap;
    crdt__u64map seen;
    crdt_err lost; /* why some could not be noted */
    crdt_mem mem;  /* the document's, counted as what it holds */
    crdt_buf told; /* what the last transaction changed: JSON */
    crdt_err err;  /* why it is not told */
} crdt__changed;

void crdt__changed_init(crdt_doc *doc);
void crdt__changed_deinit(crdt_doc *doc);

/* Notes that the item came into its list or to its key, or is deleted; unless the type is new or
 * deleted itself. */
void crdt__changed_note(crdt_doc *doc, const crdt__item *it);
/* Forgets what is noted. */
void crdt__changed_clear(crdt_doc *doc);

/* Renders what is noted into `told` (types/changes.c). Nothing is collected yet, and the delete set
 * is in order. */
void crdt__changed_tell(crdt_doc *doc);

#endif
