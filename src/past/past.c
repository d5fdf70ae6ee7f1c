/* The happy path: a read waits for its turn, is given to the pool (`do_read`: replay, then the
 * reader's own `use`), and comes back to the loop, where the next is begun and `done` is called.
 *
 *     past_read_start -> waiting --start_some--> do_read (pool) -> after_read -> done
 */
#include "past/past.h"

#include <stdlib.h>

#include "base/must.h"
#include "past/replay.h"

struct past {
    loop *loop;
    store *store;
    size_t pending_bytes_max;
    list waiting;
    size_t waiting_count;
    size_t running;
};

static void start_some(past *p);

/* ---- in the pool ---- */

static void do_read(uv_work_t *work)
{
    past_read *r = container_of(work, past_read, work);
    crdt_doc *doc;
    r->result =
        replay_doc(r->past->store, r->number, r->seq, r->past->pending_bytes_max, &doc, NULL);
    if (r->result != ERR_OK)
        return;
    r->kept = false;
    r->result = r->use(r, doc);
    if (!r->kept)
        crdt_doc_free(doc);
}

/* ---- on the loop ---- */

static void after_read(uv_work_t *work, int status)
{
    must(status == 0);
    past_read *r = container_of(work, past_read, work);
    past *p = r->past;
    p->running--;
    start_some(p);
    r->done(r, r->result);
}

static void start_some(past *p)
{
    while (p->running < PAST_JOBS_MAX && p->waiting_count > 0) {
        past_read *r = container_of(list_pop(&p->waiting), past_read, link);
        p->waiting_count--;
        p->running++;
        must(uv_queue_work(loop_uv(p->loop), &r->work, do_read, after_read) == 0);
    }
}

err past_read_start(past *p, past_read *r)
{
    if (p->waiting_count == PAST_WAITING_MAX)
        return ERR_OVERLOADED;
    r->past = p;
    list_push(&p->waiting, &r->link);
    p->waiting_count++;
    start_some(p);
    return ERR_OK;
}

past *past_new(loop *l, store *s, size_t pending_bytes_max)
{
    past *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->loop = l;
    p->store = s;
    p->pending_bytes_max = pending_bytes_max;
    list_init(&p->waiting);
    return p;
}

bool past_busy(const past *p)
{
    return p->running > 0 || p->waiting_count > 0;
}

void past_free(past *p)
{
    must(!past_busy(p));
    free(p);
}
