#include "base/loop.h"

#include "base/must.h"

/* The tasks run in a check handle, right after polling. Timers and closing callbacks run outside of
 * polling: a task that they note starts an idle handle, so that the next poll does not block. */
struct loop {
    uv_loop_t uv;
    uv_check_t turn_end;
    uv_idle_t no_waiting;
    list tasks;
    list later; /* those of the next turn's end */
    uint64_t skipped_ms;
    void **dead;
    size_t dead_count;
    size_t dead_cap;
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void free_dead(loop *l)
{
    while (l->dead_count > 0)
        free(l->dead[--l->dead_count]);
}

static void on_turn_end(uv_check_t *check)
{
    loop *l = container_of(check, loop, turn_end);
    list_append(&l->tasks, &l->later);
    while (!list_is_empty(&l->tasks)) {
        loop_task *task = container_of(list_pop(&l->tasks), loop_task, link);
        task->run(task);
    }
    free_dead(l);
    if (list_is_empty(&l->later))
        uv_idle_stop(&l->no_waiting);
}

loop *loop_new(void)
{
    loop *l = calloc(1, sizeof(*l));
    must(l != NULL);
    must(uv_loop_init(&l->uv) == 0);
    must(uv_check_init(&l->uv, &l->turn_end) == 0);
    must(uv_idle_init(&l->uv, &l->no_waiting) == 0);
    must(uv_check_start(&l->turn_end, on_turn_end) == 0);
    uv_unref((uv_handle_t *)&l->turn_end);
    list_init(&l->tasks);
    list_init(&l->later);
    return l;
}

void loop_free(loop *l)
{
    uv_close((uv_handle_t *)&l->turn_end, NULL);
    uv_close((uv_handle_t *)&l->no_waiting, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    must(list_is_empty(&l->tasks) && list_is_empty(&l->later));
    must(uv_loop_close(&l->uv) == 0);
    free_dead(l);
    free(l->dead);
    free(l);
}

uv_loop_t *loop_uv(const loop *l)
{
    return (uv_loop_t *)(uintptr_t)&l->uv;
}

void loop_run(loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(loop *l)
{
    uv_stop(&l->uv);
}

void loop_at_turn_end(loop *l, loop_task *task)
{
    if (list_is_linked(&task->link))
        return;
    list_push(&l->tasks, &task->link);
    uv_idle_start(&l->no_waiting, on_idle);
}

void loop_at_next_turn(loop *l, loop_task *task)
{
    if (list_is_linked(&task->link))
        return;
    list_push(&l->later, &task->link);
    uv_idle_start(&l->no_waiting, on_idle);
}

void loop_forget(loop_task *task)
{
    list_remove(&task->link);
}

uint64_t loop_now_ms(const loop *l)
{
    return uv_now(&l->uv) + l->skipped_ms;
}

void loop_skip_ms(loop *l, uint64_t ms)
{
    l->skipped_ms += ms;
}

void loop_free_later(loop *l, void *ptr)
{
    if (l->dead_count == l->dead_cap) {
        l->dead_cap = l->dead_cap ? l->dead_cap * 2 : 16;
        l->dead = realloc(l->dead, l->dead_cap * sizeof(*l->dead));
        must(l->dead != NULL);
    }
    l->dead[l->dead_count++] = ptr;
    uv_idle_start(&l->no_waiting, on_idle);
}
