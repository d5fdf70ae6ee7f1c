#include "loading.h"

#include <stdlib.h>
#include <string.h>

#include "core/doc.h"
#include "rng.h"
#include "wiremake.h"

/* ---- comparing ---- */

static bool same_bytes(const crdt_buf *a, const crdt_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool same_encodings(crdt_doc *a, crdt_doc *b)
{
    crdt_buf out[6] = {{0}, {0}, {0}, {0}, {0}, {0}};
    const crdt_bytes all = {0};
    bool ok = crdt_doc_encode_state(a, CRDT_V1, all, &out[0]) == CRDT_OK &&
              crdt_doc_encode_state(b, CRDT_V1, all, &out[1]) == CRDT_OK &&
              crdt_doc_encode_state_vector(a, &out[2]) == CRDT_OK &&
              crdt_doc_encode_state_vector(b, &out[3]) == CRDT_OK &&
              crdt_doc_encode_state(a, CRDT_V2, all, &out[4]) == CRDT_OK &&
              crdt_doc_encode_state(b, CRDT_V2, all, &out[5]) == CRDT_OK;
    ok = ok && same_bytes(&out[0], &out[1]) && same_bytes(&out[2], &out[3]) &&
         same_bytes(&out[4], &out[5]);
    for (size_t i = 0; i < 6; i++)
        crdt_buf_free(&out[i]);
    return ok;
}

static bool same_roots(const crdt_doc *a, const crdt_doc *b)
{
    if (a->root_count != b->root_count)
        return false;
    for (size_t i = 0; i < a->root_count; i++)
        if (!crdt__bytes_equal(crdt__doc_name_bytes(a, a->roots[i]),
                               crdt__doc_name_bytes(b, b->roots[i])))
            return false;
    return true;
}

static const char *documents_differ(crdt_doc *loaded, crdt_doc *applied)
{
    const char *broken = crdt_doc_check(loaded);
    if (broken)
        return broken;
    if (crdt_doc_failed(loaded) || crdt_doc_failed(applied))
        return "a document failed";
    if (crdt_doc_struct_count(loaded) != crdt_doc_struct_count(applied))
        return "the numbers of structs differ";
    if (crdt_doc_pending(loaded) != crdt_doc_pending(applied) ||
        crdt_doc_pending_bytes(loaded) != crdt_doc_pending_bytes(applied))
        return "what waits differs";
    if (!same_encodings(loaded, applied))
        return "the encodings differ";
    return same_roots(loaded, applied) ? NULL : "the roots differ";
}

static const char *put_both(crdt_doc *loaded, crdt_doc *applied, crdt_encoding encoding,
                            crdt_bytes update)
{
    crdt_applied outcome[2] = {{0}, {0}};
    crdt_buf event = {0};
    crdt_err err = crdt_doc_apply_event(applied, encoding, update, &outcome[1], &event);
    crdt_buf_free(&event);
    if (crdt_doc_apply(loaded, encoding, update, &outcome[0]) != err)
        return "the judgements differ";
    if (memcmp(&outcome[0], &outcome[1], sizeof outcome[0]) != 0)
        return "what it is said to have done differs";
    return documents_differ(loaded, applied);
}

const char *loading_differs(crdt_encoding encoding, crdt_bytes update, crdt_bytes more,
                            crdt_doc_options options)
{
    crdt_doc *loaded = crdt_doc_new(&options);
    crdt_doc *applied = crdt_doc_new(&options);
    if (!loaded || !applied)
        abort();
    const char *wrong = put_both(loaded, applied, encoding, update);
    if (!wrong && more.len > 0)
        wrong = put_both(loaded, applied, encoding, more);
    crdt_doc_free(loaded);
    crdt_doc_free(applied);
    return wrong;
}

const char *loading_differs_when_broken(crdt_encoding encoding, crdt_bytes update, size_t step)
{
    const crdt_doc_options options = {0};
    /* A copy of its own length: what is read past the end shows under a sanitizer. */
    uint8_t *copy = malloc(update.len + 1);
    if (!copy)
        abort();
    const char *wrong = NULL;
    for (size_t len = 0; len < update.len && !wrong; len += step) {
        uint8_t *prefix = malloc(len + 1);
        if (!prefix)
            abort();
        memcpy(prefix, update.data, len);
        wrong = loading_differs(encoding, (crdt_bytes){prefix, len}, update, options);
        free(prefix);
    }
    memcpy(copy, update.data, update.len);
    for (size_t at = 0; at < update.len && !wrong; at += step) {
        static const uint8_t flips[] = {0x01, 0x80, 0x40, 0x7f};
        copy[at] ^= flips[(at / step) % sizeof flips];
        wrong = loading_differs(encoding, (crdt_bytes){copy, update.len}, update, options);
        copy[at] = update.data[at];
    }
    free(copy);
    return wrong;
}

/* ---- updates ---- */

enum { CLIENTS = 4, TEXT_LEN_MAX = 24 };

typedef struct maker {
    rng random;
    uint64_t clocks[CLIENTS];
    crdt_buf u;
} maker;

/* Ids of one byte, of five, and of eight. */
static uint64_t client_id(uint64_t number)
{
    static const uint64_t ids[CLIENTS] = {3, 70, UINT64_C(4294967290), UINT64_C(9007199254740000)};
    return ids[number];
}

static wm_id any_known(maker *m)
{
    uint64_t client = rng_below(&m->random, CLIENTS);
    uint64_t clock = m->clocks[client] ? rng_below(&m->random, m->clocks[client]) : 0;
    /* mostly something recent */
    if (m->clocks[client] && rng_chance(&m->random, 50))
        clock = m->clocks[client] - 1;
    return (wm_id){client, clock};
}

static bool is_known(const maker *m, wm_id id)
{
    return id.clock < m->clocks[id.client];
}

static uint64_t set_content(maker *m, wm_item *item)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGH";
    static const unsigned kinds[] = {WM_FORMAT, WM_ANY, WM_TYPE, WM_EMBED, WM_BINARY, WM_DELETED};
    static const unsigned types[] = {WM_ARRAY, WM_MAP, WM_TEXT};
    if (rng_chance(&m->random, 65)) {
        uint64_t len = 1 + rng_below(&m->random, TEXT_LEN_MAX);
        item->text = letters + sizeof letters - 1 - len;
        if (rng_chance(&m->random, 10)) {
            item->text = "caf\xc3\xa9 \xf0\x9f\x99\x82";
            len = 7;
        }
        return len;
    }
    item->kind = kinds[rng_below(&m->random, 6)];
    item->text = item->kind == WM_EMBED ? "{\"a\":[1,2.50]}" : "key";
    item->value = "true";
    item->type_ref = types[rng_below(&m->random, 3)];
    item->len = item->kind == WM_ANY || item->kind == WM_DELETED ? 1 + rng_below(&m->random, 5) : 1;
    return item->len;
}

static void make_update(maker *m, crdt_buf *out)
{
    static const char *const roots[] = {"t", "second root"};
    static const char *const keys[] = {"k", "l", "another key"};
    wm_id origin = any_known(m);
    wm_id right = any_known(m);
    wm_id parent = any_known(m);
    wm_id ids[3] = {{client_id(origin.client), origin.clock},
                    {client_id(right.client), right.clock},
                    {client_id(parent.client), parent.clock}};
    if (is_known(m, origin) && rng_chance(&m->random, 25)) {
        uint64_t len = 1 + rng_below(&m->random, 9);
        if (len > m->clocks[origin.client] - origin.clock)
            len = m->clocks[origin.client] - origin.clock;
        wm_delete(out, ids[0], len);
        return;
    }
    uint64_t client = rng_below(&m->random, CLIENTS);
    wm_item item = {.kind = WM_STRING, .root = roots[rng_below(&m->random, 2)]};
    uint64_t len = set_content(m, &item);
    if (is_known(m, origin) && rng_chance(&m->random, 85))
        item.origin = &ids[0];
    if (is_known(m, right) && rng_chance(&m->random, 40))
        item.right = &ids[1];
    if (!item.origin && !item.right && is_known(m, parent) && rng_chance(&m->random, 40))
        item.parent = &ids[2];
    if (rng_chance(&m->random, 30))
        item.sub = keys[rng_below(&m->random, 3)];
    wm_one(out, (wm_id){client_id(client), m->clocks[client]}, &item);
    m->clocks[client] += len;
}

loading_log loading_make_log(uint64_t seed, size_t count)
{
    maker m = {.random = {seed}};
    loading_log log = {calloc(count, sizeof *log.updates), count};
    if (!log.updates)
        abort();
    for (size_t i = 0; i < count; i++)
        make_update(&m, &log.updates[i]);
    return log;
}

void loading_free_log(loading_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        crdt_buf_free(&log->updates[i]);
    free(log->updates);
}
