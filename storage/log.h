/* Events as they stand in the tail. */
#ifndef STORAGE_LOG_H
#define STORAGE_LOG_H

#include "batch.h"

/* The parts of a tail value, borrowed from it; its checksum is not looked at. False if it is too
 * short for what it says. */
bool store__event_decode(const MDB_val *value, uint64_t *number, store_event *out);

/* What the head of a tail value, which may be damaged, says. False: it is too short for one. */
bool store__event_peek(const MDB_val *value, uint64_t *number, uint64_t *seq);
/* Whether a damaged value would be whole if it were this event of this document. `room` takes the
 * value. */
bool store__event_fits(const MDB_val *key, const MDB_val *value, uint64_t number, uint64_t seq,
                       uint8_t *room);

/* The event of document `number` with `seq` that stands at a place of the tail, borrowed from the
 * transaction. STORE_NOT_FOUND: nothing stands there. STORE_CORRUPT: not this event, or damaged. */
store_err store__event_get(const store *s, MDB_txn *txn, uint64_t tail_key, uint64_t number,
                           uint64_t seq, store_event *out);

/* Notes which of the document's events in the tail do not say that they are its own. */
store_err store__stage_mutes(store_batch *b, const store__entry *entry);

#endif
