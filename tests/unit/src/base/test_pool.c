/* The pool has the threads that it is said to have: with as many looks at the past on their way as
 * there may be, everything else still runs side by side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/must.h"
#include "base/pool.h"

/* A job that is still held up after this has waited in vain. */
#define PATIENCE_NS ((uint64_t)20 * 1000 * 1000 * 1000)

enum { LONG = PAST_JOBS_MAX + HISTORY_JOBS_MAX, QUICK = POOL_THREADS - LONG };

typedef struct crowd {
    uv_mutex_t mutex;
    uv_cond_t changed;
    unsigned inside;       /* quick jobs that have begun */
    unsigned quick_done;   /* on the loop */
    unsigned long_done;    /* likewise */
    unsigned met;          /* quick jobs that saw all others inside */
    unsigned long_done_at; /* how many long ones were done when the last quick one was */
    bool released;
} crowd;

typedef struct job {
    uv_work_t work;
    crowd *all;
} job;

/* Waits until `*what` is at least `wanted`; false: in vain. */
static bool wait_for(crowd *c, const unsigned *what, unsigned wanted, const bool *flag)
{
    bool late = false;
    while (!late && (flag ? !*flag : *what < wanted))
        late = uv_cond_timedwait(&c->changed, &c->mutex, PATIENCE_NS) != 0;
    return !late;
}

static void do_long(uv_work_t *work)
{
    crowd *c = container_of(work, job, work)->all;
    uv_mutex_lock(&c->mutex);
    (void)wait_for(c, NULL, 0, &c->released);
    uv_mutex_unlock(&c->mutex);
}

static void do_quick(uv_work_t *work)
{
    crowd *c = container_of(work, job, work)->all;
    uv_mutex_lock(&c->mutex);
    c->inside++;
    uv_cond_broadcast(&c->changed);
    c->met += wait_for(c, &c->inside, QUICK, NULL);
    uv_mutex_unlock(&c->mutex);
}

static void after_long(uv_work_t *work, int status)
{
    must(status == 0);
    container_of(work, job, work)->all->long_done++;
}

static void after_quick(uv_work_t *work, int status)
{
    must(status == 0);
    crowd *c = container_of(work, job, work)->all;
    if (++c->quick_done < QUICK)
        return;
    c->long_done_at = c->long_done;
    uv_mutex_lock(&c->mutex);
    c->released = true;
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->mutex);
}

static void looks_at_the_past_leave_threads_for_the_rest(void **state)
{
    (void)state;
    crowd c = {0};
    job jobs[POOL_THREADS];
    must(uv_mutex_init(&c.mutex) == 0 && uv_cond_init(&c.changed) == 0);
    pool_set_size();
    loop *l = loop_new();
    for (size_t i = 0; i < POOL_THREADS; i++) {
        bool is_long = i < LONG;
        jobs[i].all = &c;
        must(uv_queue_work(loop_uv(l), &jobs[i].work, is_long ? do_long : do_quick,
                           is_long ? after_long : after_quick) == 0);
    }
    loop_run(l);
    assert_int_equal(c.long_done, LONG);
    assert_int_equal(c.met, QUICK);
    assert_int_equal(c.long_done_at, 0);
    assert_true(QUICK >= POOL_THREADS_QUICK);
    loop_free(l);
    uv_cond_destroy(&c.changed);
    uv_mutex_destroy(&c.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_at_the_past_leave_threads_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
