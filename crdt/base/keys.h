/* The keys of objects as JavaScript keeps them: array indices (decimal, 0 ... 2^32-2) first and
 * ascending, the others as they were inserted; of equal keys the last value at the first one's
 * place.
 *
 * Two tools, both for objects inside objects: `crdt__keys` watches, without memory of its own,
 * whether keys come in that order already; `crdt__members` brings members in that order after they
 * were written, by moving their bytes.
 */
#ifndef CRDT_BASE_KEYS_H
#define CRDT_BASE_KEYS_H

#include "base/bytes.h"

/* The rank of keys that are no array indices; an index has a smaller one, itself. */
#define CRDT__KEYS_RANK_NAMED UINT64_C(4294967295)

uint64_t crdt__keys_rank(crdt_bytes key);

/* Keys compared with each other; an object with more is not known to be in order. */
#define CRDT__KEYS_KEPT 64

typedef struct crdt__keys {
    crdt_bytes kept[CRDT__KEYS_KEPT]; /* of the open objects, the innermost last */
    size_t count;
} crdt__keys;

/* One open object. {.from = keys.count} before its first key; at its end keys.count = from. */
typedef struct crdt__keys_level {
    size_t from;
    uint64_t index_min; /* a smaller index would be out of order */
} crdt__keys_level;

/* Takes the next key of the innermost object. False unless it is new and in order. */
bool crdt__keys_next(crdt__keys *keys, crdt__keys_level *level, crdt_bytes key);

typedef struct crdt__member {
    size_t start; /* offsets among what the writer wrote: key and value */
    size_t end;
    size_t key_start;
    size_t key_len;
    size_t inserted; /* the how-manieth of its object */
    uint64_t rank;   /* index; all others after them; what is dropped last */
} crdt__member;

typedef struct crdt__members {
    const crdt_mem *mem;
    crdt__member *items; /* of the open objects, the innermost last */
    size_t count;
    size_t cap;
} crdt__members;

typedef enum crdt__member_use { CRDT__MEMBER_KEPT, CRDT__MEMBER_DROPPED } crdt__member_use;

/* Says that a member of the innermost object, whose first is items[from], begins at `start`, and
 * that its key was just written as the last `key_len` bytes. False: out of memory. */
CRDT_MUST_CHECK bool crdt__members_push(crdt__members *members, size_t from, size_t start,
                                        size_t key_len, crdt__member_use use,
                                        const crdt__writer *w);

/* How an object is written: members one after the other behind their number, or with commas. */
typedef enum crdt__members_form { CRDT__MEMBERS_COUNTED, CRDT__MEMBERS_COMMAS } crdt__members_form;

/* Ends the innermost object: brings what was written since `head` (the number and the members, or
 * the members alone) in order. Failure shows in w->ok. */
void crdt__members_close(crdt__members *members, size_t from, size_t head, crdt__members_form form,
                         crdt__writer *w);

void crdt__members_free(crdt__members *members);

#endif
