#include "types/handle.h"

#include "base/utf16.h"

/* A root's number is that of its name. */
static crdt__ref root_of(const crdt_doc *doc, uint32_t name)
{
    return name < doc->name_count ? doc->names[name].root : 0;
}

crdt__ref crdt__handle_find(const crdt_doc *doc, crdt_type handle)
{
    if (handle.root)
        return root_of(doc, handle.root);
    const uint64_t *client = crdt__u64map_find(&doc->client_index, handle.item.client);
    if (!client || handle.item.clock >= doc->clients[*client].state)
        return 0;
    const crdt__item *it =
        crdt__item_at(doc, crdt__doc_item(doc, (uint32_t)*client, handle.item.clock));
    return it->kind == CRDT__TYPE ? it->content : 0;
}

crdt_type crdt__handle_of(const crdt_doc *doc, crdt__ref ref)
{
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    if (!type->item)
        return (crdt_type){.root = type->name};
    const crdt__item *it = crdt__item_at(doc, type->item);
    return (crdt_type){.item = {doc->clients[it->client].id, it->clock}};
}

crdt_err crdt_doc_root(crdt_doc *doc, crdt_bytes name, crdt_type_kind kind, crdt_type *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (!crdt__utf8_valid(name, NULL))
        return CRDT_MALFORMED;
    crdt__ref root = crdt__doc_root(doc, name);
    if (!root)
        return doc->budget.err;
    if (kind == CRDT_TEXT || kind == CRDT_XML_TEXT)
        crdt__type_at(&doc->objects, root)->is_text = true;
    *out = crdt__handle_of(doc, root);
    return CRDT_OK;
}

bool crdt_doc_find_root(const crdt_doc *doc, crdt_bytes name, crdt_type *out)
{
    uint32_t found = crdt__doc_find_name(doc, name);
    if (!found || !doc->names[found].root)
        return false;
    *out = (crdt_type){.root = found};
    return true;
}

bool crdt_doc_next_root(const crdt_doc *doc, size_t *cursor, crdt_type *out, crdt_bytes *name)
{
    if (*cursor >= doc->root_count)
        return false;
    *out = (crdt_type){.root = doc->roots[(*cursor)++]};
    *name = crdt__doc_name_bytes(doc, out->root);
    return true;
}
