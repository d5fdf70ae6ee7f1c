/* Runs of values (ANY, JSON), which lie one behind the other in a blob: where each begins, and how
 * they are cut and joined.
 *
 * Values are of any length, so that finding one is passing all before it. Of the long runs that
 * were asked last the document remembers where every so many values begin: a ladder.
 *
 *     rungs     0                  64                 128
 *     blob    [ v0 v1 v2 ... v63 | v64 v65 ... v127 | v128 ... ]
 *
 * Cutting and joining copy the smaller part: the other one keeps the blob and, mostly, the ladder.
 */
#ifndef CRDT_CORE_VALUES_H
#define CRDT_CORE_VALUES_H

#include "core/doc.h"

/* Values from one rung to the next; how far in a run a ladder is worth having; how many there are.
 */
#define CRDT__LADDER_STEP 64u
#define CRDT__LADDER_MIN  256u
#define CRDT__LADDERS_MAX 4u

typedef struct crdt__ladder {
    crdt__ref blob;  /* 0: not in use */
    uint64_t gone;   /* values that were in front of the first and are not any more */
    uint32_t *rungs; /* offsets in the blob's data, from where its first value was */
    size_t count;
    size_t cap;
} crdt__ladder;

/* The bytes before unit `unit` of an ANY or JSON content, which has as many. Cost: constant where a
 * ladder reaches there, or where this transaction has joined the rest; else linear. */
size_t crdt__values_offset(const crdt_doc *doc, const crdt__item *it, uint64_t unit);
/* Makes the ladder of a long run reach there. */
void crdt__values_reach(crdt_doc *doc, const crdt__item *it, uint64_t unit);

/* As crdt__content_split and crdt__content_join. Cost: that of the smaller part. */
bool crdt__values_split(crdt_doc *doc, crdt__item *it, crdt__item *right, uint64_t offset);
bool crdt__values_join(crdt_doc *doc, crdt__item *left, crdt__item *right);
/* Frees the values. */
void crdt__values_drop(crdt_doc *doc, const crdt__item *it);

/* Forgets all ladders. */
void crdt__values_forget(crdt_doc *doc);

/* Verifies the ladder of an ANY or JSON content, if there is one. Returns NULL or what is wrong. */
const char *crdt__values_check(const crdt_doc *doc, const crdt__item *it);

#endif
