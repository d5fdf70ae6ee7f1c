/* The hash map against an array that always tells the truth. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "fixture.h"
#include "map.h"
#include "rng.h"

enum { KEYS = 300, STEPS = 50000 };

static void compare(const store__map *map, const uint64_t *keys, void *const *values)
{
    size_t count = 0;
    size_t walked = 0;
    size_t cursor = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        assert_ptr_equal(store__map_find(map, keys[i]), values[i]);
        count += values[i] != NULL;
    }
    while (store__map_next(map, &cursor))
        walked++;
    assert_int_equal(map->count, count);
    assert_int_equal(walked, count);
}

static void the_map_tells_what_the_array_tells(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    rng r = {seed};
    store__map map = {0};
    uint64_t keys[KEYS];
    void *values[KEYS] = {0};
    for (unsigned i = 0; i < KEYS; i++)
        keys[i] = i < KEYS / 2 ? i : rng_next(&r);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rng_below(&r, KEYS);
        if (rng_chance(&r, step / (STEPS / 10) % 2 ? 70 : 30)) {
            store__map_remove(&map, keys[i]);
            values[i] = NULL;
        } else {
            values[i] = (void *)(uintptr_t)(step + 1);
            assert_true(store__map_put(&map, keys[i], values[i]));
        }
        if (step % 100 == 0)
            compare(&map, keys, values);
    }
    compare(&map, keys, values);
    store__map_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(store__map_find(&map, keys[0]));
    store__map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_tells_what_the_array_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
