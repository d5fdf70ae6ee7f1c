/* (client, clock): the name of one unit, as a value with its arithmetic. */
#ifndef CRDT_BASE_ID_H
#define CRDT_BASE_ID_H

#include "crdt.h"

static inline bool crdt__id_equal(crdt_id a, crdt_id b)
{
    return a.client == b.client && a.clock == b.clock;
}

static inline crdt_id crdt__id_add(crdt_id id, uint64_t units)
{
    return (crdt_id){id.client, id.clock + units};
}

#endif
