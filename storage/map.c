#include "map.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 16u

static size_t home(const store__map *map, uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    return (size_t)h & (map->cap - 1);
}

void store__map_deinit(store__map *map)
{
    free(map->slots);
    *map = (store__map){0};
}

void store__map_clear(store__map *map)
{
    if (map->count)
        memset(map->slots, 0, map->cap * sizeof(*map->slots));
    map->count = 0;
}

/* The slot of the key, or the free slot where it would go. The map has slots, and one of them is
 * free. */
static size_t place(const store__map *map, uint64_t key)
{
    size_t i = home(map, key);
    while (map->slots[i].value && map->slots[i].key != key)
        i = (i + 1) & (map->cap - 1);
    return i;
}

void *store__map_find(const store__map *map, uint64_t key)
{
    return map->count ? map->slots[place(map, key)].value : NULL;
}

static bool grow(store__map *map)
{
    store__map wider = {.cap = map->cap ? map->cap * 2 : CAP_MIN, .count = map->count};
    wider.slots = calloc(wider.cap, sizeof(*wider.slots));
    if (!wider.slots)
        return false;
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].value)
            wider.slots[place(&wider, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    *map = wider;
    return true;
}

bool store__map_put(store__map *map, uint64_t key, void *value)
{
    if ((map->count + 1) * 2 > map->cap && !grow(map))
        return false;
    store__map_slot *slot = &map->slots[place(map, key)];
    if (!slot->value)
        map->count++;
    *slot = (store__map_slot){key, value};
    return true;
}

/* Whether the value at `at` may not move to `hole`: its home lies behind the hole, going round. */
static bool stays(const store__map *map, size_t hole, size_t at)
{
    size_t from = home(map, map->slots[at].key);
    return hole <= at ? (hole < from && from <= at) : (hole < from || from <= at);
}

void store__map_remove(store__map *map, uint64_t key)
{
    if (!map->count)
        return;
    size_t hole = place(map, key);
    if (!map->slots[hole].value)
        return;
    map->count--;
    for (size_t i = hole;;) {
        map->slots[hole].value = NULL;
        do {
            i = (i + 1) & (map->cap - 1);
            if (!map->slots[i].value)
                return;
        } while (stays(map, hole, i));
        map->slots[hole] = map->slots[i];
        hole = i;
    }
}

void *store__map_next(const store__map *map, size_t *cursor)
{
    while (*cursor < map->cap) {
        void *value = map->slots[(*cursor)++].value;
        if (value)
            return value;
    }
    return NULL;
}
