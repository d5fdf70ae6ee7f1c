/* Seeded programs of edits and of returns to what was. */
#include "seeds.h"

#include "restoring.h"

static void what_was_comes_back(void **state)
{
    (void)state;
    seeds_run(restoring_run, 150, "property_restore");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_comes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
