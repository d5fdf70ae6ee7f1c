/* What is kept for the next reader who lacks the same: who is given what, and when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "room/caught.h"

static span *add(caught *c, uint64_t after, uint64_t until, size_t len)
{
    frame *update = frame_new(len);
    memset(update->data, 'u', len);
    return caught_add(c, span_of(after, until, update));
}

/* Of the stretches (0, 100], (80, 100] and (90, 95], all large. */
static void a_reader_is_given_what_it_lacks_and_not_much_besides(void **state)
{
    (void)state;
    caught c = {0};
    assert_null(caught_find(&c, 0, 100));
    add(&c, 0, 100, CAUGHT_SMALL_LEN + 1);
    add(&c, 80, 100, CAUGHT_SMALL_LEN + 1);
    add(&c, 90, 95, CAUGHT_SMALL_LEN + 1);
    static const struct {
        uint64_t seq;
        bool found;
        uint64_t after, until;
    } cases[] = {{0, true, 0, 100},   {49, true, 0, 100},  {50, true, 0, 100}, {51, false, 0, 0},
                 {80, true, 80, 100}, {90, true, 80, 100}, {91, true, 90, 95}, {95, false, 0, 0},
                 {99, false, 0, 0},   {100, false, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const span *found = caught_find(&c, cases[i].seq, 100);
        assert_int_equal(found != NULL, cases[i].found);
        assert_true(found == NULL ||
                    (found->after == cases[i].after && found->until == cases[i].until));
    }
    caught_clear(&c);
}

static void little_is_given_to_anyone_who_lacks_its_end(void **state)
{
    (void)state;
    caught c = {0};
    add(&c, 10, 100, CAUGHT_SMALL_LEN);
    assert_non_null(caught_find(&c, 99, 100));
    assert_null(caught_find(&c, 9, 100));
    caught_clear(&c);
}

static void the_oldest_go_first(void **state)
{
    (void)state;
    caught c = {0};
    for (uint64_t i = 0; i < 3 * CAUGHT_SPANS_MAX; i++)
        assert_int_equal(add(&c, i, i + 1, 10)->after, i);
    assert_int_equal(c.count, CAUGHT_SPANS_MAX);
    assert_null(caught_find(&c, 0, 1));
    assert_non_null(caught_find(&c, 3 * CAUGHT_SPANS_MAX - 1, 3 * CAUGHT_SPANS_MAX));
    add(&c, 500, 501, CAUGHT_BYTES_MAX);
    assert_int_equal(c.count, 1);
    add(&c, 501, 502, 2 * CAUGHT_BYTES_MAX);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.bytes, 2 * CAUGHT_BYTES_MAX);
    caught_clear(&c);
    assert_int_equal(c.bytes, 0);
}

static void what_is_shared_holds_at_most_twice_what_is_lacked(void **state)
{
    (void)state;
    assert_int_equal(caught_earliest(100, 100), 100);
    assert_int_equal(caught_earliest(99, 100), 98);
    assert_int_equal(caught_earliest(60, 100), 20);
    assert_int_equal(caught_earliest(50, 100), 0);
    assert_int_equal(caught_earliest(1, 100), 0);
    assert_int_equal(caught_earliest(0, UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_is_given_what_it_lacks_and_not_much_besides),
        cmocka_unit_test(little_is_given_to_anyone_who_lacks_its_end),
        cmocka_unit_test(the_oldest_go_first),
        cmocka_unit_test(what_is_shared_holds_at_most_twice_what_is_lacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
