/* Memory for tests: counts what is out, and fails at the n-th request from now.
 *
 *     for (size_t n = 0;; n++) { fault_mem_init(&fault, n); ...; if (!fault.failed) break; }
 */
#ifndef TEST_FAULT_MEM_H
#define TEST_FAULT_MEM_H

#include <stdlib.h>

#include "crdt.h"

#define FAULT_NEVER SIZE_MAX

typedef struct fault_mem {
    crdt_mem mem; /* its ctx is the struct itself, which must not move */
    size_t left;  /* requests that succeed before one fails */
    size_t held;  /* bytes out */
    bool failed;
} fault_mem;

static inline void *fault_mem_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    fault_mem *fault = ctx;
    if (fault->left == 0) {
        fault->failed = true;
        return NULL;
    }
    if (fault->left != FAULT_NEVER)
        fault->left--;
    void *ptr = realloc(old, new_size);
    fault->held += new_size - old_size;
    return ptr;
}

static inline void fault_mem_release(void *ctx, void *ptr, size_t size)
{
    fault_mem *fault = ctx;
    fault->held -= size;
    free(ptr);
}

/* Every request from the n-th on fails (FAULT_NEVER: none does). Returns the table to pass on. */
static inline const crdt_mem *fault_mem_init(fault_mem *fault, size_t n)
{
    *fault = (fault_mem){.left = n};
    fault->mem = (crdt_mem){fault_mem_resize, fault_mem_release, fault};
    return &fault->mem;
}

#endif
