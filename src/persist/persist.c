/* The happy path: persist_submit gathers ops on the loop; at the end of the turn `hand_over` gives
 * them to the commit thread and wakes it; `commit_thread` takes all that has come, writes it
 * (`commit`), puts it on the list of finished ops and wakes the loop; `on_finished` calls each op's
 * `done`.
 *
 * Failure. An op that the store refuses by itself (the document exists, is no more, or is damaged)
 * fails alone.
 * Anything else ends the transaction: it is undone, and every op in it gets the error.
 *
 * Close. persist_free, when nothing waits: the thread is told to stop and joined, then the async
 * handle is closed, and the memory goes in its close callback.
 *
 *     op:  gathered --hand_over--> incoming --commit_thread--> (taken) --finish--> finished
 * --on_finished--> done
 */
#include "persist/persist.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/must.h"

/* Bytes of events and checkpoints in one transaction: what is over waits for the next. */
#define PERSIST_COMMIT_BYTES_MAX ((size_t)64 << 20)

struct persist {
    loop *loop;
    store *store;
    loop_task hand_over;
    uv_async_t finished_async;
    uv_thread_t thread;
    void (*written)(void *arg);
    void *written_arg;
    list gathered;  /* the loop's: not handed over yet */
    size_t waiting; /* the loop's */

    uv_mutex_t mutex; /* guards what follows */
    uv_cond_t wake;
    list incoming;
    list finished;
    bool stopping;
    persist_stats stats;
};

err persist_err(store_err e)
{
    switch (e) {
    case STORE_OK:
        return ERR_OK;
    case STORE_EXISTS:
        return ERR_EXISTS;
    case STORE_NOT_FOUND:
    case STORE_DELETED:
        return ERR_DELETED;
    case STORE_FULL:
        return ERR_STORAGE_FULL;
    case STORE_NO_MEMORY:
        return ERR_NO_MEMORY;
    case STORE_IO:
    case STORE_CORRUPT:
    case STORE_VERSION:
    case STORE_BUSY:
    case STORE_INVALID:
        return ERR_STORAGE;
    }
    return ERR_STORAGE;
}

/* ---- the commit thread ---- */

static int64_t unix_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static store_bytes bytes_of(slice s)
{
    return (store_bytes){s.data, s.len};
}

static store_err append_events(store_batch *batch, persist_op *op)
{
    for (persist_event *e = op->events; e != NULL; e = e->next) {
        store_event event = {.time_ms = op->time_ms, .update = bytes_of(e->update)};
        store_err failed = store_batch_append(batch, op->number, &event, &e->seq);
        if (failed != STORE_OK)
            return failed;
    }
    return STORE_OK;
}

static store_err create(store_batch *batch, persist_op *op)
{
    store_doc doc;
    store_err failed = store_batch_create(batch, bytes_of(op->name), op->epoch, op->time_ms, &doc);
    if (failed != STORE_OK)
        return failed;
    op->number = doc.number;
    return append_events(batch, op);
}

static store_err write_op(store_batch *batch, persist_op *op)
{
    switch (op->kind) {
    case PERSIST_APPEND:
        return append_events(batch, op);
    case PERSIST_CREATE:
        return create(batch, op);
    case PERSIST_DELETE:
        return store_batch_delete(batch, op->number, op->time_ms);
    case PERSIST_DISCARD:
        return store_batch_discard(batch, bytes_of(op->name), op->time_ms);
    case PERSIST_CHECKPOINT:
        return store_batch_checkpoint(batch, op->number, op->seq, bytes_of(op->state));
    case PERSIST_PACK:
        return store_batch_pack(batch, op->packs);
    }
    return STORE_INVALID;
}

/* Whether the op alone is at fault, and the transaction can go on. */
static bool fails_alone(store_err e)
{
    return e == STORE_EXISTS || e == STORE_NOT_FOUND || e == STORE_DELETED || e == STORE_INVALID ||
           e == STORE_CORRUPT;
}

static size_t weight_of(const persist_op *op)
{
    size_t bytes = op->state.len;
    for (const persist_event *e = op->events; e != NULL; e = e->next)
        bytes += e->update.len;
    return bytes;
}

/* Moves from `waiting` to `batch` what one transaction takes: at least one op. */
static void take_some(list *waiting, list *batch)
{
    size_t bytes = 0;
    do {
        persist_op *op = container_of(list_pop(waiting), persist_op, link);
        bytes += weight_of(op);
        list_push(batch, &op->link);
    } while (!list_is_empty(waiting) && bytes < PERSIST_COMMIT_BYTES_MAX);
}

static store_err write_all(store_batch *batch, list *ops)
{
    int64_t now_ms = unix_now_ms();
    for (list_node *n = list_first(ops); n != NULL; n = list_next(ops, n)) {
        persist_op *op = container_of(n, persist_op, link);
        op->time_ms = now_ms;
        store_err failed = write_op(batch, op);
        if (failed != STORE_OK && !fails_alone(failed))
            return failed;
        op->result = persist_err(failed);
    }
    return STORE_OK;
}

/* One transaction. What an op that fails alone had written before stays in it: only its first step
 * can so fail. */
static store_err commit(store *s, list *ops)
{
    store_batch *batch;
    store_err failed = store_batch_begin(s, &batch);
    if (failed != STORE_OK)
        return failed;
    failed = write_all(batch, ops);
    if (failed != STORE_OK) {
        store_batch_abort(batch);
        return failed;
    }
    return store_batch_commit(batch);
}

static void count_events(const persist_op *op, persist_stats *out)
{
    for (const persist_event *e = op->events; e != NULL && op->result == ERR_OK; e = e->next) {
        out->events++;
        out->event_bytes += e->update.len;
    }
}

static void finish(persist *p, list *ops, store_err failed)
{
    persist_stats more = {.commits = 1, .commits_failed = failed != STORE_OK};
    for (list_node *n = list_first(ops); n != NULL; n = list_next(ops, n), more.ops++) {
        persist_op *op = container_of(n, persist_op, link);
        if (failed != STORE_OK)
            op->result = persist_err(failed);
        count_events(op, &more);
    }
    uv_mutex_lock(&p->mutex);
    p->stats.commits += more.commits;
    p->stats.commits_failed += more.commits_failed;
    p->stats.ops += more.ops;
    p->stats.events += more.events;
    p->stats.event_bytes += more.event_bytes;
    list_append(&p->finished, ops);
    uv_mutex_unlock(&p->mutex);
    uv_async_send(&p->finished_async);
}

/* Waits for ops and takes them all; false when there will be no more. */
static bool take_incoming(persist *p, list *out)
{
    uv_mutex_lock(&p->mutex);
    while (list_is_empty(&p->incoming) && !p->stopping)
        uv_cond_wait(&p->wake, &p->mutex);
    list_append(out, &p->incoming);
    uv_mutex_unlock(&p->mutex);
    return !list_is_empty(out);
}

/* Says once that commits fail, and once that they work again. */
static void note_health(bool *failing, store_err failed)
{
    if (failed != STORE_OK && !*failing)
        log_error("commits fail: %s", store_strerror(failed));
    if (failed == STORE_OK && *failing)
        log_info("commits work again");
    *failing = failed != STORE_OK;
}

static void commit_thread(void *arg)
{
    persist *p = arg;
    bool failing = false;
    list waiting, batch;
    list_init(&waiting);
    list_init(&batch);
    while (take_incoming(p, &waiting)) {
        while (!list_is_empty(&waiting)) {
            take_some(&waiting, &batch);
            store_err failed = commit(p->store, &batch);
            note_health(&failing, failed);
            finish(p, &batch, failed);
        }
    }
}

/* ---- the loop's side ---- */

static void hand_over(loop_task *task)
{
    persist *p = container_of(task, persist, hand_over);
    uv_mutex_lock(&p->mutex);
    list_append(&p->incoming, &p->gathered);
    uv_cond_signal(&p->wake);
    uv_mutex_unlock(&p->mutex);
}

static void on_finished(uv_async_t *async)
{
    persist *p = container_of(async, persist, finished_async);
    list done;
    list_init(&done);
    uv_mutex_lock(&p->mutex);
    list_append(&done, &p->finished);
    uv_mutex_unlock(&p->mutex);
    while (!list_is_empty(&done)) {
        persist_op *op = container_of(list_pop(&done), persist_op, link);
        p->waiting--;
        op->done(op, op->result);
    }
    if (p->written != NULL)
        p->written(p->written_arg);
}

persist *persist_new(loop *l, store *s)
{
    persist *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->loop = l;
    p->store = s;
    loop_task_init(&p->hand_over, hand_over);
    list_init(&p->gathered);
    list_init(&p->incoming);
    list_init(&p->finished);
    must(uv_async_init(loop_uv(l), &p->finished_async, on_finished) == 0);
    must(uv_mutex_init(&p->mutex) == 0);
    must(uv_cond_init(&p->wake) == 0);
    must(uv_thread_create(&p->thread, commit_thread, p) == 0);
    return p;
}

void persist_submit(persist *p, persist_op *op)
{
    list_push(&p->gathered, &op->link);
    p->waiting++;
    loop_at_turn_end(p->loop, &p->hand_over);
}

void persist_watch(persist *p, void (*written)(void *arg), void *arg)
{
    p->written = written;
    p->written_arg = arg;
}

size_t persist_waiting(const persist *p)
{
    return p->waiting;
}

persist_stats persist_get_stats(const persist *p)
{
    persist *unlocked = (persist *)(uintptr_t)p;
    uv_mutex_lock(&unlocked->mutex);
    persist_stats stats = p->stats;
    uv_mutex_unlock(&unlocked->mutex);
    return stats;
}

static void on_closed(uv_handle_t *handle)
{
    persist *p = container_of((uv_async_t *)handle, persist, finished_async);
    uv_cond_destroy(&p->wake);
    uv_mutex_destroy(&p->mutex);
    free(p);
}

void persist_free(persist *p)
{
    must(p->waiting == 0);
    uv_mutex_lock(&p->mutex);
    p->stopping = true;
    uv_cond_signal(&p->wake);
    uv_mutex_unlock(&p->mutex);
    uv_thread_join(&p->thread);
    uv_close((uv_handle_t *)&p->finished_async, on_closed);
}
