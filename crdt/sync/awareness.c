/* Presence: what y-protocols/awareness.js keeps, for an instance that has no state of its own.
 *
 * Entries are one array sorted by client: a room has tens of clients, messages name one or two, and
 * no choice of client numbers makes a search slow. A client that left keeps its entry without a
 * state, so that its last clock does not bring it back.
 */
#include "base/bytes.h"
#include "base/json.h"

/* Bytes of states one awareness may hold. */
#define STATE_BYTES_MAX ((size_t)64 << 20)
/* How long the clock of a client that left is remembered. Echoes of its states have died away long
 * before. */
#define REMEMBERED_MS UINT64_C(600000)
/* Room for the number of entries before them. */
#define HEAD_LEN_MAX CRDT__VARUINT_LEN_MAX

typedef struct entry {
    uint64_t client;
    uint64_t clock;
    uint64_t renewed_ms; /* or when it left */
    uint8_t *state;      /* JSON; NULL: not present */
    size_t state_len;
} entry;

struct crdt_awareness {
    const crdt_mem *mem;
    entry *entries;
    size_t count;
    size_t cap;
    size_t present;
    size_t state_bytes;
};

static const crdt_bytes null_text = {(const uint8_t *)"null", 4};

crdt_awareness *crdt_awareness_new(const crdt_mem *mem)
{
    crdt_awareness *aw = crdt__resize(mem, NULL, 0, sizeof *aw);
    if (aw != NULL)
        *aw = (crdt_awareness){.mem = mem};
    return aw;
}

static void drop_state(crdt_awareness *aw, entry *e)
{
    if (e->state == NULL)
        return;
    crdt__release(aw->mem, e->state, e->state_len);
    aw->state_bytes -= e->state_len;
    aw->present--;
    e->state = NULL;
    e->state_len = 0;
}

void crdt_awareness_free(crdt_awareness *awareness)
{
    if (awareness == NULL)
        return;
    for (size_t i = 0; i < awareness->count; i++)
        drop_state(awareness, &awareness->entries[i]);
    crdt__release(awareness->mem, awareness->entries, awareness->cap * sizeof *awareness->entries);
    crdt__release(awareness->mem, awareness, sizeof *awareness);
}

/* ---- entries ---- */

/* The first entry whose client is not smaller. */
static size_t lower_bound(const crdt_awareness *aw, uint64_t client)
{
    size_t low = 0;
    for (size_t high = aw->count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (aw->entries[mid].client < client)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static entry *find(const crdt_awareness *aw, uint64_t client)
{
    size_t at = lower_bound(aw, client);
    return at < aw->count && aw->entries[at].client == client ? &aw->entries[at] : NULL;
}

/* Makes room for `more` entries, so that adding them cannot fail. */
static bool reserve(crdt_awareness *aw, size_t more)
{
    if (aw->cap - aw->count >= more)
        return true;
    size_t cap = aw->cap * 2 > aw->count + more ? aw->cap * 2 : aw->count + more;
    entry *entries =
        crdt__resize(aw->mem, aw->entries, aw->cap * sizeof *entries, cap * sizeof *entries);
    if (entries == NULL)
        return false;
    aw->entries = entries;
    aw->cap = cap;
    return true;
}

/* Adds an entry in room that was reserved. */
static entry *add(crdt_awareness *aw, uint64_t client)
{
    size_t at = lower_bound(aw, client);
    entry *e = &aw->entries[at];
    memmove(e + 1, e, (aw->count - at) * sizeof *e);
    aw->count++;
    *e = (entry){.client = client};
    return e;
}

static bool forgettable(const entry *e, uint64_t now_ms)
{
    return e->state == NULL && e->renewed_ms + REMEMBERED_MS < now_ms;
}

static void forget_long_gone(crdt_awareness *aw, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < aw->count; i++)
        if (!forgettable(&aw->entries[i], now_ms))
            aw->entries[kept++] = aw->entries[i];
    aw->count = kept;
}

static void write_entry(crdt__writer *w, uint64_t client, uint64_t clock, crdt_bytes json)
{
    crdt__write_varuint(w, client);
    crdt__write_varuint(w, clock);
    crdt__write_varbytes(w, json);
}

/* ---- applying ---- */

/* One entry of a message. */
typedef struct message_entry {
    uint64_t client;
    uint64_t clock;
    crdt_bytes json; /* as it came */
    bool is_null;
} message_entry;

/* One that may be accepted, with all the memory it will need. */
typedef struct staged {
    message_entry told;
    uint8_t *copy; /* of the JSON; NULL for null */
    bool heard;    /* accepted, and something others must hear of */
} staged;

typedef struct stage {
    staged *items;
    size_t count;
    size_t cap;
    size_t unknown; /* clients without an entry, at most */
    size_t bytes;   /* of copies */
} stage;

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a valid JSON text is the value null. */
static bool is_null(crdt_bytes json)
{
    while (json.len > 0 && is_space(json.data[0]))
        json = (crdt_bytes){json.data + 1, json.len - 1};
    while (json.len > 0 && is_space(json.data[json.len - 1]))
        json.len--;
    return crdt__bytes_equal(json, null_text);
}

static message_entry read_entry(crdt__reader *r)
{
    message_entry told = {.client = crdt__read_varuint(r)};
    told.clock = crdt__read_varuint(r);
    told.json = crdt__read_varstring(r);
    if (crdt__json_check(told.json) == CRDT__JSON_INVALID)
        crdt__reader_fail(r);
    told.is_null = is_null(told.json);
    return told;
}

static bool check_message(crdt_bytes update)
{
    crdt__reader r = crdt__reader_of(update);
    for (uint64_t left = crdt__read_varuint(&r); left > 0 && r.ok; left--)
        (void)read_entry(&r);
    return crdt__reader_at_end(&r);
}

static bool accepts(const entry *e, const message_entry *told)
{
    uint64_t clock = e != NULL ? e->clock : 0;
    bool present = e != NULL && e->state != NULL;
    return clock < told->clock || (clock == told->clock && told->is_null && present);
}

static bool stage_copy(const crdt_awareness *aw, staged *s)
{
    if (s->told.is_null)
        return true;
    s->copy = crdt__resize(aw->mem, NULL, 0, s->told.json.len);
    if (s->copy == NULL)
        return false;
    memcpy(s->copy, s->told.json.data, s->told.json.len);
    return true;
}

static bool stage_push(const crdt_awareness *aw, stage *st, const message_entry *told)
{
    if (st->count == st->cap) {
        size_t cap = st->cap == 0 ? 2 : st->cap * 2;
        staged *items =
            crdt__resize(aw->mem, st->items, st->cap * sizeof *items, cap * sizeof *items);
        if (items == NULL)
            return false;
        st->items = items;
        st->cap = cap;
    }
    staged *s = &st->items[st->count];
    *s = (staged){.told = *told};
    if (!stage_copy(aw, s))
        return false;
    st->count++;
    st->bytes += told->is_null ? 0 : told->json.len;
    return true;
}

/* Keeps what of a valid message may be accepted: clocks only grow while it is applied, so what is
 * old now stays old. A state and its removal may come in one message at one clock. */
static bool stage_message(const crdt_awareness *aw, crdt_bytes update, stage *st)
{
    crdt__reader r = crdt__reader_of(update);
    for (uint64_t left = crdt__read_varuint(&r); left > 0; left--) {
        message_entry told = read_entry(&r);
        const entry *e = find(aw, told.client);
        if (!accepts(e, &told))
            continue;
        st->unknown += e == NULL ? 1 : 0;
        if (!stage_push(aw, st, &told))
            return false;
    }
    return true;
}

static void stage_deinit(const crdt_awareness *aw, stage *st)
{
    for (size_t i = 0; i < st->count; i++)
        if (st->items[i].copy != NULL)
            crdt__release(aw->mem, st->items[i].copy, st->items[i].told.json.len);
    crdt__release(aw->mem, st->items, st->cap * sizeof *st->items);
}

/* Everything that may fail; nothing that changes what is known. */
static crdt_err prepare(crdt_awareness *aw, crdt_bytes update, uint64_t now_ms, stage *st)
{
    if (!stage_message(aw, update, st))
        return CRDT_NO_MEMORY;
    if (aw->count + st->unknown > CRDT_AWARENESS_CLIENTS_MAX)
        forget_long_gone(aw, now_ms);
    if (aw->count + st->unknown > CRDT_AWARENESS_CLIENTS_MAX ||
        aw->state_bytes + st->bytes > STATE_BYTES_MAX)
        return CRDT_LIMIT;
    return reserve(aw, st->unknown) ? CRDT_OK : CRDT_NO_MEMORY;
}

static void accept(crdt_awareness *aw, staged *s, uint64_t now_ms)
{
    entry *e = find(aw, s->told.client);
    if (!accepts(e, &s->told))
        return;
    s->heard = e != NULL || !s->told.is_null;
    if (e == NULL)
        e = add(aw, s->told.client);
    drop_state(aw, e);
    e->clock = s->told.clock;
    e->renewed_ms = now_ms;
    if (s->told.is_null)
        return;
    e->state = s->copy;
    e->state_len = s->told.json.len;
    aw->state_bytes += e->state_len;
    aw->present++;
    s->copy = NULL;
}

static void write_heard(const stage *st, crdt__writer *w)
{
    uint64_t count = 0;
    for (size_t i = 0; i < st->count; i++)
        count += st->items[i].heard ? 1 : 0;
    if (count == 0)
        return;
    crdt__write_varuint(w, count);
    for (size_t i = 0; i < st->count; i++) {
        const staged *s = &st->items[i];
        if (s->heard)
            write_entry(w, s->told.client, s->told.clock, s->told.json);
    }
}

static crdt_err apply(crdt_awareness *aw, crdt_bytes update, uint64_t now_ms, stage *st,
                      crdt_buf *changed)
{
    crdt_err err = prepare(aw, update, now_ms, st);
    if (err != CRDT_OK)
        return err;
    crdt__writer w;
    if (changed != NULL) {
        /* What is heard takes no more than the message did, so that nothing fails from here on. */
        w = crdt__writer_on(changed);
        if (st->count > 0 && !crdt__writer_room(&w, update.len + HEAD_LEN_MAX))
            return crdt__writer_finish(&w);
    }
    for (size_t i = 0; i < st->count; i++)
        accept(aw, &st->items[i], now_ms);
    if (changed == NULL)
        return CRDT_OK;
    write_heard(st, &w);
    return crdt__writer_finish(&w);
}

crdt_err crdt_awareness_apply(crdt_awareness *awareness, crdt_bytes update, uint64_t now_ms,
                              crdt_buf *changed)
{
    if (!check_message(update))
        return CRDT_MALFORMED;
    stage st = {0};
    crdt_err err = apply(awareness, update, now_ms, &st, changed);
    stage_deinit(awareness, &st);
    return err;
}

/* ---- telling ---- */

crdt_err crdt_awareness_encode(const crdt_awareness *awareness, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    if (awareness->present > 0)
        crdt__write_varuint(&w, awareness->present);
    for (size_t i = 0; i < awareness->count; i++) {
        const entry *e = &awareness->entries[i];
        if (e->state != NULL)
            write_entry(&w, e->client, e->clock, (crdt_bytes){e->state, e->state_len});
    }
    return crdt__writer_finish(&w);
}

bool crdt_awareness_find(const crdt_awareness *awareness, uint64_t client, uint64_t *renewed_ms)
{
    const entry *e = find(awareness, client);
    if (e == NULL || e->state == NULL)
        return false;
    *renewed_ms = e->renewed_ms;
    return true;
}

size_t crdt_awareness_count(const crdt_awareness *awareness)
{
    return awareness->present;
}

uint64_t crdt_awareness_oldest_ms(const crdt_awareness *awareness)
{
    uint64_t oldest_ms = UINT64_MAX;
    for (size_t i = 0; i < awareness->count; i++) {
        const entry *e = &awareness->entries[i];
        if (e->state != NULL && e->renewed_ms < oldest_ms)
            oldest_ms = e->renewed_ms;
    }
    return oldest_ms;
}

/* ---- taking away ---- */

crdt_err crdt_awareness_remove(crdt_awareness *awareness, uint64_t client, uint64_t now_ms,
                               crdt_buf *changed)
{
    entry *e = find(awareness, client);
    if (e == NULL || e->state == NULL)
        return CRDT_OK;
    crdt__writer w = crdt__writer_on(changed);
    crdt__write_varuint(&w, 1);
    write_entry(&w, e->client, e->clock, null_text);
    crdt_err err = crdt__writer_finish(&w);
    if (err != CRDT_OK)
        return err;
    drop_state(awareness, e);
    e->renewed_ms = now_ms;
    return CRDT_OK;
}

static bool expired(const entry *e, uint64_t older_than_ms)
{
    return e->state != NULL && e->renewed_ms < older_than_ms;
}

static crdt_err write_expired(const crdt_awareness *aw, uint64_t older_than_ms, crdt_buf *changed)
{
    uint64_t count = 0;
    for (size_t i = 0; i < aw->count; i++)
        count += expired(&aw->entries[i], older_than_ms) ? 1 : 0;
    crdt__writer w = crdt__writer_on(changed);
    if (count > 0)
        crdt__write_varuint(&w, count);
    for (size_t i = 0; i < aw->count; i++)
        if (expired(&aw->entries[i], older_than_ms))
            write_entry(&w, aw->entries[i].client, aw->entries[i].clock, null_text);
    return crdt__writer_finish(&w);
}

crdt_err crdt_awareness_expire(crdt_awareness *awareness, uint64_t older_than_ms, uint64_t now_ms,
                               crdt_buf *changed)
{
    crdt_err err = write_expired(awareness, older_than_ms, changed);
    if (err != CRDT_OK)
        return err;
    for (size_t i = 0; i < awareness->count; i++) {
        entry *e = &awareness->entries[i];
        if (!expired(e, older_than_ms))
            continue;
        drop_state(awareness, e);
        e->renewed_ms = now_ms;
    }
    forget_long_gone(awareness, now_ms);
    return CRDT_OK;
}
