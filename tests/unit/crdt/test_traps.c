/* Traps in updates that a document takes in. */
#include "traps.h"

#include "rng.h"

enum { BASE = 2, FIRST = 10 }; /* clients: who was there before, the first of those that come */

static const wm_id unit_a = {BASE, 0};
static const wm_id unit_b = {BASE, 1};
static const wm_item an_x = {.kind = WM_STRING, .root = "t", .text = "x"};

static void open(fixture *f)
{
    fixture_open(f, (crdt_doc_options){0});
}

/* ---- many at one spot ---- */

/* Each client makes one struct, the same one. */
static void everybody_puts(const trap *t, fixture *f, wm_item item, uint64_t size)
{
    if (t->delivery == AT_ONCE)
        wm_begin(&f->update, size);
    for (uint64_t i = 0; i < size; i++) {
        const wm_id id = {FIRST + trap_number(t->order, size, i), 0};
        if (t->delivery == ONE_BY_ONE) {
            trap_put(f, id, item);
        } else {
            wm_section(&f->update, 1, id.client, 0);
            wm_struct(&f->update, &item);
        }
    }
    if (t->delivery == AT_ONCE) {
        wm_begin_deletes(&f->update, 0);
        trap_apply(f, wm_bytes(&f->update));
    }
    trap_close(f);
}

static void between_two(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    trap_put(&f, unit_a, (wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    wm_item item = an_x;
    item.origin = &unit_a;
    item.right = &unit_b;
    everybody_puts(t, &f, item, size);
}

static void at_the_start(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    everybody_puts(t, &f, an_x, size);
}

static void at_one_key(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    everybody_puts(t, &f, (wm_item){.kind = WM_ANY, .root = "m", .sub = "k", .len = 1}, size);
}

/* Each client makes three, one behind the other, while the others do. */
static void runs_at_one_spot(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    trap_put(&f, unit_a, (wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    for (uint64_t i = 0; i < 3 * size; i++) {
        const wm_id id = {FIRST + trap_number(t->order, size, i % size), i / size};
        const wm_id before = {id.client, id.clock - 1};
        wm_item item = an_x;
        item.origin = id.clock > 0 ? &before : &unit_a;
        item.right = &unit_b;
        trap_put(&f, id, item);
    }
    trap_close(&f);
}

/* ---- one client ---- */

static void many_structs(const trap *t, uint64_t size)
{
    (void)t;
    fixture f;
    open(&f);
    trap_put_other(&f);
    trap_put_many(&f, BASE, (wm_item){.kind = WM_EMBED, .root = "t", .text = "1"}, LEAN_LEFT, size);
    trap_close(&f);
}

static void right_to_left(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    trap_put_other(&f);
    if (t->delivery == AT_ONCE)
        trap_fill(&f, BODY_ITEMS, BASE, size);
    for (uint64_t i = 0; i < size && t->delivery == ONE_BY_ONE; i++) {
        const wm_id last = {BASE, i - 1};
        wm_item item = an_x;
        item.right = i > 0 ? &last : NULL;
        trap_put(&f, (wm_id){BASE, i}, item);
    }
    trap_close(&f);
}

/* What merged updates hold: keystrokes, pushes, that become one struct here. */
static void structs_that_merge(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    trap_put_other(&f);
    const wm_item item = {.kind = t->body == BODY_ASCII ? WM_STRING
                                  : t->body == BODY_ANY ? WM_ANY
                                                        : WM_JSON,
                          .root = "t",
                          .text = "x",
                          .len = 1};
    trap_put_many(&f, BASE, item, LEAN_LEFT, size);
    fixture_expect_structs(&f, 2);
    trap_close(&f);
}

/* The same into an empty document, which is loaded. */
static void loads_that_merge(const trap *t, uint64_t size)
{
    (void)t;
    fixture f;
    open(&f);
    trap_put_many(&f, BASE, an_x, LEAN_LEFT, size);
    fixture_expect_structs(&f, 1);
    trap_close(&f);
}

/* ---- deletes ---- */

static void every_other_deleted(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    trap_put_other(&f);
    trap_fill(&f, t->body, BASE, size);
    trap_delete_alternating(&f, t, BASE, 1, size);
    crdt_buf state = fixture_state(&f);
    crdt_buf_free(&state);
    trap_delete_alternating(&f, t, BASE, 0, size);
    trap_close(&f);
}

/* ---- many clients ---- */

static crdt_bytes crowd(fixture *f, uint64_t size)
{
    wm_begin(&f->update, size);
    for (uint64_t i = 0; i < size; i++) {
        const wm_id last = {FIRST + i - 1, 0};
        wm_item item = an_x;
        item.origin = i > 0 ? &last : NULL;
        wm_section(&f->update, 1, FIRST + i, 0);
        wm_struct(&f->update, &item);
    }
    wm_begin_deletes(&f->update, 0);
    return wm_bytes(&f->update);
}

/* Into a document with something in it, or, AT_ONCE, by loading. */
static void many_clients(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    if (t->delivery == ONE_BY_ONE)
        trap_put_other(&f);
    trap_apply(&f, crowd(&f, size));
    crdt_buf sv = {0};
    crdt_buf nothing = {0};
    trap_ok(crdt_doc_encode_state_vector(f.doc, &sv));
    trap_ok(crdt_doc_encode_state(f.doc, CRDT_V1, wm_bytes(&sv), &nothing));
    crdt_buf state = fixture_state(&f);
    trap_apply(&f, wm_bytes(&state));
    crdt_buf_free(&sv);
    crdt_buf_free(&nothing);
    crdt_buf_free(&state);
    trap_close(&f);
}

/* ---- numbers that somebody chose ---- */

/* What an odd number is to be multiplied with to be 1. */
static uint64_t inverse(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 6; i++)
        x *= 2 - odd * x;
    return x;
}

/* The next client of those that lie in one place of a table (base/u64map.c) whose seed is 0. */
static uint64_t colliding(rng *random)
{
    for (;;) {
        uint64_t h = rng_next(random) & ~UINT64_C(0xfffff);
        h = (h ^ h >> 32) * inverse(UINT64_C(0xd6e8feb86659fd93));
        h = (h ^ h >> 32) * inverse(UINT64_C(0x9e3779b97f4a7c15));
        if (h <= CRDT_CLOCK_MAX)
            return h;
    }
}

/* To whoever has another seed they are clients like others. */
static void clients_that_would_collide(const trap *t, uint64_t size)
{
    (void)t;
    fixture f;
    rng random = {1};
    fixture_open(&f, (crdt_doc_options){.hash_seed = UINT64_C(0x5eed5eed5eed5eed)});
    trap_put_other(&f);
    wm_begin(&f.update, size);
    for (uint64_t i = 0; i < size; i++) {
        wm_section(&f.update, 1, colliding(&random), 0);
        wm_struct(&f.update, &an_x);
    }
    wm_begin_deletes(&f.update, 0);
    trap_apply(&f, wm_bytes(&f.update));
    trap_close(&f);
}

/* ---- waiting ---- */

static void typed(fixture *f, uint64_t clock)
{
    const wm_id before = {BASE, clock - 1};
    wm_item item = an_x;
    item.origin = clock > 0 ? &before : NULL;
    trap_put(f, (wm_id){BASE, clock}, item);
}

static void keystrokes_in_any_order(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    for (uint64_t i = 0; i < size; i++)
        typed(&f, trap_number(t->order, size, i));
    assert_false(crdt_doc_pending(f.doc));
    fixture_expect_structs(&f, 1);
    trap_close(&f);
}

static void first_keystroke_comes_last(const trap *t, uint64_t size)
{
    (void)t;
    fixture f;
    open(&f);
    for (uint64_t i = 1; i < size; i++)
        typed(&f, i);
    crdt_buf state = fixture_state(&f);
    crdt_buf_free(&state);
    typed(&f, 0);
    assert_false(crdt_doc_pending(f.doc));
    trap_close(&f);
}

/* A long struct waits for somebody else, while others tell the same units one by one. */
static void told_by_others_while_it_waits(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    const wm_id missing = {FIRST, 0};
    trap_put(
        &f, (wm_id){BASE, 0},
        (wm_item){.kind = t->body == BODY_ANY ? WM_ANY : WM_JSON, .origin = &missing, .len = size});
    for (uint64_t i = 0; i + 1 < size; i++)
        trap_put(&f, (wm_id){BASE, i}, (wm_item){.kind = WM_ANY, .root = "t", .len = 1});
    trap_close(&f);
}

/* ---- depth ---- */

static void nested(const trap *t, uint64_t size)
{
    fixture f;
    open(&f);
    if (t->delivery == ONE_BY_ONE)
        trap_put_other(&f);
    wm_begin(&f.update, 1);
    wm_section(&f.update, size, BASE, 0);
    for (uint64_t i = 0; i < size; i++) {
        const wm_id parent = {BASE, i - 1};
        wm_struct(&f.update, &(wm_item){.kind = WM_TYPE,
                                        .type_ref = i % 2 ? WM_MAP : WM_ARRAY,
                                        .root = i > 0 ? NULL : "a",
                                        .parent = &parent,
                                        .sub = i % 2 ? NULL : "k"});
    }
    wm_begin_deletes(&f.update, 0);
    trap_apply(&f, wm_bytes(&f.update));
    crdt_buf state = fixture_state(&f);
    crdt_buf json = {0};
    crdt_type root;
    assert_true(crdt_doc_find_root(f.doc, crdt_bytes_of("a"), &root));
    trap_ok(crdt_read_json(f.doc, root, NULL, &json));
    trap_apply(&f, wm_delete(&f.update, (wm_id){BASE, 0}, 1));
    crdt_buf_free(&json);
    crdt_buf_free(&state);
    trap_close(&f);
}

/* ---- format v2 ---- */

/* Into an empty document, into one with something in it, and, as an event, once more. */
static void told_in_v2(const trap *t, uint64_t size)
{
    fixture f;
    crdt_buf v2 = {0};
    crdt_buf event = {0};
    open(&f);
    if (t->body == BODY_ITEMS)
        trap_apply(&f, crowd(&f, size));
    else
        trap_fill(&f, t->body, BASE, size);
    trap_delete_alternating(&f, t, t->body == BODY_ITEMS ? FIRST : BASE, 1, size);
    trap_ok(crdt_doc_encode_state(f.doc, CRDT_V2, (crdt_bytes){0}, &v2));
    trap_close(&f);
    open(&f);
    trap_ok(crdt_doc_apply(f.doc, CRDT_V2, wm_bytes(&v2), NULL));
    trap_close(&f);
    open(&f);
    trap_put_other(&f);
    trap_ok(crdt_doc_apply_event(f.doc, CRDT_V2, wm_bytes(&v2), NULL, &event));
    trap_ok(crdt_doc_apply_event(f.doc, CRDT_V2, wm_bytes(&event), NULL, &event));
    trap_close(&f);
    crdt_buf_free(&v2);
    crdt_buf_free(&event);
}

#define SPOT(text, function, which, how, most)                                                     \
    {                                                                                              \
        .name = text, .run = (function), .size = 2500, .each_max = (most), .order = (which),       \
        .delivery = (how)                                                                          \
    }
#define DELETES(text, what, which, how, most)                                                      \
    {                                                                                              \
        .name = text, .run = every_other_deleted, .size = 2500, .each_max = (most),                \
        .order = (which), .delivery = (how), .body = (what)                                        \
    }

static const trap traps[] = {
    SPOT("clients between two units, ascending", between_two, ORDER_UP, ONE_BY_ONE, 2000),
    SPOT("clients between two units, descending", between_two, ORDER_DOWN, ONE_BY_ONE, 1300),
    SPOT("clients between two units, mixed", between_two, ORDER_MIXED, ONE_BY_ONE, 1800),
    SPOT("clients between two units, at once, ascending", between_two, ORDER_UP, AT_ONCE, 1500),
    SPOT("clients between two units, at once, mixed", between_two, ORDER_MIXED, AT_ONCE, 2300),
    SPOT("clients at the start, ascending", at_the_start, ORDER_UP, ONE_BY_ONE, 1900),
    SPOT("clients at the start, mixed", at_the_start, ORDER_MIXED, ONE_BY_ONE, 1800),
    SPOT("clients at the start, at once", at_the_start, ORDER_MIXED, AT_ONCE, 2200),
    SPOT("clients at one key, ascending", at_one_key, ORDER_UP, ONE_BY_ONE, 2000),
    SPOT("clients at one key, descending", at_one_key, ORDER_DOWN, ONE_BY_ONE, 2000),
    SPOT("clients at one key, mixed", at_one_key, ORDER_MIXED, ONE_BY_ONE, 2000),
    SPOT("clients at one key, at once", at_one_key, ORDER_MIXED, AT_ONCE, 3200),
    SPOT("runs of clients at one spot", runs_at_one_spot, ORDER_MIXED, ONE_BY_ONE, 5200),
    {.name = "one client, many structs", .run = many_structs, .size = 25000, .each_max = 1400},
    {.name = "right to left, one by one", .run = right_to_left, .size = 10000, .each_max = 960},
    {.name = "right to left, at once",
     .run = right_to_left,
     .size = 25000,
     .each_max = 720,
     .delivery = AT_ONCE},
    {.name = "texts that merge", .run = structs_that_merge, .size = 25000, .each_max = 850},
    {.name = "values that merge",
     .run = structs_that_merge,
     .size = 10000,
     .each_max = 1100,
     .body = BODY_ANY},
    {.name = "JSON that merges",
     .run = structs_that_merge,
     .size = 10000,
     .each_max = 1600,
     .body = BODY_JSON},
    {.name = "texts that merge, loaded", .run = loads_that_merge, .size = 25000, .each_max = 400},
    DELETES("every other letter deleted", BODY_ASCII, ORDER_UP, AT_ONCE, 890),
    DELETES("every other letter deleted, backwards", BODY_ASCII, ORDER_DOWN, AT_ONCE, 970),
    DELETES("every other accent deleted", BODY_ACCENTS, ORDER_UP, AT_ONCE, 970),
    DELETES("every other accent deleted, backwards", BODY_ACCENTS, ORDER_DOWN, AT_ONCE, 1100),
    DELETES("every other half deleted", BODY_PAIRS, ORDER_UP, AT_ONCE, 970),
    DELETES("every other half deleted, backwards", BODY_PAIRS, ORDER_DOWN, AT_ONCE, 1100),
    DELETES("every other half deleted, one by one", BODY_PAIRS, ORDER_UP, ONE_BY_ONE, 1700),
    DELETES("every other value deleted", BODY_ANY, ORDER_UP, AT_ONCE, 1300),
    DELETES("every other value deleted, backwards", BODY_ANY, ORDER_DOWN, AT_ONCE, 2500),
    DELETES("every other value deleted, mixed", BODY_ANY, ORDER_MIXED, AT_ONCE, 1700),
    DELETES("every other value deleted, one by one", BODY_ANY, ORDER_UP, ONE_BY_ONE, 1800),
    DELETES("every other JSON deleted, backwards", BODY_JSON, ORDER_DOWN, ONE_BY_ONE, 2600),
    DELETES("every other struct deleted", BODY_ITEMS, ORDER_UP, AT_ONCE, 1300),
    DELETES("every other struct deleted, mixed", BODY_ITEMS, ORDER_MIXED, AT_ONCE, 1500),
    {.name = "many clients", .run = many_clients, .size = 5000, .each_max = 3400},
    {.name = "many clients, loaded",
     .run = many_clients,
     .size = 5000,
     .each_max = 3400,
     .delivery = AT_ONCE},
    {.name = "clients that would collide",
     .run = clients_that_would_collide,
     .size = 2500,
     .each_max = 2000},
    {.name = "keystrokes backwards",
     .run = keystrokes_in_any_order,
     .size = 5000,
     .each_max = 2800,
     .order = ORDER_DOWN},
    {.name = "keystrokes mixed",
     .run = keystrokes_in_any_order,
     .size = 2500,
     .each_max = 3000,
     .order = ORDER_MIXED},
    {.name = "the first keystroke last",
     .run = first_keystroke_comes_last,
     .size = 5000,
     .each_max = 3500},
    {.name = "values told by others while they wait",
     .run = told_by_others_while_it_waits,
     .size = 2500,
     .each_max = 1700,
     .body = BODY_ANY},
    {.name = "JSON told by others while it waits",
     .run = told_by_others_while_it_waits,
     .size = 2500,
     .each_max = 3100,
     .body = BODY_JSON},
    {.name = "letters in v2",
     .run = told_in_v2,
     .size = 10000,
     .each_max = 3000,
     .delivery = AT_ONCE},
    {.name = "halves in v2",
     .run = told_in_v2,
     .size = 10000,
     .each_max = 3300,
     .delivery = AT_ONCE,
     .body = BODY_PAIRS},
    {.name = "values in v2",
     .run = told_in_v2,
     .size = 10000,
     .each_max = 3500,
     .delivery = AT_ONCE,
     .body = BODY_ANY},
    {.name = "clients in v2",
     .run = told_in_v2,
     .size = 2500,
     .each_max = 8500,
     .delivery = AT_ONCE,
     .body = BODY_ITEMS},
    {.name = "deeply nested", .run = nested, .size = 10000, .each_max = 1800},
    {.name = "deeply nested, loaded",
     .run = nested,
     .size = 10000,
     .each_max = 1700,
     .delivery = AT_ONCE},
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
