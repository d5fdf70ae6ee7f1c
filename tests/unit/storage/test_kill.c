/* The process is killed while it commits: everything that it reported as committed is there,
 * nothing is torn, and seqs go on. A child appends batches and reports each commit through a pipe;
 * the parent kills it after a number of reports drawn at random. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "rng.h"

enum { ROUNDS = 20, DOCS = 3, BATCH_EVENTS_MAX = 40, REPORTS_MAX = 60 };

typedef struct report {
    uint64_t heads[DOCS];
    uint64_t lives; /* of the document "short", each of one event */
} report;

static const char *const NAMES[DOCS] = {"a", "b", "c"};

/* The update of each event tells its document and seq, and is long now and then. */
static size_t make_update(unsigned doc, uint64_t seq, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%u/%" PRIu64 "/", doc, seq);
    size_t wanted = seq % 17 == 0 ? 6000 : 20;
    memset(out + len, 'x', wanted);
    return len + wanted;
}

static bool append(store_batch *b, const uint64_t *numbers, unsigned doc, uint64_t *head)
{
    char update[6100];
    uint64_t seq;
    store_event event = {.time_ms = DATE_MS};
    event.update = (store_bytes){update, make_update(doc, *head + 1, update, sizeof(update))};
    return store_batch_append(b, numbers[doc], &event, &seq) == STORE_OK && seq == ++*head;
}

/* Ends the short life there is, and begins the next. */
static bool renew(store *s, store_batch *b, uint64_t *lives)
{
    store_doc doc;
    uint64_t seq;
    if (*lives && (store_find(s, BYTES("short"), &doc) != STORE_OK ||
                   store_batch_delete(b, doc.number, DATE_MS) != STORE_OK))
        return false;
    return store_batch_create(b, BYTES("short"), (uint32_t)++ * lives, DATE_MS, &doc) == STORE_OK &&
           store_batch_append(b, doc.number, &(store_event){.update = BYTES("s")}, &seq) ==
               STORE_OK;
}

/* Moves the oldest events out of the tail, with the batch. False: not as it should be. */
static bool pack(store *s, store_batch *b, store_packs **packs)
{
    store_pack_policy policy = {.before_ms = INT64_MAX};
    return store_packs_prepare(s, &policy, packs) == STORE_OK &&
           (!*packs || store_batch_pack(b, *packs) == STORE_OK);
}

/* Runs in the child until it is killed. */
static void write_for_ever(const char *dir, const uint64_t *numbers, report now, rng r, int out)
{
    store *s;
    store_batch *b;
    store_packs *packs = NULL;
    store_options options = {.map_size_min = (size_t)1 << 20};
    if (store_open(dir, &options, &s, NULL, 0) != STORE_OK)
        _exit(1);
    for (;;) {
        if (store_batch_begin(s, &b) != STORE_OK)
            _exit(2);
        for (uint64_t n = rng_below(&r, BATCH_EVENTS_MAX) + 1; n > 0; n--) {
            unsigned doc = (unsigned)rng_below(&r, DOCS);
            if (!append(b, numbers, doc, &now.heads[doc]))
                _exit(3);
        }
        if (rng_chance(&r, 30) && !renew(s, b, &now.lives))
            _exit(4);
        if (rng_chance(&r, 40) && !pack(s, b, &packs))
            _exit(6);
        if (store_batch_commit(b) != STORE_OK || write(out, &now, sizeof(now)) != sizeof(now))
            _exit(5);
        store_packs_free(packs);
        packs = NULL;
    }
}

/* The last report of a child killed after `reports` of them, or at the end of those that it still
 * got out. */
static void run_child(const fixture *f, const uint64_t *numbers, rng r, uint64_t reports,
                      report *last)
{
    int pipe_ends[2];
    int status;
    report got;
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_ends[0]);
        write_for_ever(f->dir, numbers, *last, r, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    while (reports-- > 0 && read(pipe_ends[0], &got, sizeof(got)) == sizeof(got))
        *last = got;
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &got, sizeof(got)) == sizeof(got))
        *last = got;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

typedef struct checking {
    unsigned doc;
    uint64_t seq;
} checking;

static bool check_event(void *ctx, const store_event *event)
{
    char wanted[6100];
    checking *c = ctx;
    assert_int_equal(event->seq, ++c->seq);
    assert_int_equal(event->update.len, make_update(c->doc, c->seq, wanted, sizeof(wanted)));
    assert_memory_equal(event->update.data, wanted, event->update.len);
    return true;
}

/* At most one commit more than was reported, and that one whole; `last` becomes what is there. */
static void check_all(fixture *f, const uint64_t *numbers, report *last)
{
    uint64_t more = 0;
    for (unsigned i = 0; i < DOCS; i++) {
        checking c = {.doc = i};
        assert_ok(store_read(f->s, numbers[i], 0, UINT64_MAX, check_event, &c));
        assert_true(c.seq >= last->heads[i]);
        assert_int_equal(find_doc(f->s, NAMES[i]).head, c.seq);
        more += c.seq - last->heads[i];
        last->heads[i] = c.seq;
    }
    assert_true(more <= BATCH_EVENTS_MAX);
    store_doc doc;
    if (last->lives || store_find(f->s, BYTES("short"), &doc) == STORE_OK) {
        doc = find_doc(f->s, "short");
        assert_false(doc.deleted);
        assert_true(doc.epoch == last->lives || doc.epoch == last->lives + 1);
        assert_string_equal(read_text(f->s, doc.number, 0, UINT64_MAX), "1:s");
        last->lives = doc.epoch;
    }
}

static void what_was_reported_survives_a_kill(void **state)
{
    fixture *f = *state;
    const char *given = getenv("WEFT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("seed %" PRIu64 " (WEFT_SEED=%" PRIu64 " repeats it)\n", seed, seed);
    rng r = {seed};
    report last = {0};
    uint64_t numbers[DOCS];
    for (unsigned i = 0; i < DOCS; i++)
        numbers[i] = create_doc(f->s, NAMES[i], i).number;
    for (unsigned round = 0; round < ROUNDS; round++) {
        store_close(f->s);
        f->s = NULL;
        run_child(f, numbers, (rng){rng_next(&r)}, rng_below(&r, REPORTS_MAX) + 1, &last);
        fixture_open(f);
        check_all(f, numbers, &last);
        assert_clean(f);
        for (unsigned i = 0; i < DOCS; i++) {
            char update[6100];
            size_t len = make_update(i, last.heads[i] + 1, update, sizeof(update));
            assert_ok(try_append(f->s, numbers[i], (store_bytes){update, len}));
            assert_int_equal(find_doc(f->s, NAMES[i]).head, ++last.heads[i]);
        }
    }
    assert_true(last.lives > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_reported_survives_a_kill, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
