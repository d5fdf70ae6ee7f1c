/* A transaction: what one update changes, and the tidying that follows it
 * (yjs/src/utils/Transaction.js).
 *
 * No global merging takes place: only around what was deleted, what was added, and what was split.
 * Byte equality with Yjs depends on doing exactly that.
 */
#ifndef CRDT_CORE_TXN_H
#define CRDT_CORE_TXN_H

#include "core/item.h"

typedef struct crdt__span {
    uint64_t clock;
    uint64_t len;
    uint32_t client;
    uint32_t rank;  /* deleted spans: how many clients' units were deleted before this client's */
    crdt__ref item; /* that is this span, until structs are joined; 0: one does not know */
} crdt__span;

/* Where the values that were joined to an item last begin in it: the transaction's own, mostly,
 * which its update tells without walking over all before them. */
typedef struct crdt__joint {
    const crdt__item *item; /* NULL: none */
    uint64_t units;
    uint32_t bytes;
} crdt__joint;

typedef struct crdt__txn {
    crdt__span *deleted; /* the delete set of the transaction, in order of arrival */
    size_t deleted_count;
    size_t deleted_cap;
    uint32_t deleted_ranks;
    crdt__span *candidates; /* structs that may merge now: right parts of splits (len unused) */
    size_t candidate_count;
    size_t candidate_cap;
    uint32_t *touched; /* clients that got new structs */
    size_t touched_count;
    size_t touched_cap;
    crdt__ref *stack; /* work still to do, instead of recursion */
    size_t stack_count;
    size_t stack_cap;
    crdt__ref *changed_texts; /* texts whose formatting marks may want tidying; with repetitions */
    size_t changed_count;
    size_t changed_cap;
    size_t joined; /* structs that were joined to others, and are no more */
    bool told;     /* what it changed is told, or is not to be */
    crdt__joint joint;
} crdt__txn;

/* Each returns false when out of memory. */
bool crdt__txn_deleted(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t len,
                       crdt__ref item);
bool crdt__txn_candidate(crdt_doc *doc, crdt__ref item);
bool crdt__txn_touch(crdt_doc *doc, uint32_t client);
bool crdt__txn_push(crdt_doc *doc, crdt__ref ref);
/* Notes that the item's parent changed, by its coming or its deletion: texts for the clean-up of
 * formatting marks, and everything for what is told of changes; each only if it is asked for. */
bool crdt__txn_change(crdt_doc *doc, const crdt__item *it);

/* The clock that the client stood at when the transaction began. */
uint64_t crdt__txn_before(const crdt_doc *doc, uint32_t client);
/* True if the transaction deleted the unit. Its delete set must be in order: once tidying began. */
bool crdt__txn_deletes(const crdt_doc *doc, uint32_t client, uint64_t clock);
/* True if the transaction added or deleted anything. */
bool crdt__txn_changed(const crdt_doc *doc);

/* ---- committing ----
 *
 * In two steps, since between them the transaction can be told to others: what it added and deleted
 * is still known, and lies as it will stay.
 */

/* Brings the delete set in order, collects garbage and merges. May be called again. False when out
 * of memory. */
bool crdt__txn_tidy(crdt_doc *doc);
/* Empties the transaction. */
void crdt__txn_end(crdt_doc *doc);

/* The same for a transaction that came from others, where the tidying of formatting marks, if asked
 * for, makes another transaction, *follow_up: it happens now, and commits behind this one. */
bool crdt__txn_tidy_remote(crdt_doc *doc, crdt__txn *follow_up);
/* Empties the transaction; true if the one that follows up has taken its place, to be tidied
 * (crdt__txn_tidy) and ended. */
bool crdt__txn_end_remote(crdt_doc *doc, crdt__txn *follow_up);

void crdt__txn_deinit(crdt_doc *doc);

#endif
