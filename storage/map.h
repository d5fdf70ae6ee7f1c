/* A hash map from 64-bit keys to pointers: documents by number, names by their hash. Open
 * addressing, at most half full; what is removed leaves no mark behind. */
#ifndef STORAGE_MAP_H
#define STORAGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct store__map_slot {
    uint64_t key;
    void *value; /* NULL: the slot is free */
} store__map_slot;

typedef struct store__map {
    store__map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
} store__map;

/* All zeroes is an empty map. Frees the slots, not the values. */
void store__map_deinit(store__map *map);
/* Forgets everything, keeping the slots. */
void store__map_clear(store__map *map);

/* NULL: absent. */
void *store__map_find(const store__map *map, uint64_t key);
/* Adds a key that is absent, or sets it anew; false when out of memory, with nothing changed. */
bool store__map_put(store__map *map, uint64_t key, void *value);
/* Removes the key if it is there. */
void store__map_remove(store__map *map, uint64_t key);

/* Walks the values in no order: begins with *cursor 0, NULL at the end. Nothing may be put or
 * removed meanwhile. */
void *store__map_next(const store__map *map, size_t *cursor);

#endif
