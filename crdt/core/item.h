/* One struct of the document: a run of units by one client. Item or GC (yjs/src/structs/Item.js,
 * GC.js).
 *
 * 64 bytes, one cache line. Links are handles into the document's arena; clients are indices into
 * its table (0: none); keys are numbers of its table of names (0: none).
 *
 * Content, by kind:
 *     STRING       the first byte of its text in the text arena, `text.bytes` long
 *     ANY, JSON, BINARY, EMBED, FORMAT, DOC
 *                  a blob (content.h): canonical bytes as update v1 writes them
 *     TYPE         a crdt__type
 *     DELETED, GC  none
 *
 * A text's neighbours may lie right before and behind it: cutting a run copies nothing. It is ASCII
 * exactly when bytes == units.
 */
#ifndef CRDT_CORE_ITEM_H
#define CRDT_CORE_ITEM_H

#include "base/arena.h"
#include "base/id.h"
#include "core/blocks.h"
#include "wire/update.h"

typedef struct crdt__item {
    uint64_t clock;
    uint64_t origin_clock;
    uint64_t right_clock; /* of the right origin */
    union {
        uint64_t len; /* units, of every kind but STRING */
        struct {
            uint32_t units;
            uint32_t bytes;
        } text;
    };
    uint32_t client : 24;
    uint32_t kind : 4; /* crdt__kind */
    uint32_t deleted : 1;
    uint32_t halves : 1;         /* of a STRING: there may be unpaired surrogates in its text */
    uint32_t group_high : 2;     /* the three together: crdt__item_group */
    uint32_t origin_client : 24; /* 0: no origin */
    uint32_t group_low : 8;
    uint32_t right_client : 24; /* 0: no right origin */
    uint32_t group_mid : 8;
    crdt__ref left;
    crdt__ref right;
    crdt__ref parent; /* crdt__type; 0 only for GC */
    uint32_t key;
    crdt__ref content;
} crdt__item;

_Static_assert(sizeof(crdt__item) == 64, "an item is one cache line");
#define CRDT__ITEM_UNITS 4u

/* Without a branch: texts and what was deleted lie mixed, and walks would guess in vain. */
static inline uint64_t crdt__item_len(const crdt__item *it)
{
    const uint64_t is_text = 0 - (uint64_t)(it->kind == CRDT__STRING);
    return (it->text.units & is_text) | (it->len & ~is_text);
}

static inline uint64_t crdt__item_end(const crdt__item *it)
{
    return it->clock + crdt__item_len(it);
}

/* The number of the item's group in the index of its list; meaningless where the list has none
 * (core/order.h). */
#define CRDT__GROUP_MAX ((1u << 18) - 1)

static inline uint32_t crdt__item_group(const crdt__item *it)
{
    return (uint32_t)it->group_high << 16 | (uint32_t)it->group_mid << 8 | it->group_low;
}

static inline void crdt__item_set_group(crdt__item *it, uint32_t group)
{
    it->group_high = group >> 16 & 3;
    it->group_mid = group >> 8 & 0xff;
    it->group_low = group & 0xff;
}

/* Counts for the visible length of its parent (yjs: AbstractContent.isCountable). */
static inline bool crdt__item_countable(const crdt__item *it)
{
    return it->kind != CRDT__DELETED && it->kind != CRDT__FORMAT;
}

/* Units of it that one sees: those that indices count. */
static inline uint64_t crdt__item_visible(const crdt__item *it)
{
    return !it->deleted && crdt__item_countable(it) ? crdt__item_len(it) : 0;
}

/* A formatting mark that is not deleted. */
static inline bool crdt__item_is_mark(const crdt__item *it)
{
    return it->kind == CRDT__FORMAT && !it->deleted;
}

/* The same origin, the same right origin: both none, or equal ids. */
static inline bool crdt__item_same_origin(const crdt__item *a, const crdt__item *b)
{
    return a->origin_client == b->origin_client &&
           (a->origin_client == 0 || a->origin_clock == b->origin_clock);
}

static inline bool crdt__item_same_right_origin(const crdt__item *a, const crdt__item *b)
{
    return a->right_client == b->right_client &&
           (a->right_client == 0 || a->right_clock == b->right_clock);
}

/* `right` goes on where `left` ends, as if it had been cut off: all that Yjs asks of two structs of
 * one kind to merge them (yjs: Item#mergeWith). */
static inline bool crdt__item_continues(const crdt__item *left, crdt__ref right_ref,
                                        const crdt__item *right)
{
    return left->right == right_ref && right->origin_client == left->client &&
           right->origin_clock + 1 == crdt__item_end(left) &&
           crdt__item_same_right_origin(left, right);
}

/* Cuts the item at unit `offset` (0 < offset < length) and returns the right part, linked and
 * indexed, or 0 when out of memory. A surrogate pair that is cut becomes two U+FFFD. The right part
 * is noted as a candidate for merging. */
crdt__ref crdt__item_split(crdt_doc *doc, crdt__ref ref, uint64_t offset);
/* The same for the item at a place in its client's index; *pos becomes the right part's. */
crdt__ref crdt__item_split_at(crdt_doc *doc, uint32_t client, crdt__pos *pos, uint64_t offset);

/* The item or GC that ends exactly behind / begins exactly at the unit, after splitting if need be
 * (a GC is never split). The unit must exist. 0 when out of memory. (yjs: getItemCleanEnd,
 * getItemCleanStart) */
crdt__ref crdt__item_clean_end(crdt_doc *doc, uint32_t client, uint64_t clock);
crdt__ref crdt__item_clean_start(crdt_doc *doc, uint32_t client, uint64_t clock);

/* Deletes the item, what it contains included, and records it in the transaction. No effect if
 * already deleted. False when out of memory. */
bool crdt__item_delete(crdt_doc *doc, crdt__ref ref);

/* Replaces a deleted item's content by its length alone; what is below a type becomes GC. False
 * when out of memory. */
bool crdt__item_gc(crdt_doc *doc, crdt__ref ref);

/* Whether one of two structs of a client shows alone that nothing joins it to the other. */
static inline bool crdt__item_begins_apart(const crdt__item *right)
{
    return right->kind != CRDT__GC &&
           (right->origin_client != right->client || right->origin_clock + 1 != right->clock);
}

static inline bool crdt__item_ends_apart(const crdt__item *left, crdt__ref right)
{
    return left->kind != CRDT__GC && left->right != right;
}

/* Whether `right`, which does not begin apart, is the continuation of `left` in all but where it
 * lies. */
static inline bool crdt__item_goes_on(const crdt__item *left, const crdt__item *right)
{
    return left->client == right->client && crdt__item_end(left) == right->clock &&
           left->kind == right->kind && left->deleted == right->deleted &&
           crdt__item_same_right_origin(left, right);
}

/* True if Yjs would join `right` to `left` (Item#mergeWith, GC#mergeWith). */
bool crdt__item_joins(const crdt_doc *doc, crdt__ref left, crdt__ref right);
/* Joins them, freeing `right`; its index entry stays the caller's to remove. False when out of
 * memory. */
bool crdt__item_join(crdt_doc *doc, crdt__ref left, crdt__ref right);

#endif
