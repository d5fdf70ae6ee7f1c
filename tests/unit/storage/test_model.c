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
    uint16_t checkpoints[EVENTS_MAX]; /* of the state after event i + 1: 1 + fill; 0: none */
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

static size_t state_len(uint64_t seq)
{
    return seq % 20000 + 1;
}

static void checkpoint(store_batch *b, twin_doc *doc, rng *r)
{
    static uint8_t state[20000];
    if (doc->head == 0)
        return;
    uint64_t seq = doc->head - rng_below(r, doc->head);
    uint8_t fill = (uint8_t)rng_next(r);
    memset(state, fill, sizeof(state));
    assert_ok(store_batch_checkpoint(b, doc->number, seq, (store_bytes){state, state_len(seq)}));
    doc->checkpoints[seq - 1] = (uint16_t)(1 + fill);
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

/* The newest at or before `until`; 0: none. */
static uint64_t checkpoint_before(const twin_doc *doc, uint64_t until)
{
    while (until > 0 && !doc->checkpoints[until - 1])
        until--;
    return until;
}

static void compare_found(void *ctx, uint64_t seq, store_bytes state)
{
    const comparing *c = ctx;
    const uint8_t *bytes = state.data;
    assert_int_equal(seq, c->seq);
    assert_int_equal(state.len, state_len(seq));
    for (size_t i = 0; i < state.len; i++)
        assert_int_equal(1 + bytes[i], c->doc->checkpoints[seq - 1]);
}

/* Between one and the next there is none. */
static bool compare_each(void *ctx, uint64_t seq, store_bytes state)
{
    comparing *c = ctx;
    assert_int_equal(checkpoint_before(c->doc, seq - 1), c->seq);
    c->seq = seq;
    compare_found(ctx, seq, state);
    return true;
}

static void compare_checkpoints(store *s, const twin_doc *doc, rng *r)
{
    uint64_t until = rng_below(r, doc->head + 1);
    comparing c = {doc, checkpoint_before(doc, until)};
    store_err err = store_checkpoint_find(s, doc->number, until, compare_found, &c);
    assert_err(err, c.seq ? STORE_OK : STORE_NOT_FOUND);
    if (!rng_chance(r, 3))
        return;
    c.seq = 0;
    assert_ok(store_checkpoints(s, doc->number, compare_each, &c));
    assert_int_equal(c.seq, checkpoint_before(doc, doc->head));
}

static void compare_living(store *s, twin_doc *doc, rng *r)
{
    uint64_t reach = rng_chance(r, 3) || doc->head < 50 ? doc->head + 1 : 50;
    uint64_t after = doc->head - rng_below(r, reach);
    comparing c = {doc, after};
    assert_ok(store_read(s, doc->number, after, UINT64_MAX, compare_event, &c));
    assert_int_equal(c.seq, doc->head);
    compare_checkpoints(s, doc, r);
}

static void compare_gone(store *s, const twin_doc *doc)
{
    assert_err(read_err(s, doc->number), STORE_NOT_FOUND);
    assert_err(store_checkpoint_find(s, doc->number, UINT64_MAX, compare_found, NULL),
               STORE_NOT_FOUND);
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
        compare_gone(s, doc);
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
            assert_clean(f); /* what was prepared stays good */
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
