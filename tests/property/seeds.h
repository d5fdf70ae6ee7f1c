/* Programs from seeds, for the tests of this folder. */
#ifndef TESTS_PROPERTY_SEEDS_H
#define TESTS_PROPERTY_SEEDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "crdt.h"
#include "rng.h"

enum { SEED_PROGRAM_LEN_MAX = 900 };

/* WEFT_SEED and WEFT_ROUNDS ask for others. */
static inline uint64_t seed_setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Runs so many programs; `test` is ctest's name of this one. */
static inline void seeds_run(const char *(*run)(crdt_bytes program), uint64_t rounds,
                             const char *test)
{
    const uint64_t first = seed_setting("WEFT_SEED", 1);
    rounds = seed_setting("WEFT_ROUNDS", rounds);
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        uint8_t program[SEED_PROGRAM_LEN_MAX];
        rng r = {seed};
        size_t len = 1 + (size_t)rng_below(&r, SEED_PROGRAM_LEN_MAX);
        for (size_t i = 0; i < len; i++)
            program[i] = (uint8_t)rng_next(&r);
        const char *wrong = run((crdt_bytes){program, len});
        if (wrong)
            fail_msg("%s. Repeat: WEFT_SEED=%llu WEFT_ROUNDS=1 ctest -R %s", wrong,
                     (unsigned long long)seed, test);
    }
}

#endif
