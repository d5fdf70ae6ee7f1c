/* Who is present, on a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "room/presence.h"

typedef struct fixture {
    presence *p;
    uint32_t version; /* that was told */
    crdt_buf changes;
} fixture;

static int setup(void **state)
{
    static fixture f;
    f = (fixture){.p = presence_new(0)};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    presence_free(f->p);
    crdt_buf_free(&f->changes);
    return 0;
}

/* One client says {} at a clock. */
static void announce(fixture *f, char client, char clock, uint64_t now_ms)
{
    const char update[] = {1, client, clock, 2, '{', '}'};
    assert_int_equal(presence_apply(f->p, (slice){update, sizeof(update)}, now_ms), ERR_OK);
}

/* What is to be told to somebody who was told of this version is exactly these bytes. */
static void assert_told_since(fixture *f, uint32_t version, const char *bytes, size_t len)
{
    f->changes.len = 0;
    assert_true(presence_encode_since(f->p, version, &f->changes));
    assert_int_equal(f->changes.len, len);
    if (len > 0)
        assert_memory_equal(f->changes.data, bytes, len);
}

/* What is to be told now. */
static void assert_told(fixture *f, const char *bytes, size_t len)
{
    uint32_t before = f->version;
    assert_true(presence_advance(f->p, &f->version));
    assert_int_equal(f->version, before + 1);
    assert_told_since(f, before, bytes, len);
}

static void assert_nothing_told(fixture *f)
{
    assert_false(presence_advance(f->p, &f->version));
}

#define REMOVAL(client, clock) ((const char[]){1, (client), (clock), 4, 'n', 'u', 'l', 'l'}), 8

static void changes_are_told_together(void **state)
{
    fixture *f = *state;
    announce(f, 1, 1, 0);
    announce(f, 2, 1, 0);
    assert_told(f, (const char[]){2, 1, 1, 2, '{', '}', 2, 1, 2, '{', '}'}, 11);
    assert_nothing_told(f);
}

static void what_is_known_is_not_told_again(void **state)
{
    fixture *f = *state;
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    announce(f, 1, 1, 10);
    assert_nothing_told(f);
}

static void malformed_bytes_change_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(presence_apply(f->p, SLICE_LITERAL("\x01\x01"), 0), ERR_MALFORMED_AWARENESS);
    assert_nothing_told(f);
    assert_true(presence_is_idle(f->p));
}

static void a_state_that_is_not_renewed_expires(void **state)
{
    fixture *f = *state;
    announce(f, 1, 1, 1000);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    presence_tick(f->p, 1000 + PRESENCE_EXPIRY_MS);
    assert_nothing_told(f);
    presence_tick(f->p, 1001 + PRESENCE_EXPIRY_MS);
    assert_told(f, REMOVAL(1, 1));
    assert_true(presence_is_idle(f->p));
}

static void a_state_goes_soon_after_its_last_stream(void **state)
{
    fixture *f = *state;
    presence_enter(f->p, 1);
    presence_enter(f->p, 1);
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    presence_leave(f->p, 1, 1000);
    presence_tick(f->p, 1000 + PRESENCE_LEAVE_MS);
    assert_nothing_told(f);
    presence_leave(f->p, 1, 2000);
    presence_tick(f->p, 1999 + PRESENCE_LEAVE_MS);
    assert_nothing_told(f);
    presence_tick(f->p, 2000 + PRESENCE_LEAVE_MS);
    assert_told(f, REMOVAL(1, 1));
    assert_true(presence_is_idle(f->p));
}

static void a_stream_that_comes_back_in_time_keeps_it(void **state)
{
    fixture *f = *state;
    presence_enter(f->p, 1);
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    presence_leave(f->p, 1, 1000);
    presence_enter(f->p, 1);
    presence_tick(f->p, 1000 + PRESENCE_LEAVE_MS);
    assert_nothing_told(f);
    assert_false(presence_is_idle(f->p));
    presence_leave(f->p, 1, 20000);
}

static void renewing_after_the_stream_has_gone_keeps_it(void **state)
{
    fixture *f = *state;
    presence_enter(f->p, 1);
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    presence_leave(f->p, 1, 1000);
    announce(f, 1, 2, 3000);
    assert_told(f, (const char[]){1, 1, 2, 2, '{', '}'}, 6);
    presence_tick(f->p, 1000 + PRESENCE_LEAVE_MS);
    assert_nothing_told(f);
    assert_false(presence_is_idle(f->p));
}

static void clearing_forgets_states_but_not_streams(void **state)
{
    fixture *f = *state;
    presence_enter(f->p, 1);
    announce(f, 1, 1, 0);
    presence_clear(f->p);
    assert_nothing_told(f);
    crdt_buf present = {0};
    assert_true(presence_encode(f->p, &present));
    assert_int_equal(present.len, 0);
    presence_leave(f->p, 1, 1);
    presence_tick(f->p, 1 + PRESENCE_LEAVE_MS);
    assert_true(presence_is_idle(f->p));
}

static void what_an_update_did_can_be_walked(void **state)
{
    fixture *f = *state;
    static const char both[] = {2, 1, 1, 2, '{', '}', 2, 1, 2, '{', '}'};
    static const char later[] = {2, 1, 1, 2, '{', '}', 2, 2, 4, 'n', 'u', 'l', 'l'};
    size_t cursor = 0;
    uint64_t client;
    bool here;
    assert_int_equal(presence_apply(f->p, (slice){both, sizeof(both)}, 0), ERR_OK);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_true(presence_next_told(f->p, &cursor, &client, &here));
        assert_int_equal(client, i);
        assert_true(here);
    }
    assert_false(presence_next_told(f->p, &cursor, &client, &here));
    /* 1 is known; 2 leaves. */
    assert_int_equal(presence_apply(f->p, (slice){later, sizeof(later)}, 0), ERR_OK);
    cursor = 0;
    assert_true(presence_next_told(f->p, &cursor, &client, &here));
    assert_int_equal(client, 2);
    assert_false(here);
    assert_false(presence_next_told(f->p, &cursor, &client, &here));
}

static void who_was_told_of_less_is_told_each_change_once(void **state)
{
    fixture *f = *state;
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    announce(f, 2, 1, 0);
    assert_told(f, (const char[]){1, 2, 1, 2, '{', '}'}, 6);
    announce(f, 1, 7, 0);
    assert_told(f, (const char[]){1, 1, 7, 2, '{', '}'}, 6);
    assert_told_since(f, 1, (const char[]){2, 2, 1, 2, '{', '}', 1, 7, 2, '{', '}'}, 11);
    assert_told_since(f, 0, (const char[]){2, 1, 7, 2, '{', '}', 2, 1, 2, '{', '}'}, 11);
    assert_told_since(f, 3, "", 0);
}

/* It is told for a while that somebody has gone, and then only who is there. */
static void old_changes_are_forgotten(void **state)
{
    fixture *f = *state;
    announce(f, 1, 1, 0);
    assert_told(f, (const char[]){1, 1, 1, 2, '{', '}'}, 6);
    presence_tick(f->p, PRESENCE_EXPIRY_MS + 1);
    assert_told(f, REMOVAL(1, 1));
    assert_true(presence_is_idle(f->p));
    presence_tick(f->p, PRESENCE_EXPIRY_MS + PRESENCE_TOLD_MS);
    assert_true(presence_has_news(f->p));
    assert_told_since(f, 1, REMOVAL(1, 1));
    presence_tick(f->p, PRESENCE_EXPIRY_MS + PRESENCE_TOLD_MS + 1);
    assert_false(presence_has_news(f->p));
    announce(f, 2, 1, PRESENCE_EXPIRY_MS + PRESENCE_TOLD_MS + 1);
    assert_told(f, (const char[]){1, 2, 1, 2, '{', '}'}, 6);
    assert_told_since(f, 1, (const char[]){1, 2, 1, 2, '{', '}'}, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(changes_are_told_together),
        TEST(what_is_known_is_not_told_again),
        TEST(malformed_bytes_change_nothing),
        TEST(a_state_that_is_not_renewed_expires),
        TEST(a_state_goes_soon_after_its_last_stream),
        TEST(a_stream_that_comes_back_in_time_keeps_it),
        TEST(renewing_after_the_stream_has_gone_keeps_it),
        TEST(clearing_forgets_states_but_not_streams),
        TEST(who_was_told_of_less_is_told_each_change_once),
        TEST(old_changes_are_forgotten),
        TEST(what_an_update_did_can_be_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
