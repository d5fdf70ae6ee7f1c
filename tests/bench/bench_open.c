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
#include <unistd.h>

#include "storing.h"

enum { EVENT_LEN = 60, BATCH_LEN = 4096, PATH_LEN = 4096 };

typedef struct bench {
    storing data;
    uint64_t packed;
    uint64_t tail;
    double began;
} bench;

/* ---- filling ---- */

static void append_events(bench *b, uint64_t count, uint64_t documents)
{
    uint8_t update[EVENT_LEN];
    store_event event = {.time_ms = 1, .update = {update, sizeof(update)}};
    uint64_t seq;
    while (count > 0) {
        store_batch *batch;
        storing_must(store_batch_begin(b->data.s, &batch), "begin");
        for (unsigned i = 0; i < BATCH_LEN && count > 0; i++, count--) {
            for (size_t at = 0; at < sizeof(update); at += 4)
                memcpy(update + at, &(uint32_t){(uint32_t)storing_random(&b->data)}, 4);
            storing_must(
                store_batch_append(batch, 1 + storing_random(&b->data) % documents, &event, &seq),
                "append");
        }
        storing_must(store_batch_commit(batch), "commit");
    }
}

/* The packed events are of a few documents, as long histories are; the tail is everybody's. */
static void fill(bench *b)
{
    storing_create_documents(&b->data);
    append_events(b, b->packed, b->data.documents < 10 ? b->data.documents : 10);
    storing_pack_all(&b->data);
    append_events(b, b->tail, b->data.documents);
}

/* ---- measuring ---- */

static int open_data(const bench *b, off_t *len)
{
    char path[PATH_LEN];
    struct stat info;
    snprintf(path, sizeof(path), "%s/data.mdb", b->data.dir);
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
    b->began = storing_now_s();
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
    double used = storing_now_s() - b->began;
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
    store_close(b->data.s);
    begin_cold(b);
    storing_must(store_open(b->data.dir, NULL, &b->data.s, NULL, 0), "open");
    tell(b, "open");
    store_close(b->data.s);
    begin_cold(b);
    storing_must(store_open_read(b->data.dir, NULL, &b->data.s, NULL, 0), "open to read");
    tell(b, "open to read");
    storing_must(store_find(b->data.s, (store_bytes){"document-0", 10}, &doc), "find");
    tell(b, "and find one");
    snprintf(path, sizeof(path), "%s/backup", b->data.dir);
    begin_cold(b);
    storing_must(store_backup(b->data.s, path, NULL, 0), "backup");
    tell(b, "backup");
    unlink(path);
    begin_cold(b);
    storing_must(store_verify(b->data.s, count_fault, &faults), "verify");
    tell(b, "verify");
    store_close(b->data.s);
    if (faults) {
        fprintf(stderr, "bench_open: verify found %u faults\n", faults);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    bench b = {.data = {.dir = argc > 1 ? argv[1] : "bench-open-data",
                        .documents = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000},
               .packed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000,
               .tail = argc > 4 ? strtoul(argv[4], NULL, 10) : 10000};
    if (argc > 5 || b.data.documents < 1) {
        fprintf(stderr, "usage: bench_open [DIR [DOCUMENTS [PACKED [TAIL]]]]\n");
        return 2;
    }
    storing_must_be_new(b.data.dir);
    storing_open(&b.data);
    fill(&b);
    measure(&b);
    storing_remove(b.data.dir);
    return 0;
}
