/* Several readers of updates, the one to read from first: its struct's client is the highest, and
 * its clock the lowest.
 *
 * Yjs sorts its array of readers anew before every step, by a stable sort; only the first one can
 * have moved since. So among equals the reader that was moved last comes first. A heap with the
 * turn of the last move as its last key gives the same order in logarithmic time. Updates that were
 * written one after the other are in order from the beginning: then only those that have moved get
 * into the heap, and the others wait in a queue.
 *
 * One oddity shows in the bytes: compared with each other, an item and a GC struct of the same ID
 * each claim to come first, and which one wins is decided by how V8 sorts. While there are fewer
 * than CRDT__READERS_FEW readers, that sort (a run, then binary insertion) is followed to the
 * letter where such a tie is about; with more, such ties count as equal.
 */
#ifndef CRDT_WIRE_READERS_H
#define CRDT_WIRE_READERS_H

#include "wire/lazy.h"

#define CRDT__READERS_FEW 64

typedef struct crdt__readers {
    crdt__lazy_reader *first;
    /* few: items[0, count) in order; many: items[0, count) are a heap, and items[next, end), in
     * order, the queue: count <= next */
    crdt__lazy_reader **items;
    size_t count;
    size_t next;
    size_t end;
    int64_t turn; /* of the last move, counting down */
    bool many;
    bool mixed; /* few: there is a tie of an item and a GC struct */
} crdt__readers;

/* Keeps `readers` in order, `count` of them; `room` holds as many pointers. Both are the caller's
 * and are kept until the last call. */
void crdt__readers_init(crdt__readers *rs, crdt__lazy_reader *readers, size_t count,
                        crdt__lazy_reader **room);

/* The reader to read from, or NULL when all are done. */
static inline crdt__lazy_reader *crdt__readers_first(const crdt__readers *rs)
{
    return rs->first;
}

/* One step is over, and the first reader may have moved. Cost: logarithmic; constant where the
 * queue has it that the first one is done and the next one follows. */
void crdt__readers_step(crdt__readers *rs);

#endif
