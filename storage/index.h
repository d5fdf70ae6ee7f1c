/* The index of the tail, in memory: where each document's events stand in it.
 *
 * The tail holds the events of all documents in order of arrival. An entry is one document: its
 * numbers as of the last commit, and the tail keys of its events. Seqs have no gaps, so keys[i] is
 * the event first_seq + i: eight bytes an event, at most half as many again while the array grows.
 *
 *     document 7   first_seq 1   keys: 12 13 40 41 97         head 5: the event of seq 4 stands at
 * key 41
 *
 * Threads: only the owner of the batch changes the index, so it reads without the lock and takes it
 * to change anything. Everyone else takes it to read. What is here is committed, but for the
 * entries that are not `live`. */
#ifndef STORAGE_INDEX_H
#define STORAGE_INDEX_H

#include <pthread.h>

#include "map.h"
#include "meta/record.h"

typedef struct store__entry {
    struct store__entry *next; /* of the list of documents to purge */
    uint64_t number;
    store__life life; /* with the events of the tail */
    uint64_t first_seq;
    uint64_t *keys; /* ascending */
    uint32_t count;
    uint32_t cap;
    uint32_t staged; /* batch owner: 1 + the document's place in the batch, 0 if it is not in it */
    bool live;    /* false: a draft, being created by a batch, or, while opening, not known to be a
                     document */
    bool damaged; /* its seqs have a gap on disk: neither read nor appended to */
    bool bare;    /* to be purged: it has neither segments nor checkpoints any more */
} store__entry;

typedef struct store__index {
    pthread_mutex_t lock;
    store__map entries;
} store__index;

bool store__index_init(store__index *index);
void store__index_deinit(store__index *index);
/* Back to empty. */
void store__index_clear(store__index *index);
void store__entry_free(store__entry *entry);

/* ---- batch owner ---- */

/* NULL: absent. */
store__entry *store__index_find(const store__index *index, uint64_t number);
/* Whether anything of it stands in the tail or in segments. */
static inline bool store__entry_has_events(const store__entry *entry)
{
    return entry->count > 0 || entry->first_seq > 1;
}
/* Adds a document that is absent, whose events before the tail are those of `life`. NULL when out
 * of memory. */
store__entry *store__index_add(store__index *index, uint64_t number, const store__life *life,
                               bool live);
/* Takes the entry out; it is the caller's then. */
void store__index_remove(store__index *index, store__entry *entry);

/* With the lock held: room for `more` events; false when out of memory. */
bool store__entry_reserve(store__entry *entry, uint32_t more);
/* With the lock held: adds the document's next event, for which there is room. */
void store__entry_push(store__entry *entry, uint64_t key, int64_t time_ms, size_t update_len);

/* ---- any thread ---- */

/* False: the index has no such document. */
bool store__index_life(store__index *index, uint64_t number, store__life *out, bool *damaged);

typedef struct store__range {
    bool damaged;
    size_t count;       /* of keys written */
    uint64_t first_seq; /* of keys[0]; without keys, the first seq that the tail could hold */
} store__range;

/* Copies up to `max` tail keys of the events after `after` up to `until`. False: no such document.
 */
bool store__index_range(store__index *index, uint64_t number, uint64_t after, uint64_t until,
                        uint64_t *keys, size_t max, store__range *out);

#endif
