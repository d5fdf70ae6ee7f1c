/* A stretch of one document's events as one value: in columns, compressed.
 *
 *     count u32, bytes of the updates u64, digest u64, form u8, plain length u32, then one zstd
 * frame
 *
 * The frame holds, in columns: users (runs: varint events, varint length, bytes), times (varint,
 * zigzag, each the difference to the one before), and the updates; in form 0 varint lengths and
 * then the bytes, in form 1 what the codec made of them. The digest is XXH3 over the checksums of
 * the events, in order: it tells that what comes out is what went in, whatever the codec does.
 */
#ifndef STORAGE_SEGMENT_H
#define STORAGE_SEGMENT_H

#include "store.h"

/* A segment takes no further event once it holds so many, or so many bytes of updates. */
#define STORE__SEGMENT_EVENTS_MAX 4096u
#define STORE__SEGMENT_BYTES_MAX  (256u << 10)

#define STORE__SEGMENT_HEAD_LEN 25u

/* Appends to a buffer. STORE_NO_MEMORY: it is as it was. */
STORE_MUST_CHECK store_err store__buf_put(store_buf *buf, store_bytes bytes);

typedef struct store__segment_head {
    uint32_t count;
    uint64_t update_bytes;
    uint64_t digest;
} store__segment_head;

/* Appends the segment of `events` (1 to UINT32_MAX of them, seqs without gaps) of document `number`
 * to out, which is malloc's. STORE_NO_MEMORY, STORE_INVALID: too large for one. */
STORE_MUST_CHECK store_err store__segment_encode(const store_codec *codec, uint64_t number,
                                                 const store_event *events, size_t count,
                                                 store_buf *out);

/* Reads the head alone. False: too short. */
bool store__segment_peek(store_bytes segment, store__segment_head *out);

/* The events of a segment, taken apart: `events` and all they point to are in it. */
typedef struct store__segment {
    store_event *events;
    size_t count;
    void *plain; /* the columns */
    store_buf updates;
} store__segment;

/* Takes a segment apart that begins with event `first_seq` of document `number`. STORE_CORRUPT,
 * STORE_NO_MEMORY. Ended with store__segment_deinit, which accepts {0}. */
STORE_MUST_CHECK store_err store__segment_decode(const store_codec *codec, uint64_t number,
                                                 uint64_t first_seq, store_bytes segment,
                                                 store__segment *out);
void store__segment_deinit(store__segment *segment);

#endif
