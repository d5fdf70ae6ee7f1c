/* A writer of updates: POSTs them to weft, one in flight. */
#ifndef BENCH_POSTING_H
#define BENCH_POSTING_H

#include <stdbool.h>
#include <stddef.h>

#include "typing.h"

typedef struct writer {
    int fd;
    unsigned document;
    typing typing;
    uint64_t sent_ns;
    char in[4096]; /* the answer, as far as it came */
    size_t in_len;
} writer;

void writer_open(writer *w, uint16_t port, unsigned index, unsigned document);
/* POSTs the next update. */
void writer_post(writer *w);
/* Reads what came; true when the answer is whole (it must be a 200). */
bool writer_read(writer *w);

#endif
