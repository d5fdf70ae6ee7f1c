/* What deleted documents left goes, but for what lies among damaged pages: LMDB would end the
 * process over them, now and after each opening. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "key.h"

enum {
    STATES = 60, /* of a document: some to a page, so that there are many pages */
    STATE_LEN = 900,
    COMMITS = 5 /* more than it takes to remove them */
};

static uint64_t make_doc(store *s, const char *name)
{
    static const uint8_t state[STATE_LEN];
    uint64_t number = create_doc(s, name, 1).number;
    store_batch *b = begin(s);
    for (int i = 0; i < STATES; i++) {
        uint64_t seq = batch_append(b, number, "x");
        assert_ok(store_batch_checkpoint(b, number, seq, (store_bytes){state, sizeof(state)}));
    }
    assert_ok(store_batch_commit(b));
    return number;
}

static void commit_some(store *s, uint64_t number)
{
    for (int i = 0; i < COMMITS; i++)
        append_text(s, number, "y");
}

static uint64_t checkpoint_bytes(store *s)
{
    store_stats stats;
    assert_ok(store_get_stats(s, &stats));
    return stats.checkpoint_bytes;
}

/* Three documents, whose checkpoints lie one behind the other. */
typedef struct three {
    uint64_t before;
    uint64_t gone;
    uint64_t behind;
} three;

static three make_three(store *s)
{
    three t;
    t.before = make_doc(s, "before");
    t.gone = make_doc(s, "gone");
    t.behind = make_doc(s, "behind");
    return t;
}

static void what_lies_among_whole_pages_goes(void **state)
{
    fixture *f = *state;
    three t = make_three(f->s);
    uint64_t bytes = checkpoint_bytes(f->s);
    delete_doc(f->s, t.gone);
    commit_some(f->s, t.behind);
    assert_true(checkpoint_bytes(f->s) < bytes * 3 / 4);
    assert_clean(f);
}

/* With the checkpoint `seq` of one of the three damaged. */
static void stays(fixture *f, uint64_t number, uint64_t seq)
{
    uint64_t bytes = checkpoint_bytes(f->s);
    store__key key = store__key_two(number, seq);
    store_doc gone = find_doc(f->s, "gone");
    uint64_t behind = find_doc(f->s, "behind").number;
    spoil_nodes(f, store__key_val(&key));
    delete_doc(f->s, gone.number);
    commit_some(f->s, behind);
    assert_int_equal(checkpoint_bytes(f->s), bytes);
    fixture_reopen(f);
    commit_some(f->s, behind);
    assert_int_equal(checkpoint_bytes(f->s), bytes);
    assert_true(find_doc(f->s, "gone").deleted);
    assert_err(read_err(f->s, gone.number), STORE_NOT_FOUND);
    assert_string_equal(read_text(f->s, behind, STATES, 9999),
                        "61:y 62:y 63:y 64:y 65:y 66:y 67:y 68:y 69:y 70:y");
}

static void what_is_damaged_itself_stays(void **state)
{
    fixture *f = *state;
    stays(f, make_three(f->s).gone, STATES / 2);
}

static void what_lies_behind_a_damaged_page_stays(void **state)
{
    fixture *f = *state;
    stays(f, make_three(f->s).before, STATES - 1);
}

static void what_lies_before_a_damaged_page_stays(void **state)
{
    fixture *f = *state;
    stays(f, make_three(f->s).behind, 2);
}

static void others_go_meanwhile(void **state)
{
    fixture *f = *state;
    three t = make_three(f->s);
    uint64_t other = make_doc(f->s, "other");
    store__key key = store__key_two(t.before, STATES / 2);
    spoil_nodes(f, store__key_val(&key));
    store_batch *b = begin(f->s);
    assert_ok(store_batch_delete(b, t.before, DATE_MS));
    assert_ok(store_batch_delete(b, t.behind, DATE_MS));
    assert_ok(store_batch_commit(b));
    commit_some(f->s, other);
    store__key left = store__key_two(t.behind, STATES / 2);
    store_close(f->s);
    f->s = NULL;
    raw r = raw_open(f->dir, "checkpoints");
    MDB_val k = store__key_val(&left);
    MDB_val value;
    assert_int_equal(mdb_get(r.txn, r.table, &k, &value), MDB_NOTFOUND);
    raw_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(what_lies_among_whole_pages_goes),
        TEST(what_is_damaged_itself_stays),
        TEST(what_lies_behind_a_damaged_page_stays),
        TEST(what_lies_before_a_damaged_page_stays),
        TEST(others_go_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
