/* Presence: awareness updates applied, the own state set and renewed, states taken away; compared
 * with y-protocols after every step: states, clocks, events, and what is encoded.
 *
 * Where the reference fails half way, weft changes nothing.
 */
#include "vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- states and clocks ---- */

static void check_entry(const vector *expect, const crdt_presence_entry *entry)
{
    char client[24];
    snprintf(client, sizeof client, "%llu", (unsigned long long)entry->client);
    const json_t *clock = json_object_get(vector_at(expect, "clocks"), client);
    if (!clock || (uint64_t)json_number_value(clock) != entry->clock)
        vector_fail(expect, "client %s has clock %llu", client, (unsigned long long)entry->clock);
    const json_t *state = json_object_get(vector_at(expect, "states"), client);
    json_t *got = entry->state.data ? json_loadb((const char *)entry->state.data, entry->state.len,
                                                 JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL)
                                    : NULL;
    if ((state == NULL) != (got == NULL) || (state && !json_equal(state, got)))
        vector_fail(expect, "client %s has another state", client);
    json_decref(got);
}

static void check_known(const vector *expect, const crdt_awareness *awareness)
{
    crdt_presence_entry entry;
    size_t known = 0;
    for (size_t cursor = 0; crdt_awareness_next(awareness, &cursor, &entry); known++) {
        check_entry(expect, &entry);
        const bool found = crdt_awareness_find(awareness, entry.client, &(uint64_t){0});
        if (found != (entry.state.data != NULL))
            vector_fail(expect, "client %llu: found: %d", (unsigned long long)entry.client, found);
    }
    const size_t present = json_object_size(vector_at(expect, "states"));
    if (known != json_object_size(vector_at(expect, "clocks")) ||
        crdt_awareness_count(awareness) != present)
        vector_fail(expect, "%zu known, %zu present", known, crdt_awareness_count(awareness));
}

/* A varuint of an awareness update. */
static uint64_t read_number(crdt_bytes *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; in->len > 0; shift += 7) {
        uint8_t byte = *in->data++;
        in->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return value;
}

/* The reference tells of its clients in the order in which it met them. It says null of a state
 * that is 0, which nobody sets. */
static void check_encoded(const vector *expect, const crdt_awareness *awareness)
{
    enum { CLIENTS_MAX = 16 };
    uint64_t clients[CLIENTS_MAX];
    const crdt_bytes all = vector_bytes(expect, "encodeAll");
    crdt_bytes in = all;
    const uint64_t count = read_number(&in);
    assert_true(count <= CLIENTS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        clients[i] = read_number(&in);
        (void)read_number(&in);
        const uint64_t len = read_number(&in);
        assert_true(len <= in.len);
        in.data += len;
        in.len -= len;
    }
    const json_t *zero = json_object_get(vector_at(expect, "states"), "3");
    if (zero && json_number_value(zero) == 0)
        return;
    crdt_buf out = {0};
    vector_err(expect, "encode",
               crdt_awareness_encode_clients(awareness, clients, (size_t)count, &out), CRDT_OK);
    vector_same(expect, "encoded", bytes_of(&out), all);
    crdt_buf_free(&out);
}

/* ---- events ---- */

/* The members of `list` of the reference's event, in order, are the changes of these kinds. */
static void check_list(const vector *event, const char *list, const crdt_awareness *awareness,
                       unsigned kinds)
{
    crdt_presence_change change;
    size_t i = 0;
    for (size_t cursor = 0; crdt_awareness_next_change(awareness, &cursor, &change);) {
        if (!(kinds & 1u << change.what))
            continue;
        const json_t *id = json_array_get(vector_at(event, list), i++);
        if ((uint64_t)json_number_value(id) != change.client)
            vector_fail(event, "%s tells of client %llu", list, (unsigned long long)change.client);
    }
    if (vector_count(event, list) != i)
        vector_fail(event, "%s tells of %zu clients", list, i);
}

static bool happened(const crdt_awareness *awareness, unsigned kinds)
{
    crdt_presence_change change;
    for (size_t cursor = 0; crdt_awareness_next_change(awareness, &cursor, &change);)
        if (kinds & 1u << change.what)
            return true;
    return false;
}

static void check_event(const vector *expect, const char *name, const crdt_awareness *awareness,
                        unsigned updated)
{
    const unsigned added = 1u << CRDT_PRESENCE_ADDED;
    const unsigned removed = 1u << CRDT_PRESENCE_REMOVED;
    size_t index;
    json_t *json;
    bool told = false;
    json_array_foreach(vector_at(expect, "events"), index, json)
    {
        const vector event = {json, expect->name, expect->kind};
        if (strcmp(json_string_value(vector_at(&event, "event")), name) != 0)
            continue;
        told = true;
        check_list(&event, "added", awareness, added);
        check_list(&event, "updated", awareness, updated);
        check_list(&event, "removed", awareness, removed);
    }
    if (told != happened(awareness, added | updated | removed))
        vector_fail(expect, "the reference tells of a %s: %d", name, told);
}

/* What others are told is what the reference would send of the clients of its event. */
static void check_told(const vector *expect, const crdt_awareness *awareness,
                       const crdt_buf *changed)
{
    crdt_awareness *other = crdt_awareness_new(NULL);
    crdt_presence_change change;
    assert_non_null(other);
    if (happened(awareness, ~0u) != (changed->len > 0))
        vector_fail(expect, "%zu bytes for the others", changed->len);
    if (changed->len > 0)
        vector_err(expect, "apply", crdt_awareness_apply(other, bytes_of(changed), 0, NULL),
                   CRDT_OK);
    for (size_t cursor = 0; crdt_awareness_next_change(awareness, &cursor, &change);) {
        crdt_buf here = {0};
        crdt_buf there = {0};
        vector_err(expect, "encode",
                   crdt_awareness_encode_clients(awareness, &change.client, 1, &here), CRDT_OK);
        vector_err(expect, "encode",
                   crdt_awareness_encode_clients(other, &change.client, 1, &there), CRDT_OK);
        vector_same(expect, "told", bytes_of(&there), bytes_of(&here));
        crdt_buf_free(&here);
        crdt_buf_free(&there);
    }
    crdt_awareness_free(other);
}

/* ---- steps ---- */

static crdt_err set_local(crdt_awareness *awareness, const json_t *state, uint64_t now_ms,
                          crdt_buf *changed)
{
    char *text = json_dumps(state, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(text);
    crdt_err err = crdt_awareness_set_local(awareness, crdt_bytes_of(text), now_ms, changed);
    free(text);
    return err;
}

static crdt_err set_field(crdt_awareness *awareness, const json_t *field, uint64_t now_ms,
                          crdt_buf *changed)
{
    char *text = json_dumps(json_array_get(field, 1), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(text);
    crdt_err err = crdt_awareness_set_local_field(
        awareness, crdt_bytes_of(json_string_value(json_array_get(field, 0))), crdt_bytes_of(text),
        now_ms, changed);
    free(text);
    return err;
}

/* The reference takes several away at once; only one of a step's is ever there. */
static crdt_err remove_clients(crdt_awareness *awareness, const json_t *clients, uint64_t now_ms,
                               crdt_buf *changed)
{
    crdt_err err = CRDT_OK;
    for (size_t i = json_array_size(clients); i-- > 0 && err == CRDT_OK;)
        err = crdt_awareness_remove(
            awareness, (uint64_t)json_number_value(json_array_get(clients, i)), now_ms, changed);
    return err;
}

static crdt_err take_step(const vector *step, crdt_awareness *awareness, uint64_t now_ms,
                          crdt_buf *changed)
{
    if (vector_at(step, "apply"))
        return crdt_awareness_apply(awareness, vector_bytes(step, "apply"), now_ms, changed);
    if (vector_at(step, "setLocal"))
        return set_local(awareness, vector_at(step, "setLocal"), now_ms, changed);
    if (vector_at(step, "field"))
        return set_field(awareness, vector_at(step, "field"), now_ms, changed);
    return remove_clients(awareness, vector_at(step, "remove"), now_ms, changed);
}

static void check_step(const vector *step, const vector *expect, crdt_awareness *awareness,
                       uint64_t now_ms)
{
    const bool refused = json_is_true(vector_at(expect, "error"));
    crdt_buf before = {0};
    crdt_buf after = {0};
    crdt_buf changed = {0};
    vector_err(step, "encode", crdt_awareness_encode(awareness, &before), CRDT_OK);
    vector_err(step, "step", take_step(step, awareness, now_ms, &changed),
               refused ? CRDT_MALFORMED : CRDT_OK);
    if (refused) {
        vector_err(step, "encode", crdt_awareness_encode(awareness, &after), CRDT_OK);
        vector_same(step, "states after a refused update", bytes_of(&after), bytes_of(&before));
        if (changed.len > 0 || happened(awareness, ~0u))
            vector_fail(step, "something is told of a refused update");
    } else {
        check_known(expect, awareness);
        check_encoded(expect, awareness);
        check_event(expect, "change", awareness, 1u << CRDT_PRESENCE_CHANGED);
        check_event(expect, "update", awareness,
                    1u << CRDT_PRESENCE_CHANGED | 1u << CRDT_PRESENCE_RENEWED);
        check_told(expect, awareness, &changed);
    }
    crdt_buf_free(&before);
    crdt_buf_free(&after);
    crdt_buf_free(&changed);
}

static size_t steps_taken;

static void use_awareness(const vector *v)
{
    if (!vector_is(v, "awareness"))
        return;
    crdt_awareness *awareness = crdt_awareness_new(NULL);
    assert_non_null(awareness);
    const uint64_t client = (uint64_t)json_number_value(vector_at(v, "client"));
    vector_err(v, "client", crdt_awareness_set_client(awareness, client), CRDT_OK);
    vector_err(v, "first", crdt_awareness_set_local(awareness, crdt_bytes_of("{}"), 0, NULL),
               CRDT_OK);
    for (size_t i = 0; i < vector_count(v, "steps"); i++, steps_taken++) {
        const vector step = {json_array_get(vector_at(v, "steps"), i), v->name, v->kind};
        const vector expect = {json_array_get(vector_at(v, "expect"), i), v->name, v->kind};
        check_step(&step, &expect, awareness, i);
    }
    crdt_awareness_free(awareness);
}

static void presence_is_what_y_protocols_makes_it(void **state)
{
    (void)state;
    vectors_each(use_awareness);
    vectors_assert_none_failed();
    assert_true(steps_taken > 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(presence_is_what_y_protocols_makes_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
