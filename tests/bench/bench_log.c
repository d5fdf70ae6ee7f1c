/* Appending to the log, synced: events a second by batch size, against one event a commit in the
 * same run.
 *
 *     bench_log [DIR [EVENT_LEN [DOCUMENTS [SECONDS]]]]
 *
 * Each line is one batch size: events spread over the documents at random, for about SECONDS. The
 * last two lines are opening (the scan of the tail) and reading one document from end to end. DIR
 * is made and removed. */
#include <stdio.h>
#include <stdlib.h>

#include "storing.h"

#define EVENT_LEN_MAX 65536u
#define DOCUMENTS_MAX 1000000u

typedef struct bench {
    storing data;
    size_t event_len;
    double seconds;
    uint64_t total; /* events appended */
} bench;

/* Events a second. Documents have the numbers 1, 2, ... in a new store. */
static double run(bench *b, unsigned batch_len, double *commits_per_s)
{
    static uint8_t update[EVENT_LEN_MAX];
    store_event event = {.time_ms = 1, .update = {update, b->event_len}};
    uint64_t commits = 0;
    uint64_t seq;
    double begin = storing_now_s();
    double used;
    do {
        store_batch *batch;
        storing_must(store_batch_begin(b->data.s, &batch), "begin");
        for (unsigned i = 0; i < batch_len; i++)
            storing_must(store_batch_append(batch, 1 + storing_random(&b->data) % b->data.documents,
                                            &event, &seq),
                         "append");
        storing_must(store_batch_commit(batch), "commit");
        commits++;
        used = storing_now_s() - begin;
    } while (used < b->seconds);
    b->total += commits * batch_len;
    *commits_per_s = (double)commits / used;
    return *commits_per_s * batch_len;
}

static bool count_event(void *ctx, const store_event *event)
{
    (void)event;
    ++*(uint64_t *)ctx;
    return true;
}

static void measure_reading(bench *b)
{
    uint64_t count = 0;
    double begin = storing_now_s();
    storing_open(&b->data);
    double opened = storing_now_s() - begin;
    printf("log open       %8.1f ms  %12.0f events/s scanned  (%llu events)\n", opened * 1e3,
           (double)b->total / opened, (unsigned long long)b->total);
    begin = storing_now_s();
    for (uint64_t number = 1; number <= 100 && number <= b->data.documents; number++)
        storing_must(store_read(b->data.s, number, 0, UINT64_MAX, count_event, &count), "read");
    double used = storing_now_s() - begin;
    printf("log read       %8.1f ms  %12.0f events/s          (%llu events)\n", used * 1e3,
           (double)count / used, (unsigned long long)count);
}

static bench configure(int argc, char **argv)
{
    bench b = {.data = {.dir = "bench-log-data", .documents = 5000}, .event_len = 60, .seconds = 1};
    if (argc > 1)
        b.data.dir = argv[1];
    if (argc > 2)
        b.event_len = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        b.data.documents = strtoul(argv[3], NULL, 10);
    if (argc > 4)
        b.seconds = strtod(argv[4], NULL);
    if (argc > 5 || b.event_len > EVENT_LEN_MAX || b.data.documents < 1 ||
        b.data.documents > DOCUMENTS_MAX || b.seconds <= 0) {
        fprintf(stderr, "usage: bench_log [DIR [EVENT_LEN [DOCUMENTS [SECONDS]]]]\n");
        exit(2);
    }
    return b;
}

int main(int argc, char **argv)
{
    static const unsigned batch_lens[] = {1, 8, 64, 256, 1024};
    bench b = configure(argc, argv);
    storing_must_be_new(b.data.dir);
    storing_open(&b.data);
    storing_create_documents(&b.data);
    double single = 0;
    for (size_t i = 0; i < sizeof(batch_lens) / sizeof(*batch_lens); i++) {
        double commits_per_s;
        double events_per_s = run(&b, batch_lens[i], &commits_per_s);
        if (i == 0)
            single = events_per_s;
        printf("log batch %4u  %8.0f commits/s %10.0f events/s  x%.1f one a commit\n",
               batch_lens[i], commits_per_s, events_per_s, events_per_s / single);
    }
    measure_reading(&b);
    store_close(b.data.s);
    storing_remove(b.data.dir);
    return 0;
}
