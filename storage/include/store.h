/* weft-storage: the log of every document, in LMDB.
 *
 * SPDX-License-Identifier: MIT
 *
 * The nouns. A store is one directory. A document has a name, a number that no other document of
 * the store ever had, and a life: an epoch, drawn when it is created and again when it is created
 * after a deletion. An event is one accepted update: bytes that never change, with a sequence
 * number (from 1, without gaps), a time and a checksum. A checkpoint is the whole state after some
 * event, so that opening does not replay every event. A batch is one transaction: all of it is on
 * disk when store_batch_commit returns STORE_OK, or none of it is.
 *
 * Threads. One thread at a time owns the batch (store_batch_*). Every other call may be made from
 * any thread, also while a batch is open, and sees what was committed. All calls block; none calls
 * back into the store.
 *
 * Memory. "borrows": until the call returns. "returns owned": freed with the function named. The
 * store knows nothing of what is in an update.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_MUST_CHECK __attribute__((warn_unused_result))

#define STORE_ERR_TABLE(X)                                                                         \
    X(STORE_OK, 0, "success")                                                                      \
    X(STORE_NOT_FOUND, -1, "no such document or event")                                            \
    X(STORE_EXISTS, -2, "the document exists already")                                             \
    X(STORE_DELETED, -3, "the document was deleted")                                               \
    X(STORE_FULL, -4, "no space left for the data directory")                                      \
    X(STORE_IO, -5, "the data directory cannot be read or written")                                \
    X(STORE_CORRUPT, -6, "stored data does not match its checksum or format")                      \
    X(STORE_VERSION, -7, "the data directory was written by another version of weft")              \
    X(STORE_BUSY, -8, "another process uses the data directory")                                   \
    X(STORE_NO_MEMORY, -9, "out of memory")                                                        \
    X(STORE_INVALID, -10, "a name or value the store cannot hold")

typedef enum store_err {
#define X(name, value, text) name = value,
    STORE_ERR_TABLE(X)
#undef X
} store_err;

/* Returns a static sentence. */
const char *store_strerror(store_err err);

#define STORE_NAME_LEN_MAX   255        /* bytes of a document's name; at least 1 */
#define STORE_UPDATE_LEN_MAX (1u << 30) /* bytes of one update or checkpoint */
#define STORE_USER_LEN_MAX   1024       /* bytes of an event's user */
#define STORE_ENDED_EPOCHS_MAX                                                                     \
    64 /* earlier epochs that a name remembers; of more, the oldest go                             \
        */

typedef struct store store;

typedef struct store_bytes {
    const void *data;
    size_t len;
} store_bytes;

/* Bytes that belong to whoever holds the struct; malloc's. {0} is an empty buffer. */
typedef struct store_buf {
    void *data;
    size_t len;
    size_t cap;
} store_buf;

void store_buf_free(store_buf *buf); /* leaves it empty */

/* How updates are laid out for packing, by somebody who knows what is in them. Any thread may call
 * either at any time. Each appends to a buffer, and returns STORE_OK, STORE_NO_MEMORY or
 * STORE_CORRUPT. What comes out must be what went in: it is checked. */
typedef struct store_codec {
    /* Lays out `count` updates as one piece that compresses well. */
    store_err (*pack)(const store_bytes *updates, size_t count, store_buf *out);
    /* Appends the updates of a piece, one behind the other; lens[0 ... count) are their lengths. */
    store_err (*unpack)(store_bytes piece, size_t count, store_buf *out, size_t *lens);
} store_codec;

typedef struct store_options {
    size_t map_size_min;      /* bytes the map begins with; 0: the default. Grows by itself */
    size_t map_size_max;      /* bytes it may grow to; 0: no limit but the disk's. Reaching it is
                                 STORE_FULL */
    const store_codec *codec; /* kept until store_close; NULL: updates are packed as they are. What
                                 was packed with one can only be read with it */
} store_options;

/* Opens the store in `dir`, creating both if absent, for the one process that may write to it.
 * STORE_BUSY: another process has it open for writing. STORE_VERSION: made by a newer (or
 * unreadably old) version. STORE_IO, STORE_FULL, STORE_CORRUPT, STORE_NO_MEMORY. On failure
 * `*detail` (may be NULL) is a sentence for people, in a buffer of `detail_len` bytes. Cost: one
 * scan of the tail. Returns owned (store_close). */
STORE_MUST_CHECK store_err store_open(const char *dir, const store_options *options, store **out,
                                      char *detail, size_t detail_len);

/* Opens the store in `dir` to read it as it is at this moment, whether or not another process is
 * writing to it, and changes nothing. The moment is kept until store_close, and with it the pages
 * that it needs: a writer's file grows meanwhile. Not in the process that writes. One thread at a
 * time; batches and packing are STORE_INVALID. STORE_NOT_FOUND: there is no store. STORE_VERSION:
 * made by another version; also an older one, which only its writer brings forward. Errors,
 * `detail` and cost else as store_open. */
STORE_MUST_CHECK store_err store_open_read(const char *dir, const store_options *options,
                                           store **out, char *detail, size_t detail_len);

/* No call may be running, no batch open. Accepts NULL. */
void store_close(store *s);

/* ---- documents ---- */

/* Why an epoch ended. */
typedef enum store_end {
    STORE_END_NONE = 0,
    STORE_END_DELETED = 1,
    STORE_END_RESTORED = 2
} store_end;

typedef struct store_doc {
    uint64_t number; /* of this life */
    uint32_t epoch;
    bool
        deleted; /* the name is marked: no life at present; the other fields tell of the last one */
    uint64_t head;      /* seq of the last event; 0: none yet */
    uint64_t events;    /* events kept */
    uint64_t log_bytes; /* bytes of their updates */
    int64_t created_ms; /* Unix time */
    int64_t updated_ms;
} store_doc;

/* Looks a name up. STORE_NOT_FOUND: it never existed. A deleted one is STORE_OK with `deleted`. */
STORE_MUST_CHECK store_err store_find(store *s, store_bytes name, store_doc *out);

/* How the life of `name` that had `epoch` ended, for a client that comes back with an id of it:
 * STORE_END_DELETED if it or any later life ended by a deletion, else STORE_END_RESTORED;
 * STORE_END_NONE if it is today's, or if the name never had it or no longer remembers it (then
 * *known is false). STORE_OK also for a name that never existed. */
STORE_MUST_CHECK store_err store_epoch_end(store *s, store_bytes name, uint32_t epoch, bool *known,
                                           store_end *out);

/* Calls `each` with the names of living documents that begin with `prefix` and come after `after`
 * (both may be empty), in byte order, until it returns false. `each` must not call the store. A
 * name whose record is damaged is among them, whether it lives or not. */
STORE_MUST_CHECK store_err store_list(store *s, store_bytes prefix, store_bytes after,
                                      bool (*each)(void *ctx, store_bytes name), void *ctx);

/* ---- reading events ---- */

typedef struct store_event {
    uint64_t seq;
    int64_t time_ms;
    store_bytes user;   /* empty: not known */
    store_bytes update; /* exactly as accepted */
} store_event;

/* Every call below on a number: STORE_NOT_FOUND if no living document has it.
 *
 * Calls `each` with the events after `after` (exclusive) up to `until` (inclusive; UINT64_MAX: to
 * the end), in order, until it returns false. What `each` is given is borrowed from the call.
 * `each` must be quick, since a read transaction is open, and must not call the store.
 * STORE_CORRUPT: an event does not match its checksum, or one is missing; those before it were
 * handed out. STORE_NOT_FOUND also if the document is deleted meanwhile. */
STORE_MUST_CHECK store_err store_read(store *s, uint64_t number, uint64_t after, uint64_t until,
                                      bool (*each)(void *ctx, const store_event *event), void *ctx);

/* The newest checkpoint at or before `until`: calls `use` once with its seq and state, borrowed; as
 * quick as `each`. STORE_NOT_FOUND: there is none. STORE_CORRUPT: it does not match its checksum.
 * Followed by store_read(s, number, seq, until, ...) it gives the state at `until`. */
STORE_MUST_CHECK store_err store_checkpoint_find(store *s, uint64_t number, uint64_t until,
                                                 void (*use)(void *ctx, uint64_t seq,
                                                             store_bytes state),
                                                 void *ctx);

/* All checkpoints of a document, oldest first, as store_checkpoint_find hands out one, until `each`
 * returns false. STORE_CORRUPT: one does not match its checksum; those before it were handed out.
 */
STORE_MUST_CHECK store_err store_checkpoints(
    store *s, uint64_t number, bool (*each)(void *ctx, uint64_t seq, store_bytes state), void *ctx);

/* ---- copies, and whether all is well: of a store opened with store_open_read ---- */

/* Writes the store to one new file, without the room that is free in it, and syncs it.
 * STORE_EXISTS: there is something at `file`. STORE_FULL, STORE_IO: nothing is left of it. `detail`
 * as in store_open. Cost: reading and writing all. */
STORE_MUST_CHECK store_err store_backup(store *s, const char *file, char *detail,
                                        size_t detail_len);

/* Makes the store in `dir`, which is absent or empty (else STORE_EXISTS), from such a file. Every
 * living document begins a life with a new epoch, which `draw` gives at random (asked again for one
 * that the name had before), and its last one ended as STORE_END_RESTORED. Whatever fails or dies,
 * there is no store in `dir` until it is whole. STORE_NOT_FOUND: no file. STORE_CORRUPT: it is no
 * backup, or damaged as far as this looks: at records, not at events. `detail` as in store_open. */
STORE_MUST_CHECK store_err store_restore(const char *file, const char *dir,
                                         const store_options *options, uint32_t (*draw)(void *ctx),
                                         void *ctx, char *detail, size_t detail_len);

/* Something that is not as it should be. */
typedef struct store_fault {
    store_bytes name;   /* of the document; empty: of none, or not known. Borrowed */
    uint64_t seq_first; /* the events that it concerns; 0: not one of them */
    uint64_t seq_last;
    const char *what; /* a static sentence without its full stop */
} store_fault;

/* Reads everything and tells what does not match its checksum or does not fit the rest: every
 * record, event, segment and checkpoint, seqs without gaps, nothing that belongs to no document.
 * Says nothing of what is in updates and states. STORE_OK: all was read, whatever was found.
 * STORE_CORRUPT: some of it cannot even be walked, which was told as well. */
STORE_MUST_CHECK store_err store_verify(store *s,
                                        void (*found)(void *ctx, const store_fault *fault),
                                        void *ctx);

/* ---- writing: one batch, one transaction ---- */

typedef struct store_batch store_batch;

/* Begins a batch. One at a time, owned by one thread until commit or abort. What is asked of it is
 * checked at once and kept in memory, and written by the commit: a call that fails leaves the batch
 * as it was. STORE_IO and what store_open returns: the directory was lost by an I/O error, and
 * could not be opened again yet. */
STORE_MUST_CHECK store_err store_batch_begin(store *s, store_batch **out);

/* Creates a document with epoch `epoch` (the caller draws it at random; it differs from the name's
 * earlier ones, or STORE_INVALID, as is a name without bytes or with too many). STORE_EXISTS: it
 * lives. A deleted name is brought back, with a new number. `out->number` may be used in this batch
 * at once, elsewhere when it is committed. */
STORE_MUST_CHECK store_err store_batch_create(store_batch *b, store_bytes name, uint32_t epoch,
                                              int64_t now_ms, store_doc *out);

/* Begins a document that nobody finds until it is published: it may take any number of batches to
 * fill. If it never is (the store is closed, the process dies), it is as if it had not been begun:
 * its events are removed as a deleted document's. STORE_INVALID from store_batch_delete. */
STORE_MUST_CHECK store_err store_batch_draft(store_batch *b, int64_t created_ms, uint64_t *number);

/* Gives a draft of an earlier batch its name: from this batch's commit on it is a document as any
 * other, with all its events. STORE_NOT_FOUND: there is no such draft. Else as store_batch_create.
 */
STORE_MUST_CHECK store_err store_batch_publish(store_batch *b, uint64_t number, store_bytes name,
                                               uint32_t epoch, store_doc *out);

/* Ends the document's life: its name stays marked, its events and checkpoints go (nothing reads
 * them any more; the room that they take is given back in steps, with this and later commits). */
STORE_MUST_CHECK store_err store_batch_delete(store_batch *b, uint64_t number, int64_t now_ms);

/* The same by name, of a document that may be damaged: whatever can be read of it, its name is
 * marked. If the name's own record is damaged, epochs may be forgotten, and a name that was deleted
 * is marked anew; it is STORE_CORRUPT if the record of the document cannot be found then, and some
 * document's cannot be read. STORE_NOT_FOUND: no living document has the name. Cost: its events in
 * the tail are read, and for a damaged name all records of documents. */
STORE_MUST_CHECK store_err store_batch_discard(store_batch *b, store_bytes name, int64_t now_ms);

/* Appends one event and tells its seq: one more than the document's last, in this batch too.
 * event->seq is not read. STORE_INVALID: a user or update that is too long. STORE_CORRUPT: the
 * document's log is damaged. */
STORE_MUST_CHECK store_err store_batch_append(store_batch *b, uint64_t number,
                                              const store_event *event, uint64_t *seq);

/* Keeps `state` (bytes of the caller's format) as the state after event `seq`, beside older
 * checkpoints; in place of one of the same event. STORE_INVALID: too long, or there is no such
 * event. */
STORE_MUST_CHECK store_err store_batch_checkpoint(store_batch *b, uint64_t number, uint64_t seq,
                                                  store_bytes state);

/* Makes the batch durable (synced), or undoes it all. Ends the batch either way. STORE_FULL: the
 * disk or the map is full; the store goes on, and a batch that only deletes may still succeed.
 * STORE_IO: the disk failed; where that leaves open what is on it, the store has read it again
 * before this returns. STORE_NO_MEMORY. Cost: one sync, or two after a deletion; a map that has to
 * grow waits for the reads of the moment. */
STORE_MUST_CHECK store_err store_batch_commit(store_batch *b);
void store_batch_abort(store_batch *b);

/* ---- packing ----
 *
 * Events arrive in the tail, all documents' in one row, where each takes its bytes and fifty more.
 * Packing moves the oldest into segments: hundreds of events of one document in one compressed
 * value. An event keeps its seq, time, user and bytes. It takes a call on any thread that prepares,
 * which is most of the work, and one on the batch; whoever keeps the store decides when. */

/* What should leave the tail: events from before `before_ms`, and the oldest while the tail takes
 * more than `tail_bytes_max`. */
typedef struct store_pack_policy {
    int64_t before_ms;
    uint64_t tail_bytes_max;
} store_pack_policy;

typedef struct store_packs store_packs;

/* Prepares the move of some of what should leave. *out is owned (store_packs_free), or NULL: there
 * is nothing to do. STORE_NO_MEMORY, STORE_IO. Cost: reading and compressing some megabytes at
 * most. */
STORE_MUST_CHECK store_err store_packs_prepare(store *s, const store_pack_policy *policy,
                                               store_packs **out);
void store_packs_free(store_packs *packs); /* accepts NULL */

/* Moves them with this batch, once in a batch; `packs` is kept until its end. Of documents deleted,
 * and of events moved since they were prepared, nothing happens. */
STORE_MUST_CHECK store_err store_batch_pack(store_batch *b, store_packs *packs);

/* ---- numbers for operators ---- */

typedef struct store_stats {
    uint64_t documents;  /* living */
    uint64_t damaged;    /* of which opening found that they are: their calls are STORE_CORRUPT */
    uint64_t map_bytes;  /* size of the map */
    uint64_t file_bytes; /* of it, ever used: what the data file takes */
    uint64_t used_bytes; /* of it, in use: without what was freed */
    uint64_t tail_bytes; /* of that, events that are not packed */
    uint64_t segment_bytes;
    uint64_t checkpoint_bytes;
} store_stats;

STORE_MUST_CHECK store_err store_get_stats(store *s, store_stats *out);

#endif
