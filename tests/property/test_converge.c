/* Seeded programs of edits on several replicas, which must end alike. */
#include "seeds.h"

#include "converge.h"

static void replicas_that_heard_the_same_are_the_same(void **state)
{
    (void)state;
    seeds_run(converge_run, 150, "property_converge");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replicas_that_heard_the_same_are_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
