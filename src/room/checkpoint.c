/* Checkpoints: the whole state, kept now and then, so that loading does not replay everything.
 *
 * The happy path. After a batch, when enough has come since the last checkpoint, the room reads its
 * own state like anybody else (read.c: in the pool if it is large). The pool makes it small, as the
 * difference to one that the store keeps already if it can, and it is handed to the commit thread;
 * the room goes on meanwhile.
 *
 * Failure. No checkpoint is kept, and the next is tried when as much has come again. Nothing else
 * changes.
 *
 * Close. Read, job and op always come back; the room is there until then (`errands`).
 *
 *     room_checkpoint_if_due -> (read) -> state_read -> do_encode (pool) -> encoded -> (the commit
 * thread) -> checkpoint_done
 */
#include "past/kept.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "room/inside.h"

/* One whole state on its way to the disk. */
struct room_checkpoint {
    room *room;
    store *store;
    room_read read;
    uv_work_t work;
    persist_op op;
    uint64_t since; /* what checkpoint_since was when the state was read */
    uint64_t len;   /* of the state */
    crdt_buf value;
    err failed;
};

static void finish(room_checkpoint *c, err result)
{
    room *r = c->room;
    bool same_life = r->facts.number == c->op.number && r->facts.life == ROOM_ALIVE;
    r->checkpoint = NULL;
    r->errands--;
    if (same_life) {
        /* A failed one counts as well: the next is tried when as much has come again. */
        r->checkpoint_since -= c->since < r->checkpoint_since ? c->since : r->checkpoint_since;
        if (result == ERR_OK)
            r->checkpoint_len = c->len;
    }
    if (result != ERR_OK && result != ERR_DELETED)
        log_warn("no checkpoint was kept: %s", err_text(result));
    frame_unref(c->read.bytes);
    crdt_buf_free(&c->value);
    free(c);
    room_mark(r);
}

static void checkpoint_done(persist_op *op, err result)
{
    finish(container_of(op, room_checkpoint, op), result);
}

static void encoded(uv_work_t *work, int status)
{
    must(status == 0);
    room_checkpoint *c = container_of(work, room_checkpoint, work);
    if (c->failed != ERR_OK) {
        finish(c, c->failed);
        return;
    }
    c->op.state = (slice){(const char *)c->value.data, c->value.len};
    persist_submit(c->room->registry->persist, &c->op);
}

static void do_encode(uv_work_t *work)
{
    room_checkpoint *c = container_of(work, room_checkpoint, work);
    crdt_bytes state = {(const uint8_t *)c->read.bytes->data, c->read.bytes->len};
    kept last;
    if (kept_find(c->store, c->op.number, c->op.seq - 1, &last) != ERR_OK)
        last = (kept){0}; /* whatever is wrong with it, a whole one can be kept */
    checkpoint_base base = kept_base(&last);
    c->failed = checkpoint_encode(state, &base, &c->value);
    kept_free(&last);
}

/* The state has been read from a durable document. */
static void state_read(room_read *read, err result)
{
    room_checkpoint *c = container_of(read, room_checkpoint, read);
    room *r = c->room;
    c->op = (persist_op){.kind = PERSIST_CHECKPOINT,
                         .number = read->facts.number,
                         .seq = read->facts.head.seq,
                         .done = checkpoint_done};
    c->since = r->checkpoint_since;
    if (result == ERR_OK && (read->facts.life != ROOM_ALIVE || c->op.seq == 0))
        result = ERR_DELETED; /* and perhaps another has begun */
    if (result != ERR_OK) {
        finish(c, result);
        return;
    }
    c->len = read->bytes->len;
    must(uv_queue_work(loop_uv(r->registry->loop), &c->work, do_encode, encoded) == 0);
}

void room_checkpoint_if_due(room *r)
{
    bool due = checkpoint_is_due(r->checkpoint_since, r->checkpoint_len);
    if (!due || r->checkpoint != NULL || r->facts.life != ROOM_ALIVE)
        return;
    room_checkpoint *c = calloc(1, sizeof(*c));
    must(c != NULL);
    c->room = r;
    c->store = r->registry->store;
    c->read = (room_read){.kind = ROOM_READ_STATE, .encoding = ROOM_V2, .done = state_read};
    if (room_read_start(r, &c->read) != ERR_OK) {
        free(c);
        return;
    }
    r->checkpoint = c;
    r->errands++;
}
