/* Readers: what each is sent, whatever it had seen before and however slowly it reads. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static const room_position from_nothing = {.from = ROOM_FROM_NOTHING};
static const room_position from_latest = {.from = ROOM_FROM_LATEST};

static room_position from_id(uint64_t seq, uint32_t epoch)
{
    return (room_position){.from = ROOM_FROM_ID,
                           .id = {.seq = seq, .epoch = epoch, .has_epoch = true}};
}

static void type(fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, i, "x"));
}

static void a_reader_gets_the_state_and_then_what_happens(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 3);
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:3");
    type(f, 3, 5);
    reader_expect(&r, "sync:3 update:4 update:5");
    reader_leave(&r);
}

static void nothing_to_sync_is_an_update_that_says_nothing(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    assert_true(slice_equal(r.last, (slice){"\0\0", 2}));
    type(f, 0, 1);
    reader_expect(&r, "sync:0 update:1");
    reader_leave(&r);
}

static void events_of_one_batch_are_one_update(void **state)
{
    fixture *f = *state;
    reader r = {0};
    written w[5] = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    for (uint64_t i = 0; i < 5; i++)
        write_start(f, &w[i], "d", ROOM_UPDATE, typed(1, i, "x"));
    reader_expect(&r, "sync:0 update:5");
    for (size_t i = 0; i < 5; i++) {
        write_wait(f, &w[i]);
        written_free(&w[i]);
    }
    reader_leave(&r);
}

static void a_frame_is_shown_before_its_writer_is_answered(void **state)
{
    fixture *f = *state;
    reader r = {0};
    written w = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 0, "x"));
    write_wait(f, &w);
    assert_string_equal(r.log, "sync:0 update:1");
    written_free(&w);
    reader_leave(&r);
}

static void a_slow_reader_gets_one_merged_update(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    r.answer = SINK_PENDING;
    type(f, 0, 10);
    assert_string_equal(r.log, "sync:0 update:1");
    assert_int_equal(r.sends, 2);
    reader_drain(&r);
    reader_expect(&r, "sync:0 update:1 update:10");
    type(f, 10, 11);
    reader_expect(&r, "sync:0 update:1 update:10 update:11");
    reader_leave(&r);
}

static void a_reader_behind_the_ring_is_caught_up_from_the_log(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    r.answer = SINK_PENDING;
    type(f, 0, 200);
    reader_drain(&r);
    reader_expect(&r, "sync:0 update:1 update:200");
    reader_leave(&r);
}

static void a_reader_that_is_up_to_date_again_is_sent_nothing(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    r.answer = SINK_PENDING;
    type(f, 0, 1);
    reader_drain(&r);
    settle(f);
    assert_string_equal(r.log, "sync:0 update:1");
    type(f, 1, 2);
    reader_expect(&r, "sync:0 update:1 update:2");
    reader_leave(&r);
}

static void coming_back_costs_what_was_missed(void **state)
{
    fixture *f = *state;
    reader r = {0}, whole = {0};
    type(f, 0, 50);
    uint32_t epoch = facts_of(f, "d").head.epoch;
    fixture_restart(f);
    reader_join(f, &whole, "d", from_nothing);
    reader_expect(&whole, "sync:50");
    reader_join(f, &r, "d", from_id(48, epoch));
    reader_expect(&r, "sync:50");
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_applied applied;
    crdt_bytes update = {(const uint8_t *)r.last.data, r.last.len};
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, update, &applied), CRDT_OK);
    assert_true(applied.pending); /* the two units that came last, and not what they continue */
    crdt_doc_free(doc);
    reader_leave(&r);
    reader_leave(&whole);
}

static void a_reader_at_the_head_lacks_nothing(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 2);
    reader_join(f, &r, "d", from_id(2, facts_of(f, "d").head.epoch));
    reader_expect(&r, "sync:2");
    assert_true(slice_equal(r.last, (slice){"\0\0", 2}));
    reader_leave(&r);
}

static void latest_is_only_what_comes(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 2);
    reader_join(f, &r, "d", from_latest);
    reader_expect(&r, "sync:2");
    assert_true(slice_equal(r.last, (slice){"\0\0", 2}));
    type(f, 2, 3);
    reader_expect(&r, "sync:2 update:3");
    reader_leave(&r);
}

static void a_state_vector_gets_the_difference(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 5);
    const char sv[] = {1, 1, 5}; /* client 1 up to clock 5 */
    reader_join(f, &r, "d", (room_position){.from = ROOM_FROM_STATE_VECTOR, .sv = {sv, 3}});
    reader_expect(&r, "sync:5");
    assert_true(slice_equal(r.last, (slice){"\0\0", 2}));
    reader_leave(&r);
}

static void an_epoch_that_was_deleted_is_told(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 2);
    uint32_t epoch = facts_of(f, "d").head.epoch;
    write_ok(f, "d", ROOM_DELETE, NULL);
    write_ok(f, "d", ROOM_CREATE, typed(2, 0, "new"));
    reader_join(f, &r, "d", from_id(2, epoch));
    reader_expect(&r, "reset:deleted sync:1");
    reader_leave(&r);
}

static void positions_of_no_use_are_told(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 2);
    uint32_t epoch = facts_of(f, "d").head.epoch;
    reader_join(f, &r, "d", from_id(3, epoch));
    reader_expect(&r, "reset:unknown sync:2");
    reader_leave(&r);
    reader_join(f, &r, "d", from_id(2, epoch ^ 1));
    reader_expect(&r, "reset:unknown sync:2");
    reader_leave(&r);
    reader_join(f, &r, "other", from_id(2, epoch));
    reader_expect(&r, "reset:unknown sync:0");
    reader_leave(&r);
}

static void deletion_ends_every_reader(void **state)
{
    fixture *f = *state;
    reader now = {0}, slow = {0};
    type(f, 0, 1);
    reader_join(f, &now, "d", from_nothing);
    reader_join(f, &slow, "d", from_nothing);
    reader_expect(&now, "sync:1");
    reader_expect(&slow, "sync:1");
    slow.answer = SINK_PENDING;
    type(f, 1, 2);
    write_ok(f, "d", ROOM_DELETE, NULL);
    write_ok(f, "d", ROOM_CREATE, NULL);
    reader_expect(&now, "sync:1 update:2 deleted end");
    assert_string_equal(slow.log, "sync:1 update:2");
    reader_drain(&slow);
    reader_expect(&slow, "sync:1 update:2 deleted end");
    assert_int_equal(facts_of(f, "d").readers, 0);
}

static void a_reader_may_go_while_it_is_being_prepared(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 2);
    fixture_restart(f);
    reader_join(f, &r, "d", from_id(1, 1)); /* looked up in the pool */
    reader_leave(&r);
    const char sv[] = {0};
    reader_join(f, &r, "d", (room_position){.from = ROOM_FROM_STATE_VECTOR, .sv = {sv, 1}});
    reader_leave(&r);
    reader_join(f, &r, "d", from_nothing);
    reader_leave(&r);
    assert_int_equal(facts_of(f, "d").readers, 0);
    assert_string_equal(r.log, "");
}

static void a_broken_reader_does_not_disturb_the_others(void **state)
{
    fixture *f = *state;
    reader broken = {0}, well = {0};
    reader_join(f, &broken, "d", from_nothing);
    reader_join(f, &well, "d", from_nothing);
    reader_expect(&well, "sync:0");
    broken.answer = SINK_BROKEN;
    type(f, 0, 3);
    reader_expect(&well, "sync:0 update:1 update:2 update:3");
    assert_string_equal(broken.log, "sync:0 update:1");
    reader_leave(&broken);
    reader_leave(&well);
}

/* Client 1 writes much after event 1, and deletes it: event 5. */
static void write_and_delete(fixture *f)
{
    type(f, 0, 1);
    char *text = test_malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    for (uint64_t i = 0; i < 3; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, 1 + i * 100000, text));
    test_free(text);
    write_ok(f, "d", ROOM_UPDATE, deleted(1, 1, 300000));
}

static void what_was_written_and_deleted_meanwhile_costs_nothing(void **state)
{
    fixture *f = *state;
    reader r = {0};
    write_and_delete(f);
    reader_join(f, &r, "d", from_id(1, facts_of(f, "d").head.epoch));
    reader_expect(&r, "sync:5");
    assert_in_range(r.last.len, 3, 200);
    reader_leave(&r);
}

/* The document's difference is one to before the events that were read from the log: what somebody
 * else writes before it is made is not in it. */
static void what_comes_while_a_reader_is_caught_up_is_told_as_well(void **state)
{
    fixture *f = *state;
    reader r = {0};
    written w = {0};
    write_and_delete(f);
    reader_join(f, &r, "d", from_id(1, facts_of(f, "d").head.epoch));
    write_start(f, &w, "d", ROOM_UPDATE, typed(2, 0, "y"));
    reader_expect(&r, "sync:5 update:6");
    write_wait(f, &w);
    written_free(&w);
    reader_leave(&r);
}

/* The state holds so many units and a little more. */
static void assert_state_len(fixture *f, size_t units)
{
    frame *whole = state_of(f, "d");
    assert_in_range(whole->len, units, units + 100);
    frame_unref(whole);
}

static void a_large_document_is_encoded_elsewhere_while_writes_wait(void **state)
{
    fixture *f = *state;
    char *text = test_malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    for (uint64_t i = 0; i < 12; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, i * 100000, text));
    test_free(text);
    assert_state_len(f, 1200000);
    written w[2] = {0};
    write_start(f, &w[0], "d", ROOM_UPDATE, typed(1, 1200000, "x"));
    write_start(f, &w[1], "d", ROOM_UPDATE, typed(1, 1200001, "x"));
    assert_state_len(f, 1200000);
    for (size_t i = 0; i < 2; i++) {
        write_wait(f, &w[i]);
        written_free(&w[i]);
    }
    assert_state_len(f, 1200002);
}

/* ---- awareness ---- */

/* Client 9, clock `clock`, the state {"a":1}. */
static slice present(char clock)
{
    static char update[16];
    memcpy(update, (char[]){1, 9, clock, 7}, 4);
    memcpy(update + 4, "{\"a\":1}", 7);
    return (slice){update, 11};
}

static void announce(fixture *f, char clock)
{
    facts_of(f, "d");
    assert_int_equal(room_awareness_apply(find_room(f, "d"), present(clock)), ERR_OK);
}

static void presence_is_told_and_creates_no_document(void **state)
{
    fixture *f = *state;
    reader r = {0}, late = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    announce(f, 1);
    reader_expect(&r, "sync:0 awareness");
    assert_true(slice_equal(r.last, present(1)));
    reader_join(f, &late, "d", from_nothing);
    reader_expect(&late, "sync:0 awareness");
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    reader_leave(&r);
    reader_leave(&late);
}

static void a_slow_reader_gets_the_present_states_once(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    r.answer = SINK_PENDING;
    type(f, 0, 1);
    announce(f, 1);
    announce(f, 2);
    settle(f);
    assert_string_equal(r.log, "sync:0 update:1");
    reader_drain(&r);
    reader_expect(&r, "sync:0 update:1 awareness");
    assert_true(slice_equal(r.last, present(2)));
    reader_leave(&r);
}

static void a_slow_reader_is_told_who_has_gone(void **state)
{
    fixture *f = *state;
    const slice gone = SLICE_LITERAL("\x01\x09\x02\x04null");
    reader r = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    announce(f, 1);
    reader_expect(&r, "sync:0 awareness");
    r.answer = SINK_PENDING;
    type(f, 0, 1);
    assert_int_equal(room_awareness_apply(find_room(f, "d"), gone), ERR_OK);
    settle(f);
    assert_string_equal(r.log, "sync:0 awareness update:1");
    reader_drain(&r);
    reader_expect(&r, "sync:0 awareness update:1 awareness");
    assert_true(slice_equal(r.last, gone));
    reader_leave(&r);
}

static void malformed_awareness_is_refused(void **state)
{
    fixture *f = *state;
    facts_of(f, "d");
    assert_int_equal(room_awareness_apply(find_room(f, "d"), SLICE_LITERAL("\x07nonsense")),
                     ERR_MALFORMED_AWARENESS);
    frame *nobody = room_awareness(find_room(f, "d"));
    assert_int_equal(nobody->len, 1);
    frame_unref(nobody);
}

static void bring(fixture *f, room_clients *own, const char *update, size_t len)
{
    assert_int_equal(room_awareness_bring(find_room(f, "d"), (slice){update, len}, own), ERR_OK);
}

static void who_brings_clients_owns_them(void **state)
{
    fixture *f = *state;
    reader r = {0};
    room_clients first = {0}, second = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    bring(f, &first, "\x02\x07\x01\x02{}\x08\x01\x02{}", 11);
    bring(f, &first, "\x01\x07\x02\x02{}", 6);
    bring(f, &second, "\x01\x07\x02\x02{}", 6); /* what is known brings nobody */
    assert_int_equal(first.count, 2);
    assert_int_equal(second.count, 0);
    bring(f, &first, "\x01\x08\x02\x04null", 8);
    assert_int_equal(first.count, 1);
    assert_int_equal(first.numbers[0], 7);
    room_awareness_leave(find_room(f, "d"), &first);
    assert_int_equal(first.count, 0);
    assert_null(first.numbers);
    room_awareness_leave(find_room(f, "d"), &second);
    reader_leave(&r);
}

static void introduce(fixture *f, room_clients *own, const char *update, size_t len)
{
    assert_int_equal(room_awareness_introduce(find_room(f, "d"), (slice){update, len}, own),
                     ERR_OK);
}

static void who_comes_back_owns_the_client_it_had(void **state)
{
    fixture *f = *state;
    reader r = {0};
    room_clients first = {0}, again = {0}, other = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    introduce(f, &first, "\x01\x07\x01\x02{}", 6);
    assert_int_equal(first.count, 1);
    introduce(f, &again, "\x01\x07\x01\x02{}", 6); /* known, but its own */
    assert_int_equal(again.count, 1);
    assert_int_equal(again.numbers[0], 7);
    introduce(f, &other, "\x02\x07\x01\x02{}\x08\x01\x02{}", 11); /* not of itself alone */
    assert_int_equal(other.count, 1);
    assert_int_equal(other.numbers[0], 8);
    introduce(f, &other, "\x01\x09\x01\x04null", 8); /* of nobody */
    assert_int_equal(other.count, 1);
    room_awareness_leave(find_room(f, "d"), &first);
    room_awareness_leave(find_room(f, "d"), &again);
    room_awareness_leave(find_room(f, "d"), &other);
    reader_leave(&r);
}

static void nobody_owns_more_clients_than_a_socket_has_use_for(void **state)
{
    fixture *f = *state;
    reader r = {0};
    room_clients own = {0};
    reader_join(f, &r, "d", from_nothing);
    reader_expect(&r, "sync:0");
    for (uint32_t i = 0; i < ROOM_CLIENTS_MAX + 10; i++) {
        const char update[] = {1, (char)(0x80 | (i & 0x7f)), (char)(i >> 7), 1, 2, '{', '}'};
        bring(f, &own, update, sizeof(update));
    }
    assert_int_equal(own.count, ROOM_CLIENTS_MAX);
    room_awareness_leave(find_room(f, "d"), &own);
    reader_leave(&r);
}

/* ---- readers that do not say at once where they stand ---- */

static const room_position from_later = {.from = ROOM_FROM_LATER};

static void nothing_is_sent_before_a_reader_has_said_where_it_stands(void **state)
{
    fixture *f = *state;
    reader waiting = {0}, other = {0};
    reader_join(f, &waiting, "d", from_later);
    reader_join(f, &other, "d", from_nothing);
    reader_expect(&other, "sync:0");
    type(f, 0, 2);
    reader_expect(&other, "sync:0 update:1 update:2");
    assert_string_equal(waiting.log, "");
    assert_int_equal(facts_of(f, "d").readers, 2);
    room_place(find_room(f, "d"), &waiting.sink, &from_nothing);
    reader_expect(&waiting, "sync:2");
    type(f, 2, 3);
    reader_expect(&waiting, "sync:2 update:3");
    reader_leave(&waiting);
    reader_leave(&other);
}

static void a_reader_that_has_not_said_it_hears_of_the_end(void **state)
{
    fixture *f = *state;
    reader r = {0};
    type(f, 0, 1);
    reader_join(f, &r, "d", from_later);
    write_ok(f, "d", ROOM_DELETE, NULL);
    reader_expect(&r, "deleted end");
}

static void a_reader_may_go_before_it_has_said_it(void **state)
{
    fixture *f = *state;
    reader r = {0};
    reader_join(f, &r, "d", from_later);
    settle(f);
    reader_leave(&r);
    assert_int_equal(facts_of(f, "d").readers, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_gets_the_state_and_then_what_happens),
        TEST(nothing_to_sync_is_an_update_that_says_nothing),
        TEST(events_of_one_batch_are_one_update),
        TEST(a_frame_is_shown_before_its_writer_is_answered),
        TEST(a_slow_reader_gets_one_merged_update),
        TEST(a_reader_behind_the_ring_is_caught_up_from_the_log),
        TEST(a_reader_that_is_up_to_date_again_is_sent_nothing),
        TEST(coming_back_costs_what_was_missed),
        TEST(a_reader_at_the_head_lacks_nothing),
        TEST(latest_is_only_what_comes),
        TEST(a_state_vector_gets_the_difference),
        TEST(an_epoch_that_was_deleted_is_told),
        TEST(positions_of_no_use_are_told),
        TEST(deletion_ends_every_reader),
        TEST(a_reader_may_go_while_it_is_being_prepared),
        TEST(a_broken_reader_does_not_disturb_the_others),
        TEST(what_was_written_and_deleted_meanwhile_costs_nothing),
        TEST(what_comes_while_a_reader_is_caught_up_is_told_as_well),
        TEST(a_large_document_is_encoded_elsewhere_while_writes_wait),
        TEST(presence_is_told_and_creates_no_document),
        TEST(a_slow_reader_gets_the_present_states_once),
        TEST(a_slow_reader_is_told_who_has_gone),
        TEST(malformed_awareness_is_refused),
        TEST(who_brings_clients_owns_them),
        TEST(who_comes_back_owns_the_client_it_had),
        TEST(nobody_owns_more_clients_than_a_socket_has_use_for),
        TEST(nothing_is_sent_before_a_reader_has_said_where_it_stands),
        TEST(a_reader_that_has_not_said_it_hears_of_the_end),
        TEST(a_reader_may_go_before_it_has_said_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
