/* Presence as y-protocols keeps it, for an instance without a state of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "failmem.h"
#include "base/bytes.h"

typedef struct person {
    uint64_t client;
    uint64_t clock;
    const char *json;
} person;

static void put_people(crdt_buf *buf, const person *people, size_t count)
{
    crdt__writer w = crdt__writer_on(buf);
    crdt__write_varuint(&w, count);
    for (size_t i = 0; i < count; i++) {
        crdt__write_varuint(&w, people[i].client);
        crdt__write_varuint(&w, people[i].clock);
        crdt__write_varbytes(&w,
                             (crdt_bytes){(const uint8_t *)people[i].json, strlen(people[i].json)});
    }
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static crdt_err apply(crdt_awareness *aw, const person *people, size_t count, uint64_t now_ms,
                      crdt_buf *changed)
{
    crdt_buf message = {0};
    put_people(&message, people, count);
    crdt_err err =
        crdt_awareness_apply(aw, (crdt_bytes){message.data, message.len}, now_ms, changed);
    crdt_buf_free(&message);
    return err;
}

/* `buf` holds exactly a message with these people, or nothing if there are none. Empties it. */
static void assert_told(crdt_buf *buf, const person *people, size_t count)
{
    crdt_buf wanted = {0};
    if (count > 0)
        put_people(&wanted, people, count);
    assert_int_equal(buf->len, wanted.len);
    if (wanted.len > 0)
        assert_memory_equal(buf->data, wanted.data, wanted.len);
    crdt_buf_free(&wanted);
    buf->len = 0;
}

typedef struct step {
    person told;
    bool heard;          /* the others hear of it, just as it was told */
    const char *present; /* the state afterwards; NULL: not present */
} step;

/* The life of client 7 (vectors remote-add-update-remove, remove-then-higher-null). */
static const step life[] = {
    {{7, 0, "{\"n\":\"clock 0 of an unknown client\"}"}, false, NULL},
    {{7, 1, "{\"n\":1}"}, true, "{\"n\":1}"},
    {{7, 1, "{\"n\":\"same clock\"}"}, false, "{\"n\":1}"},
    {{7, 2, "{\"n\":1}"}, true, "{\"n\":1}"},
    {{7, 5, " {\"n\": 2} "}, true, " {\"n\": 2} "},
    {{7, 4, "{\"n\":\"old\"}"}, false, " {\"n\": 2} "},
    {{7, 5, "null"}, true, NULL},
    {{7, 5, "null"}, false, NULL},
    {{7, 5, "{\"n\":\"same clock after removal\"}"}, false, NULL},
    {{7, 6, "{\"n\":\"back\"}"}, true, "{\"n\":\"back\"}"},
    {{7, 9, "null"}, true, NULL},
    {{7, 12, "null"}, true, NULL}, /* known and gone: told again */
    {{8, 9, "null"}, false, NULL}, /* never seen: its clock is remembered */
    {{8, 9, "{}"}, false, NULL},
    {{8, 10, "{}"}, true, "{}"},
};

static void states_live_and_die_by_their_clocks(void **state)
{
    (void)state;
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    for (size_t i = 0; i < sizeof life / sizeof life[0]; i++) {
        const step *s = &life[i];
        assert_int_equal(apply(aw, &s->told, 1, 1000 + i, &changed), CRDT_OK);
        assert_told(&changed, &s->told, s->heard ? 1 : 0);
        uint64_t renewed_ms = 0;
        assert_int_equal(crdt_awareness_find(aw, s->told.client, &renewed_ms), s->present != NULL);
        if (s->present == NULL)
            continue;
        if (s->heard)
            assert_int_equal(renewed_ms, 1000 + i);
        assert_int_equal(crdt_awareness_encode(aw, &changed), CRDT_OK);
        person shown = {s->told.client, 0, s->present};
        for (size_t j = 0; j <= i; j++)
            if (life[j].heard && life[j].told.client == s->told.client)
                shown.clock = life[j].told.clock;
        assert_told(&changed, &shown, 1);
    }
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void only_what_was_accepted_is_told_on(void **state)
{
    (void)state;
    const person first[] = {{1, 1, "{}"}, {2, 3, "\"string state\""}, {UINT64_C(1) << 53, 1, "{}"}};
    const person all[] = {{2, 1, "{}"}, {1, 5, "[1]"}, {3, 0, "{}"}, {4, 7, "0"}};
    const person heard[] = {{1, 5, "[1]"}, {4, 7, "0"}};
    const person present[] = {{1, 5, "[1]"}, {2, 3, "\"string state\""}, {4, 7, "0"}};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    assert_int_equal(apply(aw, first, 3, 10, &changed), CRDT_MALFORMED); /* 2^53 is no client */
    assert_int_equal(crdt_awareness_count(aw), 0);
    assert_int_equal(apply(aw, first, 2, 10, NULL), CRDT_OK);
    assert_int_equal(apply(aw, all, 4, 20, &changed), CRDT_OK);
    assert_told(&changed, heard, 2);
    assert_int_equal(crdt_awareness_count(aw), 3);
    assert_int_equal(crdt_awareness_oldest_ms(aw), 10);
    assert_int_equal(crdt_awareness_encode(aw, &changed), CRDT_OK);
    assert_told(&changed, present, 3);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void one_message_may_name_a_client_several_times(void **state)
{
    (void)state;
    const person people[] = {{7, 1, "1"},    {7, 2, "2"},    {7, 1, "3"},
                             {7, 2, "null"}, {9, 4, "null"}, {9, 5, "5"}};
    const person heard[] = {{7, 1, "1"}, {7, 2, "2"}, {7, 2, "null"}, {9, 5, "5"}};
    const person present[] = {{9, 5, "5"}};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    assert_int_equal(apply(aw, people, 6, 10, &changed), CRDT_OK);
    assert_told(&changed, heard, 4);
    assert_int_equal(crdt_awareness_encode(aw, &changed), CRDT_OK);
    assert_told(&changed, present, 1);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void everybody_is_told_of_by_client(void **state)
{
    (void)state;
    const person before[] = {{500, 1, "1"}, {5, 1, "2"}, {50, 1, "3"}};
    const person message[] = {{60, 1, "4"}, {7, 1, "5"}, {700, 1, "6"}, {7, 2, "7"},
                              {50, 2, "8"}, {1, 1, "9"}, {60, 1, "0"}};
    const person after[] = {{1, 1, "9"},  {5, 1, "2"},   {7, 2, "7"},  {50, 2, "8"},
                            {60, 1, "4"}, {500, 1, "1"}, {700, 1, "6"}};
    const crdt_presence_change changes[] = {{60, CRDT_PRESENCE_ADDED},   {7, CRDT_PRESENCE_ADDED},
                                            {700, CRDT_PRESENCE_ADDED},  {7, CRDT_PRESENCE_CHANGED},
                                            {50, CRDT_PRESENCE_CHANGED}, {1, CRDT_PRESENCE_ADDED}};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf shown = {0};
    assert_int_equal(apply(aw, before, 3, 10, NULL), CRDT_OK);
    assert_int_equal(apply(aw, message, 7, 20, NULL), CRDT_OK);
    crdt_presence_change change;
    size_t cursor = 0;
    for (size_t i = 0; i < 6; i++) {
        assert_true(crdt_awareness_next_change(aw, &cursor, &change));
        assert_int_equal(change.client, changes[i].client);
        assert_int_equal(change.what, changes[i].what);
    }
    assert_false(crdt_awareness_next_change(aw, &cursor, &change));
    assert_int_equal(crdt_awareness_encode(aw, &shown), CRDT_OK);
    assert_told(&shown, after, 7);
    crdt_buf_free(&shown);
    crdt_awareness_free(aw);
}

static void a_malformed_message_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\1\1\1", 3},
        {"\1\1\1\2{", 5},
        {"\1\1\1\2{}\0", 7},
        {"\3\1\1\2{}\2\1\4{bad\3\1\2{}", 17},
        {"\1\1\1\3\"\xff\"", 7},
        {"\xc0\x84\x3d\1\1\2{}", 8},
        {"\1\1\1\0", 4},
    };
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        crdt_bytes message = {(const uint8_t *)cases[i].bytes, cases[i].len};
        assert_int_equal(crdt_awareness_apply(aw, message, 5, &changed), CRDT_MALFORMED);
        assert_int_equal(crdt_awareness_count(aw), 0);
        assert_int_equal(changed.len, 0);
    }
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void removal_keeps_the_clock(void **state)
{
    (void)state;
    const person people[] = {{7, 3, "{\"x\":1}"}, {8, 1, "{\"y\":1}"}};
    const person gone = {7, 3, "null"};
    const person same = {7, 3, "{}"};
    const person next = {7, 4, "{}"};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    assert_int_equal(apply(aw, people, 2, 10, NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_remove(aw, 7, 20, &changed), CRDT_OK);
    assert_told(&changed, &gone, 1);
    assert_int_equal(crdt_awareness_remove(aw, 7, 20, &changed), CRDT_OK);
    assert_int_equal(crdt_awareness_remove(aw, 100, 20, &changed), CRDT_OK);
    assert_told(&changed, NULL, 0);
    assert_int_equal(apply(aw, &same, 1, 30, &changed), CRDT_OK);
    assert_told(&changed, NULL, 0);
    assert_int_equal(apply(aw, &next, 1, 30, &changed), CRDT_OK);
    assert_told(&changed, &next, 1);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void states_not_renewed_expire_together(void **state)
{
    (void)state;
    const person early[] = {{7, 3, "1"}, {2, 1, "2"}};
    const person late = {5, 1, "3"};
    const person gone[] = {{2, 1, "null"}, {7, 3, "null"}};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    assert_int_equal(crdt_awareness_oldest_ms(aw), UINT64_MAX);
    assert_int_equal(apply(aw, early, 2, 100, NULL), CRDT_OK);
    assert_int_equal(apply(aw, &late, 1, 200, NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_expire(aw, 100, 30100, &changed), CRDT_OK);
    assert_told(&changed, NULL, 0);
    assert_int_equal(crdt_awareness_expire(aw, 101, 30101, &changed), CRDT_OK);
    assert_told(&changed, gone, 2);
    assert_int_equal(crdt_awareness_count(aw), 1);
    assert_int_equal(crdt_awareness_oldest_ms(aw), 200);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void the_clock_of_a_client_long_gone_is_forgotten(void **state)
{
    (void)state;
    const person there = {7, 9, "{}"};
    const person again = {7, 2, "{}"};
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf changed = {0};
    assert_int_equal(apply(aw, &there, 1, 1000, NULL), CRDT_OK);
    assert_int_equal(crdt_awareness_remove(aw, 7, 2000, &changed), CRDT_OK);
    changed.len = 0;
    assert_int_equal(crdt_awareness_expire(aw, 0, 2000 + 600000, &changed), CRDT_OK);
    assert_int_equal(apply(aw, &again, 1, 602000, &changed), CRDT_OK);
    assert_told(&changed, NULL, 0);
    assert_int_equal(crdt_awareness_expire(aw, 0, 2000 + 600001, &changed), CRDT_OK);
    assert_int_equal(apply(aw, &again, 1, 602001, &changed), CRDT_OK);
    assert_told(&changed, &again, 1);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static crdt_err apply_range(crdt_awareness *aw, uint64_t first, uint64_t count, uint64_t now_ms)
{
    crdt_buf message = {0};
    crdt__writer w = crdt__writer_on(&message);
    crdt__write_varuint(&w, count);
    for (uint64_t client = first; client < first + count; client++) {
        crdt__write_varuint(&w, client);
        crdt__write_bytes(&w,
                          "\1\1"
                          "1",
                          3);
    }
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    crdt_err err = crdt_awareness_apply(aw, (crdt_bytes){message.data, message.len}, now_ms, NULL);
    crdt_buf_free(&message);
    return err;
}

static void the_number_of_clients_has_a_limit(void **state)
{
    (void)state;
    crdt_awareness *aw = crdt_awareness_new(NULL);
    assert_int_equal(apply_range(aw, 0, CRDT_AWARENESS_CLIENTS_MAX + 1, 0), CRDT_LIMIT);
    assert_int_equal(crdt_awareness_count(aw), 0);
    assert_int_equal(apply_range(aw, 0, CRDT_AWARENESS_CLIENTS_MAX, 0), CRDT_OK);
    assert_int_equal(apply_range(aw, CRDT_AWARENESS_CLIENTS_MAX, 1, 1), CRDT_LIMIT);
    assert_int_equal(crdt_awareness_count(aw), CRDT_AWARENESS_CLIENTS_MAX);
    crdt_buf changed = {0};
    assert_int_equal(crdt_awareness_remove(aw, 9, 1, &changed), CRDT_OK);
    assert_int_equal(apply_range(aw, CRDT_AWARENESS_CLIENTS_MAX, 1, 2), CRDT_LIMIT);
    assert_int_equal(apply_range(aw, CRDT_AWARENESS_CLIENTS_MAX, 1, 700000), CRDT_OK);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

static void running_out_of_memory_anywhere_changes_nothing(void **state)
{
    (void)state;
    const person before[] = {{7, 3, "{\"x\":1}"}, {8, 1, "{}"}};
    const person message[] = {{9, 1, "\"new\""}, {7, 4, "{\"x\":2}"}, {8, 1, "null"}, {6, 1, "2"}};
    const person after[] = {{6, 1, "2"}, {7, 4, "{\"x\":2}"}, {9, 1, "\"new\""}};
    for (size_t n = 0;; n++) {
        failmem fault;
        failmem_init(&fault);
        const crdt_mem *mem = failmem_after(&fault, FAILMEM_NEVER);
        crdt_awareness *aw = crdt_awareness_new(mem);
        assert_int_equal(apply(aw, before, 2, 10, NULL), CRDT_OK);
        crdt_buf changed = {.mem = mem};
        failmem_after(&fault, n);
        crdt_err err = apply(aw, message, 4, 20, &changed);
        const bool failed = fault.failed;
        const bool refused = err != CRDT_OK;
        fault.fail_at = FAILMEM_NEVER;
        assert_true(!refused || (err == CRDT_NO_MEMORY && failed));
        assert_int_equal(changed.len == 0, refused);
        crdt_buf shown = {0};
        assert_int_equal(crdt_awareness_encode(aw, &shown), CRDT_OK);
        assert_told(&shown, refused ? before : after, refused ? 2 : 3);
        crdt_buf_free(&shown);
        crdt_buf_free(&changed);
        crdt_awareness_free(aw);
        assert_int_equal(fault.held_bytes, 0);
        if (!failed)
            break;
    }
}

static void what_cannot_be_told_is_not_taken_away(void **state)
{
    (void)state;
    const person there = {7, 3, "{}"};
    failmem fault;
    failmem_init(&fault);
    crdt_awareness *aw = crdt_awareness_new(NULL);
    assert_int_equal(apply(aw, &there, 1, 10, NULL), CRDT_OK);
    crdt_buf changed = {.mem = failmem_after(&fault, 0)};
    assert_int_equal(crdt_awareness_remove(aw, 7, 20, &changed), CRDT_NO_MEMORY);
    assert_int_equal(crdt_awareness_expire(aw, 20, 20, &changed), CRDT_NO_MEMORY);
    assert_int_equal(crdt_awareness_count(aw), 1);
    crdt_awareness_free(aw);
    assert_null(crdt_awareness_new(&fault.mem));
    crdt_awareness_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_live_and_die_by_their_clocks),
        cmocka_unit_test(only_what_was_accepted_is_told_on),
        cmocka_unit_test(one_message_may_name_a_client_several_times),
        cmocka_unit_test(everybody_is_told_of_by_client),
        cmocka_unit_test(a_malformed_message_changes_nothing),
        cmocka_unit_test(removal_keeps_the_clock),
        cmocka_unit_test(states_not_renewed_expire_together),
        cmocka_unit_test(the_clock_of_a_client_long_gone_is_forgotten),
        cmocka_unit_test(the_number_of_clients_has_a_limit),
        cmocka_unit_test(running_out_of_memory_anywhere_changes_nothing),
        cmocka_unit_test(what_cannot_be_told_is_not_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
