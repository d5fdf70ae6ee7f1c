/* A program of edits on several replicas, with deliveries in any order, read from bytes: from a
 * fuzzer, or from a seed.
 *
 * Each replica is a document of the engine and a naive twin (twin.h). They must agree on the order
 * of all units and on what is deleted after every step that leaves nothing waiting; in the end, all
 * replicas must.
 */
#ifndef TESTS_LIB_CONVERGE_H
#define TESTS_LIB_CONVERGE_H

#include "crdt.h"

/* Runs the program. NULL, or a static sentence saying what went wrong. Cost: up to cubic in the
 * program. */
const char *converge_run(crdt_bytes program);

#endif
