/* Somebody types: Yjs updates v1, each the continuation of the one before. */
#ifndef BENCH_TYPING_H
#define BENCH_TYPING_H

#include <stddef.h>
#include <stdint.h>

/* What the ids around a text take at most, and what says that another is deleted. */
#define TYPING_OVERHEAD_MAX 64

typedef struct typing {
    uint32_t client;
    uint32_t clock;
} typing;

/* A client number of five bytes, as Yjs' random ones mostly are, and another one in each run. */
typing typing_start(unsigned index);

/* Writes the next update, which inserts `text` (ASCII), to `out`, which has room for it and
 * TYPING_OVERHEAD_MAX; returns its length. */
size_t typing_next(typing *t, const char *text, size_t text_len, uint8_t *out);
/* The same, and the update deletes the text of the one before it, which was as long. */
size_t typing_replace(typing *t, const char *text, size_t text_len, uint8_t *out);

#endif
