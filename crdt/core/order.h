/* An order-statistic index of one list: from a unit's index to its item, and back.
 *
 * Built when somebody asks by position in a list that is long enough, and kept from then on by
 * whatever changes the list. `crdt__type.order` names it; 0: the list has none, and nothing here is
 * to be called.
 */
#ifndef CRDT_CORE_ORDER_H
#define CRDT_CORE_ORDER_H

#include "core/doc.h"

/* Items of a list from which on an index is worth having. */
#define CRDT__ORDER_ITEMS_MIN 64u

/* Builds the index of a list. False when out of memory: the list has none, and is unharmed. */
bool crdt__order_build(crdt_doc *doc, crdt__ref type);
/* Gives it back. */
void crdt__order_drop(crdt_doc *doc, crdt__ref type);

/* The item that holds visible unit `index` of the list, and the units before it in the item. */
crdt__ref crdt__order_find(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset);
/* Visible units before the item. */
uint64_t crdt__order_index(crdt_doc *doc, crdt__ref item);

/* ---- told by core/ ---- each keeps the index of the item's list, if there is one */

/* The item was linked into its list; its visible units count from now on. */
bool crdt__order_added(crdt_doc *doc, crdt__ref item);
/* Its visible units became more or fewer. */
void crdt__order_changed(crdt_doc *doc, crdt__ref item, int64_t units);
/* It was cut: `right` is its new right neighbour, of units that counted with it. */
bool crdt__order_split(crdt_doc *doc, crdt__ref item, crdt__ref right);
/* `right` is about to be joined to its left neighbour, which takes over its units. */
void crdt__order_joined(crdt_doc *doc, crdt__ref left, crdt__ref right);

#endif
