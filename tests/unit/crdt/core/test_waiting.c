/* What waits, told as an update, is what Yjs' way gives: each update merged into what waited before
 * it. Overlaps, GC structs that meet, structs of the same clocks told otherwise. */
#include "core/doc.h"
#include "fixture.h"
#include "rng.h"

enum { ROUNDS = 3000, UPDATES = 12, CLOCKS = 40 };

static const wm_id origin = {99, 5};

/* One struct; returns how long it is. GC structs do not follow each other, as in what Yjs sends. */
static uint64_t add_struct(crdt_buf *u, rng *random, unsigned *kind)
{
    static const char *const text = "abcdefgh";
    uint64_t len = 1 + rng_below(random, 8);
    const unsigned kinds[] = {WM_GC, WM_GC, WM_STRING, WM_STRING, WM_DELETED, WM_SKIP};
    wm_item item = {.kind = kinds[rng_below(random, 6)], .len = len};
    if ((*kind == WM_GC && item.kind == WM_GC) || (*kind == 0xff && item.kind == WM_SKIP))
        item.kind = WM_DELETED;
    *kind = item.kind;
    if (item.kind != WM_GC && item.kind != WM_SKIP)
        item.origin = &origin;
    if (item.kind == WM_STRING)
        item.text = text + 8 - len;
    wm_struct(u, &item);
    return len;
}

/* Some structs of some clients, all behind clock 0, which nobody tells. */
static crdt_bytes make_update(crdt_buf *u, rng *random)
{
    const uint64_t clients[] = {9, 7, 4};
    unsigned chosen = 1 + (unsigned)rng_below(random, 7);
    u->len = 0;
    wm_begin(u, (chosen & 1) + (chosen >> 1 & 1) + (chosen >> 2));
    for (unsigned i = 0; i < 3; i++) {
        if (!(chosen >> i & 1))
            continue;
        uint64_t clock = 1 + rng_below(random, 3) * rng_below(random, CLOCKS / 2);
        uint64_t structs = 1 + rng_below(random, 4);
        wm_section(u, structs, clients[i], clock);
        unsigned kind = 0xff; /* of the struct before: none */
        for (; structs > 0; structs--)
            clock += add_struct(u, random, &kind);
    }
    wm_begin_deletes(u, 0);
    return wm_bytes(u);
}

static void merge(const crdt_bytes *updates, size_t count, crdt_buf *out)
{
    out->len = 0;
    assert_int_equal(crdt_update_merge(CRDT_V1, updates, count, out), CRDT_OK);
}

/* What a state holds that has nothing else: merged with the empty update. */
static void expect_waiting(fixture *f, crdt_bytes waiting)
{
    static const uint8_t nothing[] = {0, 0};
    const crdt_bytes both[] = {{nothing, sizeof nothing}, waiting};
    crdt_buf expected = {0};
    merge(both, 2, &expected);
    fixture_expect_state(f, wm_bytes(&expected));
    crdt_buf_free(&expected);
}

static void updates_that_wait_are_merged_as_yjs_merges_them(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        rng random = {seed};
        fixture f;
        crdt_buf waiting[2] = {{0}, {0}};
        fixture_open(&f, (crdt_doc_options){0});
        for (int i = 0; i < UPDATES; i++) {
            crdt_buf *before = &waiting[i % 2];
            crdt_buf *after = &waiting[(i + 1) % 2];
            const crdt_bytes both[] = {wm_bytes(before), make_update(&f.update, &random)};
            if (i == 0)
                merge(&both[1], 1, after);
            else
                merge(both, 2, after);
            fixture_apply(&f, both[1]);
            expect_waiting(&f, wm_bytes(after));
        }
        crdt_buf_free(&waiting[0]);
        crdt_buf_free(&waiting[1]);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_that_wait_are_merged_as_yjs_merges_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
