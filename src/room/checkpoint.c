/* Checkpoints: the whole state, kept now and then, so that loading does not replay everything.
 *
 * The happy path. After a batch, when the events since the last checkpoint weigh as much as it
 * does, the room reads its own state like anybody else (read.c: in the pool if it is large), and
 * hands it to the commit thread while it goes on.
 *
 * Failure. No checkpoint is kept, and the next is tried when as much has come again. Nothing else
 * changes.
 *
 * Close. Read and op always come back; the room is there until then (`errands`).
 *
 *     room_checkpoint_if_due -> (read) -> checkpoint_encoded -> (the commit thread) ->
 * checkpoint_done
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "room/inside.h"

/* One whole state on its way to the disk. */
typedef struct checkpoint {
    persist_op op;
    room *room;
    uint64_t since; /* what checkpoint_since was when the state was taken */
    size_t len;
    char value[];
} checkpoint;

static void checkpoint_done(persist_op *op, err result)
{
    checkpoint *c = container_of(op, checkpoint, op);
    room *r = c->room;
    r->checkpoint_busy = false;
    r->errands--;
    if (r->facts.number == op->number && r->facts.life == ROOM_ALIVE) {
        /* A failed one counts as well: the next is tried when as much has come again. */
        r->checkpoint_since -= c->since;
        r->checkpoint_len = c->len;
    }
    if (result != ERR_OK && result != ERR_DELETED)
        log_warn("no checkpoint was kept: %s", err_text(result));
    free(c);
    room_mark(r);
}

static void checkpoint_give_up(room *r)
{
    r->checkpoint_busy = false;
    r->checkpoint_since = 0;
    r->errands--;
    room_mark(r);
}

/* The state has been encoded from a durable document: on to the commit thread, while the room goes
 * on. */
static void checkpoint_encoded(room_read *read, err result)
{
    room *r = container_of(read, room, checkpoint_read);
    checkpoint *c = result == ERR_OK ? malloc(sizeof(*c) + 1 + read->bytes->len) : NULL;
    if (c == NULL || read->facts.life != ROOM_ALIVE) {
        free(c);
        if (result == ERR_OK)
            frame_unref(read->bytes);
        checkpoint_give_up(r);
        return;
    }
    c->room = r;
    c->since = r->checkpoint_since;
    c->len = 1 + read->bytes->len;
    c->value[0] = ROOM_CHECKPOINT_V1;
    memcpy(c->value + 1, read->bytes->data, read->bytes->len);
    frame_unref(read->bytes);
    c->op = (persist_op){.kind = PERSIST_CHECKPOINT,
                         .number = read->facts.number,
                         .seq = read->facts.head.seq,
                         .state = {c->value, c->len},
                         .done = checkpoint_done};
    persist_submit(r->registry->persist, &c->op);
}

void room_checkpoint_if_due(room *r)
{
    uint64_t due = r->checkpoint_len > ROOM_CHECKPOINT_BYTES_MIN ? r->checkpoint_len
                                                                 : ROOM_CHECKPOINT_BYTES_MIN;
    if (r->checkpoint_busy || r->checkpoint_since < due || r->facts.life != ROOM_ALIVE)
        return;
    r->checkpoint_read = (room_read){.kind = ROOM_READ_STATE, .done = checkpoint_encoded};
    if (room_read_start(r, &r->checkpoint_read) == ERR_OK) {
        r->checkpoint_busy = true;
        r->errands++;
    }
}
