/* Moving the oldest events out of the tail, into segments of their documents. */
#ifndef STORAGE_PACK_H
#define STORAGE_PACK_H

#include "batch.h"

/* Events of one document on their way: a segment that is new, or replaces the document's last one,
 * whose events it then begins with. */
typedef struct store__pack {
    uint64_t number;
    uint64_t first_seq; /* of the events that leave the tail */
    uint32_t count;     /* of these; their tail keys are keys[0 ... count) */
    uint64_t *keys;
    uint64_t segment_seq; /* the first seq of the segment: half of its key */
    store_buf segment;    /* sealed */
    store__life life;     /* of the document's record, with these events */
    uint8_t name[STORE_NAME_LEN_MAX];
    size_t name_len;
    store__entry *entry; /* batch owner: while it is staged; NULL: it has been overtaken */
} store__pack;

struct store_packs {
    size_t count;
    store__pack items[];
};

/* The newest segment that begins at or before event `seq` of the document, borrowed from the
 * transaction, without its checksum: STORE_NOT_FOUND, STORE_CORRUPT. */
store_err store__segment_find(const store *s, MDB_txn *txn, uint64_t number, uint64_t seq,
                              uint64_t *first_seq, store_bytes *segment);

/* What the commit writes; what the index learns then, while the batch still knows its documents;
 * and at last, the documents with nothing left in the tail leave it: their records say all there
 * is. */
int store__write_packs(const store_batch *b, MDB_txn *txn);
void store__fold_packs(store_batch *b);
void store__forget_packed(store_batch *b);

#endif
