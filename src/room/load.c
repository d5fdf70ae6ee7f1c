/* Storage into a document, in the pool.
 *
 * The happy path. room_load_start gives the pool a job that looks the name up and replays the
 * document (past/replay.h); `after_load` hands it over. Nobody else writes to the document
 * meanwhile: what writes is the room, and it is loading.
 *
 * Failure. Anything the store or the engine says ends the job with that error and without a
 * document. If somebody waits to delete it, which needs nothing of what cannot be read, it is
 * discarded, and the job is done once more: it then finds the name deleted.
 *
 * Close. The job always comes back; the room is there until then (`errands`).
 *
 *     room_load_start --> do_load (pool) --> after_load --> room_load_done
 *                            ^                   |failed, and is to be deleted
 *                            +----discarded------+
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "past/replay.h"
#include "room/inside.h"

typedef struct load {
    uv_work_t work;
    room *room;
    store *store;
    size_t pending_bytes_max;
    persist_op discard;
    bool discarded;
    room_loaded out;
} load;

/* ---- in the pool ---- */

static err find(load *l)
{
    slice name = room_name(l->room);
    store_doc found;
    store_err failed = store_find(l->store, (store_bytes){name.data, name.len}, &found);
    if (failed == STORE_NOT_FOUND) {
        l->out.facts = (room_facts){.life = ROOM_NONE};
        return ERR_OK;
    }
    if (failed != STORE_OK)
        return persist_err(failed);
    l->out.facts = (room_facts){.life = found.deleted ? ROOM_DELETED : ROOM_ALIVE,
                                .head = {.seq = found.deleted ? 0 : found.head,
                                         .epoch = found.epoch,
                                         .has_epoch = !found.deleted},
                                .number = found.number,
                                .events = found.events,
                                .log_bytes = found.log_bytes,
                                .created_ms = found.created_ms,
                                .updated_ms = found.updated_ms};
    return ERR_OK;
}

static err read_document(load *l)
{
    const room_facts *facts = &l->out.facts;
    replay took;
    err failed = replay_doc(l->store, facts->number, facts->head.seq, l->pending_bytes_max,
                            &l->out.doc, &took);
    if (failed != ERR_OK)
        return failed;
    l->out.checkpoint_len = took.checkpoint_len;
    l->out.checkpoint_since = took.weight;
    return ERR_OK;
}

static void do_load(uv_work_t *work)
{
    load *l = container_of(work, load, work);
    l->out.result = find(l);
    if (l->out.result == ERR_OK && l->out.facts.life == ROOM_ALIVE)
        l->out.result = read_document(l);
}

/* ---- on the loop ---- */

static void finish(load *l)
{
    room *r = l->room;
    r->errands--;
    r->registry->stats.loads++;
    room_load_done(r, &l->out);
    free(l);
}

static void begin(load *l);

static void discarded(persist_op *op, err result)
{
    load *l = container_of(op, load, discard);
    if (result == ERR_OK || result == ERR_DELETED)
        begin(l);
    else
        finish(l);
}

static void discard(load *l)
{
    l->discarded = true;
    l->discard =
        (persist_op){.kind = PERSIST_DISCARD, .name = room_name(l->room), .done = discarded};
    persist_submit(l->room->registry->persist, &l->discard);
}

static void after_load(uv_work_t *work, int status)
{
    must(status == 0);
    load *l = container_of(work, load, work);
    if (l->out.result != ERR_OK)
        log_error("a document cannot be loaded: %s", err_text(l->out.result));
    if (l->out.result != ERR_OK && !l->discarded && room_awaits_deletion(l->room))
        discard(l);
    else
        finish(l);
}

static void begin(load *l)
{
    l->out = (room_loaded){0};
    must(uv_queue_work(loop_uv(l->room->registry->loop), &l->work, do_load, after_load) == 0);
}

void room_load_start(room *r)
{
    load *l = calloc(1, sizeof(*l));
    must(l != NULL);
    l->room = r;
    l->store = r->registry->store;
    l->pending_bytes_max = r->registry->options.pending_bytes_max;
    room_set_state(r, ROOM_LOADING);
    r->errands++;
    begin(l);
}
