/* Events: what is appended is what is read, in this run and the next; a batch is all or nothing. */
#include <stdlib.h>

#include "fixture.h"

static void what_is_appended_is_read(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    assert_int_equal(append_text(f->s, doc, "one"), 1);
    assert_int_equal(append_text(f->s, doc, ""), 2);
    assert_int_equal(append_text(f->s, doc, "three"), 3);
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:one 2: 3:three");
    fixture_reopen(f);
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:one 2: 3:three");
    assert_int_equal(append_text(f->s, doc, "four"), 4);
}

static bool check_event(void *ctx, const store_event *event)
{
    const store_event *wanted = ctx;
    assert_int_equal(event->time_ms, wanted->time_ms);
    assert_int_equal(event->user.len, wanted->user.len);
    assert_memory_equal(event->user.data, wanted->user.data, wanted->user.len);
    assert_int_equal(event->update.len, wanted->update.len);
    assert_memory_equal(event->update.data, wanted->update.data, wanted->update.len);
    return true;
}

static void every_field_of_an_event_is_kept(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    static uint8_t large[300000];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 7);
    char user[STORE_USER_LEN_MAX];
    memset(user, 'u', sizeof(user));
    store_event events[] = {
        {.time_ms = -1, .user = {"", 0}, .update = {large, sizeof(large)}},
        {.time_ms = INT64_MAX, .user = {user, sizeof(user)}, .update = {"\0x", 2}},
        {.time_ms = 0, .user = {"bob", 3}, .update = {"", 0}},
    };
    uint64_t seq;
    for (size_t i = 0; i < 3; i++) {
        store_batch *b = begin(f->s);
        assert_ok(store_batch_append(b, doc, &events[i], &seq));
        assert_ok(store_batch_commit(b));
    }
    fixture_reopen(f);
    for (uint64_t i = 0; i < 3; i++)
        assert_ok(store_read(f->s, doc, i, i + 1, check_event, &events[i]));
}

static void a_range_is_exclusive_then_inclusive(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    uint64_t other = create_doc(f->s, "b", 1).number;
    for (const char *c = "abcde"; *c; c++) {
        append_text(f->s, doc, (char[]){*c, 0});
        append_text(f->s, other, "-");
    }
    assert_string_equal(read_text(f->s, doc, 1, 3), "2:b 3:c");
    assert_string_equal(read_text(f->s, doc, 0, 1), "1:a");
    assert_string_equal(read_text(f->s, doc, 4, UINT64_MAX), "5:e");
    assert_string_equal(read_text(f->s, doc, 4, 5), "5:e");
    assert_string_equal(read_text(f->s, doc, 5, UINT64_MAX), "");
    assert_string_equal(read_text(f->s, doc, 3, 3), "");
    assert_string_equal(read_text(f->s, doc, 3, 2), "");
    assert_string_equal(read_text(f->s, doc, UINT64_MAX, UINT64_MAX), "");
}

typedef struct counting {
    uint64_t seen;
    uint64_t stop_at;
} counting;

static bool count_in_order(void *ctx, const store_event *event)
{
    counting *c = ctx;
    assert_int_equal(event->seq, ++c->seen);
    return c->seen != c->stop_at;
}

static void long_logs_are_read_whole_and_reading_may_stop(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    store_batch *b = begin(f->s);
    for (unsigned i = 0; i < 1000; i++)
        batch_append(b, doc, "x");
    assert_ok(store_batch_commit(b));
    for (uint64_t stop = 254; stop < 259; stop++) {
        counting c = {.stop_at = stop};
        assert_ok(store_read(f->s, doc, 0, UINT64_MAX, count_in_order, &c));
        assert_int_equal(c.seen, stop);
    }
    counting all = {.stop_at = 0};
    assert_ok(store_read(f->s, doc, 0, UINT64_MAX, count_in_order, &all));
    assert_int_equal(all.seen, 1000);
}

static void heads_grow_within_a_batch(void **state)
{
    fixture *f = *state;
    uint64_t one = create_doc(f->s, "one", 1).number;
    store_doc two;
    store_batch *b = begin(f->s);
    assert_ok(store_batch_create(b, BYTES("two"), 2, DATE_MS, &two));
    assert_int_equal(batch_append(b, one, "a"), 1);
    assert_int_equal(batch_append(b, two.number, "b"), 1);
    assert_int_equal(batch_append(b, one, "c"), 2);
    assert_int_equal(batch_append(b, two.number, "d"), 2);
    assert_ok(store_batch_commit(b));
    assert_string_equal(read_text(f->s, one, 0, UINT64_MAX), "1:a 2:c");
    assert_string_equal(read_text(f->s, two.number, 0, UINT64_MAX), "1:b 2:d");
    assert_int_equal(find_doc(f->s, "two").head, 2);
}

static void others_see_nothing_before_the_commit(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    store_doc out;
    store_batch *b = begin(f->s);
    batch_append(b, doc, "x");
    assert_ok(store_batch_create(b, BYTES("b"), 2, DATE_MS, &out));
    assert_int_equal(find_doc(f->s, "a").head, 0);
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "");
    assert_err(store_find(f->s, BYTES("b"), &out), STORE_NOT_FOUND);
    assert_err(read_err(f->s, out.number), STORE_NOT_FOUND);
    assert_ok(store_batch_commit(b));
    assert_int_equal(find_doc(f->s, "a").head, 1);
}

static void an_aborted_batch_leaves_nothing(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    uint64_t doomed = create_doc(f->s, "doomed", 1).number;
    append_text(f->s, doc, "kept");
    append_text(f->s, doomed, "kept too");
    store_doc created;
    store_batch *b = begin(f->s);
    batch_append(b, doc, "lost");
    assert_ok(store_batch_create(b, BYTES("b"), 2, DATE_MS, &created));
    batch_append(b, created.number, "lost");
    assert_ok(store_batch_delete(b, doomed, DATE_MS));
    assert_ok(store_batch_checkpoint(b, doc, 1, BYTES("state")));
    store_batch_abort(b);
    for (int round = 0; round < 2; round++) {
        store_doc out;
        assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:kept");
        assert_string_equal(read_text(f->s, doomed, 0, UINT64_MAX), "1:kept too");
        assert_int_equal(find_doc(f->s, "a").head, 1);
        assert_false(find_doc(f->s, "doomed").deleted);
        assert_err(store_find(f->s, BYTES("b"), &out), STORE_NOT_FOUND);
        assert_err(read_err(f->s, created.number), STORE_NOT_FOUND);
        fixture_reopen(f);
    }
    assert_int_equal(append_text(f->s, doc, "next"), 2);
}

static void documents_tell_their_numbers(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 0x9f3c1a07).number;
    uint64_t seq;
    store_batch *b = begin(f->s);
    batch_append(b, doc, "12345");
    assert_ok(store_batch_append(
        b, doc,
        &(store_event){.time_ms = DATE_MS + 9, .user = BYTES("bob"), .update = BYTES("678")},
        &seq));
    assert_ok(store_batch_commit(b));
    for (int round = 0; round < 2; round++) {
        store_doc d = find_doc(f->s, "a");
        assert_int_equal(d.number, doc);
        assert_int_equal(d.epoch, 0x9f3c1a07);
        assert_false(d.deleted);
        assert_int_equal(d.head, 2);
        assert_int_equal(d.events, 2);
        assert_int_equal(d.log_bytes, 8);
        assert_int_equal(d.created_ms, DATE_MS);
        assert_int_equal(d.updated_ms, DATE_MS + 9);
        fixture_reopen(f);
    }
}

static void what_the_store_cannot_hold_is_refused(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    uint64_t seq = 77;
    static char user[STORE_USER_LEN_MAX + 1];
    store_batch *b = begin(f->s);
    assert_err(store_batch_append(b, doc + 1, &(store_event){.update = BYTES("x")}, &seq),
               STORE_NOT_FOUND);
    assert_err(store_batch_append(b, doc, &(store_event){.user = {user, sizeof(user)}}, &seq),
               STORE_INVALID);
    store_bytes too_long = {user, (size_t)STORE_UPDATE_LEN_MAX + 1};
    assert_err(store_batch_append(b, doc, &(store_event){.update = too_long}, &seq), STORE_INVALID);
    assert_int_equal(seq, 77);
    assert_int_equal(batch_append(b, doc, "first"), 1);
    assert_ok(store_batch_commit(b));
    assert_string_equal(read_text(f->s, doc, 0, UINT64_MAX), "1:first");
    assert_err(read_err(f->s, doc + 1), STORE_NOT_FOUND);
}

static void an_empty_batch_commits(void **state)
{
    fixture *f = *state;
    assert_ok(store_batch_commit(begin(f->s)));
    assert_int_equal(append_text(f->s, create_doc(f->s, "a", 1).number, "x"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(what_is_appended_is_read),
        TEST(every_field_of_an_event_is_kept),
        TEST(a_range_is_exclusive_then_inclusive),
        TEST(long_logs_are_read_whole_and_reading_may_stop),
        TEST(heads_grow_within_a_batch),
        TEST(others_see_nothing_before_the_commit),
        TEST(an_aborted_batch_leaves_nothing),
        TEST(documents_tell_their_numbers),
        TEST(what_the_store_cannot_hold_is_refused),
        TEST(an_empty_batch_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
