/* Updates that say one thing, as most do: one struct, or deletes alone. They are decoded and
 * checked once, into a plain value, where others are validated first and then read. */
#ifndef CRDT_WIRE_SMALL_H
#define CRDT_WIRE_SMALL_H

#include "base/idset.h"
#include "wire/update.h"

typedef struct crdt__small {
    bool has_struct;
    crdt__wstruct ws;
    crdt__section at; /* before the struct */
    crdt_bytes ds;
    uint64_t ds_ranges;
    crdt__range range; /* the first one */
} crdt__small;

/* Reads one. False: it is not small, or malformed. */
bool crdt__small_read(crdt_bytes update, crdt__small *out);

#endif
