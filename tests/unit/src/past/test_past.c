/* Looks at the past from the loop: each comes back once, a few run at a time, the rest wait. */
#include "past/past.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/must.h"
#include "fixture.h"

enum { EVENTS = 20 };

typedef struct looks {
    fixture *f;
    loop *loop;
    past *past;
    atomic_uint inside;
    atomic_uint inside_max;
} looks;

typedef struct look {
    past_read read;
    looks *all;
    uint64_t letters;
    unsigned done;
    err result;
} look;

static int setup(void **state)
{
    looks *l = calloc(1, sizeof(*l));
    void *f;
    fixture_setup(&f);
    l->f = f;
    append_letters(l->f, 0, EVENTS);
    l->loop = loop_new();
    l->past = past_new(l->loop, l->f->store, 0);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    looks *l = *state;
    void *f = l->f;
    past_free(l->past);
    loop_run(l->loop);
    loop_free(l->loop);
    fixture_teardown(&f);
    free(l);
    return 0;
}

static err count_letters(past_read *r, crdt_doc *doc)
{
    look *k = container_of(r, look, read);
    unsigned now = atomic_fetch_add(&k->all->inside, 1) + 1;
    unsigned max = atomic_load(&k->all->inside_max);
    while (now > max && !atomic_compare_exchange_weak(&k->all->inside_max, &max, now))
        ;
    k->letters = typed_in(doc);
    atomic_fetch_sub(&k->all->inside, 1);
    return ERR_OK;
}

static err refuse(past_read *r, crdt_doc *doc)
{
    (void)r;
    (void)doc;
    return ERR_NO_MEMORY;
}

static void look_done(past_read *r, err result)
{
    look *k = container_of(r, look, read);
    k->done++;
    k->result = result;
}

static err start(looks *l, look *k, uint64_t number, uint64_t seq)
{
    *k = (look){.read = {.number = number, .seq = seq, .use = count_letters, .done = look_done},
                .all = l};
    return past_read_start(l->past, &k->read);
}

static void run(looks *l)
{
    while (past_busy(l->past))
        uv_run(loop_uv(l->loop), UV_RUN_ONCE);
}

static void each_gets_its_own_moment(void **state)
{
    looks *l = *state;
    look k[EVENTS + 1];
    for (uint64_t seq = 0; seq <= EVENTS; seq++)
        assert_int_equal(start(l, &k[seq], l->f->number, seq), ERR_OK);
    for (uint64_t seq = 0; seq <= EVENTS; seq++)
        assert_int_equal(k[seq].done, 0);
    run(l);
    for (uint64_t seq = 0; seq <= EVENTS; seq++) {
        assert_int_equal(k[seq].done, 1);
        assert_int_equal(k[seq].result, ERR_OK);
        assert_int_equal(k[seq].letters, seq);
    }
    assert_in_range(atomic_load(&l->inside_max), 1, PAST_JOBS_MAX);
}

static void errors_are_told_to_whom_they_concern(void **state)
{
    looks *l = *state;
    look gone, ahead, refused, well;
    assert_int_equal(start(l, &gone, l->f->number + 1, 1), ERR_OK);
    assert_int_equal(start(l, &ahead, l->f->number, EVENTS + 1), ERR_OK);
    assert_int_equal(start(l, &refused, l->f->number, 1), ERR_OK);
    refused.read.use = refuse;
    assert_int_equal(start(l, &well, l->f->number, 1), ERR_OK);
    run(l);
    assert_int_equal(gone.result, ERR_DELETED);
    assert_int_equal(ahead.result, ERR_STORAGE);
    assert_int_equal(refused.result, ERR_NO_MEMORY);
    assert_int_equal(well.result, ERR_OK);
}

/* Finds the event that the look's count of letters tells, or nothing. */
static err find(past_read *r, store *s)
{
    look *k = container_of(r, look, read);
    assert_ptr_equal(s, k->all->f->store);
    if (k->letters > EVENTS)
        return ERR_EVENT_UNKNOWN;
    r->number = k->all->f->number;
    r->seq = k->letters;
    return ERR_OK;
}

static void a_read_may_find_out_in_the_pool_what_it_looks_at(void **state)
{
    looks *l = *state;
    past_read read = {.find = find, .use = count_letters, .done = look_done};
    look here = {.read = read, .all = l, .letters = EVENTS - 3};
    look ahead = {.read = read, .all = l, .letters = EVENTS + 1};
    assert_int_equal(past_read_start(l->past, &here.read), ERR_OK);
    assert_int_equal(past_read_start(l->past, &ahead.read), ERR_OK);
    run(l);
    assert_int_equal(here.result, ERR_OK);
    assert_int_equal(here.read.seq, EVENTS - 3);
    assert_int_equal(here.letters, EVENTS - 3);
    assert_int_equal(ahead.result, ERR_EVENT_UNKNOWN);
    assert_int_equal(ahead.letters, EVENTS + 1);
}

static void too_many_are_refused(void **state)
{
    looks *l = *state;
    enum { ALL = PAST_JOBS_MAX + PAST_WAITING_MAX };
    look *k = calloc(ALL + 1, sizeof(*k));
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(start(l, &k[i], l->f->number, 1), ERR_OK);
    assert_int_equal(start(l, &k[ALL], l->f->number, 1), ERR_OVERLOADED);
    run(l);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(k[i].done, 1);
    assert_int_equal(k[ALL].done, 0);
    free(k);
}

static void who_waits_while_it_drains_is_refused(void **state)
{
    looks *l = *state;
    enum { ALL = PAST_JOBS_MAX + 10 };
    look k[ALL + 1];
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(start(l, &k[i], l->f->number, 1), ERR_OK);
    past_drain(l->past);
    assert_int_equal(start(l, &k[ALL], l->f->number, 1), ERR_OK);
    assert_int_equal(k[ALL].done, 0);
    run(l);
    for (size_t i = 0; i <= ALL; i++) {
        assert_int_equal(k[i].done, 1);
        assert_int_equal(k[i].result, i < PAST_JOBS_MAX ? ERR_OK : ERR_DRAINING);
    }
    assert_false(past_busy(l->past));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_gets_its_own_moment),
        TEST(errors_are_told_to_whom_they_concern),
        TEST(a_read_may_find_out_in_the_pool_what_it_looks_at),
        TEST(too_many_are_refused),
        TEST(who_waits_while_it_drains_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
