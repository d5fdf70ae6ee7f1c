/* A room: one document while somebody asks for it. Found through the registry (registry.h).
 *
 * Writes, reads and readers may be given to a room in any state; they wait in it until it can serve
 * them. What anyone is shown is on disk. Structs given to a room are embedded by the caller and the
 * room's until their `done`, which comes once, never inside the call that asked. Loop thread only.
 * A room that nobody asks anything of may be gone by the end of the turn: use it in the turn in
 * which it was found.
 */
#ifndef WEFT_ROOM_ROOM_H
#define WEFT_ROOM_ROOM_H

#include <crdt.h>

#include "base/err.h"
#include "base/sink.h"
#include "persist/persist.h"
#include "room/content.h"

typedef struct room room;

typedef enum room_life {
    ROOM_NONE, /* no document has the name, or ever had */
    ROOM_ALIVE,
    ROOM_DELETED /* the name is marked */
} room_life;

/* The document as it stands on disk. */
typedef struct room_facts {
    room_life life;
    event_id head;
    uint64_t number;
    uint64_t events;
    uint64_t log_bytes;
    int64_t created_ms; /* Unix time; of ROOM_ALIVE */
    int64_t updated_ms;
    size_t readers;
} room_facts;

/* ---- writing ---- */

typedef enum room_write_kind {
    ROOM_UPDATE, /* one update; the first accepted one creates the document */
    ROOM_EDIT,   /* what `edit` does; the first that changes something creates the document */
    ROOM_CREATE, /* the document must not exist; with an update or NULL */
    ROOM_DELETE
} room_write_kind;

typedef struct room_write room_write;
struct room_write {
    room_write_kind kind;
    frame *update; /* kept until done; the caller unrefs it. EDIT: out, what the edit came to */
    bool if_epoch; /* UPDATE, EDIT: only if the document has `epoch` */
    uint32_t epoch;
    /* EDIT: edits the document within a transaction of local edits, which the room opens and
     * commits: all that it does is one event. On any error the document stays as it was. Called
     * once at most: on the loop if the document and `weight`, the bytes that the edit brings, are
     * small, else in the pool. */
    err (*edit)(room_write *w, crdt_doc *doc);
    size_t weight;
    void (*done)(room_write *w, err result);

    /* out, if the result is ERR_OK */
    event_id id; /* the event, or the head if nothing changed */
    bool changed;
    bool pending;   /* something in the document waits for updates that have not come */
    frame *missing; /* pending: the state vector that a difference to it completes; the caller
                       unrefs it */

    /* the room's */
    list_node link;
    persist_event event;
    bool began; /* EDIT: the document began for it */
    err result;
};

/* ERR_OVERLOADED: too much waits already, `done` will not be called. */
ERR_MUST_CHECK err room_write_start(room *r, room_write *w);

/* ---- reading ---- */

typedef enum room_read_kind {
    ROOM_READ_FACTS, /* nothing but `facts` */
    ROOM_READ_STATE, /* all that `sv` lacks as one update */
    ROOM_READ_STATE_VECTOR,
    ROOM_READ_CONTENT, /* the root `root`, `as` */
    ROOM_READ_CATCHUP  /* the smaller of `since`, an update, and the document's difference to before
                          it */
} room_read_kind;

/* The format of an update. */
typedef enum room_encoding { ROOM_V1, ROOM_V2 } room_encoding;

typedef struct room_read room_read;
struct room_read {
    room_read_kind kind;
    room_encoding encoding; /* STATE */
    slice sv;               /* kept until done; valid, or empty: everything */
    slice root;             /* CONTENT: UTF-8; kept until done */
    content_as as;
    frame *since;
    void (*done)(room_read *r, err result);

    /* out, if the result is ERR_OK */
    room_facts facts;
    frame *bytes; /* owned by the caller; NULL for FACTS, and if CATCHUP found nothing smaller than
                     `since` */

    list_node link;
    err result;
};

/* ERR_OVERLOADED: too much waits already, `done` will not be called. */
ERR_MUST_CHECK err room_read_start(room *r, room_read *read);

/* ---- following ---- */

typedef enum room_from {
    ROOM_FROM_NOTHING,
    ROOM_FROM_LATEST,       /* only what comes from now on */
    ROOM_FROM_ID,           /* all after `id` */
    ROOM_FROM_STATE_VECTOR, /* all that `sv` lacks */
    ROOM_FROM_LATER         /* room_place will tell */
} room_from;

typedef struct room_position {
    room_from from;
    event_id id;
    slice sv; /* borrowed; valid */
} room_position;

/* Makes `s` a reader: [reset], sync, [awareness], then updates as they happen, until the document
 * is deleted, the room ends the sink, or the sink says that it has gone. */
void room_join(room *r, sink *s, const room_position *position);

/* Tells where a reader stands that has joined with ROOM_FROM_LATER: not before this is it sent
 * anything, but that the document is deleted. Once. */
void room_place(room *r, sink *s, const room_position *position);

/* ---- awareness: in a read's `done` only, so that the room is loaded ---- */

/* ERR_MALFORMED_AWARENESS, ERR_AWARENESS_LIMIT, ERR_NO_MEMORY, ERR_DELETED. */
ERR_MUST_CHECK err room_awareness_apply(room *r, slice update);

/* Clients that are present as long as something is; {0} is nobody. */
typedef struct room_clients {
    uint64_t *numbers;
    uint32_t count;
    uint32_t max;
} room_clients;

/* Clients that one of them may be there for; more are present until they are not renewed. */
#define ROOM_CLIENTS_MAX 256

/* The same for who stays: the clients whose states the update brings or renews are put into `own`,
 * those that it takes away are taken out. */
ERR_MUST_CHECK err room_awareness_bring(room *r, slice update, room_clients *own);
/* The same for the first that somebody says, who has perhaps only come back: a client that the
 * update names alone is there for them, though what it says is known. */
ERR_MUST_CHECK err room_awareness_introduce(room *r, slice update, room_clients *own);
/* They have gone: soon they are not present any more, unless renewed by others. Leaves nobody. */
void room_awareness_leave(room *r, room_clients *own);

/* Returns owned the present states as one awareness update, or NULL when out of memory. */
frame *room_awareness(const room *r);

#endif
