/* The happy path: a read waits for its turn, is given to the pool (`do_read`: the reader's own
 * `find`, replay, then its `use`), and comes back to the loop, where the next is begun and `done`
 * is called. One job, since on a busy machine each way to the pool and back waits for a processor.
 *
 *     past_read_start -> waiting --start_some--> do_read (pool) -> after_read -> done
 *                           \----------- refuse (draining) ---------------------^
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
    bool draining;
    loop_task refuse; /* those that wait while it drains */
};

static void start_some(past *p);

/* ---- in the pool ---- */

static void do_read(uv_work_t *work)
{
    past_read *r = container_of(work, past_read, work);
    store *s = r->past->store;
    crdt_doc *doc;
    r->kept = false;
    r->result = r->find == NULL ? ERR_OK : r->find(r, s);
    if (r->result == ERR_OK)
        r->result = replay_doc(s, r->number, r->seq, r->past->pending_bytes_max, &doc, NULL);
    if (r->result != ERR_OK)
        return;
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

static past_read *take_waiting(past *p)
{
    p->waiting_count--;
    return container_of(list_pop(&p->waiting), past_read, link);
}

static void start_some(past *p)
{
    if (p->draining && p->waiting_count > 0)
        loop_at_turn_end(p->loop, &p->refuse);
    while (!p->draining && p->running < PAST_JOBS_MAX && p->waiting_count > 0) {
        past_read *r = take_waiting(p);
        p->running++;
        must(uv_queue_work(loop_uv(p->loop), &r->work, do_read, after_read) == 0);
    }
}

static void refuse(loop_task *task)
{
    past *p = container_of(task, past, refuse);
    while (p->waiting_count > 0) {
        past_read *r = take_waiting(p);
        r->done(r, ERR_DRAINING);
    }
}

void past_drain(past *p)
{
    p->draining = true;
    start_some(p);
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
    loop_task_init(&p->refuse, refuse);
    return p;
}

bool past_busy(const past *p)
{
    return p->running > 0 || p->waiting_count > 0;
}

void past_free(past *p)
{
    must(!past_busy(p));
    loop_forget(&p->refuse);
    free(p);
}
