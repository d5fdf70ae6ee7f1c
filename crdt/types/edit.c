#include "types/edit.h"

#include "core/inplace.h"
#include "core/integrate.h"

crdt_err crdt__edit_begin(crdt_doc *doc, crdt_type handle, crdt__ref *type)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (!doc->editing)
        return CRDT_INVALID;
    crdt__ref ref = crdt__handle_find(doc, handle);
    if (!ref)
        return CRDT_GONE;
    crdt__ref holder = crdt__type_at(&doc->objects, ref)->item;
    if (holder && crdt__item_at(doc, holder)->deleted)
        return CRDT_GONE;
    if (!doc->local.mixed && !crdt__inplace_settle(doc))
        return crdt__edit_failed(doc);
    *type = ref;
    return CRDT_OK;
}

crdt__ref crdt__edit_insert(crdt_doc *doc, crdt__ref parent, uint32_t key, crdt__position at,
                            const crdt__wstruct *content)
{
    if (content->len > CRDT_CLOCK_MAX - doc->clients[doc->own].state) {
        doc->budget.err = CRDT_LIMIT;
        return 0;
    }
    crdt__place place = {at.left, at.right, parent, key};
    return crdt__integrate_made(doc, doc->own, content, place);
}

crdt_err crdt__edit_failed(crdt_doc *doc)
{
    return crdt__doc_fail(doc);
}
