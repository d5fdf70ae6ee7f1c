#include "types/describe.h"

#include "types/handle.h"

/* A root's kind, as far as its list tells it: marks, embeds and strings make a text, marks and
 * strings even after they were deleted; else nodes of XML make a fragment, anything else an array.
 */
static bool kind_of_list(const crdt_doc *doc, const crdt__moment *moment, const crdt__type *type,
                         crdt_type_kind *out)
{
    bool told = false;
    *out = CRDT_XML_FRAGMENT;
    for (crdt__ref ref = type->start; ref; ref = crdt__item_at(doc, ref)->right) {
        const crdt__item *it = crdt__item_at(doc, ref);
        bool text = it->kind == CRDT__STRING || it->kind == CRDT__FORMAT;
        bool there = text ? crdt__existed(doc, moment, it) > 0 : crdt__any_visible(doc, moment, it);
        if (!there)
            continue;
        told = true;
        if (text || it->kind == CRDT__EMBED) {
            *out = CRDT_TEXT;
            return true;
        }
        uint8_t ref_kind = it->kind == CRDT__TYPE ? crdt__type_at(&doc->objects, it->content)->ref
                                                  : CRDT__TYPE_ARRAY;
        if (ref_kind != CRDT__TYPE_XML_ELEMENT && ref_kind != CRDT__TYPE_XML_HOOK &&
            ref_kind != CRDT__TYPE_XML_TEXT)
            *out = CRDT_ARRAY;
    }
    return told;
}

static bool has_keys(const crdt_doc *doc, const crdt__moment *moment, const crdt__type *type)
{
    uint32_t key;
    crdt__ref ref;
    crdt__run run;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &ref); i++)
        if (crdt__visible_value(doc, moment, ref, &run))
            return true;
    return false;
}

/* True if it had keys at some time until the moment. */
static bool had_keys(const crdt_doc *doc, const crdt__moment *moment, const crdt__type *type)
{
    uint32_t key;
    crdt__ref ref;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &ref); i++)
        for (; ref; ref = crdt__item_at(doc, ref)->left)
            if (crdt__existed(doc, moment, crdt__item_at(doc, ref)))
                return true;
    return false;
}

bool crdt__kind_of_type(const crdt_doc *doc, const crdt__moment *moment, const crdt__type *type,
                        crdt__kind_by by, crdt_type_kind *out)
{
    if (type->item) {
        *out = (crdt_type_kind)type->ref;
        return true;
    }
    bool is_map = by == CRDT__KEYS_FIRST && has_keys(doc, moment, type);
    if (!is_map && kind_of_list(doc, moment, type, out))
        return true;
    *out = CRDT_MAP;
    return is_map || had_keys(doc, moment, type);
}

crdt_err crdt_type_describe(const crdt_doc *doc, crdt_type handle, crdt_type_info *out)
{
    crdt__ref ref = crdt__handle_find(doc, handle);
    if (!ref)
        return CRDT_GONE;
    const crdt__moment now = {0};
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    crdt_type_info info = {.length = type->length};
    info.has_content = crdt__kind_of_type(doc, &now, type, CRDT__LIST_FIRST, &info.kind);
    if (type->name)
        info.name = crdt__doc_name_bytes(doc, type->name);
    if (type->item) {
        const crdt__item *it = crdt__item_at(doc, type->item);
        info.has_parent = true;
        info.parent = crdt__handle_of(doc, it->parent);
        info.deleted = it->deleted;
    }
    *out = info;
    return CRDT_OK;
}
