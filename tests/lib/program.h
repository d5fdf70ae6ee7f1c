/* A program read from bytes: a fuzzer's, or a seed's. Behind its end it reads zeros. */
#ifndef TESTS_LIB_PROGRAM_H
#define TESTS_LIB_PROGRAM_H

#include "crdt.h"

typedef struct program {
    crdt_bytes left;
    const char *wrong; /* the first thing that did not hold, or NULL */
} program;

static inline uint8_t program_byte(program *p)
{
    if (p->left.len == 0)
        return 0;
    p->left.len--;
    return *p->left.data++;
}

/* A number below `limit`, which is above 0 and at most 65536. */
static inline size_t program_below(program *p, size_t limit)
{
    size_t value = program_byte(p);
    if (limit > 256)
        value = value << 8 | program_byte(p);
    return value % limit;
}

static inline void program_expect(program *p, bool holds, const char *otherwise)
{
    if (!holds && !p->wrong)
        p->wrong = otherwise;
}

#endif
