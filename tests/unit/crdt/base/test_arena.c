/* Memory of a document: what is allocated stays where its handle says, whatever is given back,
 * taken back, or moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "failmem.h"
#include "rng.h"

enum { PIECES = 200 };

typedef struct fixture {
    failmem memory;
    crdt__budget budget;
    crdt__arena arena;
} fixture;

/* Allocations, each filled with bytes that tell them apart. */
typedef struct piece {
    crdt__ref ref;
    uint32_t units;
    uint8_t fill;
} piece;

static void open(fixture *f, unsigned shift)
{
    failmem_init(&f->memory);
    f->budget = (crdt__budget){.mem = &f->memory.mem};
    crdt__arena_init(&f->arena, &f->budget, shift, 128);
}

static void close(fixture *f)
{
    crdt__arena_deinit(&f->arena);
    assert_int_equal(f->memory.held_bytes, 0);
    assert_int_equal(f->budget.held, 0);
    assert_false(f->memory.size_mismatch);
}

static piece filled(fixture *f, crdt__ref ref, uint32_t units, uint8_t fill)
{
    assert_true(ref != 0);
    memset(crdt__arena_at(&f->arena, ref), fill, (size_t)units << f->arena.unit_shift);
    return (piece){ref, units, fill};
}

static void expect_filled(const fixture *f, const piece *p)
{
    const uint8_t *at = crdt__arena_at(&f->arena, p->ref);
    for (size_t i = 0; i < (size_t)p->units << f->arena.unit_shift; i++)
        assert_int_equal(at[i], p->fill);
}

static piece random_piece(fixture *f, rng *random, uint8_t fill)
{
    bool large = rng_chance(random, 3);
    uint32_t units = (uint32_t)(1 + rng_below(random, large ? 200000 : 40));
    if (rng_chance(random, 50))
        return filled(f, crdt__arena_alloc(&f->arena, units), units, fill);
    return filled(f, crdt__arena_run(&f->arena, units), units, fill);
}

/* Trims now and then; then memory moves. */
static void pieces_stay_what_they_are(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        rng random = {seed};
        fixture f;
        open(&f, seed % 2 ? CRDT__OBJECT_SHIFT : CRDT__TEXT_SHIFT);
        piece pieces[PIECES];
        for (size_t i = 0; i < PIECES; i++) {
            pieces[i] = random_piece(&f, &random, (uint8_t)i);
            if (rng_chance(&random, 20))
                crdt__arena_trim(&f.arena);
        }
        for (size_t i = 0; i < PIECES; i++)
            expect_filled(&f, &pieces[i]);
        close(&f);
    }
}

static void a_run_lies_in_one_piece_of_memory(void **state)
{
    (void)state;
    enum { UNITS = 3 * CRDT__CHUNK_UNITS };
    fixture f;
    open(&f, CRDT__OBJECT_SHIFT);
    assert_true(crdt__arena_alloc(&f.arena, 3) != 0);
    crdt__ref run = crdt__arena_run(&f.arena, UNITS);
    uint8_t *at = crdt__arena_at(&f.arena, run);
    for (uint32_t i = 0; i < UNITS; i += 1000)
        assert_ptr_equal(crdt__arena_at(&f.arena, run + i), at + (size_t)i * 16);
    close(&f);
}

static void what_was_reserved_needs_no_other_block(void **state)
{
    (void)state;
    fixture f;
    open(&f, CRDT__OBJECT_SHIFT);
    assert_true(crdt__arena_reserve(&f.arena, 5000));
    uint64_t calls = f.memory.calls;
    assert_true(crdt__arena_run(&f.arena, 4000) != 0);
    assert_true(crdt__arena_run(&f.arena, 1000) != 0);
    assert_int_equal(f.memory.calls, calls);
    close(&f);
}

static void what_is_rewound_was_never_there(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        rng random = {seed};
        fixture f;
        open(&f, CRDT__OBJECT_SHIFT);
        piece kept[3];
        for (size_t i = 0; i < seed % 4; i++)
            kept[i] = filled(&f, crdt__arena_alloc(&f.arena, 30), 30, (uint8_t)(200 + i));
        crdt__arena_mark mark = crdt__arena_mark_of(&f.arena);
        size_t total = (size_t)f.arena.total;
        for (size_t i = 0; i < PIECES / 2; i++) {
            piece p = random_piece(&f, &random, (uint8_t)i);
            if (rng_chance(&random, 30) && p.units <= 40)
                crdt__arena_free(&f.arena, p.ref, p.units);
        }
        assert_true(f.arena.total > total);
        crdt__arena_rewind(&f.arena, &mark);
        assert_int_equal(f.arena.total, total);
        assert_false(crdt__arena_has_free(&f.arena));
        piece again = filled(&f, crdt__arena_alloc(&f.arena, 7), 7, 99);
        for (size_t i = 0; i < seed % 4; i++)
            expect_filled(&f, &kept[i]);
        expect_filled(&f, &again);
        close(&f);
    }
}

static void an_arena_that_is_trimmed_holds_little_more_than_it_must(void **state)
{
    (void)state;
    enum { LEN = 100000 };
    fixture f;
    open(&f, CRDT__TEXT_SHIFT);
    crdt__ref run = crdt__arena_run(&f.arena, LEN);
    assert_true(crdt__arena_retract(&f.arena, run + LEN, LEN - 1000));
    assert_false(crdt__arena_retract(&f.arena, run + LEN, 10)); /* that is no end any more */
    piece left = filled(&f, run, 1000, 7);
    crdt__arena_trim(&f.arena);
    expect_filled(&f, &left);
    assert_true(f.memory.held_bytes < 1500);
    close(&f);
}

static void a_block_of_which_nothing_is_used_is_given_back(void **state)
{
    (void)state;
    fixture f;
    open(&f, CRDT__TEXT_SHIFT);
    for (size_t i = 0; i < 2; i++) {
        crdt__ref run = crdt__arena_run(&f.arena, 50000);
        assert_true(crdt__arena_retract(&f.arena, run + 50000, 50000));
        crdt__arena_trim(&f.arena);
        assert_true(f.memory.held_bytes < 1000);
        filled(&f, crdt__arena_alloc(&f.arena, 20), 20, 1);
    }
    close(&f);
}

static void without_memory_nothing_moves(void **state)
{
    (void)state;
    fixture f;
    open(&f, CRDT__OBJECT_SHIFT);
    piece p = filled(&f, crdt__arena_run(&f.arena, 1000), 1000, 3);
    assert_true(crdt__arena_reserve(&f.arena, 5000));
    f.memory.fail_at = f.memory.calls;
    crdt__arena_trim(&f.arena);
    assert_int_equal(crdt__arena_run(&f.arena, 100000), 0);
    assert_int_equal(f.budget.err, CRDT_NO_MEMORY);
    expect_filled(&f, &p);
    close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_stay_what_they_are),
        cmocka_unit_test(a_run_lies_in_one_piece_of_memory),
        cmocka_unit_test(what_was_reserved_needs_no_other_block),
        cmocka_unit_test(what_is_rewound_was_never_there),
        cmocka_unit_test(an_arena_that_is_trimmed_holds_little_more_than_it_must),
        cmocka_unit_test(a_block_of_which_nothing_is_used_is_given_back),
        cmocka_unit_test(without_memory_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
