/* The records of names and documents as bytes.
 *
 * A name has one record for ever: the number and epoch of its present or last life, and how its
 * earlier lives ended. A living document has one more, under its number: its name, and how far its
 * log had come when its events were last packed (what came since stands in the tail, and is counted
 * at opening, so that an event costs no write here). */
#ifndef STORAGE_META_RECORD_H
#define STORAGE_META_RECORD_H

#include "store.h"

typedef struct store__life {
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t head;
    uint64_t events;
    uint64_t log_bytes;
} store__life;

typedef struct store__ended {
    uint32_t epoch;
    store_end end;
} store__ended;

typedef struct store__name {
    uint64_t number;
    uint32_t epoch;
    bool deleted;
    store__life last; /* when deleted: as that life was at its end */
    unsigned ended_count;
    store__ended ended[STORE_ENDED_EPOCHS_MAX]; /* oldest first */
} store__name;

#define STORE__LIFE_LEN        40u
#define STORE__NAME_RECORD_MAX (13u + STORE__LIFE_LEN + 2u + 5u * STORE_ENDED_EPOCHS_MAX)
#define STORE__DOC_RECORD_MAX  (STORE__LIFE_LEN + STORE_NAME_LEN_MAX)

/* Each encode writes at most its _MAX bytes and returns how many; each decode is false if the bytes
 * are not a record. */
size_t store__name_encode(const store__name *name, uint8_t *out);
bool store__name_decode(store_bytes bytes, store__name *out);
size_t store__doc_encode(const store__life *life, store_bytes name, uint8_t *out);
bool store__doc_decode(store_bytes bytes, store__life *life, store_bytes *name);

/* Notes that the present life ended. Of more than STORE_ENDED_EPOCHS_MAX the oldest is forgotten.
 */
void store__name_end(store__name *name, store_end end);

/* Whether the name has, or had and remembers, the epoch. If that life is over, *out is how it or a
 * later one ended: a deletion counts before all else. */
bool store__name_epoch(const store__name *name, uint32_t epoch, store_end *out);

#endif
