#include "core/snapshot.h"

uint64_t crdt__snapshot_clock(const crdt_snapshot *at, uint64_t client)
{
    size_t low = 0;
    for (size_t high = at->known_count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (at->known[mid].client > client)
            low = mid + 1;
        else
            high = mid;
    }
    return low < at->known_count && at->known[low].client == client ? at->known[low].clock : 0;
}

/* The first range of the client that ends behind `clock`, or any that comes after it. */
static const crdt__range *first_behind(const crdt__idset *set, uint64_t client, uint64_t clock)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    size_t low = 0;
    for (size_t high = crdt__idset_count(set); low < high;) {
        size_t mid = low + (high - low) / 2;
        const crdt__range *range = &ranges[mid];
        if (range->client > client ||
            (range->client == client && range->clock + range->len <= clock))
            low = mid + 1;
        else
            high = mid;
    }
    return ranges + low;
}

crdt__visible crdt__snapshot_visible(const crdt_doc *doc, const crdt_snapshot *at,
                                     const crdt__item *it)
{
    crdt__visible walk = {.start = it->clock,
                          .next = it->clock,
                          .end = crdt__item_end(it),
                          .client = doc->clients[it->client].id};
    if (!at) {
        if (it->deleted)
            walk.end = walk.next;
        return walk;
    }
    uint64_t state = crdt__snapshot_clock(at, walk.client);
    if (walk.end > state)
        walk.end = state;
    if (walk.next >= walk.end)
        return walk;
    walk.deleted = first_behind(&at->deletes, walk.client, walk.next);
    walk.deleted_end = crdt__idset_ranges(&at->deletes) + crdt__idset_count(&at->deletes);
    return walk;
}

bool crdt__visible_next(crdt__visible *walk, uint64_t *from, uint64_t *to)
{
    while (walk->next < walk->end) {
        const crdt__range *range = walk->deleted;
        bool covers =
            range != walk->deleted_end && range->client == walk->client && range->clock < walk->end;
        if (covers) {
            walk->deleted++;
            if (range->len == 0) /* format v1 can tell of such */
                continue;
        }
        uint64_t shown = walk->next;
        uint64_t hidden = covers ? range->clock : walk->end;
        walk->next = covers ? range->clock + range->len : walk->end;
        if (shown >= hidden)
            continue;
        *from = shown - walk->start;
        *to = hidden - walk->start;
        return true;
    }
    return false;
}
