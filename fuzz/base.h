/* A document with some of everything in it, for what comes from outside to meet. */
#ifndef FUZZ_BASE_H
#define FUZZ_BASE_H

#include "fuzz.h"

/* Bits of `shape`: 0: nothing is collected; 1: marks are tidied; 2: little may wait. Owned. */
crdt_doc *fuzz_base_doc(uint8_t shape);

#endif
