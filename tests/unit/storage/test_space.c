/* Room: the map grows by itself, also while others read; a full store refuses, can be emptied, and
 * goes on. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fixture.h"

#define MIB ((size_t)1 << 20)

static uint8_t block[100000];

static store_stats stats(store *s)
{
    store_stats out;
    assert_ok(store_get_stats(s, &out));
    return out;
}

static void reopen_with(fixture *f, size_t min, size_t max)
{
    f->options = (store_options){.map_size_min = min, .map_size_max = max};
    fixture_reopen(f);
}

static bool count_bytes(void *ctx, const store_event *event)
{
    *(size_t *)ctx += event->update.len;
    return true;
}

static size_t bytes_read(store *s, uint64_t number)
{
    size_t total = 0;
    assert_ok(store_read(s, number, 0, UINT64_MAX, count_bytes, &total));
    return total;
}

static void the_map_grows_by_itself(void **state)
{
    fixture *f = *state;
    reopen_with(f, MIB, 0);
    uint64_t doc = create_doc(f->s, "a", 1).number;
    assert_int_equal(stats(f->s).map_bytes, MIB);
    for (int i = 0; i < 100; i++) {
        assert_ok(try_append(f->s, doc, (store_bytes){block, sizeof(block)}));
        store_stats now = stats(f->s);
        assert_true(now.used_bytes * 2 <= now.map_bytes); /* long before it is full */
    }
    fixture_reopen(f);
    assert_int_equal(bytes_read(f->s, doc), 100 * sizeof(block));
}

static void one_batch_may_be_larger_than_the_map(void **state)
{
    fixture *f = *state;
    reopen_with(f, MIB, 0);
    uint64_t doc = create_doc(f->s, "a", 1).number;
    store_doc other;
    uint64_t seq;
    store_batch *b = begin(f->s);
    for (int i = 0; i < 100; i++)
        assert_ok(
            store_batch_append(b, doc, &(store_event){.update = {block, sizeof(block)}}, &seq));
    assert_ok(store_batch_create(b, BYTES("b"), 1, DATE_MS, &other));
    batch_append(b, other.number, "small");
    assert_ok(store_batch_commit(b));
    assert_int_equal(seq, 100);
    assert_int_equal(bytes_read(f->s, doc), 100 * sizeof(block));
    assert_string_equal(read_text(f->s, other.number, 0, UINT64_MAX), "1:small");
}

static store_err append_many(store *s, uint64_t doc, size_t len, unsigned count)
{
    uint64_t seq;
    store_batch *b = begin(s);
    for (unsigned i = 0; i < count; i++)
        assert_ok(store_batch_append(b, doc, &(store_event){.update = {block, len}}, &seq));
    return store_batch_commit(b);
}

/* Appends until not one more event fits, at first many at a time; how many there were. */
static uint64_t fill(store *s, uint64_t doc, size_t len)
{
    uint64_t total = 0;
    for (unsigned count = 512; count; count /= 2) {
        store_err err;
        while ((err = append_many(s, doc, len, count)) == STORE_OK)
            total += count;
        assert_err(err, STORE_FULL);
    }
    return total;
}

static void a_full_store_refuses_and_goes_on(void **state)
{
    fixture *f = *state;
    reopen_with(f, MIB, 4 * MIB);
    uint64_t kept = create_doc(f->s, "kept", 1).number;
    append_text(f->s, kept, "x");
    uint64_t doc = create_doc(f->s, "a", 1).number;
    uint64_t count = fill(f->s, doc, 10000);
    assert_true(count > 150);
    assert_err(try_append(f->s, doc, (store_bytes){block, 10000}), STORE_FULL);
    assert_int_equal(find_doc(f->s, "a").head, count);
    assert_int_equal(bytes_read(f->s, doc), count * 10000);
    fixture_reopen(f);
    assert_int_equal(bytes_read(f->s, doc), count * 10000);
    assert_string_equal(read_text(f->s, kept, 0, UINT64_MAX), "1:x");
    assert_err(try_append(f->s, doc, (store_bytes){block, 10000}), STORE_FULL);
}

/* Whatever the size of the events, a full store can be emptied and holds as much again. */
static void deleting_makes_room(void **state)
{
    fixture *f = *state;
    const size_t lens[] = {10, 300, 3000, 50000};
    reopen_with(f, MIB, 4 * MIB);
    for (uint32_t round = 0; round < 12; round++) {
        size_t len = lens[round % 4];
        uint64_t doc = create_doc(f->s, "a", round).number;
        uint64_t count = fill(f->s, doc, len);
        assert_true(count * (len + 52) > 2 * MIB);
        if (round % 3 == 0)
            fixture_reopen(f);
        delete_doc(f->s, doc);
        if (round % 2 == 0)
            fixture_reopen(f);
    }
}

/* What a deletion freed can be used by the very next batch, though LMDB would wait for two more
 * transactions. */
static void room_made_is_there_at_once(void **state)
{
    fixture *f = *state;
    enum { LEN = 50000, COUNT = 40 }; /* two of three MiB */
    reopen_with(f, MIB, 4 * MIB);
    uint64_t other = create_doc(f->s, "other", 1).number;
    for (uint32_t round = 0; round < 5; round++) {
        uint64_t doc = create_doc(f->s, "a", round).number;
        assert_ok(append_many(f->s, doc, LEN, COUNT));
        assert_err(append_many(f->s, other, LEN, COUNT), STORE_FULL);
        delete_doc(f->s, doc);
        if (round % 2)
            fixture_reopen(f);
        assert_ok(append_many(f->s, other, LEN, COUNT));
        delete_doc(f->s, other);
        other = create_doc(f->s, "other", round + 2).number;
    }
}

/* Many documents, event by event in turn: each event's page holds others' events too. */
static void deleting_one_of_many_makes_room(void **state)
{
    fixture *f = *state;
    enum { DOCS = 20 };
    uint64_t docs[DOCS];
    char name[2] = "a";
    reopen_with(f, MIB, 4 * MIB);
    for (uint32_t i = 0; i < DOCS; i++, name[0]++)
        docs[i] = create_doc(f->s, name, i).number;
    store_err err = STORE_OK;
    while (err == STORE_OK) {
        uint64_t seq;
        store_batch *b = begin(f->s);
        for (int i = 0; i < DOCS; i++)
            assert_ok(store_batch_append(b, docs[i], &(store_event){.update = {block, 200}}, &seq));
        err = store_batch_commit(b);
    }
    assert_err(err, STORE_FULL);
    uint64_t held = find_doc(f->s, "a").head;
    for (unsigned i = 0; i < DOCS / 2; i++)
        delete_doc(f->s, docs[i * 2]);
    uint64_t more = fill(f->s, docs[1], 200);
    assert_true(more > held * DOCS / 2 / 2);
}

static void a_full_store_still_deletes_after_many_refusals(void **state)
{
    fixture *f = *state;
    reopen_with(f, MIB, 2 * MIB);
    uint64_t doc = create_doc(f->s, "a", 1).number;
    fill(f->s, doc, 1000);
    fill(f->s, doc, 10);
    store_doc out;
    for (int i = 0; i < 50; i++)
        assert_err(try_append(f->s, doc, (store_bytes){block, 50000}), STORE_FULL);
    delete_doc(f->s, doc);
    store_batch *b = begin(f->s);
    assert_ok(store_batch_create(b, BYTES("b"), 1, DATE_MS, &out));
    assert_ok(store_batch_commit(b));
    assert_true(fill(f->s, out.number, 1000) > 500);
}

static void many_events_of_a_deleted_document_go_in_steps(void **state)
{
    fixture *f = *state;
    uint64_t doc = create_doc(f->s, "a", 1).number;
    uint64_t other = create_doc(f->s, "b", 1).number;
    for (int i = 0; i < 5; i++) {
        store_batch *b = begin(f->s);
        for (int k = 0; k < 1000; k++)
            batch_append(b, doc, "0123456789012345678901234567890123456789");
        assert_ok(store_batch_commit(b));
    }
    uint64_t full = stats(f->s).used_bytes;
    delete_doc(f->s, doc);
    uint64_t last = stats(f->s).used_bytes;
    assert_true(last > full / 2); /* not all of it at once */
    for (int i = 0; i < 6; i++) {
        if (i % 2)
            fixture_reopen(f); /* what is left to remove is known again */
        append_text(f->s, other, "x");
    }
    assert_true(stats(f->s).used_bytes < full / 4);
    assert_string_equal(read_text(f->s, other, 4, UINT64_MAX), "5:x 6:x");
}

/* ---- growth with readers ---- */

typedef struct readers {
    store *s;
    uint64_t number;
    atomic_bool done;
    atomic_uint_fast64_t rounds;
    atomic_bool failed;
} readers;

typedef struct checking {
    uint64_t seq;
    bool good;
} checking;

static bool check_block(void *ctx, const store_event *event)
{
    checking *c = ctx;
    const uint8_t *bytes = event->update.data;
    c->good = event->seq == ++c->seq && event->update.len == 5000 &&
              bytes[0] == (uint8_t)event->seq && bytes[4999] == (uint8_t)event->seq;
    return c->good;
}

static void *read_on(void *arg)
{
    readers *r = arg;
    while (!atomic_load(&r->done)) {
        store_doc doc;
        store_stats now;
        checking c = {.good = true};
        bool good = store_find(r->s, BYTES("a"), &doc) == STORE_OK;
        good = good && store_read(r->s, r->number, 0, UINT64_MAX, check_block, &c) == STORE_OK;
        good = good && c.good && c.seq >= doc.head && store_get_stats(r->s, &now) == STORE_OK;
        if (!good)
            atomic_store(&r->failed, true);
        atomic_fetch_add(&r->rounds, 1);
    }
    return NULL;
}

static void the_map_grows_while_others_read(void **state)
{
    fixture *f = *state;
    enum { THREADS = 3, EVENTS = 400 };
    reopen_with(f, MIB, 0);
    readers r = {.s = f->s, .number = create_doc(f->s, "a", 1).number};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &r), 0);
    store_err err = STORE_OK;
    uint8_t bytes[5000];
    for (unsigned i = 1; i <= EVENTS && err == STORE_OK; i++) {
        memset(bytes, (uint8_t)i, sizeof(bytes));
        err = try_append(f->s, r.number, (store_bytes){bytes, sizeof(bytes)});
        if (i % 50 == 0) {
            uint64_t other = create_doc(f->s, "other", i).number;
            append_text(f->s, other, "x");
            delete_doc(f->s, other);
        }
    }
    while (err == STORE_OK && atomic_load(&r.rounds) < 10)
        sched_yield();
    atomic_store(&r.done, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_ok(err);
    assert_false(atomic_load(&r.failed));
    assert_true(stats(f->s).map_bytes >= 4 * MIB);
}

/* Documents come and go while their names are looked up: what is found is always one whole life of
 * the name. */
static void *find_on(void *arg)
{
    readers *r = arg;
    while (!atomic_load(&r->done)) {
        store_doc doc;
        size_t len = 0;
        store_err err = store_find(r->s, BYTES("a"), &doc);
        bool good = err == STORE_OK && doc.head == 2 && doc.epoch == doc.number;
        if (good && !doc.deleted) {
            err = store_read(r->s, doc.number, 0, UINT64_MAX, count_bytes, &len);
            good = err == STORE_NOT_FOUND || (err == STORE_OK && len == 2);
        }
        if (!good)
            atomic_store(&r->failed, true);
        atomic_fetch_add(&r->rounds, 1);
    }
    return NULL;
}

static void renew(store *s, uint32_t epoch, uint64_t *number)
{
    store_doc doc;
    store_batch *b = begin(s);
    if (*number)
        assert_ok(store_batch_delete(b, *number, DATE_MS));
    assert_ok(store_batch_create(b, BYTES("a"), epoch, DATE_MS, &doc));
    assert_int_equal(doc.number, epoch);
    batch_append(b, doc.number, "1");
    batch_append(b, doc.number, "2");
    assert_ok(store_batch_commit(b));
    *number = doc.number;
}

static void lives_end_while_others_look(void **state)
{
    fixture *f = *state;
    enum { THREADS = 2, LIVES = 400 };
    uint64_t number = 0;
    uint32_t epoch = 1;
    renew(f->s, epoch++, &number);
    readers r = {.s = f->s};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_on, &r), 0);
    while (epoch < LIVES || atomic_load(&r.rounds) < 100) {
        if (epoch % 3 == 0) {
            delete_doc(f->s, number);
            number = 0;
        }
        renew(f->s, epoch++, &number);
    }
    atomic_store(&r.done, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_false(atomic_load(&r.failed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(the_map_grows_by_itself),
        TEST(one_batch_may_be_larger_than_the_map),
        TEST(a_full_store_refuses_and_goes_on),
        TEST(deleting_makes_room),
        TEST(room_made_is_there_at_once),
        TEST(deleting_one_of_many_makes_room),
        TEST(a_full_store_still_deletes_after_many_refusals),
        TEST(many_events_of_a_deleted_document_go_in_steps),
        TEST(the_map_grows_while_others_read),
        TEST(lives_end_while_others_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
