/* The own state of an awareness: set, renewed, defended, and never expired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../hex.h"
#include "failmem.h"
#include "wiremake.h"

enum { OWN = 100 };

static crdt_awareness *open_own(const crdt_mem *mem)
{
    crdt_awareness *aw = crdt_awareness_new(mem);
    assert_non_null(aw);
    assert_int_equal(crdt_awareness_set_client(aw, OWN), CRDT_OK);
    return aw;
}

static void expect_own(const crdt_awareness *aw, uint64_t clock, const char *state)
{
    crdt_presence_entry entry;
    for (size_t cursor = 0; crdt_awareness_next(aw, &cursor, &entry);) {
        if (entry.client != OWN)
            continue;
        assert_int_equal(entry.clock, clock);
        assert_int_equal(entry.state.len, state ? strlen(state) : 0);
        if (state)
            assert_memory_equal(entry.state.data, state, entry.state.len);
        return;
    }
    fail_msg("nothing is known of the own client");
}

static void expect_change(const crdt_awareness *aw, uint64_t client, crdt_presence what)
{
    crdt_presence_change change;
    size_t cursor = 0;
    assert_true(crdt_awareness_next_change(aw, &cursor, &change));
    assert_int_equal(change.client, client);
    assert_int_equal(change.what, what);
    assert_false(crdt_awareness_next_change(aw, &cursor, &change));
}

static void expect_no_change(const crdt_awareness *aw)
{
    size_t cursor = 0;
    assert_false(crdt_awareness_next_change(aw, &cursor, &(crdt_presence_change){0}));
}

static void set(crdt_awareness *aw, const char *json, uint64_t now_ms)
{
    assert_int_equal(crdt_awareness_set_local(aw, crdt_bytes_of(json), now_ms, NULL), CRDT_OK);
}

/* Somebody tells of the own client. */
static crdt_err hear(crdt_awareness *aw, uint64_t clock, const char *json, crdt_buf *changed)
{
    crdt_buf update = {0};
    wm_varuint(&update, 1);
    wm_varuint(&update, OWN);
    wm_varuint(&update, clock);
    wm_string(&update, json);
    crdt_err err = crdt_awareness_apply(aw, wm_bytes(&update), 1, changed);
    crdt_buf_free(&update);
    return err;
}

static void each_setting_raises_the_clock(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    set(aw, " { \"b\" : 1.0 } ", 0);
    expect_own(aw, 0, "{\"b\":1}");
    expect_change(aw, OWN, CRDT_PRESENCE_ADDED);
    set(aw, "{\"b\":1}", 1);
    expect_own(aw, 1, "{\"b\":1}");
    expect_change(aw, OWN, CRDT_PRESENCE_RENEWED);
    set(aw, "{\"b\":2}", 2);
    expect_change(aw, OWN, CRDT_PRESENCE_CHANGED);
    set(aw, "null", 3);
    expect_own(aw, 3, NULL);
    expect_change(aw, OWN, CRDT_PRESENCE_REMOVED);
    set(aw, "null", 4);
    expect_own(aw, 4, NULL);
    set(aw, "7", 5);
    expect_own(aw, 5, "7");
    crdt_awareness_free(aw);
}

static void a_field_keeps_its_place_among_the_others(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    const crdt_bytes one = crdt_bytes_of("1");
    assert_int_equal(crdt_awareness_set_local_field(aw, crdt_bytes_of("a"), one, 0, NULL), CRDT_OK);
    expect_no_change(aw); /* there is no state yet */
    set(aw, "{}", 0);
    assert_int_equal(crdt_awareness_set_local_field(aw, crdt_bytes_of("a"), one, 0, NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_set_local_field(aw, crdt_bytes_of("\"q\""),
                                                    crdt_bytes_of("[ {} ]"), 0, NULL),
                     CRDT_OK);
    expect_own(aw, 2, "{\"a\":1,\"\\\"q\\\"\":[{}]}");
    assert_int_equal(
        crdt_awareness_set_local_field(aw, crdt_bytes_of("a"), crdt_bytes_of("null"), 0, NULL),
        CRDT_OK);
    expect_own(aw, 3, "{\"a\":null,\"\\\"q\\\"\":[{}]}");
    /* Others may have printed it in their way. */
    assert_int_equal(hear(aw, 9, " {\"z\" : 0 } ", NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_set_local_field(aw, crdt_bytes_of("a"), one, 0, NULL), CRDT_OK);
    expect_own(aw, 10, "{\"z\":0,\"a\":1}");
    crdt_awareness_free(aw);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    crdt_awareness *aw = crdt_awareness_new(NULL);
    const crdt_bytes key = crdt_bytes_of("k");
    const crdt_bytes one = crdt_bytes_of("1");
    const crdt_bytes bad_key = crdt_bytes_of("\xff");
    assert_int_equal(crdt_awareness_set_local(aw, one, 0, NULL), CRDT_INVALID);
    assert_int_equal(crdt_awareness_set_local_field(aw, key, one, 0, NULL), CRDT_INVALID);
    assert_int_equal(crdt_awareness_set_client(aw, CRDT_CLOCK_MAX + 1), CRDT_INVALID);
    assert_int_equal(crdt_awareness_set_client(aw, OWN), CRDT_OK);
    set(aw, "{\"b\":1}", 0);
    static const char *const bad[] = {"", "{", "{}{}", "\"\xff\"", "nul"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const crdt_bytes json = crdt_bytes_of(bad[i]);
        assert_int_equal(crdt_awareness_set_local(aw, json, 0, NULL), CRDT_MALFORMED);
        assert_int_equal(crdt_awareness_set_local_field(aw, key, json, 0, NULL), CRDT_MALFORMED);
    }
    const crdt_bytes smuggled = crdt_bytes_of("1,\"x\":2");
    assert_int_equal(crdt_awareness_set_local_field(aw, key, smuggled, 0, NULL), CRDT_MALFORMED);
    assert_int_equal(crdt_awareness_set_local_field(aw, bad_key, one, 0, NULL), CRDT_MALFORMED);
    expect_own(aw, 0, "{\"b\":1}");
    set(aw, "[]", 0);
    assert_int_equal(crdt_awareness_set_local_field(aw, key, one, 0, NULL), CRDT_INVALID);
    expect_own(aw, 1, "[]");
    crdt_awareness_free(aw);
}

/* A value may be as deep as the limit; below a key it would be deeper. */
static void a_field_too_deep_is_refused(void **state)
{
    (void)state;
    char deep[2 * CRDT_VALUE_DEPTH_MAX + 1] = {0};
    memset(deep, '[', CRDT_VALUE_DEPTH_MAX);
    memset(deep + CRDT_VALUE_DEPTH_MAX, ']', CRDT_VALUE_DEPTH_MAX);
    crdt_awareness *aw = open_own(NULL);
    set(aw, deep, 0);
    set(aw, "{}", 0);
    assert_int_equal(
        crdt_awareness_set_local_field(aw, crdt_bytes_of("k"), crdt_bytes_of(deep), 0, NULL),
        CRDT_MALFORMED);
    expect_own(aw, 1, "{}");
    crdt_awareness_free(aw);
}

static void the_own_state_is_renewed_and_does_not_expire(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    crdt_buf changed = {0};
    hex_bytes hex;
    assert_int_equal(crdt_awareness_renew(aw, 0, &changed), CRDT_OK); /* there is nothing yet */
    set(aw, "{}", 1000);
    const crdt_bytes other = hex_read("01 07 01 02 7b 7d", &hex);
    assert_int_equal(crdt_awareness_apply(aw, other, 2000, NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_oldest_ms(aw), 2000);
    const uint64_t due_ms = 1000 + CRDT_AWARENESS_RENEWAL_MS;
    assert_int_equal(crdt_awareness_renew(aw, due_ms - 1, &changed), CRDT_OK);
    expect_own(aw, 0, "{}");
    expect_no_change(aw);
    assert_int_equal(changed.len, 0);
    assert_int_equal(crdt_awareness_renew(aw, due_ms, &changed), CRDT_OK);
    expect_own(aw, 1, "{}");
    expect_change(aw, OWN, CRDT_PRESENCE_RENEWED);
    assert_true(changed.len > 0);
    changed.len = 0;
    assert_int_equal(crdt_awareness_expire(aw, 1000000, 1000000, &changed), CRDT_OK);
    expect_change(aw, 7, CRDT_PRESENCE_REMOVED);
    expect_own(aw, 1, "{}");
    assert_int_equal(crdt_awareness_oldest_ms(aw), UINT64_MAX);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

/* Taken away by others it stays, and they hear of it at a clock above theirs. */
static void others_cannot_take_the_own_state_away(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    crdt_buf changed = {0};
    hex_bytes hex;
    set(aw, "{}", 0);
    assert_int_equal(hear(aw, 5, "null", &changed), CRDT_OK);
    expect_own(aw, 6, "{}");
    const crdt_bytes wanted = hex_read("01 64 06 02 7b 7d", &hex);
    assert_int_equal(changed.len, wanted.len);
    assert_memory_equal(changed.data, wanted.data, wanted.len);
    /* In one message: taken away, then set by an impostor, who is told alone. */
    const crdt_bytes both = hex_read("02 64 09 04 6e 75 6c 6c 64 0b 01 31", &hex);
    changed.len = 0;
    assert_int_equal(crdt_awareness_apply(aw, both, 1, &changed), CRDT_OK);
    expect_own(aw, 11, "1");
    const crdt_bytes impostor = hex_read("01 64 0b 01 31", &hex);
    assert_int_equal(changed.len, impostor.len);
    assert_memory_equal(changed.data, impostor.data, impostor.len);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

/* Its own side can, and raises the clock. */
static void removing_the_own_state_raises_its_clock(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    crdt_buf changed = {0};
    hex_bytes hex;
    set(aw, "{}", 0);
    assert_int_equal(crdt_awareness_remove(aw, OWN, 1, &changed), CRDT_OK);
    expect_own(aw, 1, NULL);
    const crdt_bytes wanted = hex_read("01 64 01 04 6e 75 6c 6c", &hex);
    assert_int_equal(changed.len, wanted.len);
    assert_memory_equal(changed.data, wanted.data, wanted.len);
    /* Its clock is never forgotten. */
    assert_int_equal(crdt_awareness_expire(aw, 0, UINT64_C(1) << 40, NULL), CRDT_OK);
    set(aw, "{}", 2);
    expect_own(aw, 2, "{}");
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void a_clock_at_its_end_goes_no_further(void **state)
{
    (void)state;
    crdt_awareness *aw = open_own(NULL);
    set(aw, "{}", 0);
    assert_int_equal(hear(aw, CRDT_CLOCK_MAX, "null", NULL), CRDT_OK);
    expect_own(aw, CRDT_CLOCK_MAX, "{}");
    assert_int_equal(crdt_awareness_set_local(aw, crdt_bytes_of("1"), 0, NULL), CRDT_LIMIT);
    expect_own(aw, CRDT_CLOCK_MAX, "{}");
    crdt_awareness_free(aw);
}

static void running_out_of_memory_anywhere_changes_nothing(void **state)
{
    (void)state;
    crdt_err err = CRDT_NO_MEMORY;
    for (uint64_t n = 0; err != CRDT_OK; n++) {
        failmem memory;
        failmem_init(&memory);
        crdt_awareness *aw = open_own(&memory.mem);
        set(aw, "{\"a\":1}", 0);
        crdt_buf changed = {.mem = &memory.mem};
        memory.fail_at = memory.calls + n;
        err = crdt_awareness_set_local_field(aw, crdt_bytes_of("b"), crdt_bytes_of("{}"), 1,
                                             &changed);
        assert_true(err == CRDT_OK || err == CRDT_NO_MEMORY);
        memory.fail_at = FAILMEM_NEVER;
        expect_own(aw, err == CRDT_OK, err == CRDT_OK ? "{\"a\":1,\"b\":{}}" : "{\"a\":1}");
        assert_int_equal(changed.len > 0, err == CRDT_OK);
        crdt_buf_free(&changed);
        crdt_awareness_free(aw);
        assert_int_equal(memory.held_bytes, 0);
        assert_false(memory.size_mismatch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_raises_the_clock),
        cmocka_unit_test(a_field_keeps_its_place_among_the_others),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(a_field_too_deep_is_refused),
        cmocka_unit_test(the_own_state_is_renewed_and_does_not_expire),
        cmocka_unit_test(others_cannot_take_the_own_state_away),
        cmocka_unit_test(removing_the_own_state_raises_its_clock),
        cmocka_unit_test(a_clock_at_its_end_goes_no_further),
        cmocka_unit_test(running_out_of_memory_anywhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
