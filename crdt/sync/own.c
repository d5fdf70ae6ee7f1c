/* The state that this side tells of itself (y-protocols/awareness.js, setLocalState and what renews
 * it). */
#include "sync/awareness.h"

#include "base/json.h"
#include "base/utf16.h"

crdt_err crdt_awareness_set_client(crdt_awareness *awareness, uint64_t client)
{
    if (client > CRDT_CLOCK_MAX)
        return CRDT_INVALID;
    awareness->has_own = true;
    awareness->own = client;
    return CRDT_OK;
}

/* ---- setting ---- */

static crdt_err write_own(const crdt_awareness *aw, uint64_t clock, const crdt_bytes *state,
                          crdt_buf *changed)
{
    if (changed == NULL)
        return CRDT_OK;
    crdt__writer w = crdt__writer_on(changed);
    crdt__write_varuint(&w, 1);
    crdt__awareness_write_person(&w, aw->own, clock, state ? *state : crdt__null_text);
    return crdt__writer_finish(&w);
}

static bool copy_state(const crdt_awareness *aw, const crdt_bytes *state, uint8_t **copy)
{
    *copy = NULL;
    if (state == NULL)
        return true;
    *copy = crdt__resize(aw->mem, NULL, 0, state->len);
    if (*copy == NULL)
        return false;
    memcpy(*copy, state->data, state->len);
    return true;
}

static crdt_presence what_happens(const crdt_awareness *aw, const crdt__person *person,
                                  const crdt_bytes *state)
{
    if (state == NULL)
        return CRDT_PRESENCE_REMOVED;
    if (person == NULL || person->state == NULL)
        return CRDT_PRESENCE_ADDED;
    return crdt__awareness_compare(aw, person, *state);
}

crdt_err crdt__awareness_set_own(crdt_awareness *aw, const crdt_bytes *state, uint64_t now_ms,
                                 crdt_buf *changed)
{
    const bool is_new = crdt__awareness_find(aw, aw->own) == NULL;
    crdt_err err = crdt__awareness_reserve(aw, is_new ? 1 : 0, 1, now_ms);
    if (err != CRDT_OK)
        return err;
    crdt__person *person = crdt__awareness_find(aw, aw->own); /* forgetting others moves people */
    const uint64_t clock = person ? person->clock + 1 : 0;
    if (clock > CRDT_CLOCK_MAX ||
        aw->state_bytes + (state ? state->len : 0) > CRDT__AWARENESS_BYTES_MAX)
        return CRDT_LIMIT;
    uint8_t *copy;
    if (!copy_state(aw, state, &copy))
        return CRDT_NO_MEMORY;
    err = write_own(aw, clock, state, changed);
    if (err != CRDT_OK) {
        crdt__release(aw->mem, copy, state ? state->len : 0);
        return err;
    }
    const crdt_presence what = what_happens(aw, person, state);
    if (person == NULL)
        person = crdt__awareness_add(aw, aw->own);
    person->clock = clock;
    person->renewed_ms = now_ms;
    crdt__awareness_put(aw, person, copy, state ? state->len : 0);
    crdt__awareness_note(aw, aw->own, what);
    return CRDT_OK;
}

static bool is_json(crdt_bytes json)
{
    return crdt__utf8_valid(json, NULL) && crdt__json_check(json) != CRDT__JSON_INVALID;
}

/* Appends a valid JSON text as JavaScript would print it. */
static crdt_err canonical_text(const crdt_awareness *aw, crdt_bytes json, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    if (!crdt__json_canonicalize(json, &w, aw->mem))
        w.ok = false;
    return crdt__writer_finish(&w);
}

/* Sets the own state to what a JSON text stands for. */
static crdt_err set_text(crdt_awareness *aw, crdt_bytes json, uint64_t now_ms, crdt_buf *changed)
{
    if (!is_json(json))
        return CRDT_MALFORMED;
    crdt_buf canonical = {.mem = aw->mem};
    crdt_err err = canonical_text(aw, json, &canonical);
    const crdt_bytes state = {canonical.data, canonical.len};
    if (err == CRDT_OK)
        err = crdt__awareness_set_own(aw, crdt__awareness_is_null(state) ? NULL : &state, now_ms,
                                      changed);
    crdt_buf_free(&canonical);
    return err;
}

crdt_err crdt_awareness_set_local(crdt_awareness *awareness, crdt_bytes json, uint64_t now_ms,
                                  crdt_buf *changed)
{
    awareness->change_count = 0;
    if (!awareness->has_own)
        return CRDT_INVALID;
    return set_text(awareness, json, now_ms, changed);
}

/* Makes `{...state, [key]: value}` of a canonical object: the new member goes behind the others. Of
 * equal keys the last value counts, at the place of the first, once this is read. */
static void write_with_field(crdt__writer *w, crdt_bytes object, crdt_bytes key, crdt_bytes value)
{
    crdt__write_bytes(w, object.data, object.len - 1);
    if (object.len > 2)
        crdt__write_u8(w, ',');
    crdt__json_write_string(key, w);
    crdt__write_u8(w, ':');
    crdt__write_bytes(w, value.data, value.len);
    crdt__write_u8(w, '}');
}

static crdt_err set_field(crdt_awareness *aw, crdt_bytes object, crdt_bytes key, crdt_bytes value,
                          uint64_t now_ms, crdt_buf *changed)
{
    if (object.data[0] != '{')
        return CRDT_INVALID;
    crdt_buf text = {.mem = aw->mem};
    crdt__writer w = crdt__writer_on(&text);
    write_with_field(&w, object, key, value);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK)
        err = set_text(aw, (crdt_bytes){text.data, text.len}, now_ms, changed);
    crdt_buf_free(&text);
    return err;
}

crdt_err crdt_awareness_set_local_field(crdt_awareness *awareness, crdt_bytes key, crdt_bytes json,
                                        uint64_t now_ms, crdt_buf *changed)
{
    awareness->change_count = 0;
    if (!awareness->has_own)
        return CRDT_INVALID;
    if (!crdt__utf8_valid(key, NULL) || !is_json(json))
        return CRDT_MALFORMED;
    const crdt__person *person = crdt__awareness_find(awareness, awareness->own);
    if (person == NULL || person->state == NULL)
        return CRDT_OK;
    crdt_buf object = {.mem = awareness->mem}; /* others may have set it, printed in their way */
    crdt_err err = canonical_text(awareness, crdt__person_state(person), &object);
    if (err == CRDT_OK)
        err =
            set_field(awareness, (crdt_bytes){object.data, object.len}, key, json, now_ms, changed);
    crdt_buf_free(&object);
    return err;
}

crdt_err crdt_awareness_renew(crdt_awareness *awareness, uint64_t now_ms, crdt_buf *changed)
{
    awareness->change_count = 0;
    const crdt__person *person =
        awareness->has_own ? crdt__awareness_find(awareness, awareness->own) : NULL;
    if (person == NULL || person->state == NULL ||
        now_ms < person->renewed_ms + CRDT_AWARENESS_RENEWAL_MS)
        return CRDT_OK;
    const crdt_bytes state = crdt__person_state(person);
    return crdt__awareness_set_own(awareness, &state, now_ms, changed);
}
