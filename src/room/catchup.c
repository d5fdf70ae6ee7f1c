/* Catching up from the log: what one stretch of events comes to, as one update.
 *
 * The happy path. room_catchup_start gives the pool a job that reads the events from the log and
 * merges them (`do_catchup`). Little is sent as it is. Much is held against the document's
 * difference to what it was before those events (ROOM_READ_CATCHUP), and the smaller of the two is
 * sent: content written and deleted meanwhile costs nothing.
 *
 * Failure. Too much to gather, or a log that cannot be read: the whole state instead. If that fails
 * too, the readers that wait for it are ended.
 *
 * Close. The job always comes back, and so does the read; the room is there until then (`errands`).
 * If the document has ended meanwhile, what came is dropped.
 *
 *     room_catchup_start -> do_catchup (pool) -> after_catchup -+-> finish
 *                                                               +-> compare (read) -> compared ->
 * finish
 */
#include <stdlib.h>

#include "base/must.h"
#include "room/inside.h"

/* Merged updates up to this size are sent without a look at the document. */
#define CATCHUP_COMPARE_BYTES ((size_t)64 << 10)
/* Events that are gathered; for more than these bytes the whole state is sent. */
#define CATCHUP_BYTES_MAX ((size_t)64 << 20)

struct room_catchup {
    uv_work_t work;
    room *room;
    store *store;
    uint64_t number;
    uint64_t after;
    uint64_t until;
    frame *merged; /* NULL: the whole state must do */
    room_read read;

    /* the job's */
    crdt_buf bytes; /* the updates, one after the other */
    size_t *ends;   /* where each ends in `bytes` */
    size_t count;
    size_t count_max;
    bool gave_up;
};

/* ---- in the pool ---- */

static bool make_room(room_catchup *c, size_t len)
{
    if (c->bytes.len + len > CATCHUP_BYTES_MAX)
        return false;
    if (c->bytes.cap - c->bytes.len < len) {
        size_t cap = (c->bytes.len + len) * 2;
        uint8_t *data = realloc(c->bytes.data, cap);
        if (data == NULL)
            return false;
        c->bytes.data = data;
        c->bytes.cap = cap;
    }
    if (c->count == c->count_max) {
        size_t count_max = c->count_max == 0 ? 16 : c->count_max * 2;
        size_t *ends = realloc(c->ends, count_max * sizeof(*ends));
        if (ends == NULL)
            return false;
        c->ends = ends;
        c->count_max = count_max;
    }
    return true;
}

static bool gather(void *arg, const store_event *event)
{
    room_catchup *c = arg;
    if (!make_room(c, event->update.len)) {
        c->gave_up = true;
        return false;
    }
    memcpy(c->bytes.data + c->bytes.len, event->update.data, event->update.len);
    c->bytes.len += event->update.len;
    c->ends[c->count++] = c->bytes.len;
    return true;
}

static void merge(room_catchup *c)
{
    crdt_bytes *updates = malloc(c->count * sizeof(*updates));
    if (updates == NULL)
        return;
    for (size_t i = 0, start = 0; i < c->count; start = c->ends[i++])
        updates[i] = (crdt_bytes){c->bytes.data + start, c->ends[i] - start};
    crdt_buf merged = {0};
    if (crdt_update_merge(CRDT_V1, updates, c->count, &merged) == CRDT_OK)
        c->merged = room_frame_of(&merged);
    crdt_buf_free(&merged);
    free(updates);
}

static void do_catchup(uv_work_t *work)
{
    room_catchup *c = container_of(work, room_catchup, work);
    store_err failed = store_read(c->store, c->number, c->after, c->until, gather, c);
    if (failed == STORE_OK && !c->gave_up && c->count > 0)
        merge(c);
    crdt_buf_free(&c->bytes);
    free(c->ends);
    c->ends = NULL;
}

/* ---- on the loop ---- */

/* Takes `update`. */
static void finish(room_catchup *c, uint64_t until, frame *update)
{
    room *r = c->room;
    frame_unref(c->merged);
    r->catchup = NULL;
    r->errands--;
    r->registry->stats.catchups++;
    bool same_life = r->facts.life == ROOM_ALIVE && r->facts.number == c->number;
    if (same_life)
        room_catchup_done(r, c->after, until, update);
    else
        frame_unref(update);
    free(c);
    room_mark(r);
}

static void compared(room_read *read, err result)
{
    room_catchup *c = container_of(read, room_catchup, read);
    /* A difference may lack what other clients have written after those events. */
    uint64_t until = c->merged == NULL ? read->facts.head.seq : c->until;
    if (result == ERR_OK && read->bytes != NULL)
        finish(c, until, read->bytes);
    else
        finish(c, c->until, c->merged == NULL ? NULL : frame_ref(c->merged));
}

static void compare(room_catchup *c)
{
    c->read = (room_read){.kind = c->merged == NULL ? ROOM_READ_STATE : ROOM_READ_CATCHUP,
                          .since = c->merged,
                          .done = compared};
    if (room_read_start(c->room, &c->read) != ERR_OK)
        compared(&c->read, ERR_OVERLOADED);
}

static void after_catchup(uv_work_t *work, int status)
{
    must(status == 0);
    room_catchup *c = container_of(work, room_catchup, work);
    if (c->merged != NULL && c->merged->len <= CATCHUP_COMPARE_BYTES)
        finish(c, c->until, frame_ref(c->merged));
    else
        compare(c);
}

void room_catchup_start(room *r, uint64_t after)
{
    must(r->catchup == NULL && after < r->facts.head.seq);
    room_catchup *c = calloc(1, sizeof(*c));
    must(c != NULL);
    c->room = r;
    c->store = r->registry->store;
    c->number = r->facts.number;
    c->after = after;
    c->until = r->facts.head.seq;
    r->catchup = c;
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &c->work, do_catchup, after_catchup) == 0);
}
