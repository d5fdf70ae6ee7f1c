/* The index of a long list, against walking it: random edits, each followed by questions. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "core/order.h"
#include "rng.h"

enum { CLIENTS = 4, RUNS = 8, STEPS = 1200 };

typedef struct edits {
    fixture f;
    rng random;
    uint64_t clocks[CLIENTS + 1];
} edits;

static crdt__ref list_of(edits *e)
{
    return crdt__doc_root(e->f.doc, crdt_bytes_of("t"));
}

static crdt__ref first_of(edits *e)
{
    return crdt__type_at(&e->f.doc->objects, list_of(e))->start;
}

static const crdt__item *at(const edits *e, crdt__ref ref)
{
    return crdt__item_at(e->f.doc, ref);
}

static wm_id unit_of(const edits *e, crdt__ref ref, uint64_t offset)
{
    const crdt__item *it = at(e, ref);
    return (wm_id){e->f.doc->clients[it->client].id, it->clock + offset};
}

/* ---- random edits ---- */

/* Any place in the list, in an item or between two: the units around it. */
typedef struct place {
    wm_id left;
    wm_id right;
    bool has_left;
    bool has_right;
} place;

static uint64_t units_in(edits *e)
{
    uint64_t units = 0;
    for (crdt__ref ref = first_of(e); ref; ref = at(e, ref)->right)
        units += crdt__item_len(at(e, ref));
    return units;
}

static place place_at(edits *e, uint64_t unit)
{
    place p = {0};
    for (crdt__ref ref = first_of(e); ref; ref = at(e, ref)->right) {
        uint64_t len = crdt__item_len(at(e, ref));
        if (unit < len) {
            p.right = unit_of(e, ref, unit);
            p.has_right = true;
            if (unit > 0) {
                p.left = unit_of(e, ref, unit - 1);
                p.has_left = true;
            }
            return p;
        }
        unit -= len;
        p.left = unit_of(e, ref, len - 1);
        p.has_left = true;
    }
    return p;
}

static void insert(edits *e, uint64_t client, uint64_t unit)
{
    static const char *const texts[] = {"a", "bc", "def", "\xc3\xa4", "ghijklmno"};
    place p = place_at(e, unit);
    wm_item item = {.kind = WM_STRING, .root = "t"};
    item.text = texts[rng_below(&e->random, sizeof texts / sizeof texts[0])];
    uint64_t len = item.text[0] == '\xc3' ? 1 : strlen(item.text);
    if (rng_chance(&e->random, 15)) {
        item = (wm_item){.kind = WM_FORMAT, .root = "t", .text = "b", .value = "true"};
        len = 1;
    }
    item.origin = p.has_left ? &p.left : NULL;
    item.right = p.has_right ? &p.right : NULL;
    fixture_put(&e->f, (wm_id){client, e->clocks[client]}, item);
    e->clocks[client] += len;
}

static void delete_some(edits *e)
{
    uint64_t client = 1 + rng_below(&e->random, CLIENTS);
    if (e->clocks[client] == 0)
        return;
    uint64_t clock = rng_below(&e->random, e->clocks[client]);
    uint64_t len = 1 + rng_below(&e->random, rng_chance(&e->random, 10) ? 60 : 4);
    if (len > e->clocks[client] - clock)
        len = e->clocks[client] - clock;
    fixture_delete(&e->f, (wm_id){client, clock}, len);
}

static void edit(edits *e, uint64_t *caret)
{
    uint64_t units = units_in(e);
    if (rng_chance(&e->random, 15))
        *caret = rng_below(&e->random, units + 1);
    if (rng_chance(&e->random, 35))
        delete_some(e);
    else
        insert(e, 1 + rng_below(&e->random, CLIENTS), *caret <= units ? *caret : units);
}

/* ---- questions ---- */

static void expect_units_found(edits *e)
{
    uint64_t before = 0;
    for (crdt__ref ref = first_of(e); ref; ref = at(e, ref)->right) {
        assert_int_equal(crdt__order_index(e->f.doc, ref), before);
        uint64_t visible = crdt__item_visible(at(e, ref));
        for (uint64_t i = 0; i<visible; i += visible> 1 ? visible - 1 : 1) {
            uint64_t offset;
            assert_int_equal(crdt__order_find(e->f.doc, list_of(e), before + i, &offset), ref);
            assert_int_equal(offset, i);
        }
        before += visible;
    }
}

static crdt__ref walk_to_mark(const edits *e, crdt__ref ref, crdt__ref end)
{
    while (ref && ref != end && !crdt__item_is_mark(at(e, ref)))
        ref = at(e, ref)->right;
    return ref == end ? 0 : ref;
}

static void expect_next_found(edits *e)
{
    for (crdt__ref ref = first_of(e); ref; ref = at(e, ref)->right) {
        crdt__ref live = ref;
        while (live && at(e, live)->deleted)
            live = at(e, live)->right;
        assert_int_equal(crdt__order_next_live(e->f.doc, ref), live);
        assert_int_equal(crdt__order_next_mark(e->f.doc, ref, 0), walk_to_mark(e, ref, 0));
        crdt__ref end = ref;
        for (uint64_t i = rng_below(&e->random, 150); end && i > 0; i--)
            end = at(e, end)->right;
        assert_int_equal(crdt__order_next_mark(e->f.doc, ref, end), walk_to_mark(e, ref, end));
    }
}

static void random_edits_keep_the_index(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        edits e = {.random = {seed}};
        fixture_open(&e.f, (crdt_doc_options){0});
        uint64_t caret = 0;
        size_t asked = 0;
        for (size_t step = 0; step < STEPS; step++) {
            edit(&e, &caret);
            crdt__type *list = crdt__type_at(&e.f.doc->objects, list_of(&e));
            if (list->start && !list->order && rng_chance(&e.random, 5))
                assert_true(crdt__order_build(e.f.doc, list_of(&e)));
            if (list->order && rng_chance(&e.random, 5)) {
                expect_units_found(&e);
                expect_next_found(&e);
                asked++;
            }
            if (list->order && rng_chance(&e.random, 1) && rng_chance(&e.random, 20))
                crdt__order_drop(e.f.doc, list_of(&e));
        }
        assert_in_range(asked, 1, STEPS);
        fixture_close(&e.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_edits_keep_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
