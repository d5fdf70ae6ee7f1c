/* Checkpoints as bytes: what goes in comes out, what older versions wrote is read, nothing else is.
 */
#include "past/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "rng.h"
#include "wiremake.h"

static const checkpoint_base none;
static const crdt_bytes nothing;

/* The state in format v2 of a document with a text, and with something that waits. */
static crdt_bytes some_state(crdt_buf *out)
{
    crdt_buf u = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 0, "some text"), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 100, "later"), NULL), CRDT_OK);
    assert_true(crdt_doc_pending(doc));
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, out), CRDT_OK);
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    return wm_bytes(out);
}

static void a_state_comes_back_as_it_was(void **state)
{
    (void)state;
    crdt_buf before = {0}, value = {0}, after = {0};
    crdt_bytes plain = some_state(&before);
    assert_int_equal(checkpoint_encode(plain, &none, &value), ERR_OK);
    assert_int_equal(value.data[0], 2);
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t len;
    assert_int_equal(checkpoint_apply(doc, wm_bytes(&value), nothing, &len), ERR_OK);
    assert_int_equal(len, plain.len);
    assert_true(crdt_doc_pending(doc));
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &after), CRDT_OK);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    crdt_doc_free(doc);
    crdt_buf_free(&before);
    crdt_buf_free(&value);
    crdt_buf_free(&after);
}

static void what_older_versions_wrote_is_read(void **state)
{
    (void)state;
    crdt_buf u = {0}, value = {0};
    crdt_bytes plain = typed(&u, 0, "some text");
    wm_byte(&value, 1);
    for (size_t i = 0; i < plain.len; i++)
        wm_byte(&value, plain.data[i]);
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t len;
    assert_int_equal(checkpoint_apply(doc, wm_bytes(&value), nothing, &len), ERR_OK);
    assert_int_equal(len, plain.len);
    assert_int_equal(typed_in(doc), strlen("some text"));
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    crdt_buf_free(&value);
}

static void refused_with(crdt_bytes base, const void *bytes, size_t len)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t state_len = 99;
    assert_int_equal(checkpoint_apply(doc, (crdt_bytes){bytes, len}, base, &state_len),
                     ERR_STORAGE);
    assert_int_equal(state_len, 99);
    assert_int_equal(typed_in(doc), 0);
    crdt_doc_free(doc);
}

static void refused(const void *bytes, size_t len)
{
    refused_with(nothing, bytes, len);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    static const uint8_t form_0[] = {0, 0, 0}, form_3[] = {3, 0, 0}, empty_frame[] = {2};
    static const uint8_t no_update[] = {1, 9, 9, 9}, no_frame[] = {2, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    /* A frame that says it holds 2^56 bytes. */
    static const uint8_t huge[] = {2, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,
                                   0, 0,    0,    0,    1,    1,    0, 0};
    refused("", 0);
    refused(form_0, sizeof(form_0));
    refused(form_3, sizeof(form_3));
    refused(empty_frame, sizeof(empty_frame));
    refused(no_update, sizeof(no_update));
    refused(no_frame, sizeof(no_frame));
    refused(huge, sizeof(huge));
}

static void a_checkpoint_cut_short_is_refused(void **state)
{
    (void)state;
    crdt_buf before = {0}, value = {0};
    assert_int_equal(checkpoint_encode(some_state(&before), &none, &value), ERR_OK);
    for (size_t len = 0; len < value.len; len++)
        refused(value.data, len);
    crdt_buf_free(&before);
    crdt_buf_free(&value);
}

/* ---- differences ---- */

/* The state of a document in which client 1 has typed `len` letters that no compressor can guess:
 * of such a one, a longer one begins with the same. */
static void state_of(size_t len, crdt_buf *out)
{
    rng r = {9};
    crdt_buf u = {0};
    char *text = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(' ' + rng_below(&r, 95));
    text[len] = '\0';
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 0, text), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, out), CRDT_OK);
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    free(text);
}

/* A whole checkpoint, and one that can be told against it. */
typedef struct pair {
    crdt_buf state; /* the later one's */
    crdt_buf whole;
    crdt_buf later;
} pair;

static pair make_pair(size_t len, size_t later_len)
{
    pair p = {0};
    crdt_buf before = {0};
    state_of(len, &before);
    state_of(later_len, &p.state);
    assert_int_equal(checkpoint_encode(wm_bytes(&before), &none, &p.whole), ERR_OK);
    checkpoint_base base = {7, wm_bytes(&p.whole)};
    assert_int_equal(checkpoint_encode(wm_bytes(&p.state), &base, &p.later), ERR_OK);
    crdt_buf_free(&before);
    return p;
}

static void pair_free(pair *p)
{
    crdt_buf_free(&p->state);
    crdt_buf_free(&p->whole);
    crdt_buf_free(&p->later);
}

static void assert_comes_back(const pair *p, uint64_t letters)
{
    uint64_t len;
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_int_equal(checkpoint_apply(doc, wm_bytes(&p->later), wm_bytes(&p->whole), &len), ERR_OK);
    assert_int_equal(len, p->state.len);
    assert_int_equal(typed_in(doc), letters);
    crdt_doc_free(doc);
}

static void a_state_is_told_as_what_is_new_in_it(void **state)
{
    (void)state;
    pair p = make_pair(20000, 21000);
    assert_int_equal(p.later.data[0], 3);
    assert_int_equal(checkpoint_base_seq(wm_bytes(&p.later)), 7);
    assert_int_equal(checkpoint_base_seq(wm_bytes(&p.whole)), 0);
    assert_true(p.later.len < p.whole.len / 10);
    assert_comes_back(&p, 21000);
    pair_free(&p);
}

static void a_state_that_is_mostly_new_is_told_whole(void **state)
{
    (void)state;
    pair p = make_pair(20000, 30000);
    assert_int_equal(p.later.data[0], 2);
    assert_comes_back(&p, 30000);
    pair_free(&p);
}

/* Where zstd looks back just far enough, and where it does not. */
static void large_states_are_told_whole(void **state)
{
    (void)state;
    const size_t half = CHECKPOINT_DIFFERENCE_MAX / 2;
    pair near = make_pair(half - 20000, half - 10000);
    assert_int_equal(near.later.data[0], 3);
    assert_true(near.later.len < 20000);
    assert_comes_back(&near, half - 10000);
    pair far = make_pair(half - 20000, half + 20000);
    assert_int_equal(far.later.data[0], 2);
    pair_free(&near);
    pair_free(&far);
}

static void only_a_whole_one_is_a_base(void **state)
{
    (void)state;
    pair p = make_pair(20000, 21000);
    crdt_buf again = {0};
    const checkpoint_base bases[] = {
        {7, wm_bytes(&p.later)}, {7, nothing}, {7, {p.whole.data, p.whole.len / 2}}};
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
        again.len = 0;
        assert_int_equal(checkpoint_encode(wm_bytes(&p.state), &bases[i], &again), ERR_OK);
        assert_int_equal(again.data[0], 2);
    }
    crdt_buf_free(&again);
    pair_free(&p);
}

static void a_difference_without_its_base_is_refused(void **state)
{
    (void)state;
    pair p = make_pair(20000, 21000);
    pair other = make_pair(19999, 20000);
    refused(p.later.data, p.later.len);
    refused_with(wm_bytes(&other.whole), p.later.data, p.later.len);
    refused_with(wm_bytes(&p.later), p.later.data, p.later.len);
    for (size_t len = 0; len < 40; len++)
        refused_with(wm_bytes(&p.whole), p.later.data, len);
    refused_with(wm_bytes(&p.whole), p.later.data, p.later.len - 1);
    refused_with((crdt_bytes){p.whole.data, p.whole.len - 1}, p.later.data, p.later.len);
    pair_free(&p);
    pair_free(&other);
}

/* ---- when ---- */

static void events_weigh_what_is_new_in_them(void **state)
{
    (void)state;
    assert_int_equal(checkpoint_weight(0), CHECKPOINT_EVENT_WEIGHT);
    assert_int_equal(checkpoint_weight(CHECKPOINT_EVENT_IDS), CHECKPOINT_EVENT_WEIGHT);
    assert_int_equal(checkpoint_weight(CHECKPOINT_EVENT_IDS + 1000),
                     CHECKPOINT_EVENT_WEIGHT + 1000);
}

static void a_checkpoint_is_due_when_events_outweigh_it(void **state)
{
    (void)state;
    const uint64_t min = CHECKPOINT_WEIGHT_MIN;
    assert_false(checkpoint_is_due(0, 0));
    assert_false(checkpoint_is_due(min - 1, 0));
    assert_true(checkpoint_is_due(min, 0));
    assert_true(checkpoint_is_due(min, min * CHECKPOINT_DIFFERENCE_SHRINKS));
    assert_false(checkpoint_is_due(min, min * 3 * CHECKPOINT_DIFFERENCE_SHRINKS));
    assert_true(checkpoint_is_due(min * 3, min * 3 * CHECKPOINT_DIFFERENCE_SHRINKS));
    const uint64_t large = CHECKPOINT_DIFFERENCE_MAX;
    assert_false(checkpoint_is_due(large / CHECKPOINT_WHOLE_SHRINKS - 1, large));
    assert_true(checkpoint_is_due(large / CHECKPOINT_WHOLE_SHRINKS, large));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back_as_it_was),
        cmocka_unit_test(what_older_versions_wrote_is_read),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
        cmocka_unit_test(a_checkpoint_cut_short_is_refused),
        cmocka_unit_test(a_state_is_told_as_what_is_new_in_it),
        cmocka_unit_test(a_state_that_is_mostly_new_is_told_whole),
        cmocka_unit_test(large_states_are_told_whole),
        cmocka_unit_test(only_a_whole_one_is_a_base),
        cmocka_unit_test(a_difference_without_its_base_is_refused),
        cmocka_unit_test(events_weigh_what_is_new_in_them),
        cmocka_unit_test(a_checkpoint_is_due_when_events_outweigh_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
