/* The document: owns the arenas, the clients with their structs, the names, the roots. */
#ifndef CRDT_CORE_DOC_H
#define CRDT_CORE_DOC_H

#include "base/u64map.h"
#include "core/blocks.h"
#include "core/changed.h"
#include "core/content.h"
#include "core/item.h"
#include "core/pending.h"
#include "core/txn.h"
#include "core/type.h"

typedef struct crdt__client {
    uint64_t id;
    uint64_t state;  /* the next clock */
    uint64_t before; /* `state` when the transaction began, if touched */
    crdt__blocks blocks;
    crdt__ref
        room_at; /* where in the text arena the client's next text may be written in place ... */
    uint32_t text_room;    /* ... and how many bytes are kept for it there */
    uint32_t deleted_rank; /* in the running transaction; 0: nothing of it was deleted */
    crdt__ref queue;       /* what waits of it or for it: crdt__queue, or 0 */
    bool touched;
} crdt__client;

/* One unit, by its client's index. */
typedef struct crdt__unit {
    uint64_t clock;
    uint32_t client;
} crdt__unit;

/* A string used as a root's name, a map key, a node name, a format key: kept once, named by a
 * number from 1. */
typedef struct crdt__name {
    crdt__ref bytes; /* blob */
    crdt__ref root;  /* the root type of this name, or 0 */
    uint32_t hash;
} crdt__name;

/* The last place that somebody asked for (types/position.h). */
typedef struct crdt__cursor {
    crdt__ref type; /* 0: none */
    crdt__ref item; /* in its list */
    uint64_t index; /* visible units before the item */
} crdt__cursor;

/* Local edits that were made in place (core/inplace.h). */
typedef struct crdt__local {
    crdt__span
        done;    /* in the open transaction, whose `txn` does not know of it; no length: nothing */
    bool erased; /* deleted, not added */
    bool mixed;  /* others were made in it, too: no more in place */
    crdt_type handle; /* the text that was edited last ... */
    crdt__ref type;   /* ... is this one; 0: none is remembered */
    crdt__ref
        item; /* the struct whose place was asked for last; 0: places have changed since ... */
    crdt__pos place; /* ... and that, among the structs of its client */
} crdt__local;

struct crdt_doc {
    crdt__budget budget;
    crdt_doc_options options;
    crdt__arena objects;
    crdt__arena text;
    size_t text_live; /* bytes of text that items refer to */
    size_t text_dead; /* bytes in the text arena that none does */

    crdt__client *clients; /* by index; [0] is unused */
    size_t client_count;   /* indices in use, [0] included */
    size_t client_cap;
    crdt__u64map client_index; /* id -> index */
    uint32_t client_last;      /* the index looked up last */
    uint32_t own;              /* the index of the client that local edits are made as; 0: none */
    bool editing;              /* a transaction of local edits is open */
    crdt__local local;

    crdt__name *names; /* by number; [0] is unused */
    size_t name_count;
    size_t name_cap;
    uint32_t *name_slots;
    size_t name_slot_cap;

    uint32_t *roots; /* names of the roots, in the order in which they came */
    size_t root_count;
    size_t root_cap;

    crdt__unit
        *subdocs; /* units that hold or held sub-documents, in the order in which they came */
    size_t subdoc_count;
    size_t subdoc_cap;

    crdt__ref orders; /* the indices of lists (core/order.h) */
    crdt__cursor cursor;
    struct crdt__spot *spots; /* where many clients inserted at once (core/conflict.h) */
    uint32_t spot_count;      /* of them in use */
    uint32_t spot_oldest;
    struct crdt__ladder *ladders; /* where values begin in long runs of them (core/values.h) */
    uint32_t ladder_oldest;
    uint64_t
        work; /* steps taken in loops whose length is not that of the input: what tests bound */

    size_t struct_count;
    crdt__txn txn;
    crdt__changed changed;
    crdt__pending pending;
    crdt_err failed; /* why it can do nothing any more */
};

static inline crdt__item *crdt__item_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

/* The index of a client, or 0 if the document knows nothing of it. */
static inline uint32_t crdt__doc_find_client(crdt_doc *doc, uint64_t id)
{
    if (doc->clients[doc->client_last].id == id && doc->client_last)
        return doc->client_last;
    const uint64_t *found = crdt__u64map_find(&doc->client_index, id);
    if (!found)
        return 0;
    doc->client_last = (uint32_t)*found;
    return doc->client_last;
}

/* The next clock of a client; 0 for an unknown one. */
static inline uint64_t crdt__doc_state(crdt_doc *doc, uint64_t id)
{
    return doc->clients[crdt__doc_find_client(doc, id)].state;
}

/* The same, made known if need be; 0 when out of memory. */
uint32_t crdt__doc_get_client(crdt_doc *doc, uint64_t id);

/* The struct that holds a unit, which must exist. */
static inline crdt__pos crdt__doc_pos(const crdt_doc *doc, uint32_t client, uint64_t clock)
{
    return crdt__blocks_find(&doc->objects, &doc->clients[client].blocks, clock);
}

/* The same, where more is to be done around it. */
static inline crdt__pos crdt__doc_seek(crdt_doc *doc, uint32_t client, uint64_t clock)
{
    return crdt__blocks_seek(&doc->objects, &doc->clients[client].blocks, clock);
}

static inline crdt__ref crdt__doc_item(const crdt_doc *doc, uint32_t client, uint64_t clock)
{
    return crdt__blocks_item(&doc->objects, crdt__doc_pos(doc, client, clock));
}

/* The place of a struct among its client's. */
static inline crdt__pos crdt__doc_place(crdt_doc *doc, crdt__ref ref)
{
    crdt__local *local = &doc->local;
    if (local->item != ref) {
        const crdt__item *it = crdt__item_at(doc, ref);
        local->place = crdt__doc_pos(doc, it->client, it->clock);
        local->item = ref;
    }
    return local->place;
}

/* Structs come or go: places that were found are not good any more. */
static inline void crdt__doc_forget_place(crdt_doc *doc)
{
    doc->local.item = 0;
}

/* The number of a name, made if need be; 0 when out of memory. */
uint32_t crdt__doc_name(crdt_doc *doc, crdt_bytes name);
/* The same, or 0 if there is no such name. */
uint32_t crdt__doc_find_name(const crdt_doc *doc, crdt_bytes name);
crdt_bytes crdt__doc_name_bytes(const crdt_doc *doc, uint32_t name);
/* The root type of this name, made if need be; 0 when out of memory. */
crdt__ref crdt__doc_root(crdt_doc *doc, crdt_bytes name);
/* The same of a name's number. */
crdt__ref crdt__doc_root_of_name(crdt_doc *doc, uint32_t name);

/* Notes that the unit holds a sub-document. False when out of memory. */
bool crdt__doc_add_subdoc(crdt_doc *doc, crdt__unit unit);
/* The item of a noted sub-document, or 0 if it is deleted. */
crdt__ref crdt__doc_subdoc(const crdt_doc *doc, crdt__unit unit);

/* Adds a struct at the end of its client's. False when out of memory. */
bool crdt__doc_add(crdt_doc *doc, uint32_t client, uint64_t clock, crdt__ref ref);

/* A cleared item; 0 when out of memory. */
crdt__ref crdt__doc_item_new(crdt_doc *doc);
void crdt__doc_item_free(crdt_doc *doc, crdt__ref ref);

/* What an empty document has: the roots that were asked for, its own client. */
typedef struct crdt__doc_mark {
    crdt__arena_mark objects;
    crdt__arena_mark text;
    size_t client_count;
    size_t name_count;
    size_t root_count;
} crdt__doc_mark;

/* Marks the place to come back to: false unless the document holds nothing, neither structs nor
 * what waits for them, and can be brought back to that. */
bool crdt__doc_mark_empty(const crdt_doc *doc, crdt__doc_mark *out);
/* Makes it empty again, whatever has happened to it since. */
void crdt__doc_rewind(crdt_doc *doc, const crdt__doc_mark *mark);

/* Puts the document out of use with the reason that the budget gives, and returns it. */
crdt_err crdt__doc_fail(crdt_doc *doc);

/* Client indices in descending order of their ids: *out is owned (budget), its length is
 * client_count - 1. */
bool crdt__doc_clients_descending(crdt_doc *doc, uint32_t **out);

#endif
