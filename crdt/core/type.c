#include "core/type.h"

/* Pairs of key and item, in the order in which the keys came: what reads a map gives them so. Few
 * are searched one by one; more have a hash table behind them, at most half full, of places among
 * the pairs, counted from 1:
 *
 *     count, cap | pairs [cap] | slots [2 * cap], if cap > LINEAR_MAX
 */
typedef struct keymap {
    uint32_t count;
    uint32_t cap; /* pairs; a power of two */
    uint32_t unused[2];
    struct pair {
        uint32_t key;
        crdt__ref item;
    } pairs[];
} keymap;

#define LINEAR_MAX 8u
#define CAP_FIRST  2u

static keymap *map_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

static uint32_t map_units(uint32_t cap)
{
    return 1 + (cap > LINEAR_MAX ? cap : cap / 2);
}

static uint32_t *slots_of(keymap *map)
{
    return (uint32_t *)(void *)(map->pairs + map->cap);
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

/* The slot of the key, or the empty one where it belongs. */
static uint32_t *slot_of(keymap *map, uint32_t key)
{
    uint32_t *slots = slots_of(map);
    uint32_t mask = 2 * map->cap - 1;
    uint32_t i = (key * UINT32_C(0x9e3779b1)) & mask;
    while (slots[i] && map->pairs[slots[i] - 1].key != key)
        i = (i + 1) & mask;
    return &slots[i];
}

static struct pair *find_pair(keymap *map, uint32_t key)
{
    if (map->cap > LINEAR_MAX) {
        uint32_t place = *slot_of(map, key);
        return place ? &map->pairs[place - 1] : NULL;
    }
    for (uint32_t i = 0; i < map->count; i++)
        if (map->pairs[i].key == key)
            return &map->pairs[i];
    return NULL;
}

crdt__ref crdt__type_get(const crdt__arena *objects, const crdt__type *type, uint32_t key)
{
    if (!type->map)
        return 0;
    const struct pair *pair = find_pair(map_at(objects, type->map), key);
    return pair ? pair->item : 0;
}

/* Adds a key that is not there, for which there is room. */
static void add_pair(keymap *map, struct pair pair)
{
    map->pairs[map->count++] = pair;
    if (map->cap > LINEAR_MAX)
        *slot_of(map, pair.key) = map->count;
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
    crdt__ref ref = map_new(objects, old_ref ? map_at(objects, old_ref)->cap * 2 : CAP_FIRST);
    if (!ref)
        return false;
    if (old_ref) {
        const keymap *old = map_at(objects, old_ref);
        for (uint32_t i = 0; i < old->count; i++)
            add_pair(map_at(objects, ref), old->pairs[i]);
        crdt__arena_free(objects, old_ref, map_units(old->cap));
    }
    type->map = ref;
    return true;
}

bool crdt__type_set(crdt__arena *objects, crdt__type *type, uint32_t key, crdt__ref item)
{
    struct pair *pair = type->map ? find_pair(map_at(objects, type->map), key) : NULL;
    if (pair) {
        pair->item = item;
        return true;
    }
    const keymap *map = type->map ? map_at(objects, type->map) : NULL;
    if ((!map || map->count == map->cap) && !map_grow(objects, type))
        return false;
    add_pair(map_at(objects, type->map), (struct pair){key, item});
    return true;
}

bool crdt__type_entry(const crdt__arena *objects, const crdt__type *type, uint32_t i, uint32_t *key,
                      crdt__ref *item)
{
    const keymap *map = type->map ? map_at(objects, type->map) : NULL;
    if (!map || i >= map->count)
        return false;
    *key = map->pairs[i].key;
    *item = map->pairs[i].item;
    return true;
}
