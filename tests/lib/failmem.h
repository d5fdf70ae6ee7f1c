/* Memory for documents under test: counts what is held, fails where it is told to, and finds bytes
 * given back with another size than they were taken with. */
#ifndef TESTS_LIB_FAILMEM_H
#define TESTS_LIB_FAILMEM_H

#include "crdt.h"

#define FAILMEM_NEVER UINT64_MAX

typedef struct failmem {
    crdt_mem mem;      /* for crdt_doc_options; its ctx is this struct, which must not move */
    uint64_t calls;    /* of resize so far */
    uint64_t fail_at;  /* the call, counted from 0, from which on resize fails; FAILMEM_NEVER */
    bool fail_once;    /* only that call fails */
    bool failed;       /* some call did */
    size_t held_bytes; /* now */
    size_t held_bytes_max;
    bool size_mismatch; /* an old size was not the true one */
} failmem;

void failmem_init(failmem *m);
/* Counts a request that is made elsewhere; true if it is to fail. */
bool failmem_hit(failmem *m);
/* Every call but the next `n` fails. Returns the table to pass on. */
const crdt_mem *failmem_after(failmem *m, uint64_t n);

#endif
