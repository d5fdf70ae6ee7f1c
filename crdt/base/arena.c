#include "base/arena.h"

#include <stdlib.h>

/* A new block is this part of what is there: what lies idle is never more than about an eighth. */
#define GROWTH_SHARE 8u
#define TRIM_SHARE   64u /* what lies idle is given back when it is more than this part of all */
#define CLASS_EXACT_MAX                                                                            \
    16u /* up to here every number of units is a class; above, powers of two                       \
         */

/* ---- budget ---- */

void *crdt__budget_resize(crdt__budget *budget, void *old, size_t old_size, size_t new_size)
{
    if (budget->max && new_size > old_size && new_size - old_size > budget->max - budget->held) {
        budget->err = CRDT_LIMIT;
        return NULL;
    }
    void *ptr = crdt__resize(budget->mem, old, old_size, new_size);
    if (!ptr) {
        budget->err = CRDT_NO_MEMORY;
        return NULL;
    }
    budget->held = budget->held - old_size + new_size;
    return ptr;
}

void crdt__budget_release(crdt__budget *budget, void *ptr, size_t size)
{
    if (!ptr)
        return;
    budget->held -= size;
    crdt__release(budget->mem, ptr, size);
}

bool crdt__budget_reserve(crdt__budget *budget, void *array_ptr, size_t *cap, size_t count,
                          size_t size)
{
    if (count <= *cap)
        return true;
    size_t grown = *cap ? *cap * 2 : 8;
    if (grown < count)
        grown = count;
    if (grown > SIZE_MAX / size) {
        budget->err = CRDT_NO_MEMORY;
        return false;
    }
    void *array;
    memcpy(&array, array_ptr, sizeof(array));
    array = crdt__budget_resize(budget, array, *cap * size, grown * size);
    if (!array)
        return false;
    memcpy(array_ptr, &array, sizeof(array));
    *cap = grown;
    return true;
}

/* ---- arena ---- */

void crdt__arena_init(crdt__arena *arena, crdt__budget *budget, unsigned unit_shift,
                      uint32_t first_units)
{
    memset(arena, 0, sizeof(*arena));
    arena->budget = budget;
    arena->unit_shift = unit_shift;
    arena->first_size = arena->next_size = first_units;
}

void crdt__arena_deinit(crdt__arena *arena)
{
    for (size_t i = 0; i < arena->block_count; i++)
        crdt__budget_release(arena->budget, arena->blocks[i].data, arena->blocks[i].size);
    crdt__budget_release(arena->budget, arena->blocks, arena->block_cap * sizeof(*arena->blocks));
    crdt__budget_release(arena->budget, arena->chunks, arena->chunk_cap * sizeof(*arena->chunks));
    memset(arena, 0, sizeof(*arena));
}

static size_t slack(const crdt__arena *arena)
{
    return arena->unit_shift == CRDT__TEXT_SHIFT ? CRDT__TEXT_SLACK : 0;
}

static void size_next(crdt__arena *arena)
{
    uint64_t share = arena->total / GROWTH_SHARE;
    if (share > CRDT__CHUNK_UNITS)
        share = CRDT__CHUNK_UNITS;
    arena->next_size = share > arena->first_size ? (uint32_t)share : arena->first_size;
}

/* A new block of at least `units` units becomes the place where allocation goes on. What was left
 * of the one before is given up. */
static bool add_block(crdt__arena *arena, uint32_t units)
{
    bool first = arena->chunk_count == 0;
    uint64_t want = (uint64_t)units + (first ? 1 : 0); /* unit 0 of chunk 0 is handle 0: none */
    if (want < arena->next_size)
        want = arena->next_size;
    size_t chunks = (size_t)((want + CRDT__CHUNK_UNITS - 1) / CRDT__CHUNK_UNITS);
    if (arena->chunk_count + chunks > CRDT__CHUNK_UNITS) {
        arena->budget->err = CRDT_LIMIT;
        return false;
    }
    crdt__budget *budget = arena->budget;
    if (!crdt__budget_reserve(budget, &arena->chunks, &arena->chunk_cap,
                              arena->chunk_count + chunks, sizeof(*arena->chunks)) ||
        !crdt__budget_reserve(budget, &arena->blocks, &arena->block_cap, arena->block_count + 1,
                              sizeof(*arena->blocks)))
        return false;
    size_t size = ((size_t)want << arena->unit_shift) + slack(arena);
    uint8_t *data = crdt__budget_resize(budget, NULL, 0, size);
    if (!data)
        return false;

    arena->blocks[arena->block_count++] = (crdt__block){data, size};
    arena->next = (crdt__ref)(arena->chunk_count << 16) + (first ? 1 : 0);
    arena->left = (uint32_t)(want - (first ? 1 : 0));
    for (size_t i = 0; i < chunks; i++)
        arena->chunks[arena->chunk_count++] = data + ((i * CRDT__CHUNK_UNITS) << arena->unit_shift);
    arena->total += want;
    size_next(arena);
    return true;
}

static unsigned size_class(uint32_t units)
{
    if (units <= CLASS_EXACT_MAX)
        return units;
    unsigned log2_up = 32 - (unsigned)__builtin_clz(units - 1);
    return CLASS_EXACT_MAX + log2_up - 4;
}

uint32_t crdt__arena_class_units(uint32_t units)
{
    if (units <= CLASS_EXACT_MAX)
        return units;
    if (units > UINT32_C(1) << 31)
        return units;
    return UINT32_C(1) << (32 - (unsigned)__builtin_clz(units - 1));
}

static crdt__ref take(crdt__arena *arena, uint32_t units)
{
    crdt__ref ref = arena->next;
    arena->next += units;
    arena->left -= units;
    return ref;
}

crdt__ref crdt__arena_alloc(crdt__arena *arena, uint32_t units)
{
    if (arena->unit_shift == CRDT__OBJECT_SHIFT) {
        crdt__ref *head = &arena->free[size_class(units)];
        if (*head) {
            crdt__ref ref = *head;
            memcpy(head, crdt__arena_at(arena, ref), sizeof(*head));
            return ref;
        }
        units = crdt__arena_class_units(units);
    }
    if (units > arena->left && !add_block(arena, units))
        return 0;
    return take(arena, units);
}

void crdt__arena_free(crdt__arena *arena, crdt__ref ref, uint32_t units)
{
    crdt__ref *head = &arena->free[size_class(units)];
    memcpy(crdt__arena_at(arena, ref), head, sizeof(*head));
    *head = ref;
}

/* ---- whole documents ---- */

bool crdt__arena_reserve(crdt__arena *arena, uint32_t units)
{
    return units <= arena->left || add_block(arena, units);
}

crdt__ref crdt__arena_run(crdt__arena *arena, uint32_t units)
{
    return crdt__arena_reserve(arena, units) ? take(arena, units) : 0;
}

static size_t units_of(const crdt__arena *arena, size_t size)
{
    return (size - slack(arena)) >> arena->unit_shift;
}

static size_t chunks_of(const crdt__arena *arena, size_t size)
{
    return (units_of(arena, size) + CRDT__CHUNK_UNITS - 1) / CRDT__CHUNK_UNITS;
}

/* Takes the newest block out, of which nothing is used. */
static void drop_block(crdt__arena *arena)
{
    crdt__block block = arena->blocks[--arena->block_count];
    arena->chunk_count -= chunks_of(arena, block.size);
    arena->total -= units_of(arena, block.size);
    arena->left = 0;
    size_next(arena);
    crdt__budget_release(arena->budget, block.data, block.size);
}

void crdt__arena_trim(crdt__arena *arena)
{
    if (arena->left <= arena->total / TRIM_SHARE)
        return;
    crdt__block *block = &arena->blocks[arena->block_count - 1];
    size_t null_unit = arena->block_count == 1 ? 1 : 0;
    size_t size = block->size - ((size_t)arena->left << arena->unit_shift);
    if (units_of(arena, size) == null_unit) {
        drop_block(arena);
        return;
    }
    uint8_t *data = crdt__budget_resize(arena->budget, block->data, block->size, size);
    if (!data)
        return;
    arena->chunk_count -= chunks_of(arena, block->size);
    for (size_t i = 0; i < chunks_of(arena, size); i++)
        arena->chunks[arena->chunk_count++] = data + ((i * CRDT__CHUNK_UNITS) << arena->unit_shift);
    *block = (crdt__block){data, size};
    arena->total -= arena->left;
    arena->left = 0;
    size_next(arena);
}

bool crdt__arena_has_free(const crdt__arena *arena)
{
    for (size_t i = 0; i < CRDT__SIZE_CLASSES; i++)
        if (arena->free[i])
            return true;
    return false;
}

crdt__arena_mark crdt__arena_mark_of(const crdt__arena *arena)
{
    return (crdt__arena_mark){.chunk_count = arena->chunk_count,
                              .block_count = arena->block_count,
                              .next = arena->next,
                              .left = arena->left,
                              .total = arena->total};
}

void crdt__arena_rewind(crdt__arena *arena, const crdt__arena_mark *mark)
{
    while (arena->block_count > mark->block_count) {
        const crdt__block *block = &arena->blocks[--arena->block_count];
        crdt__budget_release(arena->budget, block->data, block->size);
    }
    arena->chunk_count = mark->chunk_count;
    arena->next = mark->next;
    arena->left = mark->left;
    arena->total = mark->total;
    size_next(arena);
    memset(arena->free, 0, sizeof(arena->free));
}
