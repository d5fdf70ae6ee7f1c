/* What two sequences of numbers have in common. */
#ifndef CRDT_TYPES_COMMON_H
#define CRDT_TYPES_COMMON_H

#include "base/arena.h"

/* So many edits between two sequences are looked for at most, ... */
#define CRDT__COMMON_EDITS_MAX 1024
/* ... in so many steps: in any case, and for each number. */
#define CRDT__COMMON_STEPS_FREE       (UINT64_C(1) << 21)
#define CRDT__COMMON_STEPS_PER_NUMBER 16

/* A stretch that is in both. */
typedef struct crdt__match {
    uint64_t now;
    uint64_t then;
    uint64_t len;
} crdt__match;

/* Matches in ascending order, of which none touches the next. */
typedef struct crdt__matches {
    crdt__match *items;
    size_t count;
    size_t cap;
} crdt__matches;

void crdt__matches_deinit(crdt__matches *matches, crdt__budget *budget);
/* Adds one behind the others, or makes the last one longer. False when out of memory. */
bool crdt__matches_add(crdt__matches *matches, crdt__budget *budget, crdt__match match);

/* Adds what both sequences have in common: as much as can be, or, where that would take too long,
 * what they begin and end with. False when out of memory. Cost: their length, times the edits
 * between them. */
bool crdt__common_find(crdt__budget *budget, const uint64_t *now, size_t now_count,
                       const uint64_t *then, size_t then_count, crdt__matches *out);

#endif
