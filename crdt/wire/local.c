/* Transactions of local edits: the client they are made as, their beginning, and their end, which
 * gives the update that tells peers (yjs/src/utils/Transaction.js, transact). */
#include "core/doc.h"
#include "wire/brief.h"
#include "wire/event.h"

crdt_err crdt_doc_set_client(crdt_doc *doc, uint64_t client)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (doc->editing || client > CRDT_CLOCK_MAX)
        return CRDT_INVALID;
    uint32_t index = crdt__doc_get_client(doc, client);
    if (!index)
        return doc->budget.err;
    doc->own = index;
    return CRDT_OK;
}

bool crdt_doc_knows_client(const crdt_doc *doc, uint64_t client)
{
    return crdt__u64map_find(&doc->client_index, client) != NULL;
}

crdt_err crdt_doc_begin(crdt_doc *doc)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (doc->editing || !doc->own)
        return CRDT_INVALID;
    doc->editing = true;
    doc->local.done.len = 0;
    doc->local.mixed = false;
    return CRDT_OK;
}

/* The update of what was done in place. */
static crdt_err write_brief(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    const crdt__local *local = &doc->local;
    if (encoding == CRDT_V1 && (local->erased ? crdt__brief_deleted(doc, &local->done, out)
                                              : crdt__brief_added(doc, &local->done, out)))
        return CRDT_OK;
    return local->erased ? crdt__event_write_deleted(doc, encoding, local->done, out)
                         : crdt__event_write_added(doc, encoding, local->done, out);
}

static crdt_err write_update(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    if (doc->local.mixed)
        return crdt__event_write(doc, encoding, out);
    return doc->local.done.len > 0 ? write_brief(doc, encoding, out) : CRDT_OK;
}

/* Yjs' clean-up of formatting marks is not for local transactions. Tidying may be done again: until
 * the update is written the transaction stays open. */
crdt_err crdt_doc_commit(crdt_doc *doc, crdt_encoding encoding, crdt_buf *update)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (!doc->editing)
        return CRDT_INVALID;
    if (doc->local.mixed && !crdt__txn_tidy(doc))
        return crdt__doc_fail(doc);
    crdt_err err = update ? write_update(doc, encoding, update) : CRDT_OK;
    if (err != CRDT_OK)
        return err;
    if (doc->local.mixed)
        crdt__txn_end(doc);
    doc->editing = false;
    crdt__text_compact(doc); /* where memory is short, another time will do */
    return CRDT_OK;
}
