/* Memory that runs out at any moment: the document is unharmed, or failed and can be freed; nothing
 * leaks. */
#include "fixture.h"

#include "rng.h"

enum { STEPS = 60, CLIENTS = 5 };

/* A workload of everything: text and marks, values under keys, nested types, deletions, some of it
 * too early. It reads no answers, so that it is the same when some of it fails. */
typedef struct workload {
    rng random;
    uint64_t clocks[CLIENTS];
} workload;

static wm_id any_known(workload *w)
{
    uint64_t client = rng_below(&w->random, CLIENTS);
    uint64_t clock = w->clocks[client] ? rng_below(&w->random, w->clocks[client]) : 0;
    return (wm_id){client, clock};
}

/* One update; what it holds depends on the seed alone. */
static crdt_bytes next_update(workload *w, crdt_buf *u)
{
    static const char *const keys[] = {"k", "l"};
    wm_id origin = any_known(w);
    wm_id parent = {0, 0};
    uint64_t client = rng_below(&w->random, CLIENTS);
    wm_id id = {client, w->clocks[client]};
    bool refers = w->clocks[origin.client] > 0 && rng_chance(&w->random, 70);
    wm_item item = {.kind = WM_STRING, .root = "t", .text = "text \xf0\x9f\x99\x82", .len = 1};
    item.origin = refers ? &origin : NULL;
    uint64_t len = 7;
    if (rng_chance(&w->random, 20))
        return wm_delete(u, origin, 1 + rng_below(&w->random, 9));
    if (rng_chance(&w->random, 50)) {
        static const unsigned kinds[] = {WM_FORMAT, WM_ANY, WM_TYPE, WM_EMBED, WM_BINARY};
        item.kind = kinds[rng_below(&w->random, 5)];
        item.text = item.kind == WM_EMBED ? "{\"a\":[1,2.50]}" : "key";
        item.value = "{\"deep\":[true]}";
        item.type_ref = WM_TEXT;
        len = 1;
    }
    if (!refers && rng_chance(&w->random, 40))
        item.sub = keys[rng_below(&w->random, 2)];
    if (!refers && w->clocks[0] > 0 && rng_chance(&w->random, 30)) {
        item.root = NULL;
        item.parent = &parent;
    }
    w->clocks[client] += len;
    if (rng_chance(&w->random, 10))
        w->clocks[client] += 2; /* a gap: from here on this client's structs wait */
    return wm_one(u, id, &item);
}

/* Runs it until the document fails. Every error must be one of running out, and must leave a sound
 * document. */
static void run_workload(fixture *f, uint64_t seed, size_t *errors)
{
    workload w = {.random = {seed}};
    for (size_t i = 0; i < STEPS && !crdt_doc_failed(f->doc); i++) {
        crdt_bytes update = next_update(&w, &f->update);
        crdt_buf out = {.mem = &f->memory.mem};
        crdt_err err = crdt_doc_apply(f->doc, CRDT_V1, update, NULL);
        if (err == CRDT_OK && i % 8 == 0)
            err = crdt_doc_encode_state(f->doc, CRDT_V1, (crdt_bytes){0}, &out);
        if (err != CRDT_OK) {
            assert_int_equal(err, CRDT_NO_MEMORY);
            assert_int_equal(out.len, 0);
            ++*errors;
        }
        crdt_buf_free(&out);
    }
    const char *broken = crdt_doc_failed(f->doc) ? NULL : crdt_doc_check(f->doc);
    if (broken)
        fail_msg("seed %u, call %u failed%s: %s", (unsigned)seed, (unsigned)f->memory.fail_at,
                 f->memory.fail_once ? " once" : "", broken);
    if (crdt_doc_failed(f->doc))
        assert_int_equal(
            crdt_doc_apply(f->doc, CRDT_V1, wm_delete(&f->update, (wm_id){1, 0}, 1), NULL),
            CRDT_FAILED);
}

static uint64_t calls_of(uint64_t seed, crdt_doc_options options)
{
    fixture f;
    size_t errors = 0;
    fixture_open(&f, options);
    run_workload(&f, seed, &errors);
    assert_int_equal(errors, 0);
    uint64_t calls = f.memory.calls;
    fixture_close(&f);
    return calls;
}

/* Fails the first call, the second, and so on: for good, and once. */
static void fail_each_call(uint64_t seed, crdt_doc_options options)
{
    uint64_t calls = calls_of(seed, options);
    assert_true(calls > 20);
    for (uint64_t at = 0; at < calls; at++)
        for (int once = 0; once < 2; once++) {
            fixture f = {0};
            size_t errors = 0;
            failmem_init(&f.memory);
            f.memory.fail_at = at;
            f.memory.fail_once = once;
            options.mem = &f.memory.mem;
            f.doc = crdt_doc_new(&options);
            if (f.doc) {
                run_workload(&f, seed, &errors);
                assert_true(errors > 0 || once);
            }
            fixture_close(&f);
        }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        fail_each_call(seed, (crdt_doc_options){.gc = seed % 2 ? CRDT_GC_ON : CRDT_GC_OFF});
}

static void every_allocation_may_fail_while_texts_are_tidied(void **state)
{
    (void)state;
    for (uint64_t seed = 5; seed <= 7; seed++)
        fail_each_call(seed, (crdt_doc_options){.cleanup = CRDT_CLEANUP_ON});
}

/* A document may hold so much and no more; what would pass it is refused with the right reason. */
static void the_memory_limit_holds(void **state)
{
    (void)state;
    enum { LIMIT = 300000, TEXT_LEN = 5000 };
    static char text[TEXT_LEN + 1];
    for (size_t i = 0; i < TEXT_LEN; i++)
        text[i] = (char)('a' + i % 26);
    fixture f;
    fixture_open(&f, (crdt_doc_options){.memory_max = LIMIT});
    crdt_err err = CRDT_OK;
    uint64_t clock = 0;
    for (; err == CRDT_OK && clock < 10 * LIMIT; clock += TEXT_LEN) {
        wm_item item = {.kind = WM_STRING, .root = "t", .text = text};
        err = crdt_doc_apply(f.doc, CRDT_V1, wm_one(&f.update, (wm_id){1, clock}, &item), NULL);
        assert_true(crdt_doc_memory_bytes(f.doc) <= LIMIT);
    }
    assert_int_equal(err, CRDT_LIMIT);
    assert_true(clock > LIMIT / 3);
    assert_true(f.memory.held_bytes_max <= LIMIT);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_may_fail_while_texts_are_tidied),
        cmocka_unit_test(the_memory_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
