/* Cells beside an array that knows what is in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cells.h"
#include "rng.h"

#define SIZE  104
#define CELLS 2000

static void assert_filled(const unsigned char *cell, unsigned char with)
{
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(cell[i], with);
}

static void cells_keep_what_is_in_them(void **state)
{
    (void)state;
    static unsigned char *held[CELLS];
    memset(held, 0, sizeof(held));
    cells c;
    cells_init(&c, SIZE);
    rng r = {7};
    for (int step = 0; step < 100000; step++) {
        size_t i = (size_t)rng_below(&r, CELLS);
        unsigned char mark = (unsigned char)(i % 255 + 1);
        if (held[i] == NULL) {
            held[i] = cells_new(&c);
            assert_filled(held[i], 0);
            memset(held[i], mark, SIZE);
        } else {
            assert_filled(held[i], mark);
            cells_free(&c, held[i]);
            held[i] = NULL;
        }
    }
    for (size_t i = 0; i < CELLS; i++)
        if (held[i] != NULL)
            cells_free(&c, held[i]);
    assert_in_range(c.pages, 0, 1);
    cells_deinit(&c);
}

static void little_lies_between_them(void **state)
{
    (void)state;
    static void *held[CELLS];
    cells c;
    cells_init(&c, SIZE);
    for (size_t i = 0; i < CELLS; i++)
        held[i] = cells_new(&c);
    assert_in_range(c.pages * CELLS_PAGE_LEN, CELLS * SIZE, CELLS * (SIZE + 1) + CELLS_PAGE_LEN);
    for (size_t i = 0; i < CELLS; i++)
        cells_free(&c, held[i]);
    assert_in_range(c.pages, 0, 1);
    cells_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_keep_what_is_in_them),
        cmocka_unit_test(little_lies_between_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
