/* The commit thread over a real store in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/persist.h"

typedef struct fixture {
    char dir[64];
    loop *loop;
    store *store;
    persist *persist;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/weft-persist-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    /* Little room, so that it can be filled. */
    store_options options = {.map_size_max = 1 << 20};
    char detail[256];
    assert_int_equal(store_open(f->dir, &options, &f->store, detail, sizeof(detail)), STORE_OK);
    f->loop = loop_new();
    f->persist = persist_new(f->loop, f->store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    persist_free(f->persist);
    loop_run(f->loop);
    loop_free(f->loop);
    store_close(f->store);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

typedef struct told {
    persist_op op;
    bool done;
    err result;
} told;

static void on_done(persist_op *op, err result)
{
    told *t = container_of(op, told, op);
    assert_false(t->done);
    t->done = true;
    t->result = result;
}

static void submit(fixture *f, told *t)
{
    t->op.done = on_done;
    persist_submit(f->persist, &t->op);
    assert_false(t->done);
}

static void wait_all(fixture *f)
{
    while (persist_waiting(f->persist) > 0)
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

static told creation(const char *name, persist_event *events)
{
    return (told){
        .op = {.kind = PERSIST_CREATE, .name = slice_of(name), .epoch = 7, .events = events}};
}

static void a_document_and_its_events_are_written_in_order(void **state)
{
    fixture *f = *state;
    persist_event second = {.update = SLICE_LITERAL("two")};
    persist_event first = {.update = SLICE_LITERAL("one"), .next = &second};
    told t = creation("d", &first);
    submit(f, &t);
    wait_all(f);
    assert_int_equal(t.result, ERR_OK);
    assert_int_equal(first.seq, 1);
    assert_int_equal(second.seq, 2);
    store_doc doc;
    assert_int_equal(store_find(f->store, (store_bytes){"d", 1}, &doc), STORE_OK);
    assert_int_equal(doc.number, t.op.number);
    assert_int_equal(doc.head, 2);
    assert_int_equal(doc.updated_ms, t.op.time_ms);
}

static void what_one_turn_brings_is_one_commit(void **state)
{
    fixture *f = *state;
    told t[32];
    char names[32][8];
    for (size_t i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]), "d%zu", i);
        t[i] = creation(names[i], NULL);
        submit(f, &t[i]);
    }
    wait_all(f);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(t[i].result, ERR_OK);
    assert_int_equal(persist_get_stats(f->persist).commits, 1);
    assert_int_equal(persist_get_stats(f->persist).ops, 32);
}

static void an_op_that_cannot_be_fails_alone(void **state)
{
    fixture *f = *state;
    persist_event event = {.update = SLICE_LITERAL("u")};
    told first = creation("d", NULL), again = creation("d", NULL), other = creation("e", NULL);
    told nowhere = {.op = {.kind = PERSIST_APPEND, .number = 999999, .events = &event}};
    submit(f, &first);
    submit(f, &again);
    submit(f, &nowhere);
    submit(f, &other);
    wait_all(f);
    assert_int_equal(first.result, ERR_OK);
    assert_int_equal(again.result, ERR_EXISTS);
    assert_int_equal(nowhere.result, ERR_DELETED);
    assert_int_equal(other.result, ERR_OK);
    assert_int_equal(persist_get_stats(f->persist).commits, 1);
}

static void deletions_and_checkpoints_are_written(void **state)
{
    fixture *f = *state;
    persist_event event = {.update = SLICE_LITERAL("u")};
    told made = creation("d", &event);
    submit(f, &made);
    wait_all(f);
    told kept = {.op = {.kind = PERSIST_CHECKPOINT,
                        .number = made.op.number,
                        .seq = 1,
                        .state = SLICE_LITERAL("state")}};
    told ended = {.op = {.kind = PERSIST_DELETE, .number = made.op.number}};
    submit(f, &kept);
    submit(f, &ended);
    wait_all(f);
    assert_int_equal(kept.result, ERR_OK);
    assert_int_equal(ended.result, ERR_OK);
    store_doc doc;
    assert_int_equal(store_find(f->store, (store_bytes){"d", 1}, &doc), STORE_OK);
    assert_true(doc.deleted);
}

static void no_room_fails_the_whole_commit_and_leaves_nothing(void **state)
{
    fixture *f = *state;
    char *bytes = test_malloc(4 << 20);
    memset(bytes, 'x', 4 << 20);
    persist_event large = {.update = {bytes, 4 << 20}};
    told small = creation("small", NULL), big = creation("big", &large);
    submit(f, &small);
    submit(f, &big);
    wait_all(f);
    assert_int_equal(small.result, ERR_STORAGE_FULL);
    assert_int_equal(big.result, ERR_STORAGE_FULL);
    assert_int_equal(persist_get_stats(f->persist).commits_failed, 1);
    store_doc doc;
    assert_int_equal(store_find(f->store, (store_bytes){"small", 5}, &doc), STORE_NOT_FOUND);
    told again = creation("small", NULL);
    submit(f, &again);
    wait_all(f);
    assert_int_equal(again.result, ERR_OK);
    test_free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_document_and_its_events_are_written_in_order),
        TEST(what_one_turn_brings_is_one_commit),
        TEST(an_op_that_cannot_be_fails_alone),
        TEST(deletions_and_checkpoints_are_written),
        TEST(no_room_fails_the_whole_commit_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
