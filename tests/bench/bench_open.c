/* Opening a directory: how long it takes and how much of the data file it reads, cold, by what
 * there is: documents, packed events, events in the tail.
 *
 *     bench_open [DIR [DOCUMENTS [PACKED [TAIL]]]]
 *
 * The lines are opening to write, opening to read, finding one document, a backup, the check of
 * everything; each with the data file out of the page cache at its beginning. What is counted is
 * what is in the cache afterwards, with what the system read ahead. DIR is made and removed. */
#define _DEFAULT_SOURCE /* mincore */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

enum { EVENT_LEN = 60, BATCH_LEN = 4096, PATH_LEN = 4096 };

typedef struct bench {
    const char *dir;
    uint64_t documents;
    uint64_t packed;
    uint64_t tail;
    uint64_t random;
    store *s;
    double began;
} bench;

static void must(store_err err, const char *what)
{
    if (err == STORE_OK)
        return;
    fprintf(stderr, "bench_open: %s: %s\n", what, store_strerror(err));
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

/* ---- filling ---- */

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

static void append_events(bench *b, uint64_t count, uint64_t documents)
{
    uint8_t update[EVENT_LEN];
    store_event event = {.time_ms = 1, .update = {update, sizeof(update)}};
    uint64_t seq;
    while (count > 0) {
        store_batch *batch;
        must(store_batch_begin(b->s, &batch), "begin");
        for (unsigned i = 0; i < BATCH_LEN && count > 0; i++, count--) {
            for (size_t at = 0; at < sizeof(update); at += 4)
                memcpy(update + at, &(uint32_t){(uint32_t)next_random(b)}, 4);
            must(store_batch_append(batch, 1 + next_random(b) % documents, &event, &seq), "append");
        }
        must(store_batch_commit(batch), "commit");
    }
}

static void pack_all(bench *b)
{
    store_pack_policy policy = {.before_ms = INT64_MAX};
    for (;;) {
        store_packs *packs;
        store_batch *batch;
        must(store_packs_prepare(b->s, &policy, &packs), "prepare");
        if (!packs)
            return;
        must(store_batch_begin(b->s, &batch), "begin");
        must(store_batch_pack(batch, packs), "pack");
        must(store_batch_commit(batch), "commit");
        store_packs_free(packs);
    }
}

/* The packed events are of a few documents, as long histories are; the tail is everybody's. */
static void fill(bench *b)
{
    create_documents(b);
    append_events(b, b->packed, b->documents < 10 ? b->documents : 10);
    pack_all(b);
    append_events(b, b->tail, b->documents);
}

/* ---- measuring ---- */

static int open_data(const bench *b, off_t *len)
{
    char path[PATH_LEN];
    struct stat info;
    snprintf(path, sizeof(path), "%s/data.mdb", b->dir);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0) {
        perror(path);
        exit(1);
    }
    *len = info.st_size;
    return fd;
}

static void begin_cold(bench *b)
{
    off_t len;
    int fd = open_data(b, &len);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    b->began = now_s();
}

static double cached_bytes(const bench *b, double *of)
{
    off_t len;
    int fd = open_data(b, &len);
    size_t page_len = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = ((size_t)len + page_len - 1) / page_len;
    unsigned char *cached = malloc(count);
    void *map = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, fd, 0);
    size_t pages = 0;
    if (cached && map != MAP_FAILED && mincore(map, (size_t)len, cached) == 0)
        for (size_t i = 0; i < count; i++)
            pages += cached[i] & 1u;
    if (map != MAP_FAILED)
        munmap(map, (size_t)len);
    free(cached);
    close(fd);
    *of = (double)len;
    return (double)(pages * page_len);
}

static void tell(const bench *b, const char *what)
{
    double used = now_s() - b->began;
    double of;
    double read = cached_bytes(b, &of);
    printf("%-12s %9.2f ms  %9.2f MiB of %.2f MiB\n", what, used * 1e3, read / 1048576,
           of / 1048576);
}

static void count_fault(void *ctx, const store_fault *fault)
{
    (void)fault;
    ++*(unsigned *)ctx;
}

static void measure(bench *b)
{
    char path[PATH_LEN];
    unsigned faults = 0;
    store_doc doc;
    store_close(b->s);
    begin_cold(b);
    must(store_open(b->dir, NULL, &b->s, NULL, 0), "open");
    tell(b, "open");
    store_close(b->s);
    begin_cold(b);
    must(store_open_read(b->dir, NULL, &b->s, NULL, 0), "open to read");
    tell(b, "open to read");
    must(store_find(b->s, (store_bytes){"document-0", 10}, &doc), "find");
    tell(b, "and find one");
    snprintf(path, sizeof(path), "%s/backup", b->dir);
    begin_cold(b);
    must(store_backup(b->s, path, NULL, 0), "backup");
    tell(b, "backup");
    unlink(path);
    begin_cold(b);
    must(store_verify(b->s, count_fault, &faults), "verify");
    tell(b, "verify");
    store_close(b->s);
    if (faults) {
        fprintf(stderr, "bench_open: verify found %u faults\n", faults);
        exit(1);
    }
}

static void remove_dir(const char *dir)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "weft.lock"};
    char path[PATH_LEN];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

int main(int argc, char **argv)
{
    bench b = {.dir = argc > 1 ? argv[1] : "bench-open-data",
               .documents = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000,
               .packed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000,
               .tail = argc > 4 ? strtoul(argv[4], NULL, 10) : 10000};
    if (argc > 5 || b.documents < 1) {
        fprintf(stderr, "usage: bench_open [DIR [DOCUMENTS [PACKED [TAIL]]]]\n");
        return 2;
    }
    if (access(b.dir, F_OK) == 0) {
        fprintf(stderr, "bench_open: %s exists\n", b.dir);
        return 1;
    }
    must(store_open(b.dir, NULL, &b.s, NULL, 0), "open");
    fill(&b);
    measure(&b);
    remove_dir(b.dir);
    return 0;
}
