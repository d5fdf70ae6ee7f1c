#include "core/type.h"

/* Pairs of key and item; up to LINEAR_MAX of them in order, more in a hash table at most half full.
 */
typedef struct keymap {
    uint32_t count;
    uint32_t cap; /* pairs; a power of two */
    uint32_t unused[2];
    struct {
        uint32_t key; /* 0: empty */
        crdt__ref item;
    } pairs[];
} keymap;

#define LINEAR_MAX 8u

static keymap *map_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

static uint32_t map_units(uint32_t cap)
{
    return 1 + cap / 2;
}

crdt__ref crdt__type_new(crdt__arena *objects, crdt__ref item, uint32_t name, crdt__type_ref ref)
{
    crdt__ref type = crdt__arena_alloc(objects, CRDT__TYPE_UNITS);
    if (type)
        *crdt__type_at(objects, type) =
            (crdt__type){.item = item,
                         .name = name,
                         .ref = (uint8_t)ref,
                         .is_text = ref == CRDT__TYPE_TEXT || ref == CRDT__TYPE_XML_TEXT};
    return type;
}

void crdt__type_free(crdt__arena *objects, crdt__ref ref)
{
    crdt__ref map = crdt__type_at(objects, ref)->map;
    if (map)
        crdt__arena_free(objects, map, map_units(map_at(objects, map)->cap));
    crdt__arena_free(objects, ref, CRDT__TYPE_UNITS);
}

/* The place of the key, or of the empty place where it belongs. */
static uint32_t place(const keymap *map, uint32_t key)
{
    uint32_t i = map->cap <= LINEAR_MAX ? 0 : (key * UINT32_C(0x9e3779b1)) & (map->cap - 1);
    while (map->pairs[i].key && map->pairs[i].key != key)
        i = (i + 1) & (map->cap - 1);
    return i;
}

static bool is_full(const keymap *map)
{
    return map->cap < LINEAR_MAX ? map->count + 1 >= map->cap : map->count * 2 >= map->cap;
}

crdt__ref crdt__type_get(const crdt__arena *objects, const crdt__type *type, uint32_t key)
{
    if (!type->map)
        return 0;
    const keymap *map = map_at(objects, type->map);
    uint32_t i = place(map, key);
    return map->pairs[i].key ? map->pairs[i].item : 0;
}

static crdt__ref map_new(crdt__arena *objects, uint32_t cap)
{
    crdt__ref ref = crdt__arena_alloc(objects, map_units(cap));
    if (ref) {
        memset(map_at(objects, ref), 0, (size_t)map_units(cap) * 16);
        map_at(objects, ref)->cap = cap;
    }
    return ref;
}

static bool map_grow(crdt__arena *objects, crdt__type *type)
{
    crdt__ref old_ref = type->map;
    crdt__ref ref = map_new(objects, old_ref ? map_at(objects, old_ref)->cap * 2 : 2);
    if (!ref)
        return false;
    keymap *map = map_at(objects, ref);
    if (old_ref) {
        const keymap *old = map_at(objects, old_ref);
        for (uint32_t i = 0; i < old->cap; i++)
            if (old->pairs[i].key)
                map->pairs[place(map, old->pairs[i].key)] = old->pairs[i];
        map->count = old->count;
        crdt__arena_free(objects, old_ref, map_units(old->cap));
    }
    type->map = ref;
    return true;
}

bool crdt__type_set(crdt__arena *objects, crdt__type *type, uint32_t key, crdt__ref item)
{
    if (type->map) {
        keymap *map = map_at(objects, type->map);
        uint32_t i = place(map, key);
        if (map->pairs[i].key) {
            map->pairs[i].item = item;
            return true;
        }
    }
    if ((!type->map || is_full(map_at(objects, type->map))) && !map_grow(objects, type))
        return false;
    keymap *map = map_at(objects, type->map);
    uint32_t i = place(map, key);
    map->pairs[i].key = key;
    map->pairs[i].item = item;
    map->count++;
    return true;
}

bool crdt__type_entry(const crdt__arena *objects, const crdt__type *type, uint32_t i, uint32_t *key,
                      crdt__ref *item)
{
    if (!type->map)
        return false;
    const keymap *map = map_at(objects, type->map);
    if (i >= map->cap)
        return false;
    *key = map->pairs[i].key;
    *item = map->pairs[i].key ? map->pairs[i].item : 0;
    return true;
}
