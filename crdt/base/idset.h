/* A set of clock ranges per client: a delete set, or what somebody lacks.
 *
 * One flat array of (client, clock, len). Adding appends; crdt__idset_normalize sorts and joins,
 * and only then the set can be searched. So a set of one range costs no allocation, one of a
 * million ranges or of a hundred thousand clients costs one array and n log n, and no choice of
 * clients can make it slow, as it could a hash table.
 *
 *     as added       (7,4,1) (9,0,2) (7,5,1) (7,0,1)
 *     normalized     (9,0,2) (7,0,1) (7,4,2)
 *
 * Normalized: clients descend, clocks ascend, and nothing touches.
 */
#ifndef CRDT_BASE_IDSET_H
#define CRDT_BASE_IDSET_H

#include "base/bytes.h"

typedef struct crdt__range {
    uint64_t client;
    uint64_t clock;
    uint64_t len;
} crdt__range;

/* Ranges held without an allocation. */
#define CRDT__IDSET_INLINE 2

/* May be moved with memcpy; {0} is an empty set on malloc. */
typedef struct crdt__idset {
    const crdt_mem *mem;
    crdt__range *heap; /* NULL: the ranges are in `small` */
    size_t count;
    size_t cap; /* of heap */
    bool dirty; /* not normalized */
    crdt__range small[CRDT__IDSET_INLINE];
} crdt__idset;

/* Keeps `mem` until crdt__idset_deinit (NULL: malloc). */
void crdt__idset_init(crdt__idset *set, const crdt_mem *mem);
void crdt__idset_deinit(crdt__idset *set);
/* Empties the set and gives its memory back. */
void crdt__idset_clear(crdt__idset *set);

/* The ranges: as they were added, or in order after crdt__idset_normalize. Valid until the next
 * change. */
static inline const crdt__range *crdt__idset_ranges(const crdt__idset *set)
{
    return set->heap != NULL ? set->heap : set->small;
}

static inline size_t crdt__idset_count(const crdt__idset *set)
{
    return set->count;
}

/* Adds clock ... clock+len-1; one that continues the range added last is joined to it. False: out
 * of memory, nothing changed. Cost: constant, amortised. */
CRDT_MUST_CHECK bool crdt__idset_add(crdt__idset *set, uint64_t client, uint64_t clock,
                                     uint64_t len);

/* Sorts by client (descending) and clock (ascending), and joins ranges of a client that overlap or
 * touch (yjs/src/utils/DeleteSet.js, sortAndMergeDeleteSet). False: out of memory, the same ranges
 * in their old order. Cost: linear when in order already, else n log n. */
CRDT_MUST_CHECK bool crdt__idset_normalize(crdt__idset *set);

/* Sorts by client (descending) alone: the ranges of a client stay as they were added, unjoined. */
CRDT_MUST_CHECK bool crdt__idset_group(crdt__idset *set);

/* Of a grouped set, keeps only the range of each client that was added last. */
void crdt__idset_keep_last(crdt__idset *set);

/* True if every clock of the range is in the (normalized) set. Cost: logarithmic. */
bool crdt__idset_contains_range(const crdt__idset *set, uint64_t client, uint64_t clock,
                                uint64_t len);

/* The ranges of the client that begins at index `first` of a normalized or grouped set: how many.
 * So one walks for (size_t i = 0; i < set->count; i += n) { n = crdt__idset_run(set, i); ... } */
size_t crdt__idset_run(const crdt__idset *set, size_t first);

/* Writes a normalized or grouped set as a delete set: varuint clients, per client varuint client,
 * varuint ranges, per range varuint clock, varuint len (yjs/src/utils/DeleteSet.js,
 * writeDeleteSet). Failure shows in w->ok. */
void crdt__idset_write_v1(const crdt__idset *set, crdt__writer *w);

/* Adds the ranges of an encoded delete set in their order, unjoined (a length of 0 is allowed and
 * kept, as in Yjs). Failure shows in r->ok (malformed: an end above 2^53-1, say), or as false
 * (memory); what was read until then stays in the set. */
CRDT_MUST_CHECK bool crdt__idset_read_v1(crdt__reader *r, crdt__idset *set);

/* The same in the coding of format v2, which tells differences: per range varuint clock - the end
 * of the range before, varuint len - 1. It cannot tell of ranges of length 0, and leaves them out.
 * (yjs/src/utils/UpdateEncoder.js, DSEncoderV2) */
void crdt__idset_write_v2(const crdt__idset *set, crdt__writer *w);
CRDT_MUST_CHECK bool crdt__idset_read_v2(crdt__reader *r, crdt__idset *set);

/* The same, where the number of clients is known already. */
CRDT_MUST_CHECK bool crdt__idset_read_clients(crdt__reader *r, uint64_t clients, crdt__idset *set);

/* Bytes of heap held. */
size_t crdt__idset_bytes(const crdt__idset *set);

#endif
