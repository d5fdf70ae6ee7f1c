/* A document with some of everything in it, for what comes from outside to meet. */
#ifndef FUZZ_BASE_H
#define FUZZ_BASE_H

#include "fuzz.h"

/* Bits of a shape; other bits say nothing. */
enum {
    FUZZ_BASE_NO_GC = 1,   /* nothing is collected */
    FUZZ_BASE_CLEANUP = 2, /* marks are tidied */
    FUZZ_BASE_LITTLE = 4,  /* little may wait */
    FUZZ_BASE_CHANGES = 8  /* changes are told */
};

/* Owned. */
crdt_doc *fuzz_base_doc(uint8_t shape);

#endif
