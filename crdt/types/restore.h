/* Bringing a document back to what it was: edits until it has the content of another moment.
 *
 * Each type of the document stands beside the type of the past whose content it is to have. Its
 * keys are compared one by one (restore.c), its list as a row of elements: units, and the
 * formatting marks between them (restore_list.c). What both rows hold is found first
 * (restore_match.c): an element never moves, so those with the same id come in the same order in
 * both; between them equal ones are looked for. Types that are found in both are restored in their
 * turn; others are made anew, empty, and restored then.
 */
#ifndef CRDT_TYPES_RESTORE_H
#define CRDT_TYPES_RESTORE_H

#include "types/common.h"
#include "types/edit.h"
#include "types/visible.h"

/* A type to be restored, and what it was; 0: nothing. */
typedef struct crdt__pair {
    crdt__ref now;
    crdt__ref then;
} crdt__pair;

typedef struct crdt__restore {
    crdt_doc *doc;
    crdt_doc *past;
    crdt__budget
        budget;        /* of what is needed on the way: the document's memory, but nothing it holds
                        */
    crdt__pair *pairs; /* to be done, instead of recursion */
    size_t count;
    size_t cap;
    crdt__u64map hashes[2]; /* of types that were looked into: now, then */
} crdt__restore;

typedef enum crdt__side { CRDT__SIDE_NOW = 0, CRDT__SIDE_THEN = 1 } crdt__side;

/* A hash of all that a type holds but for formats; however it lies in items, equal content has an
 * equal one. What is below it must not have been restored yet. */
bool crdt__restore_hash(crdt__restore *r, crdt__side side, crdt__ref type, uint64_t *out);
/* A hash of what a run holds: one value, or one item. Of a type, its kind and name. */
uint64_t crdt__restore_hash_run(const crdt_doc *doc, const crdt__run *run);

/* All below that return a bool: false when out of memory. */

/* Another pair to be done. */
bool crdt__restore_push(crdt__restore *r, crdt__ref now, crdt__ref then);

/* Makes a list what it was; types in it are pushed. */
bool crdt__restore_list(crdt__restore *r, crdt__pair pair);

/* Whether two runs hold the same; of types, whether they are of one kind and name. */
bool crdt__restore_same(const crdt_doc *doc, const crdt__run *run, const crdt_doc *past,
                        const crdt__run *was);

/* The content of a run, to be made anew: lent. A type is empty. */
crdt__wstruct crdt__restore_content(const crdt_doc *past, const crdt__run *run);

/* ---- rows ---- */

/* A list as what is there now: items in order, and the elements before each. */
typedef struct crdt__piece {
    crdt__ref ref;
    uint64_t at;
} crdt__piece;

typedef struct crdt__row {
    crdt_doc *doc;
    crdt__piece *pieces;
    size_t count;
    size_t cap;
    uint64_t len;    /* elements */
    crdt__walk walk; /* where units were looked at last */
} crdt__row;

/* The row of a type; 0: an empty one. To be freed with crdt__row_deinit. */
bool crdt__row_init(crdt__row *row, crdt__budget *budget, crdt_doc *doc, crdt__ref type);
void crdt__row_deinit(crdt__row *row, crdt__budget *budget);

/* The piece that holds the element `at`. */
size_t crdt__row_find(const crdt__row *row, uint64_t at);

/* A stretch of elements, piece by piece, until one of the pieces changes: {row, from, to} at first.
 */
typedef struct crdt__row_part {
    crdt__row *row;
    uint64_t at;
    uint64_t to;
    size_t piece;
} crdt__row_part;

crdt__row_part crdt__row_part_of(crdt__row *row, uint64_t from, uint64_t to);
/* Elements of the next piece that are to come; 0 at the end. */
uint64_t crdt__row_part_ahead(crdt__row_part *part);
/* The next units of one piece, `max` at most; false at the end. */
bool crdt__row_part_next(crdt__row_part *part, uint64_t max, crdt__run *out);

/* What both rows hold, in order. */
bool crdt__row_match(crdt__restore *r, crdt__row *now, crdt__row *then, crdt__matches *out);

/* ---- tokens ---- */

/* One character, mark, or value of a row, as a number: equal ones have equal numbers, different
 * ones mostly have not. */
typedef enum crdt__row_use {
    CRDT__ROW_ALL,  /* all of it; types by what they hold */
    CRDT__ROW_TYPES /* types by kind and name, and nothing else is equal */
} crdt__row_use;

typedef struct crdt__row_tokens {
    uint64_t *items;
    size_t count;
    size_t cap;
} crdt__row_tokens;

bool crdt__row_tokenize(crdt__restore *r, crdt__row_part part, crdt__row_use use, crdt__side side,
                        crdt__row_tokens *out);
/* How many elements it stands for. */
uint64_t crdt__row_token_width(uint64_t token);

#endif
