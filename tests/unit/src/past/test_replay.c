/* Replay over a real store: every event is the end of some document, whichever checkpoints there
 * are. */
#include "past/replay.h"

#include <stdlib.h>
#include <string.h>

#include "core/doc.h"
#include "fixture.h"
#include "past/kept.h"
#include "rng.h"
#include "wiremake.h"

enum { EVENTS = 200 };

/* The document after `seq`, which holds as many letters. */
static replay replayed(fixture *f, uint64_t seq)
{
    crdt_doc *doc;
    replay took;
    assert_int_equal(replay_doc(f->store, f->number, seq, 0, &doc, &took), ERR_OK);
    assert_int_equal(typed_in(doc), seq);
    crdt_doc_free(doc);
    return took;
}

static void move_to_segments(fixture *f)
{
    store_pack_policy policy = {.before_ms = INT64_MAX};
    store_packs *packs;
    store_batch *batch;
    assert_int_equal(store_packs_prepare(f->store, &policy, &packs), STORE_OK);
    assert_non_null(packs);
    assert_int_equal(store_batch_begin(f->store, &batch), STORE_OK);
    assert_int_equal(store_batch_pack(batch, packs), STORE_OK);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
    store_packs_free(packs);
}

static void a_document_is_as_it_was_after_any_event(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, EVENTS);
    for (uint64_t seq = 0; seq <= EVENTS; seq++)
        assert_int_equal(replayed(f, seq).events, seq);
    move_to_segments(f);
    for (uint64_t seq = 0; seq <= EVENTS; seq++)
        assert_int_equal(replayed(f, seq).events, seq);
}

static void it_begins_with_the_nearest_checkpoint_before(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, EVENTS);
    keep_state(f, 50);
    keep_state(f, 120);
    for (uint64_t seq = 0; seq <= EVENTS; seq++) {
        uint64_t from = seq < 50 ? 0 : seq < 120 ? 50 : 120;
        replay took = replayed(f, seq);
        assert_int_equal(took.checkpoint_seq, from);
        assert_int_equal(took.events, seq - from);
        assert_true((took.checkpoint_len > 0) == (from > 0));
        assert_true((took.weight > 0) == (seq > from));
    }
}

static void a_checkpoint_that_is_none_is_passed_over(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, EVENTS);
    static const uint8_t garbage[] = {2, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    keep(f, 100, (crdt_bytes){garbage, sizeof(garbage)});
    replay took = replayed(f, 150);
    assert_int_equal(took.checkpoint_seq, 0);
    assert_int_equal(took.checkpoint_len, 0);
    assert_int_equal(took.events, 150);
}

/* ---- differences ---- */

enum { TEXT_LEN = 20000 };

/* An event with a long text, and behind it letters, with checkpoints now and then. */
static void type_much(fixture *f)
{
    rng r = {5};
    crdt_buf u = {0};
    char text[TEXT_LEN + 1];
    for (size_t i = 0; i < TEXT_LEN; i++)
        text[i] = (char)(' ' + rng_below(&r, 95));
    text[TEXT_LEN] = '\0';
    append(f, typed(&u, 0, text));
    append_letters(f, TEXT_LEN, EVENTS);
    keep_state(f, 20);
    keep_state(f, 50);
    keep_state(f, 120);
    crdt_buf_free(&u);
}

static replay replayed_much(fixture *f, uint64_t seq)
{
    crdt_doc *doc;
    replay took;
    assert_int_equal(replay_doc(f->store, f->number, seq, 0, &doc, &took), ERR_OK);
    assert_int_equal(typed_in(doc), TEXT_LEN + seq - 1);
    crdt_doc_free(doc);
    return took;
}

static void differences_are_checkpoints_too(void **state)
{
    fixture *f = *state;
    type_much(f);
    static const uint64_t seqs[] = {20, 50, 120};
    for (size_t i = 0; i < sizeof(seqs) / sizeof(*seqs); i++) {
        kept k;
        assert_int_equal(kept_find(f->store, f->number, seqs[i] + 5, &k), ERR_OK);
        assert_int_equal(k.seq, seqs[i]);
        assert_int_equal(k.base_seq, i == 0 ? 0 : 20);
        assert_true(i == 0 || k.bytes.len < TEXT_LEN / 8);
        kept_free(&k);
    }
    for (uint64_t seq = 1; seq <= EVENTS; seq++)
        assert_int_equal(replayed_much(f, seq).checkpoint_seq, seq < 20    ? 0
                                                               : seq < 50  ? 20
                                                               : seq < 120 ? 50
                                                                           : 120);
}

static void a_difference_to_what_is_damaged_is_passed_over(void **state)
{
    fixture *f = *state;
    static const uint8_t garbage[] = {2, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    type_much(f);
    keep(f, 20, (crdt_bytes){garbage, sizeof(garbage)});
    replay took = replayed_much(f, 60);
    assert_int_equal(took.checkpoint_seq, 0);
    assert_int_equal(took.events, 60);
}

/* The base stands behind another event than it did: some other state, which is whole itself. */
static void a_difference_to_another_state_is_passed_over(void **state)
{
    fixture *f = *state;
    kept k;
    type_much(f);
    append_letters(f, TEXT_LEN + EVENTS, 1);
    crdt_doc *doc;
    crdt_buf text = {0}, value = {0};
    assert_int_equal(replay_doc(f->store, f->number, 19, 0, &doc, NULL), ERR_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &text), CRDT_OK);
    assert_int_equal(checkpoint_encode(wm_bytes(&text), &(checkpoint_base){0}, &value), ERR_OK);
    keep(f, 20, wm_bytes(&value));
    assert_int_equal(kept_find(f->store, f->number, 60, &k), ERR_OK);
    assert_int_equal(k.base_seq, 20);
    kept_free(&k);
    assert_int_equal(replayed_much(f, 60).checkpoint_seq, 0);
    crdt_buf_free(&text);
    crdt_buf_free(&value);
    crdt_doc_free(doc);
}

static void a_document_without_checkpoints_has_none(void **state)
{
    fixture *f = *state;
    kept k;
    append_letters(f, 0, 3);
    assert_int_equal(kept_find(f->store, f->number, 3, &k), ERR_OK);
    assert_int_equal(k.seq, 0);
    assert_int_equal(kept_base(&k).seq, 0);
    kept_free(&k);
}

static void events_larger_than_a_stretch_are_read(void **state)
{
    fixture *f = *state;
    enum { LEN = 3 << 20 };
    char *text = malloc(LEN + 1);
    memset(text, 'x', LEN);
    text[LEN] = '\0';
    crdt_buf u = {0};
    for (uint64_t i = 0; i < 5; i++)
        append(f, typed(&u, i * LEN, text));
    crdt_doc *doc;
    replay took;
    assert_int_equal(replay_doc(f->store, f->number, 5, 0, &doc, &took), ERR_OK);
    assert_int_equal(typed_in(doc), UINT64_C(5) * LEN);
    assert_int_equal(took.events, 5);
    assert_true(took.weight > UINT64_C(5) * (LEN - 100));
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    free(text);
}

static err replay_err(fixture *f, uint64_t number, uint64_t seq)
{
    crdt_doc *doc = NULL;
    err failed = replay_doc(f->store, number, seq, 0, &doc, NULL);
    assert_null(doc);
    return failed;
}

static void what_is_not_there_is_an_error(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, 3);
    assert_int_equal(replay_err(f, f->number, 4), ERR_STORAGE);
    assert_int_equal(replay_err(f, f->number + 1, 1), ERR_DELETED);
    delete_document(f);
    assert_int_equal(replay_err(f, f->number, 1), ERR_DELETED);
}

static void an_event_that_is_no_update_is_damage(void **state)
{
    fixture *f = *state;
    static const uint8_t garbage[] = {9, 9, 9};
    append_letters(f, 0, 3);
    append(f, (crdt_bytes){garbage, sizeof(garbage)});
    assert_int_equal(replayed(f, 3).events, 3);
    assert_int_equal(replay_err(f, f->number, 4), ERR_STORAGE);
}

static void what_waits_may_pass_the_limit(void **state)
{
    fixture *f = *state;
    crdt_buf u = {0};
    append(f, typed(&u, 1, "this waits for the letter before it"));
    crdt_buf_free(&u);
    crdt_doc *doc;
    assert_int_equal(replay_doc(f->store, f->number, 1, 1, &doc, NULL), ERR_OK);
    assert_true(crdt_doc_pending(doc));
    crdt_doc_free(doc);
}

static void nobody_knows_how_a_document_hashes(void **state)
{
    fixture *f = *state;
    crdt_doc *docs[3];
    docs[0] = replay_new_doc(0);
    assert_int_equal(replay_doc(f->store, f->number, 0, 0, &docs[1], NULL), ERR_OK);
    assert_int_equal(replay_doc(f->store, f->number, 0, 0, &docs[2], NULL), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(docs[i]->options.hash_seed != docs[k]->options.hash_seed);
    for (size_t i = 0; i < 3; i++)
        crdt_doc_free(docs[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_document_is_as_it_was_after_any_event),
        TEST(it_begins_with_the_nearest_checkpoint_before),
        TEST(a_checkpoint_that_is_none_is_passed_over),
        TEST(differences_are_checkpoints_too),
        TEST(a_difference_to_what_is_damaged_is_passed_over),
        TEST(a_difference_to_another_state_is_passed_over),
        TEST(a_document_without_checkpoints_has_none),
        TEST(events_larger_than_a_stretch_are_read),
        TEST(what_is_not_there_is_an_error),
        TEST(an_event_that_is_no_update_is_damage),
        TEST(what_waits_may_pass_the_limit),
        TEST(nobody_knows_how_a_document_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
