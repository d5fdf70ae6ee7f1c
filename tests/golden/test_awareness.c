/* Presence: awareness updates applied and taken away, compared with y-protocols after every step.
 *
 * Reading stops at the first step of a case that is local to the reference (setLocal, field, or the
 * removal of its own client): weft's awareness has no client of its own. Where the reference fails
 * half way, weft changes nothing.
 */
#include "vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_CLIENT "100"

/* A varuint of an awareness update that weft encoded. */
static uint64_t read_number(const vector *v, crdt_bytes *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
        uint8_t byte = *in->data++;
        in->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    vector_fail(v, "an awareness update ends within a number");
    return 0;
}

/* An awareness update as JSON: client -> {clock, state}. */
static json_t *parse(const vector *v, crdt_bytes update)
{
    json_t *entries = json_object();
    if (update.len == 0)
        return entries;
    for (uint64_t count = read_number(v, &update); count > 0; count--) {
        char client[24];
        snprintf(client, sizeof client, "%llu", (unsigned long long)read_number(v, &update));
        double clock = (double)read_number(v, &update);
        size_t len = (size_t)read_number(v, &update);
        assert_true(len <= update.len);
        json_t *state = json_loadb((const char *)update.data, len,
                                   JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        assert_non_null(state);
        update.data += len;
        update.len -= len;
        json_object_set_new(entries, client,
                            json_pack("{s:f,s:o}", "clock", clock, "state", state));
    }
    if (update.len != 0)
        vector_fail(v, "%zu bytes behind an awareness update", update.len);
    return entries;
}

static void check_present(const vector *v, const crdt_awareness *awareness, const json_t *expect)
{
    crdt_buf all = {0};
    vector_err(v, "encode", crdt_awareness_encode(awareness, &all), CRDT_OK);
    json_t *entries = parse(v, bytes_of(&all));
    json_t *states = json_object_get(expect, "states");
    const char *client;
    json_t *state;
    size_t present = 0;
    json_object_foreach(states, client, state)
    {
        if (strcmp(client, LOCAL_CLIENT) == 0)
            continue;
        present++;
        const json_t *entry = json_object_get(entries, client);
        if (!json_equal(json_object_get(entry, "state"), state))
            vector_fail(v, "client %s has another state", client);
        if (!json_equal(json_object_get(entry, "clock"),
                        json_object_get(json_object_get(expect, "clocks"), client)))
            vector_fail(v, "client %s has another clock", client);
        if (!crdt_awareness_find(awareness, strtoull(client, NULL, 10), &(uint64_t){0}))
            vector_fail(v, "client %s is not found", client);
    }
    if (json_object_size(entries) != present || crdt_awareness_count(awareness) != present)
        vector_fail(v, "%zu present, %zu encoded, instead of %zu", crdt_awareness_count(awareness),
                    json_object_size(entries), present);
    json_decref(entries);
    crdt_buf_free(&all);
}

/* Whoever the reference tells about must be told about here too. */
static void check_changed(const vector *v, const crdt_buf *changed, const json_t *expect)
{
    json_t *entries = parse(v, bytes_of(changed));
    const json_t *events = json_object_get(expect, "events");
    /* The last one is `update`, which also tells of renewals that change nothing. */
    const json_t *event = json_array_get(events, json_array_size(events) - 1);
    static const char *const lists[] = {"added", "updated", "removed"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        size_t index;
        json_t *id;
        json_array_foreach(json_object_get(event, lists[i]), index, id)
        {
            char client[24];
            snprintf(client, sizeof client, "%.0f", json_number_value(id));
            if (!json_object_get(entries, client))
                vector_fail(v, "nothing is told of client %s", client);
        }
    }
    const char *client;
    json_t *entry;
    json_object_foreach(entries, client, entry)
    {
        if (json_is_null(json_object_get(entry, "state")))
            continue;
        const json_t *clock = json_object_get(json_object_get(expect, "clocks"), client);
        if (!json_equal(json_object_get(entry, "clock"), clock))
            vector_fail(v, "client %s is told with another clock", client);
    }
    json_decref(entries);
}

static bool is_local(const json_t *step)
{
    size_t index;
    json_t *client;
    if (json_object_get(step, "setLocal") || json_object_get(step, "field"))
        return true;
    json_array_foreach(json_object_get(step, "remove"), index,
                       client) if (json_number_value(client) == atof(LOCAL_CLIENT)) return true;
    return false;
}

static void take_step(const vector *v, crdt_awareness *awareness, size_t i, const json_t *expect)
{
    const json_t *step = json_array_get(vector_at(v, "steps"), i);
    const bool refused = json_is_true(json_object_get(expect, "error"));
    crdt_buf before = {0};
    crdt_buf changed = {0};
    crdt_buf after = {0};
    vector_err(v, "encode", crdt_awareness_encode(awareness, &before), CRDT_OK);
    if (json_object_get(step, "apply")) {
        const vector inner = {(json_t *)(uintptr_t)step, v->name, v->kind};
        vector_err(v, "apply",
                   crdt_awareness_apply(awareness, vector_bytes(&inner, "apply"), i, &changed),
                   refused ? CRDT_MALFORMED : CRDT_OK);
    }
    size_t index;
    json_t *client;
    json_array_foreach(json_object_get(step, "remove"), index, client) vector_err(
        v, "remove",
        crdt_awareness_remove(awareness, (uint64_t)json_number_value(client), i, &changed),
        CRDT_OK);
    if (refused) {
        vector_err(v, "encode", crdt_awareness_encode(awareness, &after), CRDT_OK);
        vector_same(v, "states after a refused update", bytes_of(&after), bytes_of(&before));
    } else {
        check_present(v, awareness, expect);
        check_changed(v, &changed, expect);
    }
    crdt_buf_free(&before);
    crdt_buf_free(&changed);
    crdt_buf_free(&after);
}

static size_t steps_taken;

static void use_awareness(const vector *v)
{
    if (!vector_is(v, "awareness"))
        return;
    crdt_awareness *awareness = crdt_awareness_new(NULL);
    assert_non_null(awareness);
    for (size_t i = 0; i < vector_count(v, "steps"); i++) {
        if (is_local(json_array_get(vector_at(v, "steps"), i)))
            break;
        take_step(v, awareness, i, json_array_get(vector_at(v, "expect"), i));
        steps_taken++;
    }
    crdt_awareness_free(awareness);
}

static void presence_is_what_y_protocols_makes_it(void **state)
{
    (void)state;
    vectors_each(use_awareness);
    vectors_assert_none_failed();
    assert_true(steps_taken > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(presence_is_what_y_protocols_makes_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
