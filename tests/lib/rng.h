/* Numbers from a seed: the same on every machine, so that a failure is repeated by its seed
 * (splitmix64). */
#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rng {
    uint64_t state;
} rng;

static inline uint64_t rng_next(rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number below `limit`, which is above 0. */
static inline uint64_t rng_below(rng *r, uint64_t limit)
{
    return rng_next(r) % limit;
}

/* True `percent` times out of a hundred. */
static inline bool rng_chance(rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

#endif
