/* A hash map from 64-bit numbers to 64-bit numbers: clients to their places. Open addressing, at
 * most half full. */
#ifndef CRDT_BASE_U64MAP_H
#define CRDT_BASE_U64MAP_H

#include "base/arena.h"

typedef struct crdt__u64map_slot {
    uint64_t key;
    uint64_t value;
    bool used;
} crdt__u64map_slot;

typedef struct crdt__u64map {
    crdt__budget *budget;
    uint64_t seed;
    crdt__u64map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
} crdt__u64map;

void crdt__u64map_init(crdt__u64map *map, crdt__budget *budget, uint64_t seed);
void crdt__u64map_deinit(crdt__u64map *map);

/* The place of the key's value, or NULL. Good until the next put or clear. */
uint64_t *crdt__u64map_find(const crdt__u64map *map, uint64_t key);
/* Sets, adding the key if need be; false when out of memory. */
bool crdt__u64map_put(crdt__u64map *map, uint64_t key, uint64_t value);
void crdt__u64map_clear(crdt__u64map *map);

#endif
