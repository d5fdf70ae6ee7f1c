/* What of a list or a key is there, now or at another moment. All reading goes through here.
 * (yjs/src/utils/Snapshot.js, isVisible; types/AbstractType.js, typeMapGetSnapshot) */
#ifndef CRDT_TYPES_VISIBLE_H
#define CRDT_TYPES_VISIBLE_H

#include "core/snapshot.h"

/* When a document is looked at. {0} is now. */
typedef enum crdt__when {
    CRDT__NOW,
    CRDT__AT,    /* as of a snapshot */
    CRDT__BEFORE /* as the running transaction found it: what it deleted is not collected yet */
} crdt__when;

typedef struct crdt__moment {
    crdt__when when;
    const crdt_snapshot *at; /* CRDT__AT */
} crdt__moment;

static inline crdt__moment crdt__moment_of(const crdt_snapshot *at)
{
    return (crdt__moment){at ? CRDT__AT : CRDT__NOW, at};
}

/* Units of one item, all of them there. */
typedef struct crdt__run {
    crdt__ref ref;
    const crdt__item *item;
    uint64_t from; /* units of the item: from the first, */
    uint64_t to;   /* up to but without this */
    /* Of STRING, ANY and JSON: the content of these units. A stretch of text may begin with the low
     * half of a pair, or end with a high half; `bytes` is without it. */
    crdt_bytes bytes;
    bool low_half;
    bool high_half;
} crdt__run;

/* A walk over a list from its start. */
typedef struct crdt__walk {
    crdt__ref next;          /* the item behind */
    crdt__ref ref;           /* the item walked over; 0: none yet */
    crdt__visible stretches; /* of it */
    uint64_t unit; /* a unit of it at which a character or value begins, and where that is in its */
    size_t byte;   /* content: before all that is to come */
} crdt__walk;

crdt__walk crdt__walk_of(const crdt__type *type);

/* The next units that are there, formatting marks included; false at the end. */
bool crdt__walk_next(const crdt_doc *doc, const crdt__moment *moment, crdt__walk *walk,
                     crdt__run *out);

/* The value of a key, given its newest entry: one unit. False if the key has none. */
bool crdt__visible_value(const crdt_doc *doc, const crdt__moment *moment, crdt__ref newest,
                         crdt__run *out);

/* How many units of the item existed, deleted ones included. */
uint64_t crdt__existed(const crdt_doc *doc, const crdt__moment *moment, const crdt__item *it);
/* True if any unit of the item is there. */
bool crdt__any_visible(const crdt_doc *doc, const crdt__moment *moment, const crdt__item *it);

/* Units [from, to) of an item, whether they are there or not. `walk` stands at this item, {.ref},
 * or where it was left after units before these. */
crdt__run crdt__run_of_units(const crdt_doc *doc, crdt__walk *walk, uint64_t from, uint64_t to);
/* All of an item, or one unit of it, whether it is there or not. */
crdt__run crdt__run_of_item(const crdt_doc *doc, crdt__ref ref);
crdt__run crdt__run_of_unit(const crdt_doc *doc, crdt__ref ref, uint64_t unit);

#endif
