/* A program of edits on one document beside a naive twin (richtwin.h), read from bytes: from a
 * fuzzer, or from a seed. After each transaction the document reads as the twin does, its
 * invariants hold, and a second document, which is told of each transaction by its update alone, is
 * equal byte for byte.
 */
#ifndef TESTS_LIB_EDITS_H
#define TESTS_LIB_EDITS_H

#include "crdt.h"

/* Runs the program. NULL, or a static sentence saying what went wrong. */
const char *edits_run(crdt_bytes program);

#endif
