/* The life of a document in its room: writes, batches, deletion, loading again, failing. */
#include "fixture.h"

#include <string.h>

#include "past/checkpoint.h"

static void first_write_creates_the_document(void **state)
{
    fixture *f = *state;
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    assert_int_equal(write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a")), 1);
    room_facts facts = facts_of(f, "d");
    assert_int_equal(facts.life, ROOM_ALIVE);
    assert_int_equal(facts.head.seq, 1);
    assert_int_equal(facts.events, 1);
    assert_true(facts.created_ms > 0);
}

static void an_update_that_says_nothing_creates_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(write_ok(f, "d", ROOM_UPDATE, frame_copy((slice){"\0\0", 2})), 0);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
}

static void a_malformed_update_changes_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, frame_copy(SLICE_LITERAL("nonsense"))),
                     ERR_MALFORMED_UPDATE);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a"));
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, frame_copy(SLICE_LITERAL("nonsense"))),
                     ERR_MALFORMED_UPDATE);
    assert_int_equal(facts_of(f, "d").head.seq, 1);
}

static void the_same_again_is_no_event(void **state)
{
    fixture *f = *state;
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_ok(f, "d", ROOM_UPDATE, typed(1, 1, "b"));
    written again = {0};
    write_start(f, &again, "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_wait(f, &again);
    assert_int_equal(again.result, ERR_OK);
    assert_false(again.w.changed);
    assert_int_equal(again.w.id.seq, 2);
    written_free(&again);
}

static void writes_of_one_turn_become_durable_together(void **state)
{
    fixture *f = *state;
    written w[8] = {0};
    uint64_t before = persist_get_stats(f->persist).commits;
    for (uint64_t i = 0; i < 8; i++)
        write_start(f, &w[i], "d", ROOM_UPDATE, typed(1, i, "x"));
    for (size_t i = 0; i < 8; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].w.id.seq, i + 1);
        written_free(&w[i]);
    }
    assert_int_equal(persist_get_stats(f->persist).commits, before + 1);
}

static void what_waits_for_others_is_kept_and_told(void **state)
{
    fixture *f = *state;
    written w = {0};
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 1, "b"));
    write_wait(f, &w);
    assert_true(w.w.changed);
    assert_true(w.w.pending);
    assert_int_equal(w.w.missing->len, 1); /* the state vector of nothing */
    written_free(&w);
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_wait(f, &w);
    assert_false(w.w.pending);
    assert_null(w.w.missing);
    written_free(&w);
}

static void too_much_that_waits_is_refused_and_creates_nothing(void **state)
{
    fixture *f = *state;
    char *text = test_malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, typed(1, 5, text)), ERR_PENDING_LIMIT);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    assert_int_equal(write_ok(f, "d", ROOM_UPDATE, typed(1, 0, text)), 1);
    test_free(text);
}

static void put_creates_once(void **state)
{
    fixture *f = *state;
    written w[2] = {0};
    write_start(f, &w[0], "d", ROOM_CREATE, NULL);
    write_start(f, &w[1], "d", ROOM_CREATE, typed(1, 0, "a"));
    write_wait(f, &w[0]);
    write_wait(f, &w[1]);
    assert_int_equal(w[0].result, ERR_OK);
    assert_int_equal(w[0].w.id.seq, 0);
    assert_int_equal(w[1].result, ERR_EXISTS);
    written_free(&w[0]);
    written_free(&w[1]);
    assert_int_equal(facts_of(f, "d").life, ROOM_ALIVE);
    assert_int_equal(write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a")), 1);
}

static void deletion_marks_the_name_until_put(void **state)
{
    fixture *f = *state;
    write_ok(f, "d", ROOM_DELETE, NULL);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a"));
    uint32_t epoch = facts_of(f, "d").head.epoch;
    write_ok(f, "d", ROOM_DELETE, NULL);
    write_ok(f, "d", ROOM_DELETE, NULL);
    assert_int_equal(facts_of(f, "d").life, ROOM_DELETED);
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, typed(1, 0, "a")), ERR_DELETED);
    assert_int_equal(write_ok(f, "d", ROOM_CREATE, typed(1, 0, "a")), 1);
    assert_int_not_equal(facts_of(f, "d").head.epoch, epoch);
}

static void writes_around_a_deletion_keep_their_order(void **state)
{
    fixture *f = *state;
    written w[4] = {0};
    write_start(f, &w[0], "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_start(f, &w[1], "d", ROOM_DELETE, NULL);
    write_start(f, &w[2], "d", ROOM_UPDATE, typed(1, 1, "b"));
    write_start(f, &w[3], "d", ROOM_CREATE, NULL);
    const err wanted[] = {ERR_OK, ERR_OK, ERR_DELETED, ERR_OK};
    for (size_t i = 0; i < 4; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].result, wanted[i]);
        written_free(&w[i]);
    }
}

/* A document whose second event is no update; nobody has it in memory. */
static void make_damaged(fixture *f, const char *name)
{
    store_doc doc;
    store_batch *b;
    uint64_t seq;
    write_ok(f, name, ROOM_UPDATE, typed(1, 0, "a"));
    assert_int_equal(store_find(f->store, (store_bytes){name, strlen(name)}, &doc), STORE_OK);
    assert_int_equal(store_batch_begin(f->store, &b), STORE_OK);
    store_event event = {.time_ms = 1, .update = {"nonsense", 8}};
    assert_int_equal(store_batch_append(b, doc.number, &event, &seq), STORE_OK);
    assert_int_equal(store_batch_commit(b), STORE_OK);
    fixture_restart(f);
}

static void what_cannot_be_loaded_can_be_deleted(void **state)
{
    fixture *f = *state;
    make_damaged(f, "d");
    write_ok(f, "other", ROOM_UPDATE, typed(1, 0, "a"));
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, typed(1, 1, "b")), ERR_STORAGE);
    write_ok(f, "d", ROOM_DELETE, NULL);
    assert_int_equal(facts_of(f, "d").life, ROOM_DELETED);
    assert_int_equal(facts_of(f, "other").life, ROOM_ALIVE);
    fixture_restart(f);
    assert_int_equal(write_err(f, "d", ROOM_UPDATE, typed(1, 1, "b")), ERR_DELETED);
    assert_int_equal(write_ok(f, "d", ROOM_CREATE, typed(1, 0, "a")), 1);
    assert_int_equal(facts_of(f, "d").life, ROOM_ALIVE);
}

static void writes_behind_such_a_deletion_find_the_name_marked(void **state)
{
    fixture *f = *state;
    written w[3] = {0};
    make_damaged(f, "d");
    write_start(f, &w[0], "d", ROOM_DELETE, NULL);
    write_start(f, &w[1], "d", ROOM_UPDATE, typed(1, 1, "b"));
    write_start(f, &w[2], "d", ROOM_CREATE, NULL);
    const err wanted[] = {ERR_OK, ERR_DELETED, ERR_OK};
    for (size_t i = 0; i < 3; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].result, wanted[i]);
        written_free(&w[i]);
    }
}

static void an_epoch_that_is_gone_is_refused(void **state)
{
    fixture *f = *state;
    written w = {.w = {.if_epoch = true, .epoch = 7}};
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_wait(f, &w);
    assert_int_equal(w.result, ERR_EPOCH_CHANGED);
    written_free(&w);
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a"));
    w.w = (room_write){.if_epoch = true, .epoch = facts_of(f, "d").head.epoch};
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 1, "b"));
    write_wait(f, &w);
    assert_int_equal(w.result, ERR_OK);
    written_free(&w);
}

static void a_document_is_the_same_after_it_was_loaded_again(void **state)
{
    fixture *f = *state;
    for (uint64_t i = 0; i < 300; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, i, "x"));
    room_facts before = facts_of(f, "d");
    frame *state_before = state_of(f, "d");
    fixture_restart(f);
    room_facts after = facts_of(f, "d");
    frame *state_after = state_of(f, "d");
    assert_int_equal(after.head.seq, 300);
    assert_int_equal(after.head.epoch, before.head.epoch);
    assert_int_equal(after.events, before.events);
    assert_int_equal(after.log_bytes, before.log_bytes);
    assert_int_equal(after.updated_ms, before.updated_ms);
    assert_true(slice_equal(frame_slice(state_before), frame_slice(state_after)));
    frame_unref(state_before);
    frame_unref(state_after);
}

static bool use_any(void *seq, const store_event *event)
{
    *(uint64_t *)seq = event->seq;
    return true;
}

static void use_checkpoint(void *arg, uint64_t seq, store_bytes bytes)
{
    assert_true(bytes.len > 1);
    *(uint64_t *)arg = seq;
}

/* Events of a KiB that make a checkpoint due. */
enum { DUE = CHECKPOINT_WEIGHT_MIN >> 10 };

/* Types `count` events of a KiB each into `doc`, the first at `clock`, and lets what that begins
 * end: unloading waits for it. */
static void type_kibs(fixture *f, const char *doc, uint64_t clock, uint64_t count)
{
    char text[1025];
    memset(text, 'x', 1024);
    text[1024] = '\0';
    for (uint64_t i = 0; i < count; i++)
        write_ok(f, doc, ROOM_UPDATE, typed(1, clock + i * 1024, text));
    fixture_restart(f);
}

static bool count_checkpoint(void *arg, uint64_t seq, store_bytes bytes)
{
    assert_true(seq > 0 && bytes.len > 1);
    ++*(unsigned *)arg;
    return true;
}

static unsigned checkpoints_of(fixture *f, const char *doc)
{
    unsigned count = 0;
    store_err failed =
        store_checkpoints(f->store, facts_of(f, doc).number, count_checkpoint, &count);
    assert_int_equal(failed, STORE_OK);
    return count;
}

static void older_checkpoints_stay(void **state)
{
    fixture *f = *state;
    type_kibs(f, "d", 0, DUE + 6);
    assert_int_equal(checkpoints_of(f, "d"), 1);
    type_kibs(f, "d", (DUE + 6) * 1024, DUE + 6);
    assert_int_equal(checkpoints_of(f, "d"), 2);
}

static void what_has_come_since_a_checkpoint_counts_over_restarts(void **state)
{
    fixture *f = *state;
    enum { STEP = 10 };
    for (uint64_t before = 0; before < 2 * DUE; before += STEP) {
        type_kibs(f, "d", before * 1024, STEP);
        assert_int_equal(checkpoints_of(f, "d"), (before + STEP) / DUE);
    }
}

static void a_document_deleted_while_its_checkpoint_is_made_has_none(void **state)
{
    fixture *f = *state;
    type_kibs(f, "d", 0, DUE - 4);
    char text[8193];
    memset(text, 'x', 8192);
    text[8192] = '\0';
    write_ok(f, "d", ROOM_UPDATE, typed(1, (DUE - 4) * 1024, text));
    write_ok(f, "d", ROOM_DELETE, NULL);
    write_ok(f, "d", ROOM_CREATE, NULL);
    fixture_restart(f);
    assert_int_equal(checkpoints_of(f, "d"), 0);
    type_kibs(f, "d", 0, DUE + 6);
    assert_int_equal(checkpoints_of(f, "d"), 1);
}

static void a_checkpoint_is_kept_once_the_events_outweigh_it(void **state)
{
    fixture *f = *state;
    char text[1025];
    memset(text, 'x', 1024);
    text[1024] = '\0';
    for (uint64_t i = 0; i < 2 * DUE - 10; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, i * 1024, text));
    while (persist_waiting(f->persist) > 0)
        turn_loop(f);
    uint64_t seq = 0;
    uint64_t number = facts_of(f, "d").number;
    assert_int_equal(store_checkpoint_find(f->store, number, UINT64_MAX, use_checkpoint, &seq),
                     STORE_OK);
    assert_in_range(seq, DUE - 4, DUE + 6);
    frame *before = state_of(f, "d");
    fixture_restart(f);
    frame *after = state_of(f, "d");
    assert_true(slice_equal(frame_slice(before), frame_slice(after)));
    frame_unref(before);
    frame_unref(after);
    uint64_t last = 0;
    assert_int_equal(store_read(f->store, number, 0, UINT64_MAX, use_any, &last), STORE_OK);
    assert_int_equal(last, 2 * DUE - 10);
}

static void a_commit_that_fails_is_as_if_it_had_not_been(void **state)
{
    fixture *f = *state;
    reader r = {0};
    written w[2] = {0};
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "a"));
    write_ok(f, "other", ROOM_UPDATE, typed(1, 0, "a"));
    reader_join(f, &r, "d", (room_position){.from = ROOM_FROM_NOTHING});
    reader_expect(&r, "sync:1");
    char *text = test_malloc((4 << 20) + 1);
    memset(text, 'x', 4 << 20);
    text[4 << 20] = '\0';
    write_start(f, &w[0], "d", ROOM_UPDATE, typed(1, 1, text));
    write_start(f, &w[1], "other", ROOM_UPDATE, typed(1, 1, "b"));
    for (size_t i = 0; i < 2; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].result, ERR_STORAGE_FULL);
        written_free(&w[i]);
    }
    test_free(text);
    assert_int_equal(facts_of(f, "d").head.seq, 1);
    assert_int_equal(facts_of(f, "other").head.seq, 1);
    frame *whole = state_of(f, "d");
    assert_true(whole->len < 100);
    frame_unref(whole);
    assert_int_equal(write_ok(f, "d", ROOM_UPDATE, typed(1, 1, "c")), 2);
    reader_expect(&r, "sync:1 update:2");
    reader_leave(&r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(first_write_creates_the_document),
        TEST(an_update_that_says_nothing_creates_nothing),
        TEST(a_malformed_update_changes_nothing),
        TEST(the_same_again_is_no_event),
        TEST(writes_of_one_turn_become_durable_together),
        TEST(what_waits_for_others_is_kept_and_told),
        TEST(too_much_that_waits_is_refused_and_creates_nothing),
        TEST(put_creates_once),
        TEST(deletion_marks_the_name_until_put),
        TEST(writes_around_a_deletion_keep_their_order),
        TEST(what_cannot_be_loaded_can_be_deleted),
        TEST(writes_behind_such_a_deletion_find_the_name_marked),
        TEST(an_epoch_that_is_gone_is_refused),
        TEST(a_document_is_the_same_after_it_was_loaded_again),
        TEST(a_checkpoint_is_kept_once_the_events_outweigh_it),
        TEST(older_checkpoints_stay),
        TEST(what_has_come_since_a_checkpoint_counts_over_restarts),
        TEST(a_document_deleted_while_its_checkpoint_is_made_has_none),
        cmocka_unit_test_setup_teardown(a_commit_that_fails_is_as_if_it_had_not_been,
                                        fixture_setup_small, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
