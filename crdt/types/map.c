/* Maps: Y.Map, and the attributes of XML elements and of texts (yjs/src/types/AbstractType.js,
 * typeMapSet, typeMapDelete; YMap.js, clear). */
#include "base/utf16.h"
#include "types/contents.h"
#include "types/edit.h"

static crdt_err put(crdt_doc *doc, crdt__ref map, crdt_bytes key, const crdt__contents *contents)
{
    uint32_t name = crdt__doc_name(doc, key);
    if (!name)
        return doc->budget.err;
    crdt__position at = {crdt__type_get(&doc->objects, crdt__type_at(&doc->objects, map), name), 0};
    crdt__wstruct content = crdt__contents_at(contents, 0);
    return crdt__edit_insert(doc, map, name, at, &content) ? CRDT_OK : crdt__edit_failed(doc);
}

/* Begins an edit of an entry. */
static crdt_err begin(crdt_doc *doc, crdt_type map, crdt_bytes key, crdt__ref *type)
{
    crdt_err err = crdt__edit_begin(doc, map, type);
    if (err == CRDT_OK && !crdt__utf8_valid(key, NULL))
        err = CRDT_MALFORMED;
    return err;
}

crdt_err crdt_map_set(crdt_doc *doc, crdt_type map, crdt_bytes key, const crdt_value *value)
{
    crdt__ref type;
    crdt_err err = begin(doc, map, key, &type);
    if (err != CRDT_OK)
        return err;
    crdt__contents contents;
    crdt__contents_init(&contents, doc);
    err = crdt__contents_add(&contents, CRDT__CONTENTS_ENTRY, value, 1);
    if (err == CRDT_OK)
        err = put(doc, type, key, &contents);
    crdt__contents_free(&contents);
    return err;
}

crdt_err crdt_map_delete(crdt_doc *doc, crdt_type map, crdt_bytes key)
{
    crdt__ref type;
    crdt_err err = begin(doc, map, key, &type);
    if (err != CRDT_OK)
        return err;
    uint32_t name = crdt__doc_find_name(doc, key);
    crdt__ref entry = 0;
    if (name)
        entry = crdt__type_get(&doc->objects, crdt__type_at(&doc->objects, type), name);
    if (entry && !crdt__item_delete(doc, entry))
        return crdt__edit_failed(doc);
    return CRDT_OK;
}

crdt_err crdt_map_clear(crdt_doc *doc, crdt_type map)
{
    crdt__ref ref;
    crdt_err err = crdt__edit_begin(doc, map, &ref);
    if (err != CRDT_OK)
        return err;
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    uint32_t key;
    crdt__ref entry;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &entry); i++)
        if (entry && !crdt__item_delete(doc, entry))
            return crdt__edit_failed(doc);
    return CRDT_OK;
}
