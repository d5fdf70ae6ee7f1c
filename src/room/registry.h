/* Every open room, by name: found, opened, and unloaded when nobody needs it. Unloading never
 * writes. Loop thread only. */
#ifndef WEFT_ROOM_REGISTRY_H
#define WEFT_ROOM_REGISTRY_H

#include "room/room.h"

typedef struct registry registry;

typedef struct registry_options {
    size_t pending_bytes_max; /* of one document's waiting bytes */
} registry_options;

/* `l`, `s` and `p` are kept until registry_free. Returns owned. */
registry *registry_new(loop *l, store *s, persist *p, const registry_options *options);

/* The room of `name` (borrowed), opened if need be; NULL: too many are open. */
room *registry_find(registry *g, slice name);

/* Ends all readers, takes no more of them, and unloads every room as soon as what it has in hand is
 * finished. */
void registry_drain(registry *g);

typedef struct registry_stats {
    size_t rooms;
    size_t readers;
    size_t document_bytes; /* memory of the loaded documents */
    uint64_t writes;       /* events appended */
    uint64_t writes_unchanged;
    uint64_t writes_refused;
    uint64_t loads;
    uint64_t catchups; /* merged updates made for readers that had fallen behind */
} registry_stats;

registry_stats registry_get_stats(const registry *g);

/* No room may be open (registry_drain). The memory goes some turns later. */
void registry_free(registry *g);

#endif
