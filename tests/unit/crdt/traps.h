/* Traps: one for each way in which work could grow with the square of what comes in, or worse. Each
 * is run at some size and at four times that. What an honest engine does grows by four times and a
 * little (some of it by a logarithm more); what is quadratic by sixteen.
 *
 * Steps are counted, not timed. The library under these tests is one of their own, compiled so that
 * each branch of its code counts as a step; copying counts one for so many bytes. So no loop is
 * forgotten, nor what is copied. What a document holds may not grow faster, either. */
#ifndef TESTS_UNIT_CRDT_TRAPS_H
#define TESTS_UNIT_CRDT_TRAPS_H

#include "core/fixture.h"

/* Numbers 0 to count-1 in some order. */
typedef enum trap_order { ORDER_UP, ORDER_DOWN, ORDER_MIXED } trap_order;
typedef enum trap_delivery { ONE_BY_ONE, AT_ONCE } trap_delivery;
/* What a document is filled with. */
typedef enum trap_body {
    BODY_ASCII,
    BODY_ACCENTS,
    BODY_PAIRS,
    BODY_ANY,
    BODY_JSON,
    BODY_ITEMS
} trap_body;

/* One trap. It runs with a size; `each_max` is how many steps it may take for each of that. The
 * rest is for those that come in several forms. */
typedef struct trap {
    const char *name;
    void (*run)(const struct trap *trap, uint64_t size);
    uint64_t size;
    double each_max;
    trap_order order;
    trap_delivery delivery;
    trap_body body;
} trap;

/* Runs them all, each as a test. Returns what main returns. */
int traps_run(const trap *traps, size_t count);

/* The number at `place` of `count`. */
uint64_t trap_number(trap_order order, uint64_t count, uint64_t place);

/* ---- what traps do ---- each fails the test unless it goes well */

void trap_ok(crdt_err err);
void trap_apply(fixture *f, crdt_bytes update);
/* Applies one struct. */
void trap_put(fixture *f, wm_id id, wm_item item);
/* Applies `count` structs of one length of a client, from clock 0 on. With `lean`, each has its
 * origin in the one before it (LEAN_LEFT) or its right origin there (LEAN_RIGHT). */
typedef enum trap_lean { LEAN_LEFT, LEAN_RIGHT } trap_lean;
void trap_put_many(fixture *f, uint64_t client, wm_item item, trap_lean lean, uint64_t count);
/* A struct of another client, so that what comes next is not the first there is. */
void trap_put_other(fixture *f);
/* Fills the root `t` with so many units of one client, mostly in one struct. */
void trap_fill(fixture *f, trap_body body, uint64_t client, uint64_t count);
/* Deletes every other unit, from the first or the second on. */
void trap_delete_alternating(fixture *f, const trap *t, uint64_t client, uint64_t from,
                             uint64_t count);
/* Checks the document, uncounted, and closes it. */
void trap_close(fixture *f);

#endif
