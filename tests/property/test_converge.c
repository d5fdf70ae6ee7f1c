/* Seeded programs of edits: replicas and their naive twins must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "converge.h"
#include "rng.h"

/* WEFT_SEED and WEFT_ROUNDS ask for others. */
enum { FIRST_SEED = 1, ROUNDS = 250, PROGRAM_LEN_MAX = 900 };

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void replicas_agree_with_their_naive_twins(void **state)
{
    (void)state;
    uint64_t first = setting("WEFT_SEED", FIRST_SEED);
    uint64_t rounds = setting("WEFT_ROUNDS", ROUNDS);
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        uint8_t program[PROGRAM_LEN_MAX];
        rng r = {seed};
        size_t len = 1 + (size_t)rng_below(&r, PROGRAM_LEN_MAX);
        for (size_t i = 0; i < len; i++)
            program[i] = (uint8_t)rng_next(&r);
        const char *wrong = converge_run((crdt_bytes){program, len});
        if (wrong)
            fail_msg("%s. Repeat: WEFT_SEED=%llu WEFT_ROUNDS=1 ctest -R property_converge", wrong,
                     (unsigned long long)seed);
    }
}

static void text_between_strangers_lands_where_the_twin_puts_it(void **state)
{
    (void)state;
    uint64_t first = setting("WEFT_SEED", FIRST_SEED);
    uint64_t rounds = setting("WEFT_ROUNDS", ROUNDS);
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        const char *wrong = strangers_run(seed);
        if (wrong)
            fail_msg("%s. Repeat: WEFT_SEED=%llu WEFT_ROUNDS=1 ctest -R property_converge", wrong,
                     (unsigned long long)seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_agree_with_their_naive_twins),
        cmocka_unit_test(text_between_strangers_lands_where_the_twin_puts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
