/* What a room is made of, for the files of this folder only.
 *
 *     room.c        the state machine
 *     load.c        storage into a document, in the pool
 *     batch.c       from queued writes to answered writers
 *     edits.c       writes that are edits made here
 *     checkpoint.c  the whole state, kept now and then
 *     read.c        what needs the document as it stands on disk
 *     readers.c     positions: publishing, bringing forward
 *     join.c        what a reader must be told before it follows
 *     lack.c        what a reader lacks, from memory
 *     catchup.c     the same from the log, in the pool
 *     caught.c      what came of either, for the next
 */
#ifndef WEFT_ROOM_INSIDE_H
#define WEFT_ROOM_INSIDE_H

#include <crdt.h>
#include <uv.h>

#include "base/map.h"
#include "room/caught.h"
#include "room/presence.h"
#include "room/registry.h"
#include "room/ring.h"

/* Writes that may wait in one room, and their bytes; likewise reads that need the document. */
#define ROOM_WRITES_MAX      8192
#define ROOM_WRITE_BYTES_MAX ((size_t)128 << 20)
#define ROOM_READS_MAX       8192
/* What one batch holds at most; the rest waits for the next. */
#define ROOM_BATCH_EVENTS_MAX 1024
#define ROOM_BATCH_BYTES_MAX  ((size_t)16 << 20)
/* Documents up to this many bytes of memory are encoded on the loop, larger ones in the pool. */
#define ROOM_INLINE_BYTES_MAX ((size_t)512 << 10)
/* Edits that bring up to so many bytes are made on the loop if the document is small. */
#define ROOM_EDIT_BYTES_MAX ((size_t)64 << 10)
/* Documents up to this size are read as content on the loop. */
#define ROOM_INLINE_CONTENT_BYTES_MAX ((size_t)64 << 10)
/* Updates that are merged on the loop, in bytes; more goes through the pool. */
#define ROOM_MERGE_BYTES_MAX ((size_t)256 << 10)
/* Frames that one turn of the loop sends to readers of one room; the next turn goes on. */
#define ROOM_SENDS_PER_TURN 256

/* The life of a room, drawn in room.c. */
typedef enum room_state {
    ROOM_LOADING,    /* the pool reads storage; everything waits */
    ROOM_DURABLE,    /* the document in memory is exactly what is on disk */
    ROOM_COMMITTING, /* it is ahead of the disk by the one batch in flight */
    ROOM_LENT,       /* the pool has the document: it reads, or makes an edit */
    ROOM_COLD /* there is nothing in memory: new, or dropped when memory and disk might disagree */
} room_state;

/* Events of one document that become durable together, and who waits for that. */
typedef struct room_batch {
    persist_op op;
    list
        writes; /* in order; also those that changed nothing but may rest on what the batch holds */
    persist_event **tail;
    size_t events;
    size_t bytes;
} room_batch;

/* What readers lack of who is present who were told of the version `from`: a frame for each wire
 * form that was asked for, NULL if there is nothing. */
typedef struct room_told {
    uint32_t from;
    frame *frames[SINK_WIRES];
} room_told;

typedef struct room_catchup room_catchup;
typedef struct room_checkpoint room_checkpoint;

struct room {
    sink_feed feed; /* first: sinks lead back to it */
    registry *registry;
    map_node node;
    list_node link; /* in registry.busy or registry.idle */
    bool resting;   /* in registry.idle */
    uint64_t idle_since_ms;
    loop_task turn;
    loop_task show; /* behind the turn, and what it has given to the commit thread */
    room_state state;
    room_facts facts;

    crdt_doc *doc; /* NULL unless ROOM_ALIVE (or about to be) and loaded */
    size_t doc_bytes;

    list writes; /* waiting, unapplied */
    size_t write_count;
    size_t write_bytes;
    room_batch batch;
    bool spoilt; /* an edit failed half way: the document goes once the batch is done */

    list asks;  /* room_read: FACTS */
    list reads; /* room_read: those that need the document */
    size_t read_count;
    size_t errands; /* work elsewhere that will come back to this room, batches not counted */

    /* Every reader is in one of these. */
    list current; /* has seen everything, nothing pending */
    list behind;  /* nothing pending, lacks something */
    list blocked; /* a write is pending */
    size_t reader_count;
    ring ring;
    span whole; /* the whole state, while somebody may ask again */
    room_read whole_read;
    bool whole_busy;
    caught caught;
    span answered;         /* the last difference to a state vector, ... */
    frame *answered_sv;    /* ... and that, while others may have the same */
    room_catchup *catchup; /* in flight */
    bool warm;             /* `whole`, `caught` or `answered` was of use since the last tick */
    size_t sends;          /* frames given to readers, ever */

    presence *presence;
    uint32_t presence_version; /* counts what was told; 0: nothing ever */
    room_told told[2];         /* of that version: to those who were told nothing; to others */
    uint32_t told_version;

    uint64_t checkpoint_len;     /* bytes of the last one's state, not compressed */
    uint64_t checkpoint_since;   /* bytes of the events since */
    room_checkpoint *checkpoint; /* on its way */

    size_t name_len;
    char name[];
};

/* ---- room.c ---- */

room *room_new(registry *g, slice name);
void room_free(room *r);
slice room_name(const room *r);
/* Runs the room's turn at the end of this turn of the loop. */
void room_mark(room *r);
/* Nothing waits, nobody reads, nothing is out. */
bool room_is_idle(const room *r);
/* Memory may disagree with the disk: drops the document, and loads again if anybody still needs it.
 */
void room_drop(room *r);
/* The same, and answers the waiting writes with `cause`. */
void room_fail(room *r, err cause);
void room_set_state(room *r, room_state next);
/* Once a second. */
void room_tick(room *r, uint64_t now_ms);
/* Puts `doc` (owned, NULL: none) in place of the one there is, and counts its memory. */
void room_set_doc(room *r, crdt_doc *doc);

/* ---- load.c ---- */

/* What storage gave. `doc` is owned by the receiver; NULL unless the document lives. */
typedef struct room_loaded {
    err result;
    room_facts facts;
    crdt_doc *doc;
    uint64_t checkpoint_len;
    uint64_t checkpoint_since;
} room_loaded;

/* Begins to read the document from storage; room_load_done follows. */
void room_load_start(room *r);
void room_load_done(room *r, const room_loaded *loaded);

/* ---- read.c ---- */

/* Answers the reads that need no document. */
void room_answer_asks(room *r, err result);
/* Serves the waiting reads from a durable document: at once, or by lending it to the pool
 * (ROOM_LENT). */
void room_serve_reads(room *r);
/* Answers every waiting read with an error. */
void room_refuse_reads(room *r, err cause);
/* Moves a buffer's bytes into a frame, and frees it; NULL when out of memory. */
frame *room_frame_of(crdt_buf *buf);

/* ---- batch.c ---- */

/* Applies what waits to a durable document, and submits it. */
void room_apply_writes(room *r);
/* Answers every write with an error: those that wait and those of a batch that has failed. */
void room_refuse_writes(room *r, err cause);
/* Whether a deletion is among the writes that wait. */
bool room_awaits_deletion(const room *r);
/* An edit may be made: ERR_OK, and the document is there, begun if need be. ERR_DELETED,
 * ERR_EPOCH_CHANGED, ERR_NO_MEMORY. */
ERR_MUST_CHECK err room_edit_begin(room *r, room_write *w);
/* The edit has been made; `update` (taken) is what it came to, or NULL: nothing, and what was begun
 * for it is undone. `spoilt`: the document holds half of an edit that failed. w->result is set to
 * `failed`, or to what else went wrong. */
void room_edit_end(room *r, room_write *w, err failed, frame *update, bool spoilt);
/* The pool has made an edit: goes on with the batch. */
void room_resume_batch(room *r);

/* ---- edits.c ---- */

/* Whether the pool makes it: the document is large, or what it brings. */
bool room_edit_is_heavy(const room *r, const room_write *w);
/* Makes an edit. False: the pool does (ROOM_LENT), and room_resume_batch follows. */
bool room_edit(room *r, room_write *w);

/* ---- checkpoint.c ---- */

/* Begins a checkpoint of a durable document if enough has come since the last. */
void room_checkpoint_if_due(room *r);

/* ---- readers.c ---- */

extern const sink_feed_ops room_feed_ops;

typedef enum reader_state {
    READER_JOINING,
    READER_FOLLOWING,
    READER_BEREFT /* the document is gone: to be told and ended */
} reader_state;

/* The events after `after` up to the head have become durable: readers are told at the end of the
 * turn. Takes `update` (NULL: they catch up from the log). */
void room_publish(room *r, uint64_t after, frame *update);
/* Brings readers up to date as far as memory allows, and asks for the rest; if they are many, some
 * now and more in the next turn. */
void room_catch_up(room *r);
/* Tells readers what changed among those present. */
void room_publish_presence(room *r);
/* The document is deleted: every reader is told, then ended. */
void room_end_life(room *r);
/* Ends every reader. */
void room_end_readers(room *r);
/* After a load: readers may lack what the disk had and nobody was told of. */
void room_recheck_readers(room *r);
/* Forgets what was put together for readers, but for the ring. */
void room_forget_spans(room *r);
/* Those present; made when first asked for. */
presence *room_presence(room *r);

/* Forgets the sink, and lets it go. */
void room_reader_end(room *r, sink *s);
/* Sends a frame. True: the next may follow at once. False: it is blocked, or (as in all that
 * follow) was ended. */
bool room_reader_hand(room *r, sink *s, frame *f);
/* Encodes one event for this sink alone, and sends it. */
bool room_reader_send(room *r, sink *s, const sink_event *event);
bool room_reader_send_span(room *r, sink *s, span *found, sink_kind kind);

/* ---- join.c ---- */

/* Brings a joining reader forward. True: it follows now, and the next may be sent at once. */
bool room_join_step(room *r, sink *s);
/* The reader goes. No effect if it has joined. */
void room_join_forget(sink *s);
/* What it waits for: everything after an event, which is told; everything. */
bool room_join_wants_since(const sink *s, uint64_t *after);
bool room_join_wants_whole(const sink *s);

/* ---- lack.c ---- */

/* What a reader at `seq` lacks, or the first part of it, borrowed until the next call; NULL: it has
 * been asked for, and room_catch_up follows. */
span *room_want_span(room *r, uint64_t seq);
/* The whole state, likewise. */
span *room_want_whole(room *r);

/* ---- catchup.c ---- */

/* Reads what happened after `after` from the log; room_catchup_done follows. One at a time. */
void room_catchup_start(room *r, uint64_t after);
/* `update` (taken) holds the events in (after, until]; NULL: it failed. */
void room_catchup_done(room *r, uint64_t after, uint64_t until, frame *update);

/* ---- registry.c ---- */

struct registry {
    loop *loop;
    store *store;
    persist *persist;
    registry_options options;
    map rooms;
    list busy; /* every room that somebody needs */
    list idle; /* all others, the longest idle first */
    size_t idle_count;
    uv_timer_t tick;
    bool draining;
    registry_stats stats;
};

/* The room's turn is over: it may have become idle, or be needed again. May free it. */
void registry_settle(registry *g, room *r);

#endif
