#include "base/buf.h"

#include "base/must.h"

#define BUF_CAP_MIN 64u

void buf_free(buf *b)
{
    free(b->data);
    *b = (buf){0};
}

void buf_reserve(buf *b, size_t len)
{
    if (b->cap - b->len >= len)
        return;
    must(len <= SIZE_MAX / 2 - b->len);
    size_t cap = b->cap * 2;
    if (cap < BUF_CAP_MIN)
        cap = BUF_CAP_MIN;
    if (cap < b->len + len)
        cap = b->len + len;
    b->data = realloc(b->data, cap);
    must(b->data != NULL);
    b->cap = cap;
}

void buf_append(buf *b, slice bytes)
{
    if (bytes.len == 0)
        return;
    buf_reserve(b, bytes.len);
    memcpy(b->data + b->len, bytes.data, bytes.len);
    b->len += bytes.len;
}

void buf_append_uint(buf *b, uint64_t value)
{
    char digits[20];
    size_t i = sizeof(digits);
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(b, (slice){digits + i, sizeof(digits) - i});
}
