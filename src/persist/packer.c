/* The happy path: a timer looks (`on_look`), or much has been written (`on_written`); in the pool
 * `prepare` asks the store what should leave the tail, and makes segments of it; `prepared` submits
 * them as an op; `packed` frees them and looks again after a rest, since where something was to be
 * done there is often more.
 *
 * Failure. It is told once, and tried again at the next look: packing is never urgent.
 *
 * Close. packer_stop begins nothing more; once nothing is under way, packer_free closes the timer,
 * and the memory goes in its close callback.
 *
 *     IDLE --on_look, on_written--> PREPARING --prepared: nothing to do--> IDLE
 *                           |  ^
 *                  prepared |  | on_look
 *                           v  |
 *           COMMITTING --packed--> RESTING
 */
#include "persist/packer.h"

#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/must.h"

typedef enum packer_state {
    PACKER_IDLE,
    PACKER_PREPARING,
    PACKER_COMMITTING,
    PACKER_RESTING
} packer_state;

struct packer {
    store *store;
    persist *persist;
    uv_timer_t look;
    uv_work_t work;
    persist_op op;
    packer_state state;
    bool stopped;
    bool failing;       /* told already */
    uint64_t looked_at; /* what had been written when it was looked last */
    uint64_t step;      /* when so much more has been written it is looked again */
    store_packs *packs;
    store_err failed; /* the pool's answer */
    uint64_t rest_ms; /* likewise */
};

/* ---- in the pool ---- */

static int64_t unix_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t tail_bytes_max(uint64_t used_bytes)
{
    uint64_t share = used_bytes / PACKER_TAIL_SHARE;
    return share < PACKER_TAIL_BYTES_MIN   ? PACKER_TAIL_BYTES_MIN
           : share > PACKER_TAIL_BYTES_MAX ? PACKER_TAIL_BYTES_MAX
                                           : share;
}

static uint64_t thread_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void prepare(uv_work_t *work)
{
    packer *k = container_of(work, packer, work);
    store_stats stats;
    uint64_t began_ns = thread_ns();
    k->packs = NULL;
    k->failed = store_get_stats(k->store, &stats);
    if (k->failed != STORE_OK)
        return;
    store_pack_policy policy = {.before_ms = unix_now_ms() - PACKER_AGE_MS,
                                .tail_bytes_max = tail_bytes_max(stats.used_bytes)};
    k->step = policy.tail_bytes_max;
    k->failed = store_packs_prepare(k->store, &policy, &k->packs);
    bool hurry = stats.tail_bytes > PACKER_TAIL_BYTES_MAX;
    k->rest_ms = hurry ? 0 : (thread_ns() - began_ns) * (PACKER_SHARE - 1) / 1000000;
}

/* ---- on the loop ---- */

static void note_failure(packer *k, const char *why)
{
    if (!k->failing)
        log_warn("events cannot be packed: %s", why);
    k->failing = true;
}

static void on_look(uv_timer_t *timer);

static void rest(packer *k)
{
    k->state = PACKER_RESTING;
    must(uv_timer_start(&k->look, on_look, k->rest_ms, PACKER_LOOK_MS) == 0);
}

static void packed(persist_op *op, err result)
{
    packer *k = container_of(op, packer, op);
    store_packs_free(k->packs);
    k->packs = NULL;
    k->state = PACKER_IDLE;
    if (result != ERR_OK) {
        note_failure(k, err_text(result));
        return;
    }
    k->failing = false;
    if (!k->stopped)
        rest(k);
}

static void prepared(uv_work_t *work, int status)
{
    packer *k = container_of(work, packer, work);
    must(status == 0);
    if (k->failed != STORE_OK)
        note_failure(k, store_strerror(k->failed));
    if (k->packs == NULL) {
        k->state = PACKER_IDLE;
        return;
    }
    k->state = PACKER_COMMITTING;
    k->op = (persist_op){.kind = PERSIST_PACK, .packs = k->packs, .done = packed};
    persist_submit(k->persist, &k->op);
}

/* Bytes that have come to the tail, more or less. */
static uint64_t written(const packer *k)
{
    persist_stats stats = persist_get_stats(k->persist);
    return stats.event_bytes + stats.events * PACKER_EVENT_BYTES;
}

static void start(packer *k)
{
    k->looked_at = written(k);
    k->state = PACKER_PREPARING;
    must(uv_queue_work(k->look.loop, &k->work, prepare, prepared) == 0);
}

static void on_look(uv_timer_t *timer)
{
    packer *k = container_of(timer, packer, look);
    if (!packer_busy(k))
        start(k);
}

static void on_written(void *arg)
{
    packer *k = arg;
    if (k->state == PACKER_IDLE && written(k) - k->looked_at >= k->step)
        start(k);
}

packer *packer_new(loop *l, store *s, persist *p)
{
    packer *k = calloc(1, sizeof(*k));
    must(k != NULL);
    k->store = s;
    k->persist = p;
    k->step = PACKER_TAIL_BYTES_MIN;
    persist_watch(p, on_written, k);
    must(uv_timer_init(loop_uv(l), &k->look) == 0);
    must(uv_timer_start(&k->look, on_look, PACKER_LOOK_MS, PACKER_LOOK_MS) == 0);
    return k;
}

void packer_stop(packer *k)
{
    k->stopped = true;
    persist_watch(k->persist, NULL, NULL);
    must(uv_timer_stop(&k->look) == 0);
}

bool packer_busy(const packer *k)
{
    return k->state == PACKER_PREPARING || k->state == PACKER_COMMITTING;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, packer, look));
}

void packer_free(packer *k)
{
    must(!packer_busy(k));
    uv_close((uv_handle_t *)&k->look, on_closed);
}
