/* Long runs of values, edited anywhere, against an array. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/values.h"
#include "rng.h"

enum { OWN = 7, FIRST_VALUES = 1500, STEPS = 1500, VALUES_MAX = 40000, PIECE_MAX = 40 };

typedef struct twin {
    fixture f;
    crdt_type list;
    rng random;
    uint32_t *values;
    size_t count;
    uint32_t next;
} twin;

static void ok(crdt_err err)
{
    if (err != CRDT_OK)
        fail_msg("%s", crdt_strerror(err));
}

static void commit(twin *t)
{
    ok(crdt_doc_commit(t->f.doc, CRDT_V1, NULL));
}

/* Numbers of any length, none of them twice. */
static void insert(twin *t, size_t index, size_t count)
{
    char text[FIRST_VALUES][16];
    crdt_value values[FIRST_VALUES];
    assert_true(t->count + count <= VALUES_MAX);
    memmove(t->values + index + count, t->values + index, (t->count - index) * sizeof *t->values);
    for (size_t i = 0; i < count; i++) {
        uint32_t number = t->next++ << rng_below(&t->random, 12);
        snprintf(text[i], sizeof text[i], "%u", number);
        values[i] = crdt_json(text[i]);
        t->values[index + i] = number;
    }
    t->count += count;
    ok(crdt_doc_begin(t->f.doc));
    ok(crdt_list_insert(t->f.doc, t->list, index, values, count));
    commit(t);
}

static void take_out(twin *t, size_t index, size_t count)
{
    memmove(t->values + index, t->values + index + count,
            (t->count - index - count) * sizeof *t->values);
    t->count -= count;
    ok(crdt_doc_begin(t->f.doc));
    ok(crdt_list_delete(t->f.doc, t->list, index, count));
    commit(t);
}

/* An integer as Any: lib0's writeVarInt behind its tag. */
static size_t put_any(uint8_t *to, uint32_t number)
{
    size_t len = 0;
    to[len++] = 125;
    to[len++] = (uint8_t)((number > 0x3f ? 0x80 : 0) | (number & 0x3f));
    for (number >>= 6; number > 0; number >>= 7)
        to[len++] = (uint8_t)((number > 0x7f ? 0x80 : 0) | (number & 0x7f));
    return len;
}

static void expect_at(twin *t, size_t index)
{
    uint8_t expected[8];
    crdt_value got;
    size_t len = put_any(expected, t->values[index]);
    ok(crdt_list_get(t->f.doc, t->list, index, &got));
    assert_int_equal(got.bytes.len, len);
    assert_memory_equal(got.bytes.data, expected, len);
}

static void expect_same(twin *t)
{
    const char *wrong = crdt_doc_check(t->f.doc);
    if (wrong)
        fail_msg("%s", wrong);
    for (size_t i = 0; i < t->count; i++)
        expect_at(t, i);
}

static size_t place(twin *t)
{
    switch (rng_below(&t->random, 4)) {
    case 0:
        return 0;
    case 1:
        return t->count - 1;
    default:
        return (size_t)rng_below(&t->random, t->count);
    }
}

static void step(twin *t)
{
    size_t index = place(t);
    switch (rng_below(&t->random, 4)) {
    case 0:
        insert(t, rng_chance(&t->random, 50) ? t->count : index,
               1 + (size_t)rng_below(&t->random, PIECE_MAX));
        break;
    case 1:
        expect_at(t, index);
        break;
    default:
        take_out(t, index, 1 + (size_t)rng_below(&t->random, t->count - index < 4 ? 1 : 3));
    }
}

static void open_twin(twin *t, crdt_gc gc, uint64_t seed)
{
    *t = (twin){.random = {seed}, .values = malloc(VALUES_MAX * sizeof *t->values), .next = 1};
    assert_non_null(t->values);
    fixture_open(&t->f, (crdt_doc_options){.gc = gc});
    ok(crdt_doc_root(t->f.doc, crdt_bytes_of("l"), CRDT_ARRAY, &t->list));
    ok(crdt_doc_set_client(t->f.doc, OWN));
    insert(t, 0, FIRST_VALUES);
    fixture_expect_structs(&t->f, 1);
}

static void close_twin(twin *t)
{
    expect_same(t);
    free(t->values);
    fixture_close(&t->f);
}

static void run(crdt_gc gc, uint64_t seed)
{
    twin t;
    open_twin(&t, gc, seed);
    for (int i = 0; i < STEPS; i++) {
        step(&t);
        if (i % 100 == 0)
            expect_same(&t);
    }
    assert_non_null(t.f.doc->ladders);
    close_twin(&t);
}

static void values_are_what_an_array_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run(CRDT_GC_ON, seed);
        run(CRDT_GC_OFF, seed);
    }
}

/* From both ends in turn, to the last one: blobs are cut, given up and trimmed. */
static void values_go_from_both_ends(void **state)
{
    (void)state;
    for (int gc = 0; gc < 2; gc++) {
        twin t;
        open_twin(&t, gc ? CRDT_GC_ON : CRDT_GC_OFF, 9);
        while (t.count > 1) {
            take_out(&t, t.count % 3 ? 0 : t.count - 1, 1);
            expect_at(&t, t.count / 2);
            expect_at(&t, t.count - 1);
            if (t.count % 100 == 0)
                expect_same(&t);
        }
        close_twin(&t);
    }
}

/* Where there is no memory for a ladder, what it leads to is found without. */
static void values_are_found_without_memory(void **state)
{
    (void)state;
    twin t;
    open_twin(&t, CRDT_GC_ON, 5);
    for (uint64_t calls = 0; calls < 4; calls++) {
        failmem_after(&t.f.memory, calls);
        for (size_t i = 0; i < t.count; i += 37)
            expect_at(&t, t.count - 1 - i);
    }
    failmem_after(&t.f.memory, FAILMEM_NEVER / 2);
    close_twin(&t);
}

/* The check finds a rung that is not where it should be. */
static void a_wrong_rung_is_found(void **state)
{
    (void)state;
    twin t;
    open_twin(&t, CRDT_GC_ON, 5);
    expect_at(&t, t.count - 1);
    assert_true(t.f.doc->ladders[0].count > 2);
    t.f.doc->ladders[0].rungs[1]++;
    assert_string_equal(crdt_doc_check(t.f.doc), "I15: a rung is not where its value begins");
    t.f.doc->ladders[0].rungs[1]--;
    close_twin(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_what_an_array_holds),
        cmocka_unit_test(values_go_from_both_ends),
        cmocka_unit_test(values_are_found_without_memory),
        cmocka_unit_test(a_wrong_rung_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
