/* Every update of every case, into an empty document in both ways: loaded, and applied. */
#include "vector.h"

#include <stdlib.h>

#include "loading.h"

enum { BROKEN_LEN_MAX = 120, BROKEN_LEN_SHORT = 40 };

static void use_update(const vector *v, const char *what, crdt_encoding encoding, crdt_bytes update)
{
    static const crdt_doc_options options[] = {
        {0}, {.gc = CRDT_GC_OFF}, {.cleanup = CRDT_CLEANUP_ON}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *wrong = loading_differs(encoding, update, (crdt_bytes){0}, options[i]);
        if (wrong)
            vector_fail(v, "%s, options %zu: %s", what, i, wrong);
    }
}

static void use_updates(const vector *v)
{
    if (!vector_is(v, "apply"))
        return;
    for (size_t i = 0; i < vector_count(v, "updates"); i++)
        use_update(v, "an update", vector_encoding(v), vector_bytes_i(v, "updates", i));
    if (vector_has_v1(v))
        use_update(v, "the state", CRDT_V1, vector_bytes(v, "expect.v1"));
    if (vector_at(v, "expect.v2"))
        use_update(v, "the state, v2", CRDT_V2, vector_bytes(v, "expect.v2"));
}

static void use_invalid(const vector *v)
{
    if (!vector_is(v, "invalid"))
        return;
    use_update(v, "the update", vector_encoding(v), vector_bytes(v, "update"));
}

/* Of the longer ones each fifth byte; with WEFT_SLOW=1 each. */
static void use_broken(const vector *v)
{
    if (!vector_has_v1(v))
        return;
    crdt_bytes state = vector_bytes(v, "expect.v1");
    size_t step = state.len <= BROKEN_LEN_SHORT || getenv("WEFT_SLOW") ? 1 : 5;
    const char *wrong =
        state.len <= BROKEN_LEN_MAX ? loading_differs_when_broken(CRDT_V1, state, step) : NULL;
    if (wrong)
        vector_fail(v, "broken: %s", wrong);
}

static void all(void (*use)(const vector *v))
{
    assert_true(vectors_each(use) > 0);
    vectors_assert_none_failed();
}

static void states_are_loaded_as_they_are_applied(void **state)
{
    (void)state;
    all(use_updates);
}

static void invalid_updates_are_judged_alike(void **state)
{
    (void)state;
    all(use_invalid);
}

static void broken_states_are_judged_alike(void **state)
{
    (void)state;
    all(use_broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_loaded_as_they_are_applied),
        cmocka_unit_test(invalid_updates_are_judged_alike),
        cmocka_unit_test(broken_states_are_judged_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
