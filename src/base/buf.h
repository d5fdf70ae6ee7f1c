/* Owned growing bytes. {0} is an empty buffer. Running out of memory aborts: whatever fills one
 * bounds it first. */
#ifndef WEFT_BASE_BUF_H
#define WEFT_BASE_BUF_H

#include "base/slice.h"

typedef struct buf {
    char *data;
    size_t len;
    size_t cap;
} buf;

void buf_free(buf *b); /* leaves it empty and usable */
/* Makes room for `len` more bytes. */
void buf_reserve(buf *b, size_t len);
void buf_append(buf *b, slice bytes);
/* Decimal digits. */
void buf_append_uint(buf *b, uint64_t value);

static inline slice buf_slice(const buf *b)
{
    return (slice){b->data, b->len};
}

#endif
