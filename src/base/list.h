/* Intrusive doubly linked list: a node is embedded in what is listed (container_of leads back). A
 * node that is in no list is zeroed: removing it is allowed and does nothing. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include <stdbool.h>

#include "base/must.h"

typedef struct list_node {
    struct list_node *next;
    struct list_node *prev;
} list_node;

/* The head: a ring with itself when empty. */
typedef struct list {
    list_node ring;
} list;

static inline void list_init(list *l)
{
    l->ring.next = l->ring.prev = &l->ring;
}

static inline bool list_is_empty(const list *l)
{
    return l->ring.next == &l->ring;
}

static inline bool list_is_linked(const list_node *n)
{
    return n->next != NULL;
}

/* Adds at the end. The node must be in no list. */
static inline void list_push(list *l, list_node *n)
{
    n->prev = l->ring.prev;
    n->next = &l->ring;
    l->ring.prev->next = n;
    l->ring.prev = n;
}

static inline void list_remove(list_node *n)
{
    if (n->next == NULL)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
}

/* The first node, or NULL. */
static inline list_node *list_first(const list *l)
{
    return list_is_empty(l) ? NULL : l->ring.next;
}

/* The last node, or NULL. */
static inline list_node *list_last(const list *l)
{
    return list_is_empty(l) ? NULL : l->ring.prev;
}

/* The node behind, or NULL. */
static inline list_node *list_next(const list *l, const list_node *n)
{
    return n->next == &l->ring ? NULL : n->next;
}

/* The node before, or NULL. */
static inline list_node *list_prev(const list *l, const list_node *n)
{
    return n->prev == &l->ring ? NULL : n->prev;
}

/* Takes the first node out; the list must not be empty. */
static inline list_node *list_pop(list *l)
{
    list_node *n = list_first(l);
    must(n != NULL);
    list_remove(n);
    return n;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_append(list *to, list *from)
{
    if (list_is_empty(from))
        return;
    from->ring.next->prev = to->ring.prev;
    to->ring.prev->next = from->ring.next;
    from->ring.prev->next = &to->ring;
    to->ring.prev = from->ring.prev;
    list_init(from);
}

#endif
