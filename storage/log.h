/* Events as they stand in the tail. */
#ifndef STORAGE_LOG_H
#define STORAGE_LOG_H

#include "batch.h"

/* The parts of a tail value, borrowed from it; its checksum is not looked at. False if it is too
 * short for what it says. */
bool store__event_decode(const MDB_val *value, uint64_t *number, store_event *out);

#endif
