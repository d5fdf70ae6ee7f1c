/* Traps in presence. */
#include "traps.h"

#include "base/bytes.h"

enum { FIRST = 10 };

/* A message with entries of clients from FIRST on, `from` to `to` in the trap's order. */
static void say(const trap *t, crdt_buf *message, uint64_t from, uint64_t to, uint64_t size,
                uint64_t clock, const char *json)
{
    message->len = 0;
    crdt__writer w = crdt__writer_on(message);
    crdt__write_varuint(&w, to - from);
    for (uint64_t i = from; i < to; i++) {
        crdt__write_varuint(&w, FIRST + trap_number(t->order, size, i));
        crdt__write_varuint(&w, clock);
        crdt__write_varbytes(&w, crdt_bytes_of(json));
    }
    trap_ok(crdt__writer_finish(&w));
}

/* Everybody comes, or says something new: in one message or one by one. */
static void hear_all(const trap *t, crdt_awareness *aw, uint64_t size, uint64_t clock,
                     const char *json)
{
    crdt_buf message = {0};
    crdt_buf changed = {0};
    const uint64_t step = t->delivery == AT_ONCE ? size : 1;
    for (uint64_t i = 0; i < size; i += step) {
        changed.len = 0;
        say(t, &message, i, i + step, size, clock, json);
        trap_ok(crdt_awareness_apply(aw, wm_bytes(&message), clock, &changed));
        assert_true(changed.len > 0);
    }
    crdt_buf_free(&message);
    crdt_buf_free(&changed);
}

static void coming_and_going(const trap *t, uint64_t size)
{
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf all = {0};
    assert_non_null(aw);
    hear_all(t, aw, size, 1, "{}");
    hear_all(t, aw, size, 2, "{\"a\":1}");
    hear_all(t, aw, size, 3, "null");
    assert_int_equal(crdt_awareness_count(aw), 0);
    hear_all(t, aw, size, 4, "{\"a\":1}");
    trap_ok(crdt_awareness_encode(aw, &all));
    trap_ok(crdt_awareness_expire(aw, 5, 5, &all));
    assert_int_equal(crdt_awareness_count(aw), 0);
    crdt_buf_free(&all);
    crdt_awareness_free(aw);
}

/* One client, again and again in one message. */
static void changing_its_mind(const trap *t, uint64_t size)
{
    (void)t;
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf message = {0};
    crdt_buf changed = {0};
    assert_non_null(aw);
    crdt__writer w = crdt__writer_on(&message);
    crdt__write_varuint(&w, size);
    for (uint64_t i = 0; i < size; i++) {
        crdt__write_varuint(&w, FIRST);
        crdt__write_varuint(&w, 1 + i);
        crdt__write_varbytes(&w, crdt_bytes_of(i % 2 ? "null" : "{}"));
    }
    trap_ok(crdt__writer_finish(&w));
    trap_ok(crdt_awareness_apply(aw, wm_bytes(&message), 1, &changed));
    crdt_buf_free(&message);
    crdt_buf_free(&changed);
    crdt_awareness_free(aw);
}

/* A state with many members, in another order each time: it is compared with the one before. */
static void many_members(const trap *t, uint64_t size)
{
    crdt_awareness *aw = crdt_awareness_new(NULL);
    crdt_buf json = {0};
    assert_non_null(aw);
    trap_ok(crdt_awareness_set_client(aw, FIRST));
    for (int round = 0; round < 3; round++) {
        json.len = 0;
        crdt__writer w = crdt__writer_on(&json);
        for (uint64_t i = 0; i < size; i++) {
            const uint64_t number = trap_number(round % 2 ? ORDER_UP : t->order, size, i);
            crdt__write_u8(&w, i > 0 ? ',' : '{');
            for (int digit = 0; digit < 7; digit++)
                crdt__write_u8(&w, (uint8_t)(digit % 6 ? 'a' + (number >> (4 * digit) & 15) : '"'));
            crdt__write_bytes(&w, ":1", 2);
        }
        crdt__write_u8(&w, '}');
        trap_ok(crdt__writer_finish(&w));
        trap_ok(crdt_awareness_set_local(aw, wm_bytes(&json), 1, NULL));
    }
    trap_ok(crdt_awareness_set_local_field(aw, crdt_bytes_of("k"), crdt_bytes_of("[1]"), 1, NULL));
    crdt_buf_free(&json);
    crdt_awareness_free(aw);
}

#define PRESENCE(text, function, which, how, most)                                                 \
    {                                                                                              \
        .name = text, .run = (function), .size = (how) == AT_ONCE ? 5000 : 1000,                   \
        .each_max = (most), .order = (which), .delivery = (how)                                    \
    }

static const trap traps[] = {
    PRESENCE("clients in one message, ascending", coming_and_going, ORDER_UP, AT_ONCE, 7500),
    PRESENCE("clients in one message, descending", coming_and_going, ORDER_DOWN, AT_ONCE, 7500),
    PRESENCE("clients in one message, mixed", coming_and_going, ORDER_MIXED, AT_ONCE, 7500),
    PRESENCE("clients one by one, ascending", coming_and_going, ORDER_UP, ONE_BY_ONE, 8500),
    PRESENCE("one client many times", changing_its_mind, ORDER_UP, AT_ONCE, 1000),
    PRESENCE("many members", many_members, ORDER_DOWN, AT_ONCE, 7000),
    PRESENCE("many members, mixed", many_members, ORDER_MIXED, AT_ONCE, 7000),
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
