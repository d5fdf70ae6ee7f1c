/* Seeded programs of edits: replicas and their naive twins must agree. */
#include "seeds.h"

#include "twins.h"

static void replicas_agree_with_their_naive_twins(void **state)
{
    (void)state;
    seeds_run(twins_run, 250, "property_twins");
}

static void text_between_strangers_lands_where_the_twin_puts_it(void **state)
{
    (void)state;
    uint64_t first = seed_setting("WEFT_SEED", 1);
    uint64_t rounds = seed_setting("WEFT_ROUNDS", 250);
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        const char *wrong = strangers_run(seed);
        if (wrong)
            fail_msg("%s. Repeat: WEFT_SEED=%llu WEFT_ROUNDS=1 ctest -R property_twins", wrong,
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
