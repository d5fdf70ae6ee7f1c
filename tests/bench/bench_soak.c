/* A large data directory: written, opened, backed up, checked, restored, with what each takes.
 *
 *     bench_soak [DIR [GIGABYTES]]
 *
 * Events of 20 to 1,000 bytes are appended to a thousand documents until the data file has the
 * size, packed when the tail is as long as a server lets it become, with a checkpoint now and then.
 * Every quarter the store is closed and opened again. In the end a document with a long history is
 * deleted, and a backup is made, restored and held against the store. DIR and DIR.* are made and
 * removed; they take three times the size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storing.h"

enum {
    DOCUMENTS = 1000,
    EVENT_LEN_MIN = 20,
    EVENT_LEN_MAX = 1000,
    BATCH_LEN = 16384,
    STATE_LEN = 200000,
    BATCHES_A_CHECKPOINT = 4,
    QUARTERS = 4,
    IDLE_COMMITS = 8, /* that free nothing more */
    PATH_LEN = 4096
};

#define TAIL_BYTES_MAX ((uint64_t)64 << 20)

typedef struct soak {
    storing b;
    char copy[PATH_LEN];
    char restored[PATH_LEN];
    double gigabytes;
    uint64_t heads[DOCUMENTS];
    uint64_t events;
    uint64_t bytes; /* of the events' updates */
    unsigned faults;
    uint8_t text[STATE_LEN + EVENT_LEN_MAX];
} soak;

static double gb(uint64_t bytes)
{
    return (double)bytes / 1e9;
}

static void say(const char *what, double seconds, uint64_t bytes)
{
    printf("soak %-16s %9.2f s  %7.0f MB/s\n", what, seconds, (double)bytes / 1e6 / seconds);
    fflush(stdout);
}

/* ---- writing ---- */

/* Letters, so that they are packed about as text is. */
static void make_text(soak *k)
{
    for (size_t i = 0; i < sizeof(k->text); i++)
        k->text[i] = (uint8_t)('a' + storing_random(&k->b) % 26);
}

static void append(soak *k, store_batch *batch)
{
    uint64_t at = storing_random(&k->b) % DOCUMENTS;
    size_t span = EVENT_LEN_MAX - EVENT_LEN_MIN;
    size_t len = EVENT_LEN_MIN + storing_random(&k->b) % (span / 10);
    if (storing_random(&k->b) % 4 == 0)
        len += storing_random(&k->b) % (span - span / 10);
    if (storing_random(&k->b) % 2 == 0)
        at %= 10; /* half of them are of a few documents, as long histories are */
    store_event event = {.time_ms = (int64_t)k->events,
                         .update = {k->text + storing_random(&k->b) % STATE_LEN, len}};
    storing_must(store_batch_append(batch, 1 + at, &event, &k->heads[at]), "append");
    k->events++;
    k->bytes += len;
}

static void put_checkpoint(soak *k, store_batch *batch)
{
    uint64_t at = storing_random(&k->b) % 10;
    size_t len = 1 + storing_random(&k->b) % STATE_LEN;
    if (k->heads[at] > 0)
        storing_must(
            store_batch_checkpoint(batch, 1 + at, k->heads[at], (store_bytes){k->text, len}),
            "checkpoint");
}

static void write_batch(soak *k, bool checkpoint)
{
    store_pack_policy policy = {.before_ms = 0, .tail_bytes_max = TAIL_BYTES_MAX};
    store_packs *packs;
    store_batch *batch;
    storing_must(store_packs_prepare(k->b.s, &policy, &packs), "prepare");
    storing_must(store_batch_begin(k->b.s, &batch), "begin");
    for (unsigned i = 0; i < BATCH_LEN; i++)
        append(k, batch);
    if (checkpoint)
        put_checkpoint(k, batch);
    if (packs)
        storing_must(store_batch_pack(batch, packs), "pack");
    storing_must(store_batch_commit(batch), "commit");
    store_packs_free(packs);
}

static uint64_t used_bytes(const soak *k)
{
    store_stats stats;
    storing_must(store_get_stats(k->b.s, &stats), "stats");
    return stats.file_bytes;
}

static void write_until(soak *k, uint64_t file_bytes)
{
    double begin = storing_now_s();
    uint64_t events = k->events;
    uint64_t bytes = k->bytes;
    for (unsigned i = 0; used_bytes(k) < file_bytes; i++)
        write_batch(k, i % BATCHES_A_CHECKPOINT == 0);
    double used = storing_now_s() - begin;
    say("write", used, k->bytes - bytes);
    printf("soak                  %9.0f events/s, %llu events in all, %.2f GB of updates, a file "
           "of %.2f GB\n",
           (double)(k->events - events) / used, (unsigned long long)k->events, gb(k->bytes),
           gb(used_bytes(k)));
}

static void reopen(soak *k)
{
    double begin = storing_now_s();
    storing_open(&k->b);
    say("open", storing_now_s() - begin, storing_file_len(k->b.dir));
}

static uint64_t bytes_in_use(const soak *k)
{
    store_stats stats;
    storing_must(store_get_stats(k->b.s, &stats), "stats");
    return stats.used_bytes;
}

static void commit_little(soak *k)
{
    store_batch *batch;
    storing_must(store_batch_begin(k->b.s, &batch), "begin");
    storing_must(store_batch_checkpoint(batch, 2, 1, (store_bytes){k->text, 1}), "checkpoint");
    storing_must(store_batch_commit(batch), "commit");
}

/* A long history goes; what it left is purged with the commits that follow. */
static void delete_one(soak *k)
{
    store_batch *batch;
    uint64_t before = bytes_in_use(k);
    double begin = storing_now_s();
    storing_must(store_batch_begin(k->b.s, &batch), "begin");
    storing_must(store_batch_delete(batch, 1, 1), "delete");
    storing_must(store_batch_commit(batch), "commit");
    double deleted = storing_now_s();
    unsigned commits = 0;
    uint64_t used = bytes_in_use(k);
    for (unsigned idle = 0; idle < IDLE_COMMITS; commits++) {
        commit_little(k);
        idle = bytes_in_use(k) < used ? 0 : idle + 1;
        used = bytes_in_use(k);
    }
    printf("soak delete           %9.2f s  a document of %llu events\n", deleted - begin,
           (unsigned long long)k->heads[0]);
    printf("soak purge            %9.2f s  %u commits, %.3f GB in use before, %.3f GB after\n",
           storing_now_s() - deleted, commits - IDLE_COMMITS, gb(before), gb(used));
}

/* ---- copies and checks ---- */

static void found(void *ctx, const store_fault *fault)
{
    soak *k = ctx;
    k->faults++;
    fprintf(stderr, "bench: %.*s: event %llu: %s\n", (int)fault->name.len,
            (const char *)fault->name.data, (unsigned long long)fault->seq_first, fault->what);
}

static store *open_read(const char *dir)
{
    store *s;
    storing_must(store_open_read(dir, NULL, &s, NULL, 0), "open to read");
    return s;
}

static void verify(soak *k, const char *dir, const char *what)
{
    store *s = open_read(dir);
    double begin = storing_now_s();
    storing_must(store_verify(s, found, k), "verify");
    say(what, storing_now_s() - begin, storing_file_len(dir));
    store_close(s);
}

static void back_up(soak *k)
{
    char detail[256] = "";
    store *s = open_read(k->b.dir);
    double begin = storing_now_s();
    storing_must(store_backup(s, k->copy, detail, sizeof(detail)), detail);
    say("backup", storing_now_s() - begin, storing_file_len(k->b.dir));
    store_close(s);
}

static uint32_t draw(void *ctx)
{
    return (uint32_t)(DOCUMENTS + storing_random(ctx));
}

static void restore(soak *k)
{
    char detail[256] = "";
    double begin = storing_now_s();
    storing_must(store_restore(k->copy, k->restored, NULL, draw, &k->b, detail, sizeof(detail)),
                 detail);
    say("restore", storing_now_s() - begin, storing_file_len(k->restored));
}

typedef struct sum {
    uint64_t events;
    uint64_t bytes;
    uint64_t mix;
} sum;

static bool add_event(void *ctx, const store_event *event)
{
    sum *all = ctx;
    const uint8_t *data = event->update.data;
    all->events++;
    all->bytes += event->update.len;
    all->mix = all->mix * 31 + (event->update.len ? data[0] : 0) + event->seq;
    return true;
}

/* Of the documents that are left. */
static sum sum_of(const char *dir)
{
    sum all = {0};
    store *s = open_read(dir);
    for (uint64_t number = 2; number <= DOCUMENTS; number++)
        storing_must(store_read(s, number, 0, UINT64_MAX, add_event, &all), "read");
    store_close(s);
    return all;
}

static bool compare(soak *k)
{
    double begin = storing_now_s();
    sum here = sum_of(k->b.dir);
    say("read all", storing_now_s() - begin, here.bytes);
    sum there = sum_of(k->restored);
    return here.events == k->events - k->heads[0] && here.events == there.events &&
           here.bytes == there.bytes && here.mix == there.mix;
}

static void configure(soak *k, int argc, char **argv)
{
    k->b = (storing){.dir = argc > 1 ? argv[1] : "bench-soak-data", .documents = DOCUMENTS};
    k->gigabytes = argc > 2 ? strtod(argv[2], NULL) : 10;
    if (argc > 3 || k->gigabytes <= 0 || strlen(k->b.dir) > PATH_LEN / 2) {
        fprintf(stderr, "usage: bench_soak [DIR [GIGABYTES]]\n");
        exit(2);
    }
    snprintf(k->copy, sizeof(k->copy), "%s.backup", k->b.dir);
    snprintf(k->restored, sizeof(k->restored), "%s.restored", k->b.dir);
    storing_must_be_new(k->b.dir);
    storing_must_be_new(k->copy);
    storing_must_be_new(k->restored);
}

int main(int argc, char **argv)
{
    static soak k;
    configure(&k, argc, argv);
    make_text(&k);
    storing_open(&k.b);
    storing_create_documents(&k.b);
    for (int quarter = 1; quarter <= QUARTERS; quarter++) {
        write_until(&k, (uint64_t)(k.gigabytes * 1e9 * quarter / QUARTERS));
        reopen(&k);
    }
    delete_one(&k);
    store_close(k.b.s);
    back_up(&k);
    verify(&k, k.b.dir, "verify");
    restore(&k);
    verify(&k, k.restored, "verify restored");
    bool same = compare(&k);
    printf("soak %u faults; the restored directory %s\n", k.faults,
           same ? "is the same" : "DIFFERS");
    storing_remove(k.b.dir);
    storing_remove(k.restored);
    unlink(k.copy);
    return same && k.faults == 0 ? 0 : 1;
}
