#include "types/position.h"

#include "core/order.h"

/* Items that are walked over where there is an index to be asked, if what is looked for is but so
 * many units away; and where there is none yet. */
#define STEPS_INDEXED_MAX 6u
#define UNITS_NEAR        128u
#define STEPS_MAX         CRDT__ORDER_ITEMS_MIN

static bool has_index(const crdt_doc *doc, crdt__ref type)
{
    return crdt__type_at(&doc->objects, type)->order != 0;
}

/* Makes the index if there is none; false: there is none, for want of memory. */
static bool get_index(crdt_doc *doc, crdt__ref type)
{
    return has_index(doc, type) || crdt__order_build(doc, type);
}

/* ---- from a unit to its item ---- */

/* The item at which a walk begins, and the visible units before it. */
typedef struct place {
    crdt__ref item;
    uint64_t index;
} place;

static uint32_t steps_to(const crdt_doc *doc, crdt__ref type, uint64_t from, uint64_t unit)
{
    if (!has_index(doc, type))
        return STEPS_MAX;
    return (unit < from ? from - unit : unit - from) <= UNITS_NEAR ? STEPS_INDEXED_MAX : 0;
}

static place nearest(const crdt_doc *doc, crdt__ref type, uint64_t unit)
{
    const crdt__cursor *cursor = &doc->cursor;
    if (cursor->type == type && unit >= cursor->index / 2)
        return (place){cursor->item, cursor->index};
    return (place){crdt__type_at(&doc->objects, type)->start, 0};
}

/* Walks from *at to the item that holds the unit; false if it is not reached in so many steps. */
static bool walk_to(crdt_doc *doc, place *at, uint64_t unit, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        const crdt__item *it = crdt__item_at(doc, at->item);
        doc->work++;
        uint64_t visible = crdt__item_visible(it);
        if (unit < at->index) {
            at->item = it->left;
            at->index -= crdt__item_visible(crdt__item_at(doc, at->item));
        } else if (unit - at->index >= visible) {
            at->item = it->right;
            at->index += visible;
        } else {
            return true;
        }
    }
    return false;
}

crdt__ref crdt__position_seek(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset)
{
    place at = nearest(doc, type, index);
    if (!walk_to(doc, &at, index, steps_to(doc, type, at.index, index))) {
        if (get_index(doc, type)) {
            at.item = crdt__order_find(doc, type, index, offset);
            at.index = index - *offset;
        } else {
            walk_to(doc, &at, index, UINT32_MAX);
        }
    }
    doc->cursor = (crdt__cursor){type, at.item, at.index};
    *offset = index - at.index;
    return at.item;
}

bool crdt__position_find(crdt_doc *doc, crdt__ref type, uint64_t index, crdt__position *out)
{
    if (index == 0) {
        *out = (crdt__position){0, crdt__type_at(&doc->objects, type)->start};
        return true;
    }
    uint64_t offset;
    crdt__ref left = crdt__position_item(doc, type, index - 1, &offset);
    if (offset + 1 < crdt__item_len(crdt__item_at(doc, left)) &&
        !crdt__item_split(doc, left, offset + 1))
        return false;
    *out = (crdt__position){left, crdt__item_at(doc, left)->right};
    return true;
}

/* The last item from `ref` on. */
static crdt__ref last_behind(crdt_doc *doc, crdt__ref ref)
{
    for (uint32_t i = 0; crdt__item_at(doc, ref)->right; i++) {
        ref = crdt__item_at(doc, ref)->right;
        doc->work++;
        if (i == STEPS_MAX && get_index(doc, crdt__item_at(doc, ref)->parent))
            return crdt__order_last(doc, crdt__item_at(doc, ref)->parent);
    }
    return ref;
}

crdt__position crdt__position_end(crdt_doc *doc, crdt__ref type)
{
    const crdt__type *t = crdt__type_at(&doc->objects, type);
    crdt__ref ref = t->start;
    uint64_t offset;
    if (t->length > 0)
        ref = crdt__position_item(doc, type, t->length - 1, &offset);
    return (crdt__position){ref ? last_behind(doc, ref) : 0, 0};
}

/* ---- from an item to its index ---- */

uint64_t crdt__position_index(crdt_doc *doc, crdt__ref item)
{
    crdt__ref type = crdt__item_at(doc, item)->parent;
    uint32_t steps = has_index(doc, type) ? STEPS_INDEXED_MAX : STEPS_MAX;
    uint64_t index = 0;
    crdt__ref ref = item;
    for (uint32_t i = 0; ref; i++) {
        if (doc->cursor.type == type && doc->cursor.item == ref) {
            index += doc->cursor.index;
            break;
        }
        if (i == steps && get_index(doc, type)) {
            index = crdt__order_index(doc, item);
            break;
        }
        ref = crdt__item_at(doc, ref)->left;
        doc->work++;
        index += ref ? crdt__item_visible(crdt__item_at(doc, ref)) : 0;
    }
    doc->cursor = (crdt__cursor){type, item, index};
    return index;
}

/* ---- from an item to the next of its kind ---- */

crdt__ref crdt__position_live(crdt_doc *doc, crdt__ref ref)
{
    for (uint32_t i = 0; ref; i++) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (!it->deleted)
            break;
        if (i == STEPS_MAX && get_index(doc, it->parent))
            return crdt__order_next_live(doc, ref);
        ref = it->right;
        doc->work++;
    }
    return ref;
}

void crdt__position_pass_deleted(crdt_doc *doc, crdt__position *at)
{
    if (!at->right || !crdt__item_at(doc, at->right)->deleted)
        return;
    crdt__ref live = crdt__position_live(doc, at->right);
    at->left = live ? crdt__item_at(doc, live)->left : last_behind(doc, at->right);
    at->right = live;
}

crdt__ref crdt__position_mark(crdt_doc *doc, crdt__ref ref, crdt__ref end)
{
    for (uint32_t i = 0; ref && ref != end; i++) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (crdt__item_is_mark(it))
            return ref;
        if (i == STEPS_MAX && get_index(doc, it->parent))
            return crdt__order_next_mark(doc, ref, end);
        ref = it->right;
        doc->work++;
    }
    return 0;
}
