/* Jobs with updates alone, without a document. */
#include "bench.h"

enum { MERGED = 10000 };

static void read_updates(bench *b)
{
    bench_read_list(b, "updates", &b->updates);
}

static void merge_first(const bench *b, size_t count)
{
    crdt_buf out = {0};
    bench_must(crdt_update_merge(CRDT_V1, b->updates.items, count, &out));
    crdt_buf_free(&out);
}

static void merge_10k(bench *b)
{
    merge_first(b, b->updates.count < MERGED ? b->updates.count : MERGED);
}

static void merge_all(bench *b)
{
    merge_first(b, b->updates.count);
}

const bench_job bench_update_jobs[] = {
    {"merge_10k", read_updates, merge_10k},
    {"merge_all", read_updates, merge_all},
    {0},
};
