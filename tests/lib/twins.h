/* A program of edits on several replicas, with deliveries in any order, read from bytes: from a
 * fuzzer, or from a seed.
 *
 * Each replica is a document of the engine and a naive twin (twin.h). They must agree on the order
 * of all units and on what is deleted after every step that leaves nothing waiting; in the end, all
 * replicas must.
 */
#ifndef TESTS_LIB_TWINS_H
#define TESTS_LIB_TWINS_H

#include "crdt.h"

/* Runs the program. NULL, or a static sentence saying what went wrong. Cost: up to cubic in the
 * program. */
const char *twins_run(crdt_bytes program);

/* One document, to which text comes whose two neighbours, in this order, never were neighbours: odd
 * clients send it, undo does. It has a place all the same, which does depend on the order of
 * arrival, and the twin knows it. (Neighbours in the other order are beyond it: what Yjs does with
 * them depends on how it has joined structs.) NULL, or what went wrong. */
const char *strangers_run(uint64_t seed);

#endif
