/* Lists: Y.Array, and the children of Y.XmlFragment and Y.XmlElement
 * (yjs/src/types/AbstractType.js, typeListInsertGenerics, typeListPushGenerics, typeListDelete). */
#include "types/contents.h"
#include "types/edit.h"

/* ---- inserting ---- */

/* Puts the contents between left and right, one behind the other: all have the same right origin.
 */
static crdt_err insert_contents(crdt_doc *doc, crdt__ref list, crdt__position at,
                                const crdt__contents *contents)
{
    for (size_t i = 0; i < contents->count; i++) {
        crdt__wstruct content = crdt__contents_at(contents, i);
        at.left = crdt__edit_insert(doc, list, 0, at, &content);
        if (!at.left)
            return crdt__edit_failed(doc);
    }
    return CRDT_OK;
}

/* Where among its list's items an insertion goes. */
typedef enum list_place { PLACE_INDEX, PLACE_END, PLACE_BEHIND } list_place;

typedef struct list_target {
    list_place place;
    uint64_t index;          /* PLACE_INDEX */
    const crdt_type *behind; /* PLACE_BEHIND: NULL, or a child */
} list_target;

static crdt_err check_target(const crdt_doc *doc, crdt__ref list, list_target target)
{
    if (target.place == PLACE_INDEX)
        return target.index <= crdt__type_at(&doc->objects, list)->length ? CRDT_OK : CRDT_INVALID;
    if (target.place == PLACE_END || !target.behind)
        return CRDT_OK;
    crdt__ref child = crdt__handle_find(doc, *target.behind);
    crdt__ref holder = child ? crdt__type_at(&doc->objects, child)->item : 0;
    if (!holder)
        return CRDT_INVALID;
    const crdt__item *it = crdt__item_at(doc, holder);
    return it->parent == list && !it->key ? CRDT_OK : CRDT_INVALID;
}

static bool find_target(crdt_doc *doc, crdt__ref list, list_target target, crdt__position *out)
{
    if (target.place == PLACE_INDEX)
        return crdt__position_find(doc, list, target.index, out);
    if (target.place == PLACE_END) {
        *out = crdt__position_end(doc, list);
        return true;
    }
    *out = (crdt__position){0, crdt__type_at(&doc->objects, list)->start};
    if (target.behind) {
        crdt__ref child = crdt__handle_find(doc, *target.behind);
        out->left = crdt__type_at(&doc->objects, child)->item;
        out->right = crdt__item_at(doc, out->left)->right;
    }
    return true;
}

static crdt_err insert(crdt_doc *doc, crdt_type handle, list_target target,
                       const crdt_value *values, size_t count)
{
    crdt__ref list;
    crdt_err err = crdt__edit_begin(doc, handle, &list);
    if (err == CRDT_OK)
        err = check_target(doc, list, target);
    if (err != CRDT_OK)
        return err;
    crdt__contents contents;
    crdt__contents_init(&contents, doc);
    err = crdt__contents_add(&contents, CRDT__CONTENTS_ELEMENTS, values, count);
    if (err == CRDT_OK && count > 0) {
        crdt__position at;
        if (find_target(doc, list, target, &at))
            err = insert_contents(doc, list, at, &contents);
        else
            err = crdt__edit_failed(doc);
    }
    crdt__contents_free(&contents);
    return err;
}

crdt_err crdt_list_insert(crdt_doc *doc, crdt_type list, uint64_t index, const crdt_value *values,
                          size_t count)
{
    return insert(doc, list, (list_target){.place = PLACE_INDEX, .index = index}, values, count);
}

crdt_err crdt_list_push(crdt_doc *doc, crdt_type list, const crdt_value *values, size_t count)
{
    return insert(doc, list, (list_target){.place = PLACE_END}, values, count);
}

crdt_err crdt_list_insert_after(crdt_doc *doc, crdt_type list, const crdt_type *after,
                                const crdt_value *values, size_t count)
{
    return insert(doc, list, (list_target){.place = PLACE_BEHIND, .behind = after}, values, count);
}

/* ---- deleting ---- */

/* Deletes units from the item `ref` on. Whatever is there goes, marks among it, as in Yjs. */
static bool delete_from(crdt_doc *doc, crdt__ref ref, uint64_t length)
{
    for (; length > 0 && (ref = crdt__position_live(doc, ref));
         ref = crdt__item_at(doc, ref)->right) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (length < crdt__item_len(it) && !crdt__item_split(doc, ref, length))
            return false;
        length -= crdt__item_len(it);
        if (!crdt__item_delete(doc, ref))
            return false;
    }
    return true;
}

crdt_err crdt_list_delete(crdt_doc *doc, crdt_type list, uint64_t index, uint64_t length)
{
    crdt__ref type;
    crdt_err err = crdt__edit_begin(doc, list, &type);
    if (err != CRDT_OK)
        return err;
    uint64_t visible = crdt__type_at(&doc->objects, type)->length;
    if (index > visible || length > visible - index)
        return CRDT_INVALID;
    if (length == 0)
        return CRDT_OK;
    crdt__position at;
    bool ok = crdt__position_find(doc, type, index, &at) && delete_from(doc, at.right, length);
    return ok ? CRDT_OK : crdt__edit_failed(doc);
}
