#include "types/position.h"

static uint64_t visible_len(const crdt__item *it)
{
    return !it->deleted && crdt__item_countable(it) ? crdt__item_len(it) : 0;
}

bool crdt__position_find(crdt_doc *doc, crdt__ref type, uint64_t index, crdt__position *out)
{
    crdt__position at = {0, crdt__type_at(&doc->objects, type)->start};
    while (index > 0) {
        uint64_t len = visible_len(crdt__item_at(doc, at.right));
        if (len > index) {
            if (!crdt__item_split(doc, at.right, index))
                return false;
            len = index;
        }
        index -= len;
        at.left = at.right;
        at.right = crdt__item_at(doc, at.right)->right;
    }
    *out = at;
    return true;
}

crdt__ref crdt__position_item(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset)
{
    crdt__ref ref = crdt__type_at(&doc->objects, type)->start;
    for (;; ref = crdt__item_at(doc, ref)->right) {
        uint64_t len = visible_len(crdt__item_at(doc, ref));
        if (len > index)
            break;
        index -= len;
    }
    *offset = index;
    return ref;
}

uint64_t crdt__position_index(crdt_doc *doc, crdt__ref item)
{
    uint64_t index = 0;
    for (crdt__ref ref = item; (ref = crdt__item_at(doc, ref)->left);)
        index += visible_len(crdt__item_at(doc, ref));
    return index;
}
