/* A batch before it is written, and the store that it belongs to.
 *
 * Nothing reaches LMDB before the commit: calls on a batch check what is asked, note it, and copy
 * the bytes, already as they will stand on disk. The commit writes it all in one transaction, again
 * from the start if the map was full, and then folds it into the index. So an abort, or a commit
 * that fails, has nothing to undo but what is noted here.
 *
 *     append ... append        noted: events, documents touched (their heads within the batch),
 * names, checkpoints
 *          |
 *       commit    prepare      memory for the fold, so that it cannot fail; documents created go
 * into the index whole, |                   since nobody can know their numbers yet |      write
 * one LMDB transaction, synced |      fold         the index of the other documents; documents
 * deleted leave it |      purge        some events of documents deleted earlier leave the tail
 */
#ifndef STORAGE_BATCH_H
#define STORAGE_BATCH_H

#include "env.h"
#include "index.h"

#define STORE__TICKS 2u /* LMDB uses pages again that were freed two transactions ago */

/* A document that the batch touches. */
typedef struct store__staged_doc {
    store__entry *entry;
    store__life life; /* with the batch's events */
    size_t name;      /* if created, published or deleted here: its place in `names` */
    uint32_t added;   /* events of the batch */
    bool created;
    bool draft; /* has no name yet, or was given it here: */
    bool published;
    bool deleted;
    bool broken; /* perhaps: its record may be damaged or lost, and its seqs may have gaps */
} store__staged_doc;

/* A name that the batch looked up, and perhaps changed. */
typedef struct store__staged_name {
    size_t at; /* of the name, in `bytes` */
    size_t len;
    store__name record;
    bool known;   /* the record exists */
    bool changed; /* and is to be written */
} store__staged_name;

typedef struct store__staged_event {
    size_t doc; /* place in `docs` */
    uint64_t key;
    int64_t time_ms;
    size_t at; /* of the value, in `bytes` */
    size_t len;
    size_t update_len;
} store__staged_event;

typedef struct store__staged_checkpoint {
    size_t doc;
    uint64_t seq;
    size_t at;
    size_t len;
} store__staged_checkpoint;

typedef struct store__array {
    void *items;
    size_t count;
    size_t cap;
} store__array;

struct store_batch {
    store *store;
    bool open;
    store__array bytes;       /* of uint8_t */
    store__array docs;        /* of store__staged_doc */
    store__array names;       /* of store__staged_name */
    store__array events;      /* of store__staged_event */
    store__array checkpoints; /* of store__staged_checkpoint */
    store__array mutes;       /* of uint64_t: see store__batch_broken_doc */
    store__map names_by_hash; /* to 1 + place, as a pointer */
    store_packs *packs;       /* the caller's; NULL: none */
    uint64_t next_number;
    uint64_t next_key;
};

struct store {
    store__env env;
    const store_codec *codec;
    store__index index;
    int lock_fd;
    /* Batch owner. */
    store_batch batch;
    uint64_t next_number; /* of the next document */
    uint64_t next_key;    /* of the next event in the tail */
    uint64_t damaged;     /* documents in the index that are; changed with its lock held */
    store__entry *purges; /* deleted documents that left something behind */
    unsigned ticks_left;  /* commits after which what was freed last can be used again */
};

/* Room for `more` items behind those there, or NULL when out of memory. The caller then counts
 * them. */
void *store__array_reserve(store__array *array, size_t more, size_t item_len);

/* Copies `len` bytes into the batch (NULL: leaves them to be filled in) and tells where. NULL when
 * out of memory. */
uint8_t *store__batch_copy(store_batch *b, const void *data, size_t len, size_t *at);

static inline uint8_t *store__batch_bytes(const store_batch *b, size_t at)
{
    return (uint8_t *)b->bytes.items + at;
}
static inline store__staged_doc *store__batch_docs(const store_batch *b)
{
    return b->docs.items;
}
static inline store__staged_name *store__batch_names(const store_batch *b)
{
    return b->names.items;
}

/* The document as the batch leaves it so far, found in the index, or on disk and put into the
 * index. The pointer is good until the next document joins the batch. STORE_NOT_FOUND: it does not
 * live. */
store_err store__batch_doc(store_batch *b, uint64_t number, store__staged_doc **out);
/* The same whatever there is of it, so that it can be deleted. The keys of its events in the tail
 * that do not say that they are its own are noted as mutes: they go with its record, since the next
 * opening would find nobody for them. */
store_err store__batch_broken_doc(store_batch *b, uint64_t number, store__staged_doc **out);
/* Adds a document to the batch. NULL when out of memory. */
store__staged_doc *store__batch_add_doc(store_batch *b, store__entry *entry);

void store__batch_deinit(store_batch *b);

/* What each part writes of a batch. LMDB's codes; run again from the start if the map was full. */
int store__write_names(const store_batch *b, MDB_txn *txn);
int store__write_documents(const store_batch *b, MDB_txn *txn);
int store__write_checkpoints(const store_batch *b, MDB_txn *txn);
int store__write_events(const store_batch *b, MDB_txn *txn);
int store__write_mutes(const store_batch *b, MDB_txn *txn);
int store__write_counter(const store *s, MDB_txn *txn, uint64_t next_number);

/* A living document's record: STORE_NOT_FOUND, STORE_CORRUPT. `*name` is borrowed from the
 * transaction. */
store_err store__doc_load(const store *s, MDB_txn *txn, uint64_t number, store__life *life,
                          store_bytes *name);

/* The same in a transaction of its own. `name` takes STORE_NAME_LEN_MAX bytes, and may be NULL. */
store_err store__doc_read(store *s, uint64_t number, store__life *life, uint8_t *name,
                          size_t *name_len);

/* Whether a call between begin and commit can make room where there was none: removes what deleted
 * documents left behind, or lets LMDB's last freed pages come of age. False: there is nothing left
 * to gain. */
bool store__make_room(store *s);
/* Removes a bounded number of what deleted documents left. */
void store__purge_some(store *s);
void store__purge_add(store *s, store__entry *entry);
void store__purge_clear(store *s);

/* After env.fatal: opens the environment anew and reads everything again. On failure the store
 * refuses all work, until store_batch_begin tries once more. */
store_err store__recover(store *s);

#endif
