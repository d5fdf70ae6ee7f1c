/* Somebody types: Yjs updates v1, each the continuation of the one before. */
#ifndef BENCH_TYPING_H
#define BENCH_TYPING_H

#include <stddef.h>
#include <stdint.h>

#define TYPING_UPDATE_LEN_MAX 64

typedef struct typing {
    uint32_t client;
    uint32_t clock;
} typing;

/* Writes the next update, of about 30 bytes, and returns its length. */
size_t typing_next(typing *t, uint8_t out[TYPING_UPDATE_LEN_MAX]);

#endif
