/* Very many readers at once: what they lack is put together once, and writers are served meanwhile.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "room/inside.h"

#define READERS (4 * ROOM_SENDS_PER_TURN)
/* More than the ring holds. */
#define EVENTS (2 * RING_SPANS_MAX)

static reader *readers;

static void type(fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        write_ok(f, "d", ROOM_UPDATE, typed(1, i, "x"));
}

static room_position from_seq(fixture *f, uint64_t seq)
{
    return (room_position){
        .from = ROOM_FROM_ID,
        .id = {.seq = seq, .epoch = facts_of(f, "d").head.epoch, .has_epoch = seq > 0}};
}

static size_t count(const char *log)
{
    size_t found = 0;
    for (size_t i = 0; i < READERS; i++)
        found += strcmp(readers[i].log, log) == 0;
    return found;
}

static void wait_for_all(const char *log)
{
    for (size_t i = 0; i < READERS; i++)
        reader_expect(&readers[i], log);
}

static uint64_t catchups(const fixture *f)
{
    return registry_get_stats(f->rooms).catchups;
}

static int setup(void **state)
{
    readers = calloc(READERS, sizeof(*readers));
    return readers == NULL ? -1 : fixture_setup(state);
}

static int teardown(void **state)
{
    for (size_t i = 0; i < READERS; i++)
        if (readers[i].f != NULL)
            reader_leave(&readers[i]);
    free(readers);
    return fixture_teardown(state);
}

static void one_missed_range_is_put_together_once(void **state)
{
    fixture *f = *state;
    type(f, 0, EVENTS);
    uint64_t before = catchups(f);
    size_t encoded = frames_encoded();
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", from_seq(f, 1));
    wait_for_all("sync:128");
    assert_int_equal(catchups(f), before + 1);
    assert_int_equal(frames_encoded(), encoded + 1);
}

/* From the log, from the ring, and up to date. */
static void many_missed_ranges_are_few_merges(void **state)
{
    fixture *f = *state;
    type(f, 0, EVENTS);
    uint64_t before = catchups(f);
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", from_seq(f, 1 + i % EVENTS));
    wait_for_all("sync:128");
    assert_in_range(catchups(f) - before, 1, 10);
}

static void one_state_vector_is_one_difference(void **state)
{
    fixture *f = *state;
    const char sv[] = {1, 1, 5}; /* client 1 up to clock 5 */
    type(f, 0, 9);
    size_t encoded = frames_encoded();
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d",
                    (room_position){.from = ROOM_FROM_STATE_VECTOR, .sv = {sv, 3}});
    wait_for_all("sync:9");
    assert_in_range(frames_encoded() - encoded, 1, 4);
}

static void who_is_present_is_encoded_once(void **state)
{
    fixture *f = *state;
    const char present[] = {1, 7, 1, 2, '{', '}'};
    facts_of(f, "d");
    assert_int_equal(room_awareness_apply(find_room(f, "d"), (slice){present, sizeof(present)}),
                     ERR_OK);
    settle(f);
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", (room_position){.from = ROOM_FROM_LATEST});
    size_t encoded = frames_encoded();
    wait_for_all("sync:0 awareness");
    assert_in_range(frames_encoded() - encoded, 1, READERS + 1); /* each sync is its own */
}

static void show_present(fixture *f, char client, char clock)
{
    const char update[] = {1, client, clock, 2, '{', '}'};
    assert_int_equal(room_awareness_apply(find_room(f, "d"), (slice){update, sizeof(update)}),
                     ERR_OK);
}

static size_t sends(void)
{
    size_t sum = 0;
    for (size_t i = 0; i < READERS; i++)
        sum += readers[i].sends;
    return sum;
}

/* And whoever is told later is told once of what came meanwhile. */
static void a_turn_tells_only_some_who_is_present(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", (room_position){.from = ROOM_FROM_LATEST});
    wait_for_all("sync:0");
    size_t encoded = frames_encoded(), sent = sends();
    show_present(f, 7, 1);
    turn_loop(f);
    assert_int_equal(sends() - sent, ROOM_SENDS_PER_TURN);
    show_present(f, 7, 2);
    show_present(f, 8, 1);
    for (int turns = 0; turns < 100 && sends() - sent < READERS + ROOM_SENDS_PER_TURN; turns++) {
        size_t before = sends();
        turn_loop(f);
        assert_in_range(sends() - before, 0, ROOM_SENDS_PER_TURN);
    }
    settle(f);
    assert_int_equal(count("sync:0 awareness awareness"), ROOM_SENDS_PER_TURN);
    assert_int_equal(count("sync:0 awareness"), READERS - ROOM_SENDS_PER_TURN);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(readers[i].last.len, 11);
    assert_int_equal(frames_encoded(), encoded + 3);
}

static void a_writer_is_answered_before_all_have_been_told(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", (room_position){.from = ROOM_FROM_NOTHING});
    wait_for_all("sync:0");
    written w = {0};
    write_start(f, &w, "d", ROOM_UPDATE, typed(1, 0, "x"));
    write_wait(f, &w);
    assert_in_range(count("sync:0 update:1"), 1, READERS - 1);
    written_free(&w);
    wait_for_all("sync:0 update:1");
}

static void deleting_tells_all_of_them(void **state)
{
    fixture *f = *state;
    type(f, 0, 1);
    for (size_t i = 0; i < READERS; i++)
        reader_join(f, &readers[i], "d", (room_position){.from = ROOM_FROM_LATEST});
    wait_for_all("sync:1");
    write_ok(f, "d", ROOM_DELETE, NULL);
    wait_for_all("sync:1 deleted end");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_missed_range_is_put_together_once),
        TEST(many_missed_ranges_are_few_merges),
        TEST(one_state_vector_is_one_difference),
        TEST(who_is_present_is_encoded_once),
        TEST(a_turn_tells_only_some_who_is_present),
        TEST(a_writer_is_answered_before_all_have_been_told),
        TEST(deleting_tells_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
