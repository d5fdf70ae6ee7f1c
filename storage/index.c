#include "index.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MIN 4u

bool store__index_init(store__index *index)
{
    index->entries = (store__map){0};
    return pthread_mutex_init(&index->lock, NULL) == 0;
}

void store__entry_free(store__entry *entry)
{
    if (!entry)
        return;
    free(entry->keys);
    free(entry);
}

void store__index_clear(store__index *index)
{
    pthread_mutex_lock(&index->lock);
    size_t cursor = 0;
    for (store__entry *e; (e = store__map_next(&index->entries, &cursor));)
        store__entry_free(e);
    store__map_clear(&index->entries);
    pthread_mutex_unlock(&index->lock);
}

void store__index_deinit(store__index *index)
{
    store__index_clear(index);
    store__map_deinit(&index->entries);
    pthread_mutex_destroy(&index->lock);
}

store__entry *store__index_find(const store__index *index, uint64_t number)
{
    return store__map_find(&index->entries, number);
}

store__entry *store__index_add(store__index *index, uint64_t number, const store__life *life,
                               bool live)
{
    store__entry *entry = malloc(sizeof(*entry));
    if (!entry)
        return NULL;
    *entry =
        (store__entry){.number = number, .life = *life, .first_seq = life->head + 1, .live = live};
    pthread_mutex_lock(&index->lock);
    bool added = store__map_put(&index->entries, number, entry);
    pthread_mutex_unlock(&index->lock);
    if (added)
        return entry;
    free(entry);
    return NULL;
}

void store__index_remove(store__index *index, store__entry *entry)
{
    pthread_mutex_lock(&index->lock);
    store__map_remove(&index->entries, entry->number);
    pthread_mutex_unlock(&index->lock);
}

bool store__entry_reserve(store__entry *entry, uint32_t more)
{
    if (more <= entry->cap - entry->count)
        return true;
    if (more > UINT32_MAX - entry->count)
        return false;
    uint32_t cap = entry->cap < UINT32_MAX / 2 ? entry->cap + entry->cap / 2 : UINT32_MAX;
    if (cap < entry->count + more)
        cap = entry->count + more;
    if (cap < KEYS_MIN && more > 1)
        cap = KEYS_MIN;
    uint64_t *keys = realloc(entry->keys, cap * sizeof(*keys));
    if (!keys)
        return false;
    entry->keys = keys;
    entry->cap = cap;
    return true;
}

void store__entry_push(store__entry *entry, uint64_t key, int64_t time_ms, size_t update_len)
{
    entry->keys[entry->count++] = key;
    entry->life.head++;
    entry->life.events++;
    entry->life.log_bytes += update_len;
    entry->life.updated_ms = time_ms;
}

static store__entry *find_live(store__index *index, uint64_t number)
{
    store__entry *entry = store__map_find(&index->entries, number);
    return entry && entry->live ? entry : NULL;
}

bool store__index_life(store__index *index, uint64_t number, store__life *out, bool *damaged)
{
    pthread_mutex_lock(&index->lock);
    const store__entry *entry = find_live(index, number);
    if (entry) {
        *out = entry->life;
        *damaged = entry->damaged;
    }
    pthread_mutex_unlock(&index->lock);
    return entry != NULL;
}

static store__range copy_range(const store__entry *entry, uint64_t after, uint64_t until,
                               uint64_t *keys, size_t max)
{
    store__range range = {.damaged = entry->damaged, .first_seq = entry->first_seq};
    uint64_t skip = after >= entry->first_seq ? after - entry->first_seq + 1 : 0;
    if (until > entry->life.head)
        until = entry->life.head;
    if (entry->damaged || skip >= entry->count || until <= after || until < entry->first_seq)
        return range;
    range.first_seq += skip;
    uint64_t wanted = until - range.first_seq + 1;
    range.count = wanted < max ? (size_t)wanted : max;
    memcpy(keys, entry->keys + skip, range.count * sizeof(*keys));
    return range;
}

bool store__index_range(store__index *index, uint64_t number, uint64_t after, uint64_t until,
                        uint64_t *keys, size_t max, store__range *out)
{
    pthread_mutex_lock(&index->lock);
    const store__entry *entry = find_live(index, number);
    if (entry)
        *out = copy_range(entry, after, until, keys, max);
    pthread_mutex_unlock(&index->lock);
    return entry != NULL;
}
