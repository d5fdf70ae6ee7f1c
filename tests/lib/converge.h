/* A program of edits on several replicas, and of everything that may happen to their updates, read
 * from bytes: from a fuzzer, or from a seed.
 *
 * Replicas edit (editor.h), send updates in either format, hear them late, twice, in any order,
 * some only as differences to their state vectors, some merged or cut; they are stored and loaded
 * anew, with and without collecting garbage. In the end all have heard everything, and must be
 * equal: in what they read, in what they encode, in where positions lie; and moments that were
 * remembered must read as they did.
 */
#ifndef TESTS_LIB_CONVERGE_H
#define TESTS_LIB_CONVERGE_H

#include "crdt.h"

/* Runs the program. NULL, or a static sentence saying what went wrong. */
const char *converge_run(crdt_bytes program);

#endif
