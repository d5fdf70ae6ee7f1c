#include "traps.h"

#include <stdlib.h>
#include <string.h>

/* How much more four times the size may take: steps; bytes held, which are doubled now and then. */
#define GROWTH_MAX       5.5
#define BYTES_GROWTH_MAX 9
/* Bytes that are copied or cleared in a step. */
#define BYTES_A_STEP 64

/* ---- counting ---- */

static uint64_t steps;
static bool paused;
static size_t bytes_held; /* by the document that was closed last, at most */

static void count(uint64_t more)
{
    if (!paused)
        steps += more;
}

/* Called at each branch of what is compiled with -fsanitize-coverage=trace-pc. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    count(1);
}

/* The linker sends calls of the C library's here (--wrap). */
void *__real_memcpy(void *to, const void *from, size_t len);
void *__wrap_memcpy(void *to, const void *from, size_t len);
void *__real_memmove(void *to, const void *from, size_t len);
void *__wrap_memmove(void *to, const void *from, size_t len);
void *__real_memset(void *to, int byte, size_t len);
void *__wrap_memset(void *to, int byte, size_t len);

void *__wrap_memcpy(void *to, const void *from, size_t len)
{
    count(len / BYTES_A_STEP);
    return __real_memcpy(to, from, len);
}

void *__wrap_memmove(void *to, const void *from, size_t len)
{
    count(len / BYTES_A_STEP);
    return __real_memmove(to, from, len);
}

void *__wrap_memset(void *to, int byte, size_t len)
{
    count(len / BYTES_A_STEP);
    return __real_memset(to, byte, len);
}

/* ---- running ---- */

/* WEFT_TRAP_SCALE=10: with sizes ten times those that are good for every day. */
static uint64_t scale(void)
{
    const char *text = getenv("WEFT_TRAP_SCALE");
    uint64_t value = text ? strtoull(text, NULL, 10) : 1;
    return value ? value : 1;
}

static double run_at(const trap *t, uint64_t size)
{
    steps = bytes_held = 0;
    paused = false;
    t->run(t, size);
    double each = (double)steps / (double)size;
    print_message("%s: %llu: %llu steps, %.0f each; %zu bytes\n", t->name, (unsigned long long)size,
                  (unsigned long long)steps, each, bytes_held);
    if (each > t->each_max)
        fail_msg("%s: %.0f steps for each of %llu; %.0f are enough", t->name, each,
                 (unsigned long long)size, t->each_max);
    return (double)steps;
}

static void spring(void **state)
{
    const trap *t = *state;
    uint64_t size = t->size * scale();
    double few = run_at(t, size);
    size_t few_bytes = bytes_held;
    double many = run_at(t, 4 * size);
    if (bytes_held > few_bytes * BYTES_GROWTH_MAX)
        fail_msg("%s: %zu bytes are held for four times what takes %zu", t->name, bytes_held,
                 few_bytes);
    if (many > few * GROWTH_MAX)
        fail_msg("%s: four times the size takes %.1f times the steps", t->name, many / few);
}

int traps_run(const trap *traps, size_t number)
{
    struct CMUnitTest *tests = calloc(number, sizeof *tests);
    if (!tests)
        return 1;
    for (size_t i = 0; i < number; i++) {
        tests[i].name = traps[i].name;
        tests[i].test_func = spring;
        tests[i].initial_state = (void *)(uintptr_t)&traps[i];
    }
    int failed = _cmocka_run_group_tests("traps", tests, number, NULL, NULL);
    free(tests);
    return failed;
}

/* ---- what traps do ---- */

uint64_t trap_number(trap_order order, uint64_t count_, uint64_t place)
{
    const uint64_t prime = 2654435761; /* prime, and above every count: each number comes once */
    if (order == ORDER_UP)
        return place;
    return order == ORDER_DOWN ? count_ - 1 - place : place * prime % count_;
}

void trap_ok(crdt_err err)
{
    if (err != CRDT_OK)
        fail_msg("%s", crdt_strerror(err));
}

void trap_apply(fixture *f, crdt_bytes update)
{
    trap_ok(crdt_doc_apply(f->doc, CRDT_V1, update, NULL));
}

void trap_put(fixture *f, wm_id id, wm_item item)
{
    trap_apply(f, wm_one(&f->update, id, &item));
}

void trap_put_many(fixture *f, uint64_t client, wm_item item, trap_lean lean, uint64_t number)
{
    wm_begin(&f->update, 1);
    wm_section(&f->update, number, client, 0);
    for (uint64_t i = 0; i < number; i++) {
        const wm_id last = {client, i - 1};
        item.origin = i > 0 && lean == LEAN_LEFT ? &last : NULL;
        item.right = i > 0 && lean == LEAN_RIGHT ? &last : NULL;
        wm_struct(&f->update, &item);
    }
    wm_begin_deletes(&f->update, 0);
    trap_apply(f, wm_bytes(&f->update));
}

void trap_put_other(fixture *f)
{
    trap_put(f, (wm_id){1, 0}, (wm_item){.kind = WM_STRING, .root = "other", .text = "x"});
}

static void fill_text(fixture *f, uint64_t client, const char *character, uint64_t number)
{
    size_t len = strlen(character);
    char *text = malloc(number * len + 1);
    assert_non_null(text);
    for (uint64_t i = 0; i < number; i++)
        memcpy(text + i * len, character, len);
    text[number * len] = '\0';
    trap_put(f, (wm_id){client, 0}, (wm_item){.kind = WM_STRING, .root = "t", .text = text});
    free(text);
}

void trap_fill(fixture *f, trap_body body, uint64_t client, uint64_t number)
{
    const wm_item item = {.kind = WM_STRING, .root = "t", .text = "x"};
    switch (body) {
    case BODY_ASCII:
        fill_text(f, client, "x", number);
        break;
    case BODY_ACCENTS:
        fill_text(f, client, "\xc3\xa9", number);
        break;
    case BODY_PAIRS:
        fill_text(f, client, "\xf0\x9f\x98\x80", number / 2);
        break;
    case BODY_ANY:
    case BODY_JSON:
        trap_put(
            f, (wm_id){client, 0},
            (wm_item){.kind = body == BODY_ANY ? WM_ANY : WM_JSON, .root = "t", .len = number});
        break;
    case BODY_ITEMS:
        trap_put_many(f, client, item, LEAN_RIGHT, number);
        break;
    }
}

void trap_delete_alternating(fixture *f, const trap *t, uint64_t client, uint64_t from,
                             uint64_t number)
{
    uint64_t half = number / 2;
    if (t->delivery == AT_ONCE) {
        wm_begin(&f->update, 0);
        wm_begin_deletes(&f->update, 1);
        wm_deletes_of(&f->update, client, half);
    }
    for (uint64_t i = 0; i < half; i++) {
        const wm_id unit = {client, 2 * trap_number(t->order, half, i) + from};
        if (t->delivery == AT_ONCE)
            wm_range(&f->update, unit.clock, 1);
        else
            trap_apply(f, wm_delete(&f->update, unit, 1));
    }
    if (t->delivery == AT_ONCE)
        trap_apply(f, wm_bytes(&f->update));
}

void trap_close(fixture *f)
{
    paused = true;
    const char *wrong = crdt_doc_check(f->doc);
    if (wrong)
        fail_msg("%s", wrong);
    bytes_held = f->memory.held_bytes_max;
    fixture_close(f);
    paused = false;
}
