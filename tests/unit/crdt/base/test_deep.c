/* Deep equality of JSON texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/deep.h"
#include "failmem.h"

static const struct {
    const char *a;
    const char *b;
    bool equal;
} cases[] = {
    {"1", "1.0", true},
    {"1", "2", false},
    {"0", "-0", true},
    {"1e400", "null", false},
    {"1e400", "2e400", true},
    {"\"a\"", "\"\\u0061\"", true},
    {"\"1\"", "1", false},
    {"null", "false", false},
    {"[]", "{}", false},
    {"[1,2]", "[2,1]", false},
    {"[1,[2,{\"a\":[]}]]", " [ 1 , [ 2, { \"a\" : [ ] } ] ] ", true},
    {"[1,[2,{\"a\":[]}]]", "[1,[2,{\"a\":[0]}]]", false},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"{\"a\":1,\"ab\":2,\"\":3}", "{\"ab\":2,\"\":3,\"a\":1}", true},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
    {"{\"x\":{\"p\":[1,{\"q\":2}]},\"y\":{}}", "{\"y\":{},\"x\":{\"p\":[1,{\"q\":2}]}}", true},
    {"{\"x\":{\"p\":1},\"y\":{\"p\":2}}", "{\"y\":{\"p\":1},\"x\":{\"p\":2}}", false},
    {"[[1],[2]]", "[[1,2],[]]", false},
};

static void values_are_compared_all_the_way_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const crdt_bytes a = crdt_bytes_of(cases[i].a);
        const crdt_bytes b = crdt_bytes_of(cases[i].b);
        if (crdt__json_equal(a, b, NULL) != cases[i].equal ||
            crdt__json_equal(b, a, NULL) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        assert_true(crdt__json_equal(a, a, NULL));
    }
}

static void running_out_of_memory_is_no_equality(void **state)
{
    (void)state;
    const crdt_bytes a = crdt_bytes_of("{\"x\":{\"p\":[1,{\"q\":2}]},\"y\":{}}");
    const crdt_bytes b = crdt_bytes_of("{\"y\":{},\"x\":{\"p\":[1,{\"q\":2}]}}");
    bool equal = false;
    for (uint64_t n = 0; !equal; n++) {
        failmem memory;
        failmem_init(&memory);
        memory.fail_at = n;
        equal = crdt__json_equal(a, b, &memory.mem);
        assert_true(equal == (memory.calls <= n));
        assert_int_equal(memory.held_bytes, 0);
        assert_false(memory.size_mismatch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_compared_all_the_way_down),
        cmocka_unit_test(running_out_of_memory_is_no_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
