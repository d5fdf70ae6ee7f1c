/* Seeded programs of edits on one document: it must read as its naive twin does. */
#include "seeds.h"

#include "edits.h"

static void documents_read_as_their_naive_twins(void **state)
{
    (void)state;
    seeds_run(edits_run, 150, "property_edits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(documents_read_as_their_naive_twins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
