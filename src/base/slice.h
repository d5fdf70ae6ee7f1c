/* Borrowed bytes: a pointer and a length, not terminated. */
#ifndef WEFT_BASE_SLICE_H
#define WEFT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct slice {
    const char *data;
    size_t len;
} slice;

#define SLICE_LITERAL(text) ((slice){(text), sizeof(text) - 1})

static inline slice slice_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static inline bool slice_equal(slice a, slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
