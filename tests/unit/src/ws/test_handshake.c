/* What a handshake is answered with, and how its headers are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ws/handshake.h"

/* RFC 6455, section 1.3. */
static void the_key_of_the_specification(void **state)
{
    (void)state;
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    assert_true(handshake_accept_of(SLICE_LITERAL("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void keys_are_16_bytes(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "dGhlIHNhbXBsZSBub25j",
                                      "dGhlIHNhbXBsZSBub25jZSE=",
                                      "dGhlIHNhbXBsZSBub25jZ===",
                                      "dGhlIHNhbXBsZSBub25jZSEh",
                                      "dGhlIHNhbXBsZSBub25jZQ",
                                      " GhlIHNhbXBsZSBub25jZQ==",
                                      "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="};
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (handshake_accept_of(slice_of(bad[i]), accept))
            fail_msg("taken: %s", bad[i]);
    assert_false(handshake_accept_of((slice){0}, accept));
}

static void tokens_are_found_in_lists(void **state)
{
    (void)state;
    const slice token = SLICE_LITERAL("upgrade");
    static const char *const with[] = {"upgrade", "Upgrade", "keep-alive, UPGRADE", ",,upgrade ,",
                                       "a,\tupgrade"};
    static const char *const without[] = {"",           "upgrades", "up grade",
                                          "keep-alive", ",",        "\"upgrade\""};
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
        assert_true(handshake_has_token(slice_of(with[i]), token));
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        assert_false(handshake_has_token(slice_of(without[i]), token));
    assert_false(handshake_has_token((slice){0}, token));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_specification),
        cmocka_unit_test(keys_are_16_bytes),
        cmocka_unit_test(tokens_are_found_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
