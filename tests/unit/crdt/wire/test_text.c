/* Texts cut in every place, beside a twin that has them as arrays of UTF-16 units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rng.h"
#include "wire/text.h"

enum { UNITS_MAX = 16, HIGH = 0xd83d, LOW = 0xde42, REPLACED = 0xfffd };

typedef struct units {
    uint16_t at[UNITS_MAX];
    size_t count;
} units;

static bool is_high(uint16_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(uint16_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* As WTF-8, pairs as one character. */
static size_t encode(const units *u, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < u->count; i++) {
        uint32_t code = u->at[i];
        if (is_high(u->at[i]) && i + 1 < u->count && is_low(u->at[i + 1]))
            code = 0x10000 + ((code - 0xd800) << 10) + (u->at[++i] - 0xdc00u);
        int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
        out[len++] = (uint8_t)(leads[more] | code >> (6 * more));
        while (more-- > 0)
            out[len++] = (uint8_t)(0x80 | (code >> (6 * more) & 0x3f));
    }
    return len;
}

/* ContentString#splice, as Yjs has it. */
static void cut(units *u, size_t offset)
{
    bool replaces = is_high(u->at[offset - 1]);
    u->count -= offset;
    for (size_t i = 0; i < u->count; i++)
        u->at[i] = u->at[i + offset];
    if (replaces)
        u->at[0] = REPLACED;
}

static units random_units(rng *random)
{
    static const uint16_t some[] = {'a', 0xf6, 0x8a9e, HIGH, LOW, HIGH, LOW, 'z'};
    units u = {.count = 1 + rng_below(random, UNITS_MAX)};
    for (size_t i = 0; i < u.count; i++)
        u.at[i] = some[rng_below(random, sizeof some / sizeof some[0])];
    return u;
}

static void assert_written(const crdt__wstruct *s, uint64_t offset, const units *u)
{
    uint8_t expected[4 * UNITS_MAX];
    uint8_t got[4 * UNITS_MAX + 8];
    units rest = {.count = u->count - offset};
    memcpy(rest.at, u->at + offset, rest.count * sizeof rest.at[0]);
    size_t len = encode(&rest, expected);
    crdt__text text = crdt__text_from(s, offset);
    memcpy(got, text.head, text.head_len);
    memcpy(got + text.head_len, text.body.data, text.body.len);
    assert_int_equal(text.head_len + text.body.len, len);
    assert_memory_equal(got, expected, len);
    if (!text.halves)
        assert_false(crdt__wtf8_has_half((crdt_bytes){expected, len}));
}

static void check_text(rng *random)
{
    uint8_t bytes[4 * UNITS_MAX];
    units u = random_units(random);
    crdt__wstruct s = {.kind = CRDT__STRING, .len = u.count, .content = {bytes, encode(&u, bytes)}};
    s.halves = crdt__wtf8_has_half(s.content);
    for (;;) {
        for (size_t offset = 0; offset < u.count; offset++)
            assert_written(&s, offset, &u);
        if (u.count == 1)
            return;
        size_t offset = 1 + rng_below(random, u.count - 1);
        crdt__wstruct_slice(&s, offset);
        cut(&u, offset);
        assert_int_equal(s.len, u.count);
    }
}

static void texts_are_cut_as_yjs_cuts_them(void **state)
{
    (void)state;
    rng random = {2};
    for (int i = 0; i < 20000; i++)
        check_text(&random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_as_yjs_cuts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
