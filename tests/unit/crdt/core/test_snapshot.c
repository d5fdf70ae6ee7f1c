/* What of an item was visible at a moment, and the snapshots that tell of moments. */
#include "fixture.h"

#include <string.h>

#include "core/snapshot.h"
#include "rng.h"

enum { UNITS = 24 };

static wm_item text_item(const char *text)
{
    return (wm_item){.kind = WM_STRING, .root = "t", .text = text};
}

static crdt_snapshot *decoded(const crdt_buf *bytes)
{
    crdt_snapshot *at = NULL;
    assert_int_equal(crdt_snapshot_new(CRDT_V1, wm_bytes(bytes), NULL, &at), CRDT_OK);
    return at;
}

static crdt_snapshot *taken(fixture *f)
{
    crdt_buf bytes = {0};
    assert_int_equal(crdt_doc_snapshot(f->doc, CRDT_V1, &bytes), CRDT_OK);
    crdt_snapshot *at = decoded(&bytes);
    crdt_buf_free(&bytes);
    return at;
}

/* Marks the units of all items of client 7 that were visible. */
static void look(fixture *f, const crdt_snapshot *at, bool seen[UNITS])
{
    memset(seen, 0, UNITS * sizeof *seen);
    uint32_t client = crdt__doc_find_client(f->doc, 7);
    crdt__pos pos = crdt__blocks_first(&f->doc->clients[client].blocks);
    do {
        const crdt__item *it = crdt__item_at(f->doc, crdt__blocks_item(&f->doc->objects, pos));
        crdt__visible walk = crdt__snapshot_visible(f->doc, at, it);
        uint64_t last = 0;
        for (uint64_t from, to; crdt__visible_next(&walk, &from, &to); last = to) {
            assert_true(from < to && from >= last && to <= crdt__item_len(it));
            assert_true(from == 0 || from > last); /* what touches is one stretch */
            for (uint64_t i = from; i < to; i++)
                seen[it->clock + i] = true;
        }
    } while (crdt__blocks_next(&f->doc->objects, &pos));
}

/* The snapshot, made by hand, of client 7's first `state` units without those in `deleted`. */
static crdt_snapshot *snapshot_of(uint64_t state, const bool deleted[UNITS])
{
    crdt_buf bytes = {0};
    uint64_t ranges = 0;
    for (size_t i = 0; i < UNITS; i++)
        ranges += deleted[i] ? 2 : 0;
    wm_varuint(&bytes, 1);
    wm_deletes_of(&bytes, 7, ranges);
    for (size_t i = 0; i < UNITS; i++) {
        if (!deleted[i])
            continue;
        wm_range(&bytes, i, 1);
        wm_range(&bytes, i / 2, 0); /* says nothing */
    }
    wm_varuint(&bytes, 2);
    wm_varuint(&bytes, 9);
    wm_varuint(&bytes, 100);
    wm_varuint(&bytes, 7);
    wm_varuint(&bytes, state);
    crdt_snapshot *at = decoded(&bytes);
    crdt_buf_free(&bytes);
    return at;
}

static void stretches_equal_those_of_a_naive_twin(void **state)
{
    (void)state;
    rng random = {1};
    for (int round = 0; round < 300; round++) {
        fixture f;
        fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_OFF});
        fixture_put(&f, (wm_id){7, 0}, text_item("abcdefghijklmnopqrstuvwx"));
        fixture_delete(&f, (wm_id){7, rng_below(&random, UNITS - 8)}, 1 + rng_below(&random, 8));
        bool deleted[UNITS];
        bool seen[UNITS];
        for (size_t i = 0; i < UNITS; i++)
            deleted[i] = rng_chance(&random, 30);
        uint64_t reached = rng_below(&random, UNITS + 3);
        crdt_snapshot *at = snapshot_of(reached, deleted);
        look(&f, at, seen);
        for (size_t i = 0; i < UNITS; i++)
            assert_int_equal(seen[i], i < reached && !deleted[i]);
        crdt_snapshot_free(at);
        fixture_close(&f);
    }
}

static void without_a_snapshot_what_is_not_deleted_is_visible(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_OFF});
    fixture_put(&f, (wm_id){7, 0}, text_item("abcdefghijklmnopqrstuvwx"));
    fixture_delete(&f, (wm_id){7, 3}, 5);
    bool seen[UNITS];
    look(&f, NULL, seen);
    for (size_t i = 0; i < UNITS; i++)
        assert_int_equal(seen[i], i < 3 || i >= 8);
    fixture_close(&f);
}

static void a_client_named_twice_counts_with_its_last_clock(void **state)
{
    (void)state;
    const uint8_t twice[] = {0, 3, 5, 1, 6, 2, 5, 9};
    const uint8_t once[] = {0, 2, 6, 2, 5, 9};
    crdt_snapshot *at = NULL;
    crdt_buf out = {0};
    assert_int_equal(crdt_snapshot_new(CRDT_V1, (crdt_bytes){twice, sizeof twice}, NULL, &at),
                     CRDT_OK);
    assert_int_equal(crdt__snapshot_clock(at, 5), 9);
    assert_int_equal(crdt__snapshot_clock(at, 6), 2);
    assert_int_equal(crdt__snapshot_clock(at, 7), 0);
    assert_int_equal(crdt_snapshot_encode(at, CRDT_V1, &out), CRDT_OK);
    assert_int_equal(out.len, sizeof once);
    assert_memory_equal(out.data, once, sizeof once);
    crdt_buf_free(&out);
    crdt_snapshot_free(at);
}

static void what_is_no_snapshot_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t len;
    } cases[] = {
        {{0}, 0},       {{0}, 1},          {{0, 1}, 2},     {{0, 1, 5}, 3},
        {{0, 0, 0}, 3}, {{1, 5, 1, 0}, 4}, {{255, 255}, 2}, {{0, 255, 255, 3}, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int encoding = CRDT_V1; encoding <= CRDT_V2; encoding++) {
            crdt_snapshot *at = NULL;
            assert_int_equal(crdt_snapshot_new((crdt_encoding)encoding,
                                               (crdt_bytes){cases[i].bytes, cases[i].len}, NULL,
                                               &at),
                             CRDT_MALFORMED);
            assert_null(at);
        }
}

static void a_moment_is_restored_without_what_came_later(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_OFF});
    fixture_put(&f, (wm_id){7, 0}, text_item("abc"));
    crdt_snapshot *at = taken(&f);
    crdt_buf then = fixture_state(&f);
    const wm_id c = {7, 2};
    wm_item more = text_item("def");
    more.origin = &c;
    fixture_put(&f, (wm_id){7, 3}, more);
    fixture_delete(&f, (wm_id){7, 1}, 3);
    crdt_buf later = fixture_state(&f);
    crdt_buf restored = {0};
    assert_int_equal(crdt_doc_encode_snapshot_state(f.doc, at, CRDT_V1, &restored), CRDT_OK);

    fixture back;
    fixture_open(&back, (crdt_doc_options){.gc = CRDT_GC_OFF});
    fixture_apply(&back, wm_bytes(&restored));
    fixture_expect_state(&back, wm_bytes(&then));
    fixture_expect_state(&f, wm_bytes(&later));
    fixture_close(&back);
    crdt_buf_free(&then);
    crdt_buf_free(&later);
    crdt_buf_free(&restored);
    crdt_snapshot_free(at);
    fixture_close(&f);
}

/* The halves of a pair are units of their own: a moment may lie between them. */
static void a_moment_inside_a_pair_leaves_half_of_it(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_OFF});
    fixture_put(&f, (wm_id){7, 0}, text_item("a\xf0\x9f\x99\x82z"));
    const bool nothing[UNITS] = {false};
    crdt_snapshot *at = snapshot_of(2, nothing);
    crdt_buf update = {0};
    /* The snapshot names client 9, of which the document knows nothing. */
    assert_int_equal(crdt_doc_encode_snapshot_state(f.doc, at, CRDT_V1, &update), CRDT_INVALID);
    crdt_snapshot_free(at);

    const uint8_t half[] = {0, 1, 7, 2};
    assert_int_equal(crdt_snapshot_new(CRDT_V1, (crdt_bytes){half, sizeof half}, NULL, &at),
                     CRDT_OK);
    assert_int_equal(crdt_doc_encode_snapshot_state(f.doc, at, CRDT_V1, &update), CRDT_OK);
    fixture back;
    fixture_open(&back, (crdt_doc_options){0});
    fixture_apply(&back, wm_bytes(&update));
    wm_item wanted = text_item("a\xef\xbf\xbd");
    crdt_buf expected = {0};
    fixture_expect_state(&back, wm_one(&expected, (wm_id){7, 0}, &wanted));
    fixture_close(&back);
    crdt_buf_free(&expected);
    crdt_buf_free(&update);
    crdt_snapshot_free(at);
    fixture_close(&f);
}

static void a_document_that_collects_restores_nothing(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){.gc = CRDT_GC_ON});
    fixture_put(&f, (wm_id){7, 0}, text_item("abc"));
    crdt_snapshot *at = taken(&f);
    crdt_buf update = {0};
    assert_int_equal(crdt_doc_encode_snapshot_state(f.doc, at, CRDT_V1, &update), CRDT_INVALID);
    assert_int_equal(update.len, 0);
    crdt_snapshot_free(at);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_equal_those_of_a_naive_twin),
        cmocka_unit_test(without_a_snapshot_what_is_not_deleted_is_visible),
        cmocka_unit_test(a_client_named_twice_counts_with_its_last_clock),
        cmocka_unit_test(what_is_no_snapshot_is_refused),
        cmocka_unit_test(a_moment_is_restored_without_what_came_later),
        cmocka_unit_test(a_moment_inside_a_pair_leaves_half_of_it),
        cmocka_unit_test(a_document_that_collects_restores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
