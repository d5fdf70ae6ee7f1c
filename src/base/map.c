#include "base/map.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/must.h"

#define MAP_BUCKETS_MIN 16

static map_node **buckets_new(size_t count)
{
    map_node **buckets = calloc(count, sizeof(map_node *));
    must(buckets != NULL);
    return buckets;
}

void map_init(map *m, uint64_t seed)
{
    *m = (map){
        .buckets = buckets_new(MAP_BUCKETS_MIN), .bucket_count = MAP_BUCKETS_MIN, .seed = seed};
}

void map_deinit(map *m)
{
    must(m->count == 0);
    free(m->buckets);
    *m = (map){0};
}

static map_node **bucket_of(const map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->bucket_count - 1)];
}

static uint64_t hash_of(const map *m, slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, m->seed);
}

map_node *map_find(const map *m, slice key)
{
    uint64_t hash = hash_of(m, key);
    for (map_node *n = *bucket_of(m, hash); n != NULL; n = n->next)
        if (n->hash == hash && slice_equal(n->key, key))
            return n;
    return NULL;
}

static void grow(map *m)
{
    map_node **old = m->buckets;
    size_t old_count = m->bucket_count;
    m->bucket_count = old_count * 2;
    m->buckets = buckets_new(m->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        for (map_node *n = old[i], *next; n != NULL; n = next) {
            next = n->next;
            map_node **bucket = bucket_of(m, n->hash);
            n->next = *bucket;
            *bucket = n;
        }
    }
    free(old);
}

void map_insert(map *m, map_node *node, slice key)
{
    if (m->count == m->bucket_count)
        grow(m);
    node->key = key;
    node->hash = hash_of(m, key);
    map_node **bucket = bucket_of(m, node->hash);
    node->next = *bucket;
    *bucket = node;
    m->count++;
}

void map_remove(map *m, map_node *node)
{
    map_node **at = bucket_of(m, node->hash);
    while (*at != node) {
        must(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->count--;
}
