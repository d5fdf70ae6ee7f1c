/* Hash map from bytes to structs that embed a map_node. Seeded, since the keys are chosen by
 * strangers. */
#ifndef WEFT_BASE_MAP_H
#define WEFT_BASE_MAP_H

#include "base/slice.h"

typedef struct map_node {
    struct map_node *next; /* in the same bucket */
    uint64_t hash;
    slice key; /* kept: the bytes live as long as the node is in the map */
} map_node;

typedef struct map {
    map_node **buckets; /* a power of two of them */
    size_t bucket_count;
    size_t count;
    uint64_t seed;
} map;

/* Aborts when out of memory, as every growth does. */
void map_init(map *m, uint64_t seed);

/* The map must be empty. */
void map_deinit(map *m);

/* NULL if absent. */
map_node *map_find(const map *m, slice key);

/* The key must be absent; `node->key` is set by this call. */
void map_insert(map *m, map_node *node, slice key);

/* The node must be in the map. */
void map_remove(map *m, map_node *node);

#endif
