#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "storing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LEN = 4096, CREATED_AT_ONCE = 10000 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

void storing_must(store_err err, const char *what)
{
    if (err != STORE_OK)
        fail(what, store_strerror(err));
}

void storing_must_be_new(const char *path)
{
    if (access(path, F_OK) == 0)
        fail(path, "it exists");
}

double storing_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

uint64_t storing_random(storing *b)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return b->random >> 33;
}

void storing_open(storing *b)
{
    char detail[256] = "";
    store_close(b->s);
    b->s = NULL;
    if (store_open(b->dir, NULL, &b->s, detail, sizeof(detail)) != STORE_OK)
        fail("open", detail);
}

static void create_some(storing *b, uint64_t from, uint64_t until)
{
    char name[32];
    store_doc doc;
    store_batch *batch;
    storing_must(store_batch_begin(b->s, &batch), "begin");
    for (uint64_t i = from; i < until; i++) {
        int len = snprintf(name, sizeof(name), "document-%llu", (unsigned long long)i);
        storing_must(
            store_batch_create(batch, (store_bytes){name, (size_t)len}, (uint32_t)i, 1, &doc),
            "create");
    }
    storing_must(store_batch_commit(batch), "commit");
}

void storing_create_documents(storing *b)
{
    for (uint64_t i = 0; i < b->documents; i += CREATED_AT_ONCE)
        create_some(b, i, i + CREATED_AT_ONCE < b->documents ? i + CREATED_AT_ONCE : b->documents);
}

void storing_pack_all(storing *b)
{
    store_pack_policy policy = {.before_ms = INT64_MAX};
    for (;;) {
        store_packs *packs;
        store_batch *batch;
        storing_must(store_packs_prepare(b->s, &policy, &packs), "prepare");
        if (!packs)
            return;
        storing_must(store_batch_begin(b->s, &batch), "begin");
        storing_must(store_batch_pack(batch, packs), "pack");
        storing_must(store_batch_commit(batch), "commit");
        store_packs_free(packs);
    }
}

uint64_t storing_file_len(const char *dir)
{
    char path[PATH_LEN];
    struct stat info;
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

void storing_remove(const char *dir)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "weft.lock"};
    char path[PATH_LEN];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}
