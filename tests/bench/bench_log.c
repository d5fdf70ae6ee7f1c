/* Appending to the log, synced: events a second by batch size, against one event a commit in the
 * same run.
 *
 *     bench_log [DIR [EVENT_LEN [DOCUMENTS [SECONDS]]]]
 *
 * Each line is one batch size: events spread over the documents at random, for about SECONDS. The
 * last two lines are opening (the scan of the tail) and reading one document from end to end. DIR
 * is made and removed. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

#define EVENT_LEN_MAX 65536u
#define DOCUMENTS_MAX 1000000u

typedef struct bench {
    const char *dir;
    store *s;
    size_t event_len;
    uint64_t documents;
    double seconds;
    uint64_t random;
    uint64_t total; /* events appended */
} bench;

static void must(store_err err, const char *what)
{
    if (err == STORE_OK)
        return;
    fprintf(stderr, "bench_log: %s: %s\n", what, store_strerror(err));
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(bench *b)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return b->random >> 33;
}

static void create_documents(bench *b)
{
    char name[32];
    store_doc doc;
    store_batch *batch;
    must(store_batch_begin(b->s, &batch), "begin");
    for (uint64_t i = 0; i < b->documents; i++) {
        int len = snprintf(name, sizeof(name), "document-%llu", (unsigned long long)i);
        must(store_batch_create(batch, (store_bytes){name, (size_t)len}, (uint32_t)i, 1, &doc),
             "create");
    }
    must(store_batch_commit(batch), "commit");
}

/* Events a second. Documents have the numbers 1, 2, ... in a new store. */
static double run(bench *b, unsigned batch_len, double *commits_per_s)
{
    static uint8_t update[EVENT_LEN_MAX];
    store_event event = {.time_ms = 1, .update = {update, b->event_len}};
    uint64_t commits = 0;
    uint64_t seq;
    double begin = now_s();
    double used;
    do {
        store_batch *batch;
        must(store_batch_begin(b->s, &batch), "begin");
        for (unsigned i = 0; i < batch_len; i++)
            must(store_batch_append(batch, 1 + next_random(b) % b->documents, &event, &seq),
                 "append");
        must(store_batch_commit(batch), "commit");
        commits++;
        used = now_s() - begin;
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
    char detail[256] = "";
    uint64_t count = 0;
    store_close(b->s);
    double begin = now_s();
    if (store_open(b->dir, NULL, &b->s, detail, sizeof(detail)) != STORE_OK) {
        fprintf(stderr, "bench_log: %s\n", detail);
        exit(1);
    }
    double opened = now_s() - begin;
    printf("log open       %8.1f ms  %12.0f events/s scanned  (%llu events)\n", opened * 1e3,
           (double)b->total / opened, (unsigned long long)b->total);
    begin = now_s();
    for (uint64_t number = 1; number <= 100 && number <= b->documents; number++)
        must(store_read(b->s, number, 0, UINT64_MAX, count_event, &count), "read");
    double used = now_s() - begin;
    printf("log read       %8.1f ms  %12.0f events/s          (%llu events)\n", used * 1e3,
           (double)count / used, (unsigned long long)count);
}

static void remove_dir(const char *dir)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "weft.lock"};
    char path[4096];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

static bench configure(int argc, char **argv)
{
    bench b = {.dir = "bench-log-data", .event_len = 60, .documents = 5000, .seconds = 1};
    if (argc > 1)
        b.dir = argv[1];
    if (argc > 2)
        b.event_len = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        b.documents = strtoul(argv[3], NULL, 10);
    if (argc > 4)
        b.seconds = strtod(argv[4], NULL);
    if (argc > 5 || b.event_len > EVENT_LEN_MAX || b.documents < 1 || b.documents > DOCUMENTS_MAX ||
        b.seconds <= 0) {
        fprintf(stderr, "usage: bench_log [DIR [EVENT_LEN [DOCUMENTS [SECONDS]]]]\n");
        exit(2);
    }
    return b;
}

int main(int argc, char **argv)
{
    static const unsigned batch_lens[] = {1, 8, 64, 256, 1024};
    char detail[256] = "";
    bench b = configure(argc, argv);
    if (access(b.dir, F_OK) == 0) {
        fprintf(stderr, "bench_log: %s exists\n", b.dir);
        return 1;
    }
    if (store_open(b.dir, NULL, &b.s, detail, sizeof(detail)) != STORE_OK) {
        fprintf(stderr, "bench_log: %s\n", detail);
        return 1;
    }
    create_documents(&b);
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
    store_close(b.s);
    remove_dir(b.dir);
    return 0;
}
