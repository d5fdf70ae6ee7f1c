/* Checkpoints: the newest at or before an event; older ones stay beside newer ones, until their
 * document is deleted. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

typedef struct found {
    uint64_t seq;
    char state[64];
    size_t len;
    unsigned calls;
} found;

static void keep(void *ctx, uint64_t seq, store_bytes state)
{
    found *out = ctx;
    out->calls++;
    out->seq = seq;
    out->len = state.len;
    memcpy(out->state, state.data, state.len < sizeof(out->state) ? state.len : 0);
}

static void check_found(store *s, uint64_t number, uint64_t until, uint64_t seq, const char *state)
{
    found out = {0};
    assert_ok(store_checkpoint_find(s, number, until, keep, &out));
    assert_int_equal(out.calls, 1);
    assert_int_equal(out.seq, seq);
    assert_int_equal(out.len, strlen(state));
    assert_memory_equal(out.state, state, out.len);
}

static void put(store *s, uint64_t number, uint64_t seq, const char *state)
{
    store_batch *b = begin(s);
    assert_ok(store_batch_checkpoint(b, number, seq, BYTES(state)));
    assert_ok(store_batch_commit(b));
}

static uint64_t make_doc(store *s, const char *name)
{
    uint64_t number = create_doc(s, name, 1).number;
    store_batch *b = begin(s);
    for (int i = 0; i < 9; i++)
        batch_append(b, number, "x");
    assert_ok(store_batch_commit(b));
    return number;
}

static void the_newest_at_or_before_is_found(void **state)
{
    fixture *f = *state;
    uint64_t before = make_doc(f->s, "before");
    uint64_t doc = make_doc(f->s, "doc");
    uint64_t behind = make_doc(f->s, "behind");
    found out = {0};
    assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, keep, &out), STORE_NOT_FOUND);
    put(f->s, before, 2, "not this");
    assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, keep, &out), STORE_NOT_FOUND);
    put(f->s, behind, 2, "nor this");
    assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, keep, &out), STORE_NOT_FOUND);
    put(f->s, doc, 4, "at four");
    for (int round = 0; round < 2; round++) {
        check_found(f->s, doc, UINT64_MAX, 4, "at four");
        check_found(f->s, doc, 5, 4, "at four");
        check_found(f->s, doc, 4, 4, "at four");
        assert_err(store_checkpoint_find(f->s, doc, 3, keep, &out), STORE_NOT_FOUND);
        fixture_reopen(f);
    }
    assert_int_equal(out.calls, 0);
}

typedef struct listing {
    char text[256];
    unsigned left; /* of those wanted */
} listing;

static bool add(void *ctx, uint64_t seq, store_bytes state)
{
    listing *l = ctx;
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof(l->text) - used, "%s%llu:%.*s", used ? " " : "",
             (unsigned long long)seq, (int)state.len, (const char *)state.data);
    return --l->left > 0;
}

static void check_list(store *s, uint64_t number, unsigned limit, const char *wanted)
{
    listing l = {.left = limit};
    assert_ok(store_checkpoints(s, number, add, &l));
    assert_string_equal(l.text, wanted);
}

static void older_ones_stay_beside(void **state)
{
    fixture *f = *state;
    uint64_t other = make_doc(f->s, "other");
    uint64_t doc = make_doc(f->s, "doc");
    uint64_t last = make_doc(f->s, "last");
    found out = {0};
    put(f->s, other, 3, "other");
    put(f->s, last, 3, "last");
    put(f->s, doc, 4, "at four");
    put(f->s, doc, 4, "four again");
    check_found(f->s, doc, UINT64_MAX, 4, "four again");
    put(f->s, doc, 9, "at nine");
    put(f->s, doc, 2, "at two"); /* later than newer ones */
    for (int round = 0; round < 2; round++) {
        check_found(f->s, doc, UINT64_MAX, 9, "at nine");
        check_found(f->s, doc, 8, 4, "four again");
        check_found(f->s, doc, 3, 2, "at two");
        assert_err(store_checkpoint_find(f->s, doc, 1, keep, &out), STORE_NOT_FOUND);
        check_list(f->s, doc, 9, "2:at two 4:four again 9:at nine");
        check_list(f->s, doc, 2, "2:at two 4:four again");
        check_list(f->s, other, 9, "3:other");
        check_list(f->s, last, 9, "3:last");
        fixture_reopen(f);
    }
    put(f->s, last, 5, "");
    check_found(f->s, last, UINT64_MAX, 5, "");
}

static void without_any_there_are_none(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    listing l = {.left = 1};
    check_list(f->s, doc, 9, "");
    assert_err(store_checkpoints(f->s, doc + 1, add, &l), STORE_NOT_FOUND);
    put(f->s, doc, 4, "at four");
    delete_doc(f->s, doc);
    assert_err(store_checkpoints(f->s, doc, add, &l), STORE_NOT_FOUND);
    assert_string_equal(l.text, "");
}

static uint64_t used_bytes(store *s)
{
    store_stats stats;
    assert_ok(store_get_stats(s, &stats));
    return stats.used_bytes;
}

/* All of them go with their document, in steps if they are many, also when the process ends in
 * between. */
static void a_deletion_takes_all_of_them(void **state)
{
    enum { COUNT = 300, LEN = 20000 };
    fixture *f = *state;
    static char large[LEN];
    found out = {0};
    uint64_t other = make_doc(f->s, "other");
    uint64_t doc = create_doc(f->s, "doc", 1).number;
    put(f->s, other, 4, "kept");
    for (int i = 0; i < COUNT / 10; i++) {
        store_batch *b = begin(f->s);
        for (int k = 0; k < 10; k++)
            assert_ok(store_batch_checkpoint(b, doc, batch_append(b, doc, "x"),
                                             (store_bytes){large, LEN}));
        assert_ok(store_batch_commit(b));
    }
    assert_true(used_bytes(f->s) > COUNT * LEN);
    delete_doc(f->s, doc);
    assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, keep, &out), STORE_NOT_FOUND);
    assert_true(used_bytes(f->s) > COUNT * LEN / 2); /* not all of it at once */
    for (int i = 0; i < 20; i++) {
        append_text(f->s, other, "y");
        if (i % 3 == 0)
            fixture_reopen(f);
        assert_err(store_checkpoint_find(f->s, doc, UINT64_MAX, keep, &out), STORE_NOT_FOUND);
    }
    assert_true(used_bytes(f->s) < COUNT * LEN / 10);
    check_list(f->s, other, 9, "4:kept");
}

static void only_a_state_after_an_event_is_taken(void **state)
{
    fixture *f = *state;
    uint64_t doc = make_doc(f->s, "doc");
    store_batch *b = begin(f->s);
    assert_err(store_batch_checkpoint(b, doc, 0, BYTES("x")), STORE_INVALID);
    assert_err(store_batch_checkpoint(b, doc, 10, BYTES("x")), STORE_INVALID);
    assert_err(store_batch_checkpoint(b, doc + 9, 1, BYTES("x")), STORE_NOT_FOUND);
    assert_err(
        store_batch_checkpoint(b, doc, 1, (store_bytes){"x", (size_t)STORE_UPDATE_LEN_MAX + 1}),
        STORE_INVALID);
    assert_int_equal(batch_append(b, doc, "ten"), 10);
    assert_ok(store_batch_checkpoint(b, doc, 10, BYTES("ten")));
    assert_ok(store_batch_commit(b));
    check_found(f->s, doc, UINT64_MAX, 10, "ten");
}

static void the_room_of_replaced_ones_is_used_again(void **state)
{
    fixture *f = *state;
    static char large[200000];
    uint64_t doc = make_doc(f->s, "doc");
    for (uint64_t i = 0; i < 60; i++) {
        store_batch *b = begin(f->s);
        assert_ok(store_batch_checkpoint(b, doc, 1 + i % 2, (store_bytes){large, sizeof(large)}));
        assert_ok(store_batch_checkpoint(b, doc, 9, (store_bytes){large, sizeof(large)}));
        assert_ok(store_batch_commit(b));
    }
    assert_true(used_bytes(f->s) < 8 * sizeof(large));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(the_newest_at_or_before_is_found),     TEST(older_ones_stay_beside),
        TEST(without_any_there_are_none),           TEST(a_deletion_takes_all_of_them),
        TEST(only_a_state_after_an_event_is_taken), TEST(the_room_of_replaced_ones_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
