/* Memory of one document: handed out in units, named by 32-bit handles, freed all at once.
 *
 * A handle is (chunk index << 16 | unit in the chunk); a chunk is up to 65,536 units. Handles are
 * half of a pointer, and stay true when a chunk table moves. Objects live in an arena of 16-byte
 * units (64 GiB reachable), text in one of single bytes (4 GiB): a text can then be cut at any byte
 * without being copied. Memory never moves, so a pointer is good until its object is freed. Handle
 * 0 is "none".
 *
 *     chunks:   [0] -> 4 KiB block    [1] -> 8 KiB block    ...
 *               [k], [k+1] -> one block of more than 65,536 units
 *
 * Blocks grow from a small first one, so that thousands of small documents can be open. What is
 * freed goes to a list of its size class and is used again. Allocation failures return 0 and leave
 * their reason in the budget.
 */
#ifndef CRDT_BASE_ARENA_H
#define CRDT_BASE_ARENA_H

#include "base/bytes.h"

typedef uint32_t crdt__ref;

/* What a document may hold, and holds. Every allocation of a document goes through its budget. */
typedef struct crdt__budget {
    const crdt_mem *mem;
    size_t held;
    size_t max;   /* 0: no limit */
    crdt_err err; /* why the last allocation failed */
} crdt__budget;

/* As realloc, counted. NULL on failure, with the reason in budget->err. */
void *crdt__budget_resize(crdt__budget *budget, void *old, size_t old_size, size_t new_size);
void crdt__budget_release(crdt__budget *budget, void *ptr, size_t size);

/* Makes room for `count` elements of `size` bytes in a growing array: the one way arrays of a
 * document grow. */
bool crdt__budget_reserve(crdt__budget *budget, void *array_ptr, size_t *cap, size_t count,
                          size_t size);

#define CRDT__CHUNK_UNITS  65536u
#define CRDT__SIZE_CLASSES 48
#define CRDT__OBJECT_SHIFT 4
#define CRDT__TEXT_SHIFT   0
/* Behind every block of text there are so many bytes more that belong to it: text may be read by
 * the word. */
#define CRDT__TEXT_SLACK 32u

typedef struct crdt__block {
    uint8_t *data;
    size_t size;
} crdt__block;

typedef struct crdt__arena {
    crdt__budget *budget;
    uint8_t **chunks; /* address of each chunk's unit 0 */
    size_t chunk_count;
    size_t chunk_cap;
    crdt__block *blocks; /* what was allocated, to be freed */
    size_t block_count;
    size_t block_cap;
    crdt__ref next;      /* first free unit of the newest block */
    uint32_t left;       /* units free behind it */
    uint32_t first_size; /* units of the first block */
    uint32_t next_size;  /* units of the next block */
    uint64_t total;      /* units of all blocks */
    unsigned unit_shift;
    crdt__ref free[CRDT__SIZE_CLASSES];
} crdt__arena;

/* `first_units`: the size of the first block. Keeps `budget` until deinit. */
void crdt__arena_init(crdt__arena *arena, crdt__budget *budget, unsigned unit_shift,
                      uint32_t first_units);
void crdt__arena_deinit(crdt__arena *arena);

static inline void *crdt__arena_at(const crdt__arena *arena, crdt__ref ref)
{
    return arena->chunks[ref >> 16] + ((size_t)(ref & 0xffff) << arena->unit_shift);
}

/* `units` contiguous units, rounded up to their size class in an arena of objects; 0 on failure.
 * The memory is not cleared. */
crdt__ref crdt__arena_alloc(crdt__arena *arena, uint32_t units);
/* Gives back what crdt__arena_alloc(arena, units) returned. Arenas of objects only. */
void crdt__arena_free(crdt__arena *arena, crdt__ref ref, uint32_t units);
/* The units that an allocation of `units` really has. */
uint32_t crdt__arena_class_units(uint32_t units);

/* ---- for whoever puts a whole document in at once ---- */

/* Sees to it that `units` more can be had without another block; false on failure. */
bool crdt__arena_reserve(crdt__arena *arena, uint32_t units);
/* Exactly `units` units one behind the other, in memory as well, whatever their number. Those of an
 * arena of objects may be given back in parts. 0 on failure. */
crdt__ref crdt__arena_run(crdt__arena *arena, uint32_t units);
/* Gives back the last `units` of the allocation that ends at `end`, if nothing was allocated behind
 * it. */
static inline bool crdt__arena_retract(crdt__arena *arena, crdt__ref end, uint32_t units)
{
    if (end != arena->next)
        return false;
    arena->next -= units;
    arena->left += units;
    return true;
}
/* Gives back what lies idle at the end of the newest block, if it is worth the while. What was
 * allocated may move in memory; handles stay. */
void crdt__arena_trim(crdt__arena *arena);

/* Where an arena stands. */
typedef struct crdt__arena_mark {
    size_t chunk_count;
    size_t block_count;
    crdt__ref next;
    uint32_t left;
    uint64_t total;
} crdt__arena_mark;

/* True if something that was given back waits to be used again. */
bool crdt__arena_has_free(const crdt__arena *arena);
/* Marks the place that crdt__arena_rewind goes back to. The arena must not have anything free, and
 * nothing from before the mark may be given back, nor the arena be trimmed, until then. */
crdt__arena_mark crdt__arena_mark_of(const crdt__arena *arena);
/* Gives back everything that was allocated since. */
void crdt__arena_rewind(crdt__arena *arena, const crdt__arena_mark *mark);

/* Makes the allocation that ends at `end` longer by `units`, if nothing was allocated behind it and
 * there is room. */
static inline bool crdt__arena_extend(crdt__arena *arena, crdt__ref end, uint32_t units)
{
    if (end != arena->next || units > arena->left)
        return false;
    arena->next += units;
    arena->left -= units;
    return true;
}

#endif
