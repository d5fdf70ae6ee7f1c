/* A shared type: one ordered list, and one map from key to the newest entry
 * (yjs/src/types/AbstractType.js). What kind of type it is decides only how it is read; integration
 * is the same for all. */
#ifndef CRDT_CORE_TYPE_H
#define CRDT_CORE_TYPE_H

#include "core/item.h"

typedef struct crdt__type {
    crdt__ref start; /* first item of the list; 0: empty */
    crdt__ref item;  /* the item that holds this type; 0: a root */
    crdt__ref map;   /* crdt__keymap; 0: no keys */
    uint32_t name;   /* a root's name; an element's or hook's node name */
    uint64_t length; /* visible units of the list */
    uint8_t ref;     /* crdt__type_ref; meaningless for roots */
    bool is_text;    /* the clean-up of formatting marks may look at it: a nested text, or a root
                        defined as one */
    bool has_formatting;
    crdt__ref order; /* the index of the list (core/order.h); 0: it has none */
} crdt__type;

#define CRDT__TYPE_UNITS ((uint32_t)((sizeof(crdt__type) + 15) / 16))

static inline crdt__type *crdt__type_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

crdt__ref crdt__type_new(crdt__arena *objects, crdt__ref item, uint32_t name, crdt__type_ref ref);
/* Gives back the type and its map; its items must be gone. */
void crdt__type_free(crdt__arena *objects, crdt__ref ref);

/* The newest entry of a key, or 0. */
crdt__ref crdt__type_get(const crdt__arena *objects, const crdt__type *type, uint32_t key);
/* Sets it. False when out of memory. */
bool crdt__type_set(crdt__arena *objects, crdt__type *type, uint32_t key, crdt__ref item);

/* Walks the keys in the order in which they first came: i = 0, 1, ... until it returns false. */
bool crdt__type_entry(const crdt__arena *objects, const crdt__type *type, uint32_t i, uint32_t *key,
                      crdt__ref *item);

#endif
