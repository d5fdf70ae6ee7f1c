/* An order-statistic index of one list: from a unit's index to its item, and back.
 *
 * Built when somebody asks by position in a list that is long enough, and kept from then on by
 * whatever changes the list. `crdt__type.order` names it; 0: the list has none. When memory for it
 * runs out it is dropped, and the list is unharmed.
 *
 * The items of the list are cut into groups of neighbours; an item knows the number of its group.
 * A B+ tree over the groups has, per child, the visible units and the live formatting marks below:
 *
 *     node         [ 3 children: 70 units, 1 mark | 41 units | 12 units ]
 *                          |
 *     bottom node  [ group 1: 30 units | group 7: 0 units, 1 mark | group 2: 40 units ]
 *                          |
 *     group        { first item, how many items, its place in the tree }
 *
 * An index takes about four bytes for an item. A place is found in a walk down and one along a
 * group. What is typed in one place changes one number: the tree is told when somebody else is
 * asked for or changes.
 */
#ifndef CRDT_CORE_ORDER_H
#define CRDT_CORE_ORDER_H

#include "core/doc.h"

/* Items of a list from which on an index is worth having. */
#define CRDT__ORDER_ITEMS_MIN 64u

/* Builds the index of a list that has items and none yet. False when out of memory: the list has
 * none, and is unharmed. */
bool crdt__order_build(crdt_doc *doc, crdt__ref type);
/* Gives back the index, if there is one. */
void crdt__order_drop(crdt_doc *doc, crdt__ref type);
/* Gives back those of all lists; the arenas are about to go. */
void crdt__order_deinit(crdt_doc *doc);

/* ---- asking ---- of a list that has an index */

/* The item that holds visible unit `index` of the list, which must exist, and the units before it
 * in the item. */
crdt__ref crdt__order_find(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset);
/* Visible units before the item. */
uint64_t crdt__order_index(crdt_doc *doc, crdt__ref item);

/* The last item of the list. */
crdt__ref crdt__order_last(crdt_doc *doc, crdt__ref type);

/* The first item from this one on, itself included, that is not deleted; 0: none. Cost: logarithmic
 * in what is passed. */
crdt__ref crdt__order_next_live(crdt_doc *doc, crdt__ref item);
/* The first live formatting mark from the item on, itself included, and before `end` (0: the end of
 * the list), which must not lie before the item; 0: none. Cost as above. */
crdt__ref crdt__order_next_mark(crdt_doc *doc, crdt__ref item, crdt__ref end);

/* ---- changing ---- told by the inline functions below, of a list that has an index */

void crdt__order_added(crdt_doc *doc, crdt__ref item);
void crdt__order_changed(crdt_doc *doc, const crdt__item *it, int64_t units, int32_t marks);
void crdt__order_split(crdt_doc *doc, crdt__ref item);
void crdt__order_joined(crdt_doc *doc, crdt__ref left, crdt__ref right);

/* Verifies the index of a list, if there is one. Returns NULL or what is wrong. */
const char *crdt__order_check(const crdt_doc *doc, crdt__ref type);

/* ---- what core/ tells of every list ----
 *
 * The document's cursor holds the place of one item. What changes to its left makes it forget that;
 * only what is seen to lie right of it does not. */

static inline void crdt__cursor_forget(crdt_doc *doc, const crdt__item *it, crdt__ref ref)
{
    if (doc->cursor.type == it->parent && doc->cursor.item != ref && doc->cursor.item != it->left)
        doc->cursor.type = 0;
}

/* The item was linked into its list. */
static inline void crdt__list_added(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->key)
        return;
    crdt__cursor_forget(doc, it, ref);
    if (crdt__type_at(&doc->objects, it->parent)->order)
        crdt__order_added(doc, ref);
}

/* The item, of a list, has become longer or shorter by so many visible units. */
static inline void crdt__list_changed(crdt_doc *doc, crdt__ref ref, int64_t units)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    crdt__cursor_forget(doc, it, ref);
    if (crdt__type_at(&doc->objects, it->parent)->order)
        crdt__order_changed(doc, it, units, 0);
}

/* The item is about to be deleted. */
static inline void crdt__list_deleting(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->key)
        return;
    crdt__cursor_forget(doc, it, ref);
    if (crdt__type_at(&doc->objects, it->parent)->order)
        crdt__order_changed(doc, it, -(int64_t)crdt__item_visible(it), -crdt__item_is_mark(it));
}

/* The item was cut: its right neighbour, of units that counted with it, is new. */
static inline void crdt__list_split(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!it->key && crdt__type_at(&doc->objects, it->parent)->order)
        crdt__order_split(doc, ref);
}

/* `right` was joined to its left neighbour, which has taken over its units, and is about to be
 * freed. */
static inline void crdt__list_joined(crdt_doc *doc, crdt__ref left, crdt__ref right)
{
    const crdt__item *it = crdt__item_at(doc, right);
    if (it->key)
        return;
    if (doc->cursor.type && doc->cursor.item == right) {
        doc->cursor.item = left;
        doc->cursor.index -= crdt__item_visible(crdt__item_at(doc, left)) - crdt__item_visible(it);
    }
    if (crdt__type_at(&doc->objects, it->parent)->order)
        crdt__order_joined(doc, left, right);
}

/* The type is about to be freed. */
static inline void crdt__list_gone(crdt_doc *doc, crdt__ref type)
{
    if (doc->cursor.type == type)
        doc->cursor.type = 0;
    if (doc->local.type == type)
        doc->local.type = 0;
    crdt__order_drop(doc, type);
}

#endif
