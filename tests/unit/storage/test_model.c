/* Random batches against a naive twin that keeps everything in arrays: after every step both tell
 * the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fixture.h"
#include "rng.h"

enum { NAMES = 6, STEPS = 1500, EVENTS_MAX = 4000, LIVES_MAX = 60 };

typedef struct twin_doc {
    bool exists;
    bool deleted;
    uint64_t number;
    uint32_t epoch;
    uint64_t head;
    uint64_t bytes;
    uint32_t lives; /* epochs are drawn 1, 2, ... */
    uint16_t lens[EVENTS_MAX];
    uint8_t fill[EVENTS_MAX];
    uint64_t checkpoint; /* seq; 0: none */
    uint8_t checkpoint_fill;
} twin_doc;

typedef struct twin {
    twin_doc docs[NAMES];
} twin;

static store_bytes name_of(unsigned i)
{
    static const char *const names[NAMES] = {"a", "aa", "ab", "b", "\xff", "B"};
    return BYTES(names[i]);
}

static void append(store_batch *b, twin_doc *doc, rng *r)
{
    static uint8_t bytes[5000];
    uint64_t seq = 0;
    if (doc->head == EVENTS_MAX)
        return;
    uint16_t len = (uint16_t)rng_below(r, rng_chance(r, 10) ? sizeof(bytes) : 50);
    uint8_t fill = (uint8_t)rng_next(r);
    memset(bytes, fill, len);
    store_event event = {.time_ms = DATE_MS + fill, .update = {bytes, len}};
    event.user = (store_bytes){bytes, len % 7};
    assert_ok(store_batch_append(b, doc->number, &event, &seq));
    doc->lens[doc->head] = len;
    doc->fill[doc->head] = fill;
    doc->bytes += len;
    assert_int_equal(seq, ++doc->head);
}

static void create(store_batch *b, unsigned i, twin_doc *doc)
{
    store_doc out;
    if (doc->lives == LIVES_MAX)
        return;
    if (doc->exists && doc->deleted)
        assert_err(store_batch_create(b, name_of(i), doc->epoch, DATE_MS, &out), STORE_INVALID);
    assert_ok(store_batch_create(b, name_of(i), ++doc->lives, DATE_MS, &out));
    *doc =
        (twin_doc){.exists = true, .number = out.number, .epoch = doc->lives, .lives = doc->lives};
}

static void checkpoint(store_batch *b, twin_doc *doc, rng *r)
{
    static uint8_t state[20000];
    uint64_t seq = doc->head - rng_below(r, doc->head - doc->checkpoint + 1);
    if (seq == 0 || seq < doc->checkpoint)
        return;
    doc->checkpoint_fill = (uint8_t)rng_next(r);
    doc->checkpoint = seq;
    memset(state, doc->checkpoint_fill, sizeof(state));
    assert_ok(store_batch_checkpoint(b, doc->number, seq, (store_bytes){state, seq % 20000 + 1}));
}

static void act(store_batch *b, twin *t, rng *r)
{
    unsigned i = (unsigned)rng_below(r, NAMES);
    twin_doc *doc = &t->docs[i];
    store_doc out;
    if (!doc->exists || doc->deleted) {
        create(b, i, doc);
    } else if (rng_chance(r, 3)) {
        assert_ok(store_batch_delete(b, doc->number, DATE_MS));
        doc->deleted = true;
    } else if (rng_chance(r, 5)) {
        checkpoint(b, doc, r);
    } else if (rng_chance(r, 3)) {
        assert_err(store_batch_create(b, name_of(i), 9999, DATE_MS, &out), STORE_EXISTS);
    } else {
        append(b, doc, r);
    }
}

/* What should be moved is chosen anew each time: all of it, what is older than some event, or what
 * is too much; prepared before or while other things happen. */
static store_packs *prepare(store *s, rng *r)
{
    store_packs *packs;
    store_pack_policy policy = {.before_ms = rng_chance(r, 50) ? INT64_MAX : DATE_MS + 100,
                                .tail_bytes_max = rng_chance(r, 50) ? UINT64_MAX : 100000};
    assert_ok(store_packs_prepare(s, &policy, &packs));
    return packs;
}

typedef struct comparing {
    const twin_doc *doc;
    uint64_t seq;
} comparing;

static bool compare_event(void *ctx, const store_event *event)
{
    comparing *c = ctx;
    uint16_t len = c->doc->lens[c->seq];
    uint8_t fill = c->doc->fill[c->seq];
    const uint8_t *bytes = event->update.data;
    assert_int_equal(event->seq, ++c->seq);
    assert_int_equal(event->update.len, len);
    assert_int_equal(event->user.len, len % 7);
    assert_int_equal(event->time_ms, DATE_MS + fill);
    for (uint16_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], fill);
    return true;
}

static void compare_checkpoint(void *ctx, uint64_t seq, store_bytes state)
{
    const twin_doc *doc = ctx;
    const uint8_t *bytes = state.data;
    assert_int_equal(seq, doc->checkpoint);
    assert_int_equal(state.len, seq % 20000 + 1);
    for (size_t i = 0; i < state.len; i++)
        assert_int_equal(bytes[i], doc->checkpoint_fill);
}

static void compare_living(store *s, twin_doc *doc, rng *r)
{
    uint64_t reach = rng_chance(r, 3) || doc->head < 50 ? doc->head + 1 : 50;
    uint64_t after = doc->head - rng_below(r, reach);
    comparing c = {doc, after};
    assert_ok(store_read(s, doc->number, after, UINT64_MAX, compare_event, &c));
    assert_int_equal(c.seq, doc->head);
    store_err err = store_checkpoint_find(s, doc->number, UINT64_MAX, compare_checkpoint, doc);
    assert_err(err, doc->checkpoint ? STORE_OK : STORE_NOT_FOUND);
}

static void compare_doc(store *s, unsigned i, twin_doc *doc, rng *r)
{
    store_doc d;
    store_err err = store_find(s, name_of(i), &d);
    assert_err(err, doc->exists ? STORE_OK : STORE_NOT_FOUND);
    if (!doc->exists)
        return;
    assert_int_equal(d.number, doc->number);
    assert_int_equal(d.epoch, doc->epoch);
    assert_int_equal(d.deleted, doc->deleted);
    assert_int_equal(d.head, doc->head);
    assert_int_equal(d.events, doc->head);
    assert_int_equal(d.log_bytes, doc->bytes);
    if (doc->deleted)
        assert_err(read_err(s, doc->number), STORE_NOT_FOUND);
    else
        compare_living(s, doc, r);
}

static void compare(store *s, twin *t, rng *r)
{
    static const unsigned in_order[NAMES] = {5, 0, 1, 2, 3, 4};
    char wanted[64] = "";
    for (unsigned i = 0; i < NAMES; i++) {
        const twin_doc *doc = &t->docs[in_order[i]];
        compare_doc(s, in_order[i], &t->docs[in_order[i]], r);
        if (doc->exists && !doc->deleted) {
            strcat(wanted, wanted[0] ? " " : "");
            strcat(wanted, name_of(in_order[i]).data);
        }
    }
    assert_string_equal(list_text(s, "", "", 100), wanted);
}

static void the_store_tells_what_its_twin_tells(void **state)
{
    fixture *f = *state;
    const char *given = getenv("WEFT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("seed %" PRIu64 " (WEFT_SEED=%" PRIu64 " repeats it)\n", seed, seed);
    rng r = {seed};
    twin *t = calloc(1, sizeof(*t));
    twin *before = calloc(1, sizeof(*before));
    f->options.map_size_min = (size_t)1 << 20;
    store_packs *packs = NULL;
    for (unsigned step = 0; step < STEPS; step++) {
        *before = *t;
        store_batch *b = begin(f->s);
        for (uint64_t n = rng_below(&r, rng_chance(&r, 5) ? 300 : 6); n > 0; n--)
            act(b, t, &r);
        if (packs && rng_chance(&r, 70))
            assert_ok(store_batch_pack(b, packs));
        if (rng_chance(&r, 15)) {
            store_batch_abort(b);
            *t = *before;
        } else {
            assert_ok(store_batch_commit(b));
        }
        if (rng_chance(&r, 50)) {
            store_packs_free(packs);
            packs = prepare(f->s, &r);
        }
        if (rng_chance(&r, 5))
            fixture_reopen(f); /* what was prepared stays good */
        compare(f->s, t, &r);
    }
    store_packs_free(packs);
    free(before);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_tells_what_its_twin_tells, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
