/* Writes that are edits made here, for writers that send no updates.
 *
 * The happy path. A batch reaches a write of kind ROOM_EDIT. The document begins if there is none;
 * a transaction is opened, the edit is made, and what the commit gives is an event of the batch
 * like any other. The engine has no client of its own until the first edit after loading, and then
 * one drawn at random, so that a document does not get a client with each edit. Edits of large
 * documents are made in the pool (`lend`), first in their batch; `returned` goes on with it.
 *
 * Failure. Nothing was changed: the write fails alone. Some of it was done already: the document in
 * memory holds what is in no event, and is dropped once the batch is done (`spoilt`), and so is the
 * client, whose clocks are not to be used again.
 *
 * Close. A loan always comes back; the room is there until then (`errands`).
 *
 *     room_edit -> make                                -> room_edit_end
 *               -> lend -> (the pool: make) -> returned -> room_edit_end, room_resume_batch
 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/must.h"
#include "room/inside.h"

/* One edit, while it is made. */
typedef struct edit {
    room_write *w;
    crdt_doc *doc;
    err failed;
    bool spoilt;
    frame *update;
} edit;

typedef struct loan {
    uv_work_t work;
    room *room;
    edit edit;
} loan;

/* ---- with the document in hand: on the loop or in the pool ---- */

/* A client that the document does not know: 32 bits, as editors draw them. */
static crdt_err draw_client(crdt_doc *doc)
{
    uint32_t client;
    do {
        must(getrandom(&client, sizeof(client), 0) == (ssize_t)sizeof(client));
    } while (crdt_doc_knows_client(doc, client));
    return crdt_doc_set_client(doc, client);
}

static err begin(crdt_doc *doc)
{
    crdt_err e = crdt_doc_begin(doc);
    if (e == CRDT_INVALID && (e = draw_client(doc)) == CRDT_OK)
        e = crdt_doc_begin(doc);
    return e == CRDT_OK ? ERR_OK : ERR_NO_MEMORY;
}

/* Ends the transaction, whether the edit failed or not. */
static void commit(edit *e)
{
    crdt_buf update = {0};
    bool committed = crdt_doc_commit(e->doc, CRDT_V1, &update) == CRDT_OK;
    bool changed = update.len > 0 || !committed;
    if (!committed)
        e->failed = ERR_NO_MEMORY;
    if (changed && e->failed == ERR_OK && (e->update = room_frame_of(&update)) == NULL)
        e->failed = ERR_NO_MEMORY;
    e->spoilt = changed && e->failed != ERR_OK;
    crdt_buf_free(&update);
}

static void make(edit *e)
{
    e->failed = begin(e->doc);
    if (e->failed != ERR_OK)
        return;
    e->failed = e->w->edit(e->w, e->doc);
    commit(e);
}

/* ---- on the loop ---- */

bool room_edit_is_heavy(const room *r, const room_write *w)
{
    return r->doc_bytes > ROOM_INLINE_BYTES_MAX || w->weight > ROOM_EDIT_BYTES_MAX;
}

static void end(room *r, const edit *e)
{
    room_edit_end(r, e->w, e->failed, e->update, e->spoilt);
}

static void do_loan(uv_work_t *work)
{
    loan *l = container_of(work, loan, work);
    make(&l->edit);
}

static void returned(uv_work_t *work, int status)
{
    must(status == 0);
    loan *l = container_of(work, loan, work);
    room *r = l->room;
    r->errands--;
    room_set_state(r, ROOM_DURABLE);
    end(r, &l->edit);
    free(l);
    room_resume_batch(r);
    room_mark(r);
}

static void lend(room *r, room_write *w)
{
    loan *l = calloc(1, sizeof(*l));
    must(l != NULL);
    l->room = r;
    l->edit = (edit){.w = w, .doc = r->doc};
    room_set_state(r, ROOM_LENT);
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &l->work, do_loan, returned) == 0);
}

bool room_edit(room *r, room_write *w)
{
    bool heavy = room_edit_is_heavy(r, w);
    w->result = room_edit_begin(r, w);
    if (w->result != ERR_OK)
        return true;
    if (heavy) {
        lend(r, w);
        return false;
    }
    edit e = {.w = w, .doc = r->doc};
    make(&e);
    end(r, &e);
    return true;
}
