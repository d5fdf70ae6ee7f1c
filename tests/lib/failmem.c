#include "failmem.h"

#include <stdlib.h>
#include <string.h>

/* In front of each block: its size. Aligned for anything. */
typedef union block {
    size_t size;
    max_align_t align;
} block;

bool failmem_hit(failmem *m)
{
    uint64_t call = m->calls++;
    bool hit = m->fail_once ? call == m->fail_at : call >= m->fail_at;
    m->failed = m->failed || hit;
    return hit;
}

static void *failmem_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    failmem *m = ctx;
    block *b = old ? (block *)old - 1 : NULL;
    size_t true_size = b ? b->size : 0;
    if (b && true_size != old_size)
        m->size_mismatch = true;
    if (new_size > SIZE_MAX - sizeof *b || failmem_hit(m))
        return NULL;
    /* Always a new place, so that a pointer kept across a resize shows. */
    block *fresh = malloc(sizeof *fresh + new_size);
    if (!fresh)
        return NULL;
    fresh->size = new_size;
    if (b)
        memcpy(fresh + 1, b + 1, true_size < new_size ? true_size : new_size);
    free(b);
    m->held_bytes += new_size - true_size;
    if (m->held_bytes > m->held_bytes_max)
        m->held_bytes_max = m->held_bytes;
    return fresh + 1;
}

static void failmem_release(void *ctx, void *ptr, size_t size)
{
    failmem *m = ctx;
    if (!ptr)
        return;
    block *b = (block *)ptr - 1;
    if (b->size != size)
        m->size_mismatch = true;
    m->held_bytes -= b->size;
    free(b);
}

void failmem_init(failmem *m)
{
    *m = (failmem){.fail_at = FAILMEM_NEVER};
    m->mem = (crdt_mem){failmem_resize, failmem_release, m};
}

const crdt_mem *failmem_after(failmem *m, uint64_t n)
{
    m->fail_at = n < FAILMEM_NEVER - m->calls ? m->calls + n : FAILMEM_NEVER;
    return &m->mem;
}
