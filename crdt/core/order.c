#include "core/order.h"

#define GROUP_ITEMS_MAX   16u
#define GROUP_ITEMS_BUILT 12u /* in each group of a new index */
#define GROUP_ITEMS_FEW   4u  /* from here on down, a group is laid together with its neighbour */
#define NODE_CHILDREN_MAX 31u
#define NODE_CHILDREN_FEW 8u

typedef struct group {
    crdt__ref first; /* of a free group: the next free one */
    crdt__ref node;  /* the bottom node that tells of it, and where there */
    uint32_t slot;
    uint32_t items;
} group;

typedef struct entry {
    uint32_t child; /* a group at the bottom, a node above */
    uint32_t marks;
    uint64_t units;
} entry;

typedef struct node {
    crdt__ref parent; /* 0: the root */
    uint8_t slot;     /* where in the parent */
    uint8_t count;
    bool bottom;
    uint8_t unused;
    entry entries[NODE_CHILDREN_MAX];
} node;

typedef struct order {
    crdt__ref type;
    crdt__ref root;
    crdt__ref prev; /* the document's indices are a list */
    crdt__ref next;
    group *groups; /* by number; [0] is unused */
    size_t group_cap;
    uint32_t group_count; /* numbers given out so far, 0 included */
    uint32_t group_free;
    /* Units that the tree has not been told of: of one group. */
    uint32_t pending_group;
    int64_t pending_units;
} order;

#define NODE_UNITS  ((uint32_t)((sizeof(node) + 15) / 16))
#define ORDER_UNITS ((uint32_t)((sizeof(order) + 15) / 16))

static node *node_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

static order *order_of(const crdt_doc *doc, crdt__ref type)
{
    return crdt__arena_at(&doc->objects, crdt__type_at(&doc->objects, type)->order);
}

static group *group_of(const order *o, const crdt__item *it)
{
    return &o->groups[crdt__item_group(it)];
}

/* ---- sums ---- */

static void add_up(const crdt_doc *doc, crdt__ref ref, uint32_t slot, uint64_t units,
                   uint32_t marks)
{
    while (ref) {
        node *n = node_at(doc, ref);
        n->entries[slot].units += units;
        n->entries[slot].marks += marks;
        slot = n->slot;
        ref = n->parent;
    }
}

static void flush(const crdt_doc *doc, order *o)
{
    if (o->pending_units != 0) {
        const group *g = &o->groups[o->pending_group];
        add_up(doc, g->node, g->slot, (uint64_t)o->pending_units, 0);
        o->pending_units = 0;
    }
}

/* All that lies in the tree before a place in one of its nodes. */
static entry sums_before(const crdt_doc *doc, crdt__ref ref, uint32_t slot)
{
    entry sum = {0};
    while (ref) {
        const node *n = node_at(doc, ref);
        for (uint32_t i = 0; i < slot; i++) {
            sum.units += n->entries[i].units;
            sum.marks += n->entries[i].marks;
        }
        slot = n->slot;
        ref = n->parent;
    }
    return sum;
}

/* ---- the tree ---- */

static crdt__ref node_new(crdt_doc *doc, bool bottom)
{
    crdt__ref ref = crdt__arena_alloc(&doc->objects, NODE_UNITS);
    if (ref) {
        node *n = node_at(doc, ref);
        n->parent = 0;
        n->slot = n->count = 0;
        n->bottom = bottom;
    }
    return ref;
}

/* Tells the children from `slot` on where they are. */
static void place_children(const crdt_doc *doc, order *o, crdt__ref ref, uint32_t slot)
{
    const node *n = node_at(doc, ref);
    for (; slot < n->count; slot++) {
        uint32_t child = n->entries[slot].child;
        if (n->bottom) {
            o->groups[child].node = ref;
            o->groups[child].slot = slot;
        } else {
            node_at(doc, child)->parent = ref;
            node_at(doc, child)->slot = (uint8_t)slot;
        }
    }
}

static void put_entry(const crdt_doc *doc, order *o, crdt__ref ref, uint32_t slot, entry added)
{
    node *n = node_at(doc, ref);
    memmove(&n->entries[slot + 1], &n->entries[slot], (n->count - slot) * sizeof(entry));
    n->entries[slot] = added;
    n->count++;
    place_children(doc, o, ref, slot);
}

/* Moves the entries from `keep` on to the end of `to`. */
static entry move_entries(const crdt_doc *doc, order *o, crdt__ref from, uint32_t keep,
                          crdt__ref to)
{
    node *n = node_at(doc, from);
    node *right = node_at(doc, to);
    entry moved = {.child = to};
    uint32_t slot = right->count;
    for (uint32_t i = keep; i < n->count; i++) {
        moved.units += n->entries[i].units;
        moved.marks += n->entries[i].marks;
        right->entries[right->count++] = n->entries[i];
    }
    n->count = (uint8_t)keep;
    place_children(doc, o, to, slot);
    return moved;
}

/* Puts a root above the old one, into which `added` is to come. */
static bool add_root(crdt_doc *doc, order *o, entry added)
{
    crdt__ref root = node_new(doc, false);
    if (!root)
        return false;
    const node *old = node_at(doc, o->root);
    entry all = {.child = o->root, .units = added.units, .marks = added.marks};
    for (uint32_t i = 0; i < old->count; i++) {
        all.units += old->entries[i].units;
        all.marks += old->entries[i].marks;
    }
    put_entry(doc, o, root, 0, all);
    o->root = root;
    return true;
}

/* Puts an entry at a place in a node whose units are counted above it already; full nodes are cut
 * in two, or, where the tree grows at its end, continued by a new one. False when out of memory:
 * the tree is of no use any more. */
static bool insert_entry(crdt_doc *doc, order *o, crdt__ref ref, uint32_t slot, entry added)
{
    while (node_at(doc, ref)->count == NODE_CHILDREN_MAX) {
        if (ref == o->root && !add_root(doc, o, added))
            return false;
        node *n = node_at(doc, ref);
        crdt__ref right = node_new(doc, n->bottom);
        if (!right)
            return false;
        uint32_t keep = slot == NODE_CHILDREN_MAX ? slot : NODE_CHILDREN_MAX / 2;
        entry moved = move_entries(doc, o, ref, keep, right);
        if (slot > keep || slot == NODE_CHILDREN_MAX) {
            put_entry(doc, o, right, slot - keep, added);
            moved.units += added.units;
            moved.marks += added.marks;
        } else {
            put_entry(doc, o, ref, slot, added);
        }
        entry *left = &node_at(doc, n->parent)->entries[n->slot];
        left->units -= moved.units;
        left->marks -= moved.marks;
        added = moved;
        slot = n->slot + 1u;
        ref = n->parent;
    }
    put_entry(doc, o, ref, slot, added);
    return true;
}

static void take_entry(const crdt_doc *doc, order *o, crdt__ref ref, uint32_t slot)
{
    node *n = node_at(doc, ref);
    n->count--;
    memmove(&n->entries[slot], &n->entries[slot + 1], (n->count - slot) * sizeof(entry));
    place_children(doc, o, ref, slot);
}

/* Lays a node with few children together with the one behind it under the same parent. */
static bool merge_nodes(const crdt_doc *doc, order *o, const node *n)
{
    node *parent = node_at(doc, n->parent);
    uint32_t left = n->slot > 0 ? n->slot - 1u : 0;
    if (parent->count < 2)
        return false;
    entry *kept = &parent->entries[left];
    const entry *gone = &parent->entries[left + 1];
    if (node_at(doc, kept->child)->count + node_at(doc, gone->child)->count > NODE_CHILDREN_MAX)
        return false;
    move_entries(doc, o, gone->child, 0, kept->child);
    kept->units += gone->units;
    kept->marks += gone->marks;
    return true;
}

/* Takes an entry out whose units are counted nowhere above any more, and what is left empty by
 * that. The last group is never taken. */
static void remove_entry(crdt_doc *doc, order *o, crdt__ref ref, uint32_t slot)
{
    for (;;) {
        take_entry(doc, o, ref, slot);
        const node *n = node_at(doc, ref);
        if (ref == o->root || n->count > NODE_CHILDREN_FEW)
            break;
        crdt__ref parent = n->parent;
        if (n->count == 0)
            slot = n->slot;
        else if (merge_nodes(doc, o, n))
            slot = n->slot > 0 ? n->slot : 1u;
        else
            break;
        crdt__arena_free(&doc->objects, node_at(doc, parent)->entries[slot].child, NODE_UNITS);
        ref = parent;
    }
    for (const node *root; root = node_at(doc, o->root), !root->bottom && root->count == 1;) {
        crdt__ref old = o->root;
        o->root = root->entries[0].child;
        node_at(doc, o->root)->parent = 0;
        crdt__arena_free(&doc->objects, old, NODE_UNITS);
    }
}

/* ---- groups ---- */

static bool has_numbers(const order *o)
{
    return o->group_free || o->group_count <= CRDT__GROUP_MAX;
}

/* The number of a new group, of which there must be some left; 0 when out of memory. */
static uint32_t group_new(crdt_doc *doc, order *o)
{
    uint32_t number = o->group_free;
    if (number) {
        o->group_free = o->groups[number].first;
    } else {
        if (!crdt__budget_reserve(&doc->budget, &o->groups, &o->group_cap, o->group_count + 1u,
                                  sizeof(*o->groups)))
            return 0;
        number = o->group_count++;
    }
    return number;
}

static void group_free(order *o, uint32_t number)
{
    o->groups[number] = (group){.first = o->group_free};
    o->group_free = number;
}

/* Tells the items of a group where they belong now, and adds them up. */
static entry label(crdt_doc *doc, const order *o, uint32_t number)
{
    entry sum = {.child = number};
    crdt__ref ref = o->groups[number].first;
    for (uint32_t i = 0; i < o->groups[number].items; i++) {
        crdt__item *it = crdt__item_at(doc, ref);
        crdt__item_set_group(it, number);
        sum.units += crdt__item_visible(it);
        sum.marks += crdt__item_is_mark(it);
        ref = it->right;
    }
    doc->work += o->groups[number].items;
    return sum;
}

/* Makes a group of the items behind the first `keep`, of which `ref` is the first. */
static void divide(crdt_doc *doc, order *o, uint32_t number, uint32_t keep, crdt__ref ref)
{
    flush(doc, o);
    uint32_t added = group_new(doc, o);
    if (added) {
        group *g = &o->groups[number];
        o->groups[added].first = ref;
        o->groups[added].items = g->items - keep;
        g->items = keep;
        entry moved = label(doc, o, added);
        entry *left = &node_at(doc, g->node)->entries[g->slot];
        left->units -= moved.units;
        left->marks -= moved.marks;
        if (insert_entry(doc, o, g->node, g->slot + 1, moved))
            return;
    }
    crdt__order_drop(doc, o->type);
}

/* `last` is the item that came last to the group. At the group's end others will follow: a new
 * group begins with it. */
static void divide_if_full(crdt_doc *doc, order *o, uint32_t number, crdt__ref last)
{
    const group *g = &o->groups[number];
    if (g->items <= GROUP_ITEMS_MAX || !has_numbers(o))
        return;
    const crdt__item *it = crdt__item_at(doc, last);
    bool at_end = !it->right || crdt__item_group(crdt__item_at(doc, it->right)) != number;
    uint32_t keep = at_end ? g->items - 1 : g->items / 2;
    crdt__ref ref = at_end ? last : g->first;
    for (uint32_t i = 0; !at_end && i < keep; i++)
        ref = crdt__item_at(doc, ref)->right;
    divide(doc, o, number, keep, ref);
}

/* Lays a group with few items together with its neighbour in the same node. */
static void merge_if_few(crdt_doc *doc, order *o, uint32_t number)
{
    const group *g = &o->groups[number];
    node *n = node_at(doc, g->node);
    if (g->items > GROUP_ITEMS_FEW || n->count < 2)
        return;
    uint32_t left = g->slot > 0 ? g->slot - 1 : 0;
    uint32_t gone = n->entries[left + 1].child;
    group *kept = &o->groups[n->entries[left].child];
    if (kept->items + o->groups[gone].items > GROUP_ITEMS_MAX / 2)
        return;
    flush(doc, o);
    n->entries[left].units += n->entries[left + 1].units;
    n->entries[left].marks += n->entries[left + 1].marks;
    kept->items += o->groups[gone].items;
    label(doc, o, n->entries[left].child);
    remove_entry(doc, o, o->groups[gone].node, left + 1);
    group_free(o, gone);
}

/* ---- building ---- */

static order *order_new(crdt_doc *doc, crdt__ref type)
{
    crdt__ref ref = crdt__arena_alloc(&doc->objects, ORDER_UNITS);
    if (!ref)
        return NULL;
    order *o = crdt__arena_at(&doc->objects, ref);
    *o = (order){.type = type, .next = doc->orders, .group_count = 1};
    if (o->next)
        ((order *)crdt__arena_at(&doc->objects, o->next))->prev = ref;
    doc->orders = ref;
    crdt__type_at(&doc->objects, type)->order = ref;
    return o;
}

/* Adds the next group, of up to `count` items from `ref` on, behind group `last` (0: there is
 * none). Returns its number, or 0 when out of memory. */
static uint32_t append_group(crdt_doc *doc, order *o, uint32_t last, crdt__ref ref, uint32_t count)
{
    uint32_t number = group_new(doc, o);
    if (!number)
        return 0;
    crdt__ref at = last ? o->groups[last].node : o->root;
    uint32_t slot = last ? o->groups[last].slot + 1 : 0;
    if (!insert_entry(doc, o, at, slot, (entry){.child = number}))
        return 0;
    group *g = &o->groups[number];
    g->first = ref;
    g->items = 0;
    for (; ref && g->items < count; ref = crdt__item_at(doc, ref)->right)
        g->items++;
    entry sum = label(doc, o, number);
    add_up(doc, g->node, g->slot, sum.units, sum.marks);
    return number;
}

bool crdt__order_build(crdt_doc *doc, crdt__ref type)
{
    order *o = order_new(doc, type);
    if (!o || !(o->root = node_new(doc, true))) {
        crdt__order_drop(doc, type);
        return false;
    }
    size_t share = doc->struct_count / (CRDT__GROUP_MAX / 2); /* so that numbers are left */
    uint32_t count = share > GROUP_ITEMS_BUILT ? (uint32_t)share : GROUP_ITEMS_BUILT;
    uint32_t last = 0;
    crdt__ref ref = crdt__type_at(&doc->objects, type)->start;
    while (ref) {
        last = append_group(doc, o, last, ref, count);
        if (!last) {
            crdt__order_drop(doc, type);
            return false;
        }
        for (uint32_t i = 0; ref && i < count; i++)
            ref = crdt__item_at(doc, ref)->right;
    }
    return true;
}

static void free_nodes(crdt_doc *doc, crdt__ref ref)
{
    while (ref) {
        node *n = node_at(doc, ref);
        if (!n->bottom && n->count > 0) {
            ref = n->entries[--n->count].child;
        } else {
            crdt__ref parent = n->parent;
            crdt__arena_free(&doc->objects, ref, NODE_UNITS);
            ref = parent;
        }
    }
}

void crdt__order_drop(crdt_doc *doc, crdt__ref type)
{
    crdt__type *t = crdt__type_at(&doc->objects, type);
    if (!t->order)
        return;
    order *o = order_of(doc, type);
    if (o->prev)
        ((order *)crdt__arena_at(&doc->objects, o->prev))->next = o->next;
    else
        doc->orders = o->next;
    if (o->next)
        ((order *)crdt__arena_at(&doc->objects, o->next))->prev = o->prev;
    free_nodes(doc, o->root);
    crdt__budget_release(&doc->budget, o->groups, o->group_cap * sizeof(*o->groups));
    crdt__arena_free(&doc->objects, t->order, ORDER_UNITS);
    t->order = 0;
}

void crdt__order_deinit(crdt_doc *doc)
{
    for (crdt__ref ref = doc->orders; ref;) {
        const order *o = crdt__arena_at(&doc->objects, ref);
        crdt__budget_release(&doc->budget, o->groups, o->group_cap * sizeof(*o->groups));
        ref = o->next;
    }
    doc->orders = 0;
}

/* ---- asking ---- */

crdt__ref crdt__order_find(crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset)
{
    order *o = order_of(doc, type);
    flush(doc, o);
    const node *n = node_at(doc, o->root);
    uint32_t slot;
    for (;; n = node_at(doc, n->entries[slot].child)) {
        for (slot = 0; index >= n->entries[slot].units; slot++)
            index -= n->entries[slot].units;
        if (n->bottom)
            break;
    }
    crdt__ref ref = o->groups[n->entries[slot].child].first;
    for (;;) {
        const crdt__item *it = crdt__item_at(doc, ref);
        uint64_t visible = crdt__item_visible(it);
        if (index < visible)
            break;
        index -= visible;
        ref = it->right;
        doc->work++;
    }
    *offset = index;
    return ref;
}

uint64_t crdt__order_index(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    order *o = order_of(doc, it->parent);
    flush(doc, o);
    const group *g = group_of(o, it);
    uint64_t index = sums_before(doc, g->node, g->slot).units;
    while (ref != g->first) {
        ref = it->left;
        it = crdt__item_at(doc, ref);
        index += crdt__item_visible(it);
        doc->work++;
    }
    return index;
}

crdt__ref crdt__order_last(crdt_doc *doc, crdt__ref type)
{
    const order *o = order_of(doc, type);
    const node *n = node_at(doc, o->root);
    while (!n->bottom)
        n = node_at(doc, n->entries[n->count - 1].child);
    const group *g = &o->groups[n->entries[n->count - 1].child];
    crdt__ref ref = g->first;
    for (uint32_t i = 1; i < g->items; i++)
        ref = crdt__item_at(doc, ref)->right;
    doc->work += g->items;
    return ref;
}

/* The next group in which something lives, or in which there is a mark; 0: none. */
typedef enum wanted { WANTED_LIVE, WANTED_MARKS } wanted;

static uint32_t next_group(const crdt_doc *doc, const group *g, wanted what)
{
    crdt__ref ref = g->node;
    uint32_t slot = g->slot + 1;
    while (ref) {
        const node *n = node_at(doc, ref);
        while (slot < n->count && n->entries[slot].marks == 0 &&
               (what == WANTED_MARKS || n->entries[slot].units == 0))
            slot++;
        if (slot == n->count) {
            ref = n->parent;
            slot = n->slot + 1u;
        } else if (n->bottom) {
            return n->entries[slot].child;
        } else {
            ref = n->entries[slot].child;
            slot = 0;
        }
    }
    return 0;
}

static bool is_wanted(const crdt__item *it, wanted what)
{
    return what == WANTED_MARKS ? crdt__item_is_mark(it) : !it->deleted;
}

/* The first such item from `ref` on before `end` and in the same group; if there is none, where the
 * search ended. */
static crdt__ref search_group(crdt_doc *doc, crdt__ref ref, crdt__ref end, wanted what)
{
    uint32_t number = crdt__item_group(crdt__item_at(doc, ref));
    while (ref && ref != end) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (crdt__item_group(it) != number || is_wanted(it, what))
            break;
        ref = it->right;
        doc->work++;
    }
    return ref;
}

crdt__ref crdt__order_next_live(crdt_doc *doc, crdt__ref item)
{
    crdt__ref ref = search_group(doc, item, 0, WANTED_LIVE);
    if (!ref || !crdt__item_at(doc, ref)->deleted)
        return ref;
    order *o = order_of(doc, crdt__item_at(doc, item)->parent);
    flush(doc, o);
    uint32_t next = next_group(doc, group_of(o, crdt__item_at(doc, item)), WANTED_LIVE);
    return next ? search_group(doc, o->groups[next].first, 0, WANTED_LIVE) : 0;
}

/* Marks in the groups between two, none of which counts. */
static uint32_t marks_between(const crdt_doc *doc, const group *g, const group *h)
{
    return sums_before(doc, h->node, h->slot).marks - sums_before(doc, g->node, g->slot + 1).marks;
}

crdt__ref crdt__order_next_mark(crdt_doc *doc, crdt__ref item, crdt__ref end)
{
    crdt__ref ref = search_group(doc, item, end, WANTED_MARKS);
    if (!ref || ref == end)
        return 0;
    if (crdt__item_is_mark(crdt__item_at(doc, ref)))
        return ref;
    const order *o = order_of(doc, crdt__item_at(doc, item)->parent);
    const group *from = group_of(o, crdt__item_at(doc, item));
    if (end && marks_between(doc, from, group_of(o, crdt__item_at(doc, end))) == 0) {
        ref = search_group(doc, group_of(o, crdt__item_at(doc, end))->first, end, WANTED_MARKS);
        return ref == end ? 0 : ref;
    }
    uint32_t next = next_group(doc, from, WANTED_MARKS);
    return next ? search_group(doc, o->groups[next].first, end, WANTED_MARKS) : 0;
}

/* ---- changing ---- */

void crdt__order_changed(crdt_doc *doc, const crdt__item *it, int64_t units, int32_t marks)
{
    order *o = order_of(doc, it->parent);
    uint32_t number = crdt__item_group(it);
    if (o->pending_group != number)
        flush(doc, o);
    o->pending_group = number;
    o->pending_units += units;
    if (marks != 0)
        add_up(doc, o->groups[number].node, o->groups[number].slot, 0, (uint32_t)marks);
}

void crdt__order_added(crdt_doc *doc, crdt__ref ref)
{
    crdt__item *it = crdt__item_at(doc, ref);
    order *o = order_of(doc, it->parent);
    crdt__ref neighbour = it->left ? it->left : it->right;
    uint32_t number = crdt__item_group(crdt__item_at(doc, neighbour));
    crdt__item_set_group(it, number);
    group *g = &o->groups[number];
    if (!it->left)
        g->first = ref;
    g->items++;
    crdt__order_changed(doc, it, (int64_t)crdt__item_visible(it), crdt__item_is_mark(it));
    divide_if_full(doc, o, number, ref);
}

void crdt__order_split(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    order *o = order_of(doc, it->parent);
    uint32_t number = crdt__item_group(it);
    o->groups[number].items++;
    divide_if_full(doc, o, number, it->right);
}

static void remove_group(crdt_doc *doc, order *o, uint32_t number)
{
    flush(doc, o);
    remove_entry(doc, o, o->groups[number].node, o->groups[number].slot);
    group_free(o, number);
}

void crdt__order_joined(crdt_doc *doc, crdt__ref left_ref, crdt__ref right_ref)
{
    const crdt__item *left = crdt__item_at(doc, left_ref);
    const crdt__item *right = crdt__item_at(doc, right_ref);
    order *o = order_of(doc, right->parent);
    uint32_t number = crdt__item_group(right);
    group *g = &o->groups[number];
    g->items--;
    if (g->first == right_ref) {
        int64_t units = (int64_t)crdt__item_visible(right);
        crdt__order_changed(doc, right, -units, 0);
        crdt__order_changed(doc, left, units, 0);
        g->first = right->right;
    }
    if (g->items == 0)
        remove_group(doc, o, number);
    else
        merge_if_few(doc, o, number);
}

/* ---- checking ---- */

static const char *check_group(const crdt_doc *doc, const order *o, crdt__ref node_ref,
                               uint32_t slot, crdt__ref *item)
{
    const entry *e = &node_at(doc, node_ref)->entries[slot];
    const group *g = &o->groups[e->child];
    if (g->node != node_ref || g->slot != slot || g->first != *item || g->items == 0)
        return "I12: a group is not where it says, or does not begin where the one before ends";
    entry sum = {0};
    for (uint32_t i = 0; i < g->items; i++) {
        if (!*item)
            return "I12: a group has more items than there are";
        const crdt__item *it = crdt__item_at(doc, *item);
        if (crdt__item_group(it) != e->child)
            return "I12: an item does not know its group";
        sum.units += crdt__item_visible(it);
        sum.marks += crdt__item_is_mark(it);
        *item = it->right;
    }
    uint64_t pending = o->pending_group == e->child ? (uint64_t)o->pending_units : 0;
    return sum.units == e->units + pending && sum.marks == e->marks
               ? NULL
               : "I12: a group's sums are not those of its items";
}

/* A node above the bottom: its entries are the sums of its children, which know where they are. */
static const char *check_inner(const crdt_doc *doc, crdt__ref ref)
{
    const node *n = node_at(doc, ref);
    for (uint32_t i = 0; i < n->count; i++) {
        const node *child = node_at(doc, n->entries[i].child);
        entry sum = {0};
        for (uint32_t k = 0; k < child->count; k++) {
            sum.units += child->entries[k].units;
            sum.marks += child->entries[k].marks;
        }
        if (child->parent != ref || child->slot != i || child->count == 0 ||
            sum.units != n->entries[i].units || sum.marks != n->entries[i].marks)
            return "I12: a node's sums or links are not those of its children";
    }
    return NULL;
}

const char *crdt__order_check(const crdt_doc *doc, crdt__ref type)
{
    if (!crdt__type_at(&doc->objects, type)->order)
        return NULL;
    const order *o = order_of(doc, type);
    crdt__ref item = crdt__type_at(&doc->objects, type)->start;
    crdt__ref ref = o->root;
    uint32_t slot = 0;
    while (ref) {
        const node *n = node_at(doc, ref);
        const char *wrong = NULL;
        if (slot == n->count) {
            ref = n->parent;
            slot = n->slot + 1u;
        } else if (n->bottom) {
            wrong = check_group(doc, o, ref, slot++, &item);
        } else {
            wrong = slot == 0 ? check_inner(doc, ref) : NULL;
            ref = n->entries[slot].child;
            slot = 0;
        }
        if (wrong)
            return wrong;
    }
    if (item)
        return "I12: the index ends before its list does";
    return o->type == type && !node_at(doc, o->root)->parent
               ? NULL
               : "I12: an index does not know its list, or its root";
}
