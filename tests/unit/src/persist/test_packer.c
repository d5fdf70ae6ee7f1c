/* Packing in the background, over a real store: the tail becomes short, and nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/packer.h"
#include "room/codec.h"

enum { EVENTS = 6000 };

typedef struct fixture {
    char dir[64];
    loop *loop;
    store *store;
    persist *persist;
    packer *packer;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/weft-packer-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    store_options options = {.codec = &room_codec};
    char detail[256];
    assert_int_equal(store_open(f->dir, &options, &f->store, detail, sizeof(detail)), STORE_OK);
    f->loop = loop_new();
    f->persist = persist_new(f->loop, f->store);
    f->packer = packer_new(f->loop, f->store, f->persist);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    packer_free(f->packer);
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

/* The update of event `seq`: one letter typed behind the one before, as format v1 has it. */
static slice letter(uint64_t seq, char out[16])
{
    static const char shape[] = {1, 1, 5, 0, 0, (char)0x84, 5, 0, 0, 1, 'x', 0};
    memcpy(out, shape, sizeof(shape));
    out[3] = (char)(0x80 | (seq & 0x7f));
    out[4] = (char)(seq >> 7);
    out[7] = (char)(0x80 | ((seq - 1) & 0x7f));
    out[8] = (char)((seq - 1) >> 7);
    return (slice){out, sizeof(shape)};
}

static void on_created(persist_op *op, err result)
{
    assert_int_equal(result, ERR_OK);
    assert_true(op->number > 0);
}

static uint64_t create_document(fixture *f)
{
    static persist_event events[EVENTS];
    static char bytes[EVENTS][16];
    persist_op op = {
        .kind = PERSIST_CREATE, .name = SLICE_LITERAL("d"), .epoch = 7, .done = on_created};
    for (size_t i = EVENTS; i-- > 0;) {
        events[i].update = letter(i + 1, bytes[i]);
        events[i].next = i + 1 < EVENTS ? &events[i + 1] : NULL;
    }
    op.events = events;
    persist_submit(f->persist, &op);
    while (persist_waiting(f->persist) > 0)
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    return op.number;
}

/* True if something in the tail is still above what the packer leaves there. */
static bool is_long(fixture *f)
{
    store_packs *packs;
    store_pack_policy policy = {.before_ms = INT64_MIN, .tail_bytes_max = PACKER_TAIL_BYTES_MIN};
    assert_int_equal(store_packs_prepare(f->store, &policy, &packs), STORE_OK);
    bool more = packs != NULL;
    store_packs_free(packs);
    return more;
}

static bool compare(void *ctx, const store_event *event)
{
    uint64_t *seq = ctx;
    char bytes[16];
    slice wanted = letter(++*seq, bytes);
    assert_int_equal(event->seq, *seq);
    assert_int_equal(event->update.len, wanted.len);
    assert_memory_equal(event->update.data, wanted.data, wanted.len);
    return true;
}

static void a_long_tail_becomes_short_by_itself(void **state)
{
    fixture *f = *state;
    uint64_t seq = 0;
    uint64_t number = create_document(f);
    assert_true(is_long(f));
    while (is_long(f))
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    packer_stop(f->packer);
    while (packer_busy(f->packer))
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    assert_int_equal(store_read(f->store, number, 0, UINT64_MAX, compare, &seq), STORE_OK);
    assert_int_equal(seq, EVENTS);
}

static void much_that_is_written_is_looked_at_without_waiting(void **state)
{
    fixture *f = *state;
    assert_false(packer_busy(f->packer));
    create_document(f);
    assert_true(packer_busy(f->packer));
    packer_stop(f->packer);
    while (packer_busy(f->packer))
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_tail_becomes_short_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(much_that_is_written_is_looked_at_without_waiting, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
