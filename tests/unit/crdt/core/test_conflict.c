/* Many clients at one spot: where the document puts items with what it remembers of the spot,
 * against a document that remembers nothing and walks. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "core/conflict.h"
#include "rng.h"

enum { RUNS = 5, STEPS = 1500, UNITS_MAX = 8 * STEPS };

typedef struct pair {
    fixture f;       /* remembers */
    crdt_doc *plain; /* walks */
    rng random;
    bool keyed; /* it is about the entries of a key, not about a list */
    wm_id units[UNITS_MAX];
    size_t unit_count;
    uint64_t clients; /* how many have come */
} pair;

enum { BASE = 1, BASE_UNITS = 5, A = 1, B = 2 }; /* the spot lies between units A and B of BASE's */

static crdt__ref first_of(const crdt_doc *doc, bool keyed)
{
    crdt__ref root = crdt__doc_root((crdt_doc *)(uintptr_t)doc, crdt_bytes_of("t"));
    const crdt__type *type = crdt__type_at(&doc->objects, root);
    if (!keyed)
        return type->start;
    crdt__ref ref =
        crdt__type_get(&doc->objects, type, crdt__doc_find_name(doc, crdt_bytes_of("k")));
    while (ref && crdt__item_at(doc, ref)->left)
        ref = crdt__item_at(doc, ref)->left;
    return ref;
}

static void expect_same(const pair *p)
{
    const crdt_doc *a = p->f.doc;
    const crdt_doc *b = p->plain;
    crdt__ref ref = first_of(a, p->keyed);
    crdt__ref other = first_of(b, p->keyed);
    while (ref && other) {
        const crdt__item *x = crdt__item_at(a, ref);
        const crdt__item *y = crdt__item_at(b, other);
        assert_int_equal(a->clients[x->client].id, b->clients[y->client].id);
        assert_int_equal(x->clock, y->clock);
        assert_int_equal(crdt__item_len(x), crdt__item_len(y));
        ref = x->right;
        other = y->right;
    }
    assert_true(!ref && !other);
    const char *wrong = crdt_doc_check(a);
    if (wrong)
        fail_msg("%s", wrong);
}

static void apply(pair *p, crdt_bytes update)
{
    assert_int_equal(crdt_doc_apply(p->f.doc, CRDT_V1, update, NULL), CRDT_OK);
    crdt__conflict_forget(p->plain, crdt__doc_root(p->plain, crdt_bytes_of("t")));
    assert_int_equal(crdt_doc_apply(p->plain, CRDT_V1, update, NULL), CRDT_OK);
}

static void put(pair *p, wm_id id, const wm_id *origin, const wm_id *right, uint64_t len)
{
    char text[8] = "uvwxyz";
    text[len] = '\0';
    wm_item item = {.kind = WM_STRING, .root = "t", .origin = origin, .right = right, .text = text};
    if (p->keyed) {
        item = (wm_item){
            .kind = WM_ANY, .root = "t", .sub = "k", .origin = origin, .right = right, .len = 1};
        len = 1;
    }
    apply(p, wm_one(&p->f.update, id, &item));
    for (uint64_t i = 0; i < len; i++)
        p->units[p->unit_count++] = (wm_id){id.client, id.clock + i};
}

/* A client that has not made anything. */
static wm_id newcomer(pair *p)
{
    p->clients++;
    uint64_t id = 2 + rng_below(&p->random, UINT64_C(1) << (rng_chance(&p->random, 50) ? 32 : 50));
    return (wm_id){id, crdt__doc_state(p->f.doc, id)};
}

static wm_id any_unit(pair *p)
{
    return p->units[rng_below(&p->random, p->unit_count)];
}

/* What lies right of the unit by now. False: nothing. */
static bool right_of(pair *p, wm_id unit, wm_id *right)
{
    crdt_doc *doc = p->f.doc;
    const crdt__item *it = crdt__item_at(
        doc, crdt__doc_item(doc, crdt__doc_find_client(doc, unit.client), unit.clock));
    if (unit.clock + 1 < crdt__item_end(it)) {
        *right = (wm_id){unit.client, unit.clock + 1};
        return true;
    }
    if (!it->right)
        return false;
    const crdt__item *next = crdt__item_at(doc, it->right);
    *right = (wm_id){doc->clients[next->client].id, next->clock};
    return true;
}

/* Behind a unit, before what is there now or before what was there in the beginning. */
static void put_behind(pair *p, wm_id unit, bool now)
{
    wm_id right = {BASE, B};
    bool has_right = !p->keyed;
    if (now)
        has_right = right_of(p, unit, &right);
    put(p, newcomer(p), &unit, has_right ? &right : NULL, 1 + rng_below(&p->random, 3));
}

static void put_sibling(pair *p)
{
    const wm_id a = {BASE, A};
    const wm_id b = {BASE, B};
    put(p, newcomer(p), p->keyed ? NULL : &a, p->keyed ? NULL : &b, 1 + rng_below(&p->random, 3));
}

/* Somebody goes on behind what he made last. */
static void go_on(pair *p)
{
    wm_id last = any_unit(p);
    uint64_t state = crdt__doc_state(p->f.doc, last.client);
    last.clock = state - 1;
    const wm_id b = {BASE, B};
    put(p, (wm_id){last.client, state}, &last, p->keyed || last.client == BASE ? NULL : &b, 1);
}

/* Between two units that may never have been neighbours. */
static void put_stranger(pair *p)
{
    wm_id left = any_unit(p);
    wm_id right = any_unit(p);
    bool has_left = rng_chance(&p->random, 80);
    put(p, newcomer(p), has_left ? &left : NULL,
        has_left && rng_chance(&p->random, 30) ? NULL : &right, 1);
}

static void delete_some(pair *p)
{
    wm_id unit = any_unit(p);
    uint64_t state = crdt__doc_state(p->f.doc, unit.client);
    uint64_t len = 1 + rng_below(&p->random, state - unit.clock);
    apply(p, wm_delete(&p->f.update, unit, len));
}

static void step(pair *p, unsigned others)
{
    if (!rng_chance(&p->random, others))
        put_sibling(p);
    else
        switch (rng_below(&p->random, 12)) {
        case 0:
            put_stranger(p);
            break;
        case 1:
            put_behind(p, (wm_id){BASE, p->keyed ? 0 : A}, true);
            break;
        case 2:
            put_behind(p, (wm_id){BASE, 0}, false);
            break;
        case 3:
        case 4:
            delete_some(p);
            break;
        case 5:
        case 6:
        case 7:
            go_on(p);
            break;
        default:
            put_behind(p, any_unit(p), rng_chance(&p->random, 70));
        }
}

static void pair_open(pair *p, uint64_t seed, bool keyed)
{
    p->random = (rng){seed};
    p->keyed = keyed;
    p->unit_count = 0;
    fixture_open(&p->f, (crdt_doc_options){0});
    p->plain = crdt_doc_new(NULL);
    assert_non_null(p->plain);
    for (uint64_t i = 0; i < BASE_UNITS && !keyed; i++) {
        const wm_id before = {BASE, i - 1};
        put(p, (wm_id){BASE, i}, i ? &before : NULL, NULL, 1);
    }
    if (keyed)
        put(p, (wm_id){BASE, 0}, NULL, NULL, 1);
}

static void pair_close(pair *p)
{
    crdt_doc_free(p->plain);
    fixture_close(&p->f);
}

/* Runs with few and with many others; each run must have remembered its spot now and then. */
static void run(bool keyed)
{
    static pair p;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        const unsigned others[] = {0, 1, 3, 10, 40};
        pair_open(&p, seed, keyed);
        size_t remembered = 0;
        for (size_t i = 0; i < STEPS; i++) {
            step(&p, others[seed % 5]);
            remembered += p.f.doc->spot_count > 0;
            if (rng_chance(&p.random, 3))
                expect_same(&p);
        }
        expect_same(&p);
        assert_true(remembered > 0 || others[seed % 5] == 40);
        pair_close(&p);
    }
}

static void a_remembered_spot_of_a_list_is_where_walking_leads(void **state)
{
    (void)state;
    run(false);
}

static void a_remembered_spot_of_a_key_is_where_walking_leads(void **state)
{
    (void)state;
    run(true);
}

/* ---- how far it walks, what it remembers ---- */

enum { FIRST = 100 };

static const wm_id left_of_spot = {BASE, 0};
static const wm_id right_of_spot = {BASE, 3};

/* So many siblings, one after the other, between the first and the last of four units that never
 * merge: a, b, c and d. */
static void put_siblings(fixture *f, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        fixture_put(
            f, (wm_id){FIRST + i, 0},
            (wm_item){
                .kind = WM_STRING, .origin = &left_of_spot, .right = &right_of_spot, .text = "s"});
}

static void open_spot(fixture *f)
{
    fixture_open(f, (crdt_doc_options){0});
    for (uint64_t i = 0; i < 4; i++) {
        const wm_id before = {BASE, i - 1};
        fixture_put(
            f, (wm_id){BASE, i},
            (wm_item){
                .kind = WM_EMBED, .root = "t", .origin = i > 0 ? &before : NULL, .text = "1"});
    }
}

/* Behind it there are greater ones only: Yjs, too, looks no further. */
static void a_walk_ends_at_a_greater_sibling(void **state)
{
    (void)state;
    enum { SIBLINGS = 100, STEPS_MAX = 10 };
    fixture f;
    open_spot(&f);
    put_siblings(&f, SIBLINGS);
    uint64_t before = f.doc->work;
    fixture_put(
        &f, (wm_id){FIRST - 1, 0},
        (wm_item){
            .kind = WM_STRING, .origin = &left_of_spot, .right = &right_of_spot, .text = "s"});
    assert_true(f.doc->work - before < STEPS_MAX);
    fixture_close(&f);
}

static void a_spot_of_blocks_in_a_row_is_remembered(void **state)
{
    (void)state;
    fixture f;
    open_spot(&f);
    put_siblings(&f, CRDT__SPOT_STEPS_MIN + 10);
    assert_int_equal(f.doc->spot_count, 1);
    fixture_close(&f);
}

/* What is put before c parts b from c, which hangs on it: their block is not in one piece. */
static void a_spot_with_a_torn_block_is_not_remembered(void **state)
{
    (void)state;
    const wm_id c = {BASE, 2};
    fixture f;
    open_spot(&f);
    fixture_put(&f, (wm_id){FIRST - 1, 0},
                (wm_item){.kind = WM_STRING, .origin = &left_of_spot, .right = &c, .text = "y"});
    put_siblings(&f, CRDT__SPOT_STEPS_MIN + 10);
    assert_int_equal(f.doc->spot_count, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remembered_spot_of_a_list_is_where_walking_leads),
        cmocka_unit_test(a_remembered_spot_of_a_key_is_where_walking_leads),
        cmocka_unit_test(a_walk_ends_at_a_greater_sibling),
        cmocka_unit_test(a_spot_of_blocks_in_a_row_is_remembered),
        cmocka_unit_test(a_spot_with_a_torn_block_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
