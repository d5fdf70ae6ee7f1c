/* The libuv loop of one thread, with a queue of what is to be done at the end of each turn.
 *
 * A turn is what one round of polling brought. What handlers note during it (rooms to be committed,
 * batches to be handed over) is done once at its end, however often it was noted. Loop thread only.
 */
#ifndef WEFT_BASE_LOOP_H
#define WEFT_BASE_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "base/list.h"

typedef struct loop loop;

/* Something to be done at the end of the turn; embedded by whoever asks. */
typedef struct loop_task {
    list_node link;
    void (*run)(struct loop_task *task);
} loop_task;

static inline void loop_task_init(loop_task *task, void (*run)(loop_task *task))
{
    *task = (loop_task){.run = run};
}

/* Aborts when there can be no loop. Returns owned (loop_free). */
loop *loop_new(void);
/* Every handle must be closed and every request done: what is still closing is waited for. */
void loop_free(loop *l);

uv_loop_t *loop_uv(const loop *l);

/* Runs until nothing is left to wait for, or until loop_stop. */
void loop_run(loop *l);
void loop_stop(loop *l);

/* Runs `task` once at the end of this turn; noted twice, it still runs once. A task noted while
 * tasks run is run in the same end. */
void loop_at_turn_end(loop *l, loop_task *task);
/* Runs `task` once at the end of the next turn, which begins at once: for what goes on for long, so
 * that others come in between. A task that is noted for the next turn's end is not noted for this
 * one's. */
void loop_at_next_turn(loop *l, loop_task *task);
/* Takes a task back; no effect if it is not noted. */
void loop_forget(loop_task *task);

/* Milliseconds of a clock that only goes forward, as of the beginning of the turn. */
uint64_t loop_now_ms(const loop *l);
/* Puts that clock forward, so that a test need not wait. Timers of libuv do not see it. */
void loop_skip_ms(loop *l, uint64_t ms);

/* Frees `ptr` (malloc) at the end of the turn: for what may still be on somebody's stack. */
void loop_free_later(loop *l, void *ptr);

#endif
