/* Sets of clock ranges: adding, joining, asking, the wire form; against a naive twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"
#include "../hex.h"
#include "base/idset.h"

static void add_all(crdt__idset *set, const crdt__range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(crdt__idset_add(set, ranges[i].client, ranges[i].clock, ranges[i].len));
}

static void assert_ranges(const crdt__idset *set, const crdt__range *wanted, size_t count)
{
    assert_int_equal(crdt__idset_count(set), count);
    assert_memory_equal(crdt__idset_ranges(set), wanted, count * sizeof *wanted);
}

static void idset_joins_what_continues_the_last_range(void **state)
{
    (void)state;
    crdt__idset set;
    failmem fault;
    failmem_init(&fault);
    crdt__idset_init(&set, failmem_after(&fault, 0));
    for (uint64_t clock = 0; clock < 1000; clock++)
        assert_true(crdt__idset_add(&set, 7, clock, 1));
    const crdt__range wanted[] = {{7, 0, 1000}};
    assert_ranges(&set, wanted, 1);
    assert_int_equal(crdt__idset_bytes(&set), 0);
    crdt__idset_deinit(&set);
}

static void idset_sorts_and_joins_ranges_that_touch_or_overlap(void **state)
{
    (void)state;
    const crdt__range added[] = {{7, 4, 1},  {9, 0, 2}, {7, 5, 1}, {7, 0, 1}, {7, 9, 10},
                                 {7, 12, 2}, {8, 5, 1}, {8, 4, 1}, {8, 5, 3}, {7, 2, 1}};
    const crdt__range wanted[] = {{9, 0, 2}, {8, 4, 4}, {7, 0, 1},
                                  {7, 2, 1}, {7, 4, 2}, {7, 9, 10}};
    crdt__idset set;
    crdt__idset_init(&set, NULL);
    add_all(&set, added, 10);
    assert_true(crdt__idset_normalize(&set));
    assert_ranges(&set, wanted, 6);
    assert_int_equal(crdt__idset_run(&set, 0), 1);
    assert_int_equal(crdt__idset_run(&set, 2), 4);
    crdt__idset_deinit(&set);
}

static void idset_groups_without_joining_or_reordering_a_client(void **state)
{
    (void)state;
    const crdt__range added[] = {{7, 4, 1}, {9, 3, 2}, {7, 1, 1}, {9, 0, 3}, {7, 2, 1}};
    const crdt__range wanted[] = {{9, 3, 2}, {9, 0, 3}, {7, 4, 1}, {7, 1, 1}, {7, 2, 1}};
    crdt__idset set;
    crdt__idset_init(&set, NULL);
    add_all(&set, added, 5);
    assert_true(crdt__idset_group(&set));
    assert_ranges(&set, wanted, 5);
    crdt__idset_deinit(&set);
}

static void idset_contains_only_whole_ranges(void **state)
{
    (void)state;
    const crdt__range added[] = {{7, 4, 4}, {9, 0, 2}, {7, 20, 1}};
    crdt__idset set;
    crdt__idset_init(&set, NULL);
    assert_false(crdt__idset_contains_range(&set, 7, 4, 1));
    add_all(&set, added, 3);
    assert_true(crdt__idset_normalize(&set));
    assert_true(crdt__idset_contains_range(&set, 7, 4, 4));
    assert_true(crdt__idset_contains_range(&set, 7, 7, 1));
    assert_true(crdt__idset_contains_range(&set, 9, 0, 2));
    assert_false(crdt__idset_contains_range(&set, 7, 3, 2));
    assert_false(crdt__idset_contains_range(&set, 7, 7, 2));
    assert_false(crdt__idset_contains_range(&set, 7, 19, 1));
    assert_false(crdt__idset_contains_range(&set, 8, 4, 1));
    assert_false(crdt__idset_contains_range(&set, 10, 0, 1));
    crdt__idset_deinit(&set);
}

#define TWIN_CLIENTS 5
#define TWIN_CLOCKS  64

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void assert_equals_twin(const crdt__idset *set, bool twin[TWIN_CLIENTS][TWIN_CLOCKS])
{
    for (uint64_t client = 0; client < TWIN_CLIENTS; client++)
        for (uint64_t clock = 0; clock < TWIN_CLOCKS; clock++)
            assert_int_equal(crdt__idset_contains_range(set, client, clock, 1),
                             twin[client][clock]);
}

static void idset_equals_a_naive_twin(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    for (unsigned round = 0; round < 300; round++) {
        bool twin[TWIN_CLIENTS][TWIN_CLOCKS] = {{false}};
        crdt__idset set;
        crdt__idset_init(&set, NULL);
        for (uint64_t n = next_random(&seed) % 40; n > 0; n--) {
            uint64_t client = next_random(&seed) % TWIN_CLIENTS;
            uint64_t clock = next_random(&seed) % (TWIN_CLOCKS - 4);
            uint64_t len = 1 + next_random(&seed) % 4;
            assert_true(crdt__idset_add(&set, client, clock, len));
            for (uint64_t i = 0; i < len; i++)
                twin[client][clock + i] = true;
        }
        assert_true(crdt__idset_normalize(&set));
        assert_equals_twin(&set, twin);
        crdt__idset_deinit(&set);
    }
}

static void idset_writes_clients_descending_and_reads_any_order(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__reader r =
        crdt__reader_of(hex_read("04 01 02 05 01 00 02  03 00  02 01 04 00  01 01 02 01", &hex));
    crdt__idset set;
    crdt__idset_init(&set, NULL);
    assert_true(crdt__idset_read_v1(&r, &set));
    assert_true(crdt__reader_at_end(&r));
    const crdt__range as_read[] = {{1, 5, 1}, {1, 0, 2}, {2, 4, 0}, {1, 2, 1}};
    assert_ranges(&set, as_read, 4);

    assert_true(crdt__idset_normalize(&set));
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__idset_write_v1(&set, &w);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    crdt_bytes wanted = hex_read("02  02 01 04 00  01 02 00 03 05 01", &hex);
    assert_int_equal(buf.len, wanted.len);
    assert_memory_equal(buf.data, wanted.data, wanted.len);
    crdt_buf_free(&buf);
    crdt__idset_deinit(&set);
}

static void idset_refuses_truncated_huge_and_overflowing_sets(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "01",
                                        "01 01",
                                        "01 01 01",
                                        "01 01 01 00",
                                        "01 01 80 d0 ac f3 0e",
                                        "ff ff ff ff ff ff ff 0f",
                                        "01 01 01 fe ff ff ff ff ff ff 0f 02"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt__reader r = crdt__reader_of(hex_read(cases[i], &hex));
        crdt__idset set;
        crdt__idset_init(&set, NULL);
        assert_true(crdt__idset_read_v1(&r, &set));
        assert_false(r.ok);
        crdt__idset_deinit(&set);
    }
}

static void idset_is_coded_by_differences_in_format_v2(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__idset set;
    crdt__idset_init(&set, NULL);
    /* Client 1: 5..5, 8..10; client 4: an empty range, of which v2 cannot tell. */
    assert_true(crdt__idset_add(&set, 1, 8, 3) && crdt__idset_add(&set, 1, 5, 1) &&
                crdt__idset_add(&set, 4, 0, 0) && crdt__idset_normalize(&set));
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__idset_write_v2(&set, &w);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    crdt_bytes wanted = hex_read("01  01 02  05 00  02 02", &hex);
    assert_int_equal(buf.len, wanted.len);
    assert_memory_equal(buf.data, wanted.data, wanted.len);

    crdt__idset_clear(&set);
    crdt__reader r = crdt__reader_of((crdt_bytes){buf.data, buf.len});
    assert_true(crdt__idset_read_v2(&r, &set) && crdt__reader_at_end(&r));
    const crdt__range as_read[] = {{1, 5, 1}, {1, 8, 3}};
    assert_ranges(&set, as_read, 2);
    crdt_buf_free(&buf);

    r = crdt__reader_of(hex_read("01 01 01 fe ff ff ff ff ff ff 0f 01", &hex));
    assert_true(crdt__idset_read_v2(&r, &set));
    assert_false(r.ok);
    crdt__idset_deinit(&set);
}

static void idset_survives_every_failing_allocation(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        failmem fault;
        failmem_init(&fault);
        crdt__idset set;
        crdt__idset_init(&set, failmem_after(&fault, n));
        size_t added = 0;
        for (uint64_t clock = 100; clock > 0; clock -= 2)
            added += crdt__idset_add(&set, 1, clock, 1) ? 1 : 0;
        assert_int_equal(crdt__idset_count(&set), added);
        if (!crdt__idset_normalize(&set))
            assert_int_equal(crdt__idset_ranges(&set)[0].clock, 100);
        crdt__idset_deinit(&set);
        assert_int_equal(fault.held_bytes, 0);
        if (!fault.failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idset_joins_what_continues_the_last_range),
        cmocka_unit_test(idset_sorts_and_joins_ranges_that_touch_or_overlap),
        cmocka_unit_test(idset_groups_without_joining_or_reordering_a_client),
        cmocka_unit_test(idset_contains_only_whole_ranges),
        cmocka_unit_test(idset_equals_a_naive_twin),
        cmocka_unit_test(idset_writes_clients_descending_and_reads_any_order),
        cmocka_unit_test(idset_refuses_truncated_huge_and_overflowing_sets),
        cmocka_unit_test(idset_is_coded_by_differences_in_format_v2),
        cmocka_unit_test(idset_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
