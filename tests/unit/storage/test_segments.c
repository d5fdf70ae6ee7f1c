/* Events that leave the tail: they are read as before, whatever happens meanwhile. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

#include "fixture.h"
#include "key.h"
#include "segment.h"

static const store_pack_policy everything = {.before_ms = INT64_MAX};

/* Moves what should leave until nothing is left to do; returns how often. */
static unsigned pack(store *s, const store_pack_policy *policy)
{
    store_packs *packs;
    for (unsigned times = 0;; times++) {
        assert_ok(store_packs_prepare(s, policy, &packs));
        if (!packs)
            return times;
        store_batch *b = begin(s);
        assert_ok(store_batch_pack(b, packs));
        assert_ok(store_batch_commit(b));
        store_packs_free(packs);
    }
}

static void append_many(store *s, uint64_t number, unsigned count, int64_t time_ms)
{
    char update[32];
    uint64_t seq;
    store_batch *b = begin(s);
    for (unsigned i = 0; i < count; i++) {
        store_event event = {.time_ms = time_ms + i, .user = BYTES("ada")};
        event.update = (store_bytes){update, (size_t)snprintf(update, sizeof(update), "u%u", i)};
        assert_ok(store_batch_append(b, number, &event, &seq));
    }
    assert_ok(store_batch_commit(b));
}

/* ---- the table, through LMDB itself ---- */

static raw close_to_raw(fixture *f, const char *table)
{
    store_close(f->s);
    f->s = NULL;
    return raw_open(f->dir, table);
}

static void open_from_raw(fixture *f, raw *r)
{
    raw_close(r);
    fixture_open(f);
}

static size_t entries(fixture *f, const char *table)
{
    MDB_stat stat;
    raw r = close_to_raw(f, table);
    assert_int_equal(mdb_stat(r.txn, r.table, &stat), 0);
    open_from_raw(f, &r);
    return stat.ms_entries;
}

/* ---- the value ---- */

static store_err double_bytes(const store_bytes *updates, size_t count, store_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t len = (uint8_t)updates[i].len;
        if (store__buf_put(out, (store_bytes){&len, 1}) != STORE_OK ||
            store__buf_put(out, updates[i]) != STORE_OK)
            return STORE_NO_MEMORY;
    }
    return STORE_OK;
}

static store_err halve_bytes(store_bytes piece, size_t count, store_buf *out, size_t *lens)
{
    const uint8_t *at = piece.data;
    const uint8_t *end = at + piece.len;
    for (size_t i = 0; i < count; i++) {
        if (at == end || *at > end - at - 1)
            return STORE_CORRUPT;
        lens[i] = *at++;
        if (store__buf_put(out, (store_bytes){at, lens[i]}) != STORE_OK)
            return STORE_NO_MEMORY;
        at += lens[i];
    }
    return STORE_OK;
}

static const store_codec codec = {double_bytes, halve_bytes};

static void a_segment_gives_back_what_it_was_given(void **state)
{
    (void)state;
    const store_event events[] = {
        {.seq = 7, .time_ms = -5, .user = BYTES("ada"), .update = BYTES("one")},
        {.seq = 8, .time_ms = INT64_MAX, .user = BYTES("ada"), .update = BYTES("")},
        {.seq = 9, .time_ms = INT64_MIN, .update = BYTES("three")},
        {.seq = 10, .time_ms = 0, .user = BYTES("bob"), .update = BYTES("four")},
    };
    const store_codec *codecs[] = {NULL, &codec};
    for (size_t c = 0; c < 2; c++) {
        store_buf value = {0};
        store__segment out;
        assert_ok(store__segment_encode(codecs[c], 3, events, 4, &value));
        assert_ok(
            store__segment_decode(codecs[c], 3, 7, (store_bytes){value.data, value.len}, &out));
        assert_int_equal(out.count, 4);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(out.events[i].seq, events[i].seq);
            assert_int_equal(out.events[i].time_ms, events[i].time_ms);
            assert_int_equal(out.events[i].user.len, events[i].user.len);
            assert_int_equal(out.events[i].update.len, events[i].update.len);
            if (events[i].update.len)
                assert_memory_equal(out.events[i].update.data, events[i].update.data,
                                    events[i].update.len);
        }
        store__segment_deinit(&out);
        /* Of another document, or another place in it, it is not. */
        store_bytes bytes = {value.data, value.len};
        assert_err(store__segment_decode(codecs[c], 4, 7, bytes, &out), STORE_CORRUPT);
        assert_err(store__segment_decode(codecs[c], 3, 8, bytes, &out), STORE_CORRUPT);
        store_buf_free(&value);
    }
}

static void a_damaged_segment_is_told(void **state)
{
    (void)state;
    const store_event events[] = {{.seq = 1, .time_ms = 1, .update = BYTES("one")},
                                  {.seq = 2, .time_ms = 2, .update = BYTES("two")}};
    for (size_t c = 0; c < 2; c++) {
        const store_codec *used = c ? &codec : NULL;
        store_buf value = {0};
        store__segment out;
        assert_ok(store__segment_encode(used, 3, events, 2, &value));
        uint8_t *bytes = value.data;
        for (size_t at = 0; at < value.len; at++) {
            /* The bytes of the updates are the reader's to sum up. */
            bool told = at < 4 || at >= 12;
            bytes[at] ^= 0x11;
            store_err err =
                store__segment_decode(used, 3, 1, (store_bytes){bytes, value.len}, &out);
            bytes[at] ^= 0x11;
            if (told)
                assert_true(err == STORE_CORRUPT || err == STORE_NO_MEMORY);
            store__segment_deinit(&out);
            assert_true(store__segment_decode(used, 3, 1, (store_bytes){bytes, at}, &out) !=
                        STORE_OK);
        }
        store_buf_free(&value);
    }
}

/* ---- the store ---- */

static void packed_events_are_read_as_before(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    uint64_t b = create_doc(f->s, "b", 2).number;
    for (int i = 0; i < 3; i++) {
        append_text(f->s, a, "x");
        append_text(f->s, b, "y");
    }
    store_doc before = find_doc(f->s, "a");
    assert_true(pack(f->s, &everything) > 0);
    append_text(f->s, a, "z");
    for (int round = 0; round < 2; round++) {
        assert_string_equal(read_text(f->s, a, 0, UINT64_MAX), "1:x 2:x 3:x 4:z");
        assert_string_equal(read_text(f->s, a, 1, 2), "2:x");
        assert_string_equal(read_text(f->s, b, 2, UINT64_MAX), "3:y");
        assert_int_equal(find_doc(f->s, "a").head, 4);
        assert_int_equal(find_doc(f->s, "a").log_bytes, before.log_bytes + 1);
        fixture_reopen(f);
    }
    assert_int_equal(entries(f, "tail"), 1);
    assert_int_equal(entries(f, "segments"), 2);
    assert_int_equal(append_text(f->s, b, "w"), 4);
}

static void a_small_segment_grows_until_it_is_full(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    for (unsigned i = 0; i < 10; i++) {
        append_many(f->s, a, 1000, DATE_MS);
        pack(f->s, &everything);
    }
    assert_int_equal(entries(f, "segments"), 3);
    assert_int_equal(entries(f, "tail"), 0);
    assert_int_equal(find_doc(f->s, "a").events, 10000);
    assert_string_equal(read_text(f->s, a, 9998, UINT64_MAX), "9999:u998 10000:u999");
    assert_string_equal(read_text(f->s, a, 4095, 4097), "4096:u95 4097:u96");
}

static void only_what_should_leave_does(void **state)
{
    fixture *f = *state;
    uint64_t old = create_doc(f->s, "old", 1).number;
    uint64_t young = create_doc(f->s, "young", 2).number;
    append_many(f->s, old, 10, DATE_MS);
    append_many(f->s, young, 10, DATE_MS + 1000);
    assert_int_equal(
        pack(f->s, &(store_pack_policy){.before_ms = DATE_MS + 1000, .tail_bytes_max = UINT64_MAX}),
        1);
    assert_int_equal(entries(f, "tail"), 10);
    assert_int_equal(
        pack(f->s, &(store_pack_policy){.before_ms = INT64_MIN, .tail_bytes_max = 1 << 20}), 0);
    assert_int_equal(pack(f->s, &(store_pack_policy){.before_ms = INT64_MIN}), 1);
    assert_int_equal(entries(f, "tail"), 0);
}

static void what_was_overtaken_is_dropped(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    uint64_t gone = create_doc(f->s, "gone", 2).number;
    store_packs *first;
    store_packs *second;
    append_text(f->s, a, "x");
    append_text(f->s, gone, "y");
    assert_ok(store_packs_prepare(f->s, &everything, &first));
    assert_ok(store_packs_prepare(f->s, &everything, &second));
    append_text(f->s, a, "z");
    store_batch *b = begin(f->s);
    assert_ok(store_batch_pack(b, first));
    assert_ok(store_batch_delete(b, gone, DATE_MS)); /* in the very batch that packs it */
    assert_ok(store_batch_commit(b));
    b = begin(f->s);
    assert_ok(store_batch_pack(b, second));
    assert_ok(store_batch_commit(b));
    store_packs_free(first);
    store_packs_free(second);
    assert_string_equal(read_text(f->s, a, 0, UINT64_MAX), "1:x 2:z");
    assert_err(read_err(f->s, gone), STORE_NOT_FOUND);
    fixture_reopen(f);
    assert_string_equal(read_text(f->s, a, 0, UINT64_MAX), "1:x 2:z");
}

static void an_aborted_batch_packs_nothing(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    store_packs *packs;
    append_text(f->s, a, "x");
    assert_ok(store_packs_prepare(f->s, &everything, &packs));
    store_batch *b = begin(f->s);
    assert_ok(store_batch_pack(b, packs));
    assert_err(store_batch_pack(b, packs), STORE_INVALID);
    store_batch_abort(b);
    assert_int_equal(entries(f, "tail"), 1);
    b = begin(f->s);
    assert_ok(store_batch_pack(b, packs));
    assert_ok(store_batch_commit(b));
    store_packs_free(packs);
    assert_int_equal(entries(f, "tail"), 0);
    assert_string_equal(read_text(f->s, a, 0, UINT64_MAX), "1:x");
}

static void a_deleted_document_leaves_no_segments(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    uint64_t b = create_doc(f->s, "b", 2).number;
    append_text(f->s, b, "stays");
    for (int i = 0; i < 5; i++)
        append_many(f->s, a, STORE__SEGMENT_EVENTS_MAX, DATE_MS);
    pack(f->s, &everything);
    append_text(f->s, a, "in the tail");
    delete_doc(f->s, a);
    fixture_reopen(f); /* the note leads to the segments, though no event does */
    for (int i = 0; i < 5; i++)
        append_text(f->s, b, "goes on");
    assert_int_equal(entries(f, "segments"), 1);
    assert_int_equal(entries(f, "purges"), 0);
    assert_int_equal(entries(f, "tail"), 5);
}

static void damage_stays_where_it_is(void **state)
{
    fixture *f = *state;
    uint64_t a = create_doc(f->s, "a", 1).number;
    uint64_t b = create_doc(f->s, "b", 2).number;
    append_text(f->s, a, "x");
    append_text(f->s, b, "y");
    pack(f->s, &everything);
    uint8_t bytes[4096];
    store__key key = store__key_two(a, 1);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    raw r = close_to_raw(f, "segments");
    assert_int_equal(mdb_get(r.txn, r.table, &k, &value), 0);
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[value.mv_size - 1] ^= 1;
    value.mv_data = bytes;
    assert_int_equal(mdb_put(r.txn, r.table, &k, &value, 0), 0);
    open_from_raw(f, &r);
    assert_err(read_err(f->s, a), STORE_CORRUPT);
    assert_string_equal(read_text(f->s, b, 0, UINT64_MAX), "1:y");
    /* Its new events are taken, and stay in the tail; the others' leave it. */
    append_text(f->s, a, "z");
    append_text(f->s, b, "w");
    store_packs *packs;
    assert_ok(store_packs_prepare(f->s, &everything, &packs));
    store_batch *batch = begin(f->s);
    assert_ok(store_batch_pack(batch, packs));
    assert_ok(store_batch_commit(batch));
    store_packs_free(packs);
    assert_string_equal(read_text(f->s, a, 1, UINT64_MAX), "2:z");
    assert_string_equal(read_text(f->s, b, 0, UINT64_MAX), "1:y 2:w");
}

/* Format 1 had no segments: such a directory is taken as it is, and is of format 2 from then on. */
static void the_first_format_is_brought_forward(void **state)
{
    fixture *f = *state;
    uint8_t value[16];
    MDB_val key = store__text_val("format");
    MDB_val val;
    append_text(f->s, create_doc(f->s, "a", 1).number, "x");
    raw r = close_to_raw(f, "meta");
    MDB_dbi segments;
    assert_int_equal(mdb_get(r.txn, r.table, &key, &val), 0);
    memcpy(value, val.mv_data, sizeof(value));
    value[sizeof(value) - 1] = 1;
    store__seal(&key, value, sizeof(value));
    val.mv_data = value;
    assert_int_equal(mdb_put(r.txn, r.table, &key, &val, 0), 0);
    assert_int_equal(mdb_dbi_open(r.txn, "segments", 0, &segments), 0);
    assert_int_equal(mdb_drop(r.txn, segments, 1), 0);
    open_from_raw(f, &r);
    assert_string_equal(read_text(f->s, find_doc(f->s, "a").number, 0, UINT64_MAX), "1:x");
    pack(f->s, &everything);
    assert_int_equal(entries(f, "segments"), 1);
    r = close_to_raw(f, "meta");
    assert_int_equal(mdb_get(r.txn, r.table, &key, &val), 0);
    assert_int_equal(((const uint8_t *)val.mv_data)[15], 2);
    open_from_raw(f, &r);
}

/* ---- reading while events move ---- */

typedef struct looker {
    store *s;
    uint64_t number;
    uint64_t next;
    bool stop;
    pthread_mutex_t lock;
    unsigned wrong;
} looker;

static bool count_up(void *ctx, const store_event *event)
{
    looker *r = ctx;
    r->wrong += event->seq != r->next;
    r->next++;
    return true;
}

static bool is_stopped(looker *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *read_for_ever(void *arg)
{
    looker *r = arg;
    while (!is_stopped(r)) {
        store_doc doc;
        r->wrong += store_find(r->s, BYTES("a"), &doc) != STORE_OK;
        r->next = 1;
        r->wrong += store_read(r->s, r->number, 0, UINT64_MAX, count_up, r) != STORE_OK;
        r->wrong += r->next < doc.head + 1;
    }
    return NULL;
}

static void readers_see_every_event_while_they_move(void **state)
{
    fixture *f = *state;
    looker r = {.s = f->s, .number = create_doc(f->s, "a", 1).number};
    pthread_t thread;
    pthread_mutex_init(&r.lock, NULL);
    assert_int_equal(pthread_create(&thread, NULL, read_for_ever, &r), 0);
    for (unsigned i = 0; i < 300; i++) {
        append_many(f->s, r.number, 1 + i % 7, DATE_MS);
        if (i % 3 == 0)
            pack(f->s, &everything);
    }
    pthread_mutex_lock(&r.lock);
    r.stop = true;
    pthread_mutex_unlock(&r.lock);
    pthread_join(thread, NULL);
    pthread_mutex_destroy(&r.lock);
    assert_int_equal(r.wrong, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_gives_back_what_it_was_given),
        cmocka_unit_test(a_damaged_segment_is_told),
        TEST(packed_events_are_read_as_before),
        TEST(a_small_segment_grows_until_it_is_full),
        TEST(only_what_should_leave_does),
        TEST(what_was_overtaken_is_dropped),
        TEST(an_aborted_batch_packs_nothing),
        TEST(a_deleted_document_leaves_no_segments),
        TEST(damage_stays_where_it_is),
        TEST(the_first_format_is_brought_forward),
        TEST(readers_see_every_event_while_they_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
