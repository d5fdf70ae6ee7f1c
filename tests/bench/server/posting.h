/* A writer of updates: POSTs them to weft, one behind the other (RFC 9112, section 9.3.2). */
#ifndef BENCH_POSTING_H
#define BENCH_POSTING_H

#include <stddef.h>

#include "typing.h"

/* Updates that one writer may have in flight. */
#define WRITER_IN_FLIGHT_MAX 64u

typedef struct writer {
    int fd;
    unsigned document;
    typing typing;
    uint64_t sent_ns[WRITER_IN_FLIGHT_MAX]; /* of those in flight */
    unsigned first;                         /* of them: the one that is answered next */
    unsigned in_flight;
    uint64_t answered;
    char id[32];    /* of the event that was answered last */
    uint64_t seq;   /* its number */
    char in[16384]; /* answers, as far as they came */
    size_t in_len;
} writer;

void writer_open(writer *w, uint16_t port, unsigned index, unsigned document);
/* POSTs the next `count` updates, in one go. */
void writer_post(writer *w, unsigned count);
/* Reads what came. */
void writer_read(writer *w);
/* Takes one answer off what came (it must be a 200), and says when it was asked for; 0: none is
 * whole. */
uint64_t writer_take(writer *w);

#endif
