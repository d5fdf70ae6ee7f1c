#include "base/u64map.h"

static size_t place(const crdt__u64map *map, uint64_t key)
{
    uint64_t h = (key ^ map->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    return (size_t)h & (map->cap - 1);
}

void crdt__u64map_init(crdt__u64map *map, crdt__budget *budget, uint64_t seed)
{
    *map = (crdt__u64map){.budget = budget, .seed = seed};
}

void crdt__u64map_deinit(crdt__u64map *map)
{
    crdt__budget_release(map->budget, map->slots, map->cap * sizeof(*map->slots));
    map->slots = NULL;
    map->cap = map->count = 0;
}

uint64_t *crdt__u64map_find(const crdt__u64map *map, uint64_t key)
{
    if (!map->count)
        return NULL;
    for (size_t i = place(map, key);; i = (i + 1) & (map->cap - 1)) {
        crdt__u64map_slot *slot = &map->slots[i];
        if (!slot->used)
            return NULL;
        if (slot->key == key)
            return &slot->value;
    }
}

static void insert_new(crdt__u64map *map, uint64_t key, uint64_t value)
{
    size_t i = place(map, key);
    while (map->slots[i].used)
        i = (i + 1) & (map->cap - 1);
    map->slots[i] = (crdt__u64map_slot){key, value, true};
    map->count++;
}

static bool grow(crdt__u64map *map)
{
    crdt__u64map wider = {.budget = map->budget, .seed = map->seed};
    wider.cap = map->cap ? map->cap * 2 : 8;
    wider.slots = crdt__budget_resize(map->budget, NULL, 0, wider.cap * sizeof(*wider.slots));
    if (!wider.slots)
        return false;
    memset(wider.slots, 0, wider.cap * sizeof(*wider.slots));
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].used)
            insert_new(&wider, map->slots[i].key, map->slots[i].value);
    crdt__u64map_deinit(map);
    *map = wider;
    return true;
}

bool crdt__u64map_put(crdt__u64map *map, uint64_t key, uint64_t value)
{
    uint64_t *found = crdt__u64map_find(map, key);
    if (found) {
        *found = value;
        return true;
    }
    if ((map->count + 1) * 2 > map->cap && !grow(map))
        return false;
    insert_new(map, key, value);
    return true;
}

void crdt__u64map_clear(crdt__u64map *map)
{
    if (map->count)
        memset(map->slots, 0, map->cap * sizeof(*map->slots));
    map->count = 0;
}
