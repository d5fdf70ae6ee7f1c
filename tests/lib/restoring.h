/* A program of edits by two people and of returns to what was, read from bytes: from a fuzzer, or
 * from a seed. After each return the document has the content of that moment, deeply, its
 * invariants hold, and going back once more changes nothing; a document that is told of every
 * transaction by its update alone holds the same, and in the end both people agree.
 */
#ifndef TESTS_LIB_RESTORING_H
#define TESTS_LIB_RESTORING_H

#include "crdt.h"

/* Runs the program. NULL, or a static sentence saying what went wrong. */
const char *restoring_run(crdt_bytes program);

/* Whether the roots of both documents hold the same, deeply. */
bool restoring_same(crdt_doc *a, crdt_doc *b);

#endif
