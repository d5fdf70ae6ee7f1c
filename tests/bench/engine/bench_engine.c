/* Measures the engine over one update per keystroke: bench_engine FILE RUNS
 *
 * The file is trace.mjs'. Prints one JSON object: medians in nanoseconds of CPU time, and what the
 * document holds in the end.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crdt.h"

enum { MERGED = 10000, RUNS_MAX = 100 };

static struct {
    uint8_t *file;
    crdt_bytes *updates;
    size_t count;
    crdt_doc *doc;  /* all updates applied */
    crdt_buf state; /* of it */
    crdt_buf half;  /* state vector after half of them */
} bench;

static void die(const char *why)
{
    fprintf(stderr, "bench_engine: %s\n", why);
    exit(1);
}

static void must_be_ok(crdt_err err)
{
    if (err != CRDT_OK)
        die(crdt_strerror(err));
}

static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void read_updates(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        die("cannot open the updates");
    size_t size = (size_t)ftell(file);
    rewind(file);
    bench.file = malloc(size);
    if (!bench.file || fread(bench.file, 1, size, file) != size)
        die("cannot read the updates");
    fclose(file);
    bench.count = number_at(bench.file);
    bench.updates = calloc(bench.count, sizeof *bench.updates);
    if (!bench.updates)
        die("out of memory");
    const uint8_t *pos = bench.file + 4;
    for (size_t i = 0; i < bench.count; i++) {
        bench.updates[i] = (crdt_bytes){pos + 4, number_at(pos)};
        pos += 4 + number_at(pos);
    }
}

static crdt_doc *applied(const crdt_bytes *updates, size_t count)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    if (!doc)
        die("out of memory");
    for (size_t i = 0; i < count; i++)
        must_be_ok(crdt_doc_apply(doc, CRDT_V1, updates[i], NULL));
    return doc;
}

/* ---- what is measured ---- */

static void apply_all(void)
{
    crdt_doc_free(applied(bench.updates, bench.count));
}

static void load(void)
{
    const crdt_bytes state = {bench.state.data, bench.state.len};
    crdt_doc_free(applied(&state, 1));
}

static void encode(void)
{
    crdt_buf out = {0};
    must_be_ok(crdt_doc_encode_state(bench.doc, CRDT_V1, (crdt_bytes){0}, &out));
    crdt_buf_free(&out);
}

static void merge(void)
{
    crdt_buf out = {0};
    must_be_ok(crdt_update_merge(CRDT_V1, bench.updates, MERGED, &out));
    crdt_buf_free(&out);
}

static void diff(void)
{
    crdt_buf out = {0};
    must_be_ok(crdt_doc_encode_state(bench.doc, CRDT_V1,
                                     (crdt_bytes){bench.half.data, bench.half.len}, &out));
    crdt_buf_free(&out);
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The middle one of several runs. */
static double median(void (*measure)(void), int runs)
{
    double times[RUNS_MAX];
    for (int i = 0; i < runs; i++) {
        double before = cpu_ns();
        measure();
        times[i] = cpu_ns() - before;
    }
    qsort(times, (size_t)runs, sizeof times[0], compare_times);
    return times[runs / 2];
}

int main(int argc, char **argv)
{
    int runs = argc == 3 ? atoi(argv[2]) : 0;
    if (runs < 1 || runs > RUNS_MAX)
        die("usage: bench_engine FILE RUNS");
    read_updates(argv[1]);
    if (bench.count < MERGED)
        die("too few updates");
    crdt_doc *half = applied(bench.updates, bench.count / 2);
    must_be_ok(crdt_doc_encode_state_vector(half, &bench.half));
    crdt_doc_free(half);
    bench.doc = applied(bench.updates, bench.count);
    must_be_ok(crdt_doc_encode_state(bench.doc, CRDT_V1, (crdt_bytes){0}, &bench.state));

    printf("{\"updates\":%zu,\"structs\":%zu,\"memory_bytes\":%zu,\"state_bytes\":%zu,",
           bench.count, crdt_doc_struct_count(bench.doc), crdt_doc_memory_bytes(bench.doc),
           bench.state.len);
    printf("\"apply_ns\":%.0f,", median(apply_all, runs));
    printf("\"load_ns\":%.0f,", median(load, runs));
    printf("\"encode_ns\":%.0f,", median(encode, runs));
    printf("\"merge_ns\":%.0f,", median(merge, runs));
    printf("\"diff_ns\":%.0f}\n", median(diff, runs));

    crdt_doc_free(bench.doc);
    crdt_buf_free(&bench.state);
    crdt_buf_free(&bench.half);
    free(bench.updates);
    free(bench.file);
    return 0;
}
