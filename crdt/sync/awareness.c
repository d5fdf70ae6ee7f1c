/* Presence: what y-protocols/awareness.js keeps. The own state, and what is done to it, is own.c's.
 */
#include "sync/awareness.h"

#include <stdlib.h>

#include "base/deep.h"
#include "base/json.h"

/* How long the clock of a client that left is remembered. Echoes of its states have died away long
 * before. */
#define REMEMBERED_MS UINT64_C(600000)
/* Room for the number of entries before them. */
#define HEAD_LEN_MAX CRDT__VARUINT_LEN_MAX
/* Room for the client and the clock of one entry, and the length of its state. */
#define ENTRY_HEAD_LEN_MAX ((size_t)3 * CRDT__VARUINT_LEN_MAX)

crdt_awareness *crdt_awareness_new(const crdt_mem *mem)
{
    crdt_awareness *aw = crdt__resize(mem, NULL, 0, sizeof *aw);
    if (aw != NULL)
        *aw = (crdt_awareness){.mem = mem};
    return aw;
}

static void drop_state(crdt_awareness *aw, crdt__person *person)
{
    if (person->state == NULL)
        return;
    crdt__release(aw->mem, person->state, person->state_len);
    aw->state_bytes -= person->state_len;
    aw->present--;
    person->state = NULL;
    person->state_len = 0;
}

void crdt_awareness_free(crdt_awareness *awareness)
{
    if (awareness == NULL)
        return;
    for (size_t i = 0; i < awareness->count; i++)
        drop_state(awareness, &awareness->people[i]);
    crdt__release(awareness->mem, awareness->people, awareness->cap * sizeof *awareness->people);
    crdt__release(awareness->mem, awareness->changes,
                  awareness->change_cap * sizeof *awareness->changes);
    crdt__release(awareness->mem, awareness, sizeof *awareness);
}

/* ---- people ---- */

/* The first one whose client is not smaller. */
static size_t lower_bound(const crdt__person *people, size_t count, uint64_t client)
{
    size_t low = 0;
    for (size_t high = count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (people[mid].client < client)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

crdt__person *crdt__awareness_find(const crdt_awareness *aw, uint64_t client)
{
    size_t at = lower_bound(aw->people, aw->count, client);
    return at < aw->count && aw->people[at].client == client ? &aw->people[at] : NULL;
}

static bool forgettable(const crdt_awareness *aw, const crdt__person *person, uint64_t now_ms)
{
    return person->state == NULL && person->renewed_ms + REMEMBERED_MS < now_ms &&
           !crdt__awareness_is_own(aw, person->client);
}

static void forget_long_gone(crdt_awareness *aw, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < aw->count; i++)
        if (!forgettable(aw, &aw->people[i], now_ms))
            aw->people[kept++] = aw->people[i];
    aw->count = kept;
}

/* If there could be too many with so many more, those that left long ago are forgotten. */
static void make_room(crdt_awareness *aw, uint64_t more, uint64_t now_ms)
{
    if (more > CRDT_AWARENESS_CLIENTS_MAX - aw->count)
        forget_long_gone(aw, now_ms);
}

static bool reserve_people(crdt_awareness *aw, size_t more)
{
    if (aw->cap - aw->count >= more)
        return true;
    size_t cap = aw->cap * 2 > aw->count + more ? aw->cap * 2 : aw->count + more;
    crdt__person *people =
        crdt__resize(aw->mem, aw->people, aw->cap * sizeof *people, cap * sizeof *people);
    if (people == NULL)
        return false;
    aw->people = people;
    aw->cap = cap;
    return true;
}

static bool reserve_changes(crdt_awareness *aw, size_t count)
{
    if (aw->change_cap >= count)
        return true;
    size_t cap = aw->change_cap * 2 > count ? aw->change_cap * 2 : count;
    crdt_presence_change *changes =
        crdt__resize(aw->mem, aw->changes, aw->change_cap * sizeof *changes, cap * sizeof *changes);
    if (changes == NULL)
        return false;
    aw->changes = changes;
    aw->change_cap = cap;
    return true;
}

crdt_err crdt__awareness_reserve(crdt_awareness *aw, size_t people, size_t changes, uint64_t now_ms)
{
    aw->change_count = 0;
    make_room(aw, people, now_ms);
    if (aw->count + people > CRDT_AWARENESS_CLIENTS_MAX)
        return CRDT_LIMIT;
    return reserve_people(aw, people) && reserve_changes(aw, changes) ? CRDT_OK : CRDT_NO_MEMORY;
}

crdt__person *crdt__awareness_add(crdt_awareness *aw, uint64_t client)
{
    size_t at = lower_bound(aw->people, aw->count, client);
    crdt__person *person = &aw->people[at];
    memmove(person + 1, person, (aw->count - at) * sizeof *person);
    aw->count++;
    *person = (crdt__person){.client = client};
    return person;
}

void crdt__awareness_note(crdt_awareness *aw, uint64_t client, crdt_presence what)
{
    aw->changes[aw->change_count++] = (crdt_presence_change){client, what};
}

void crdt__awareness_put(crdt_awareness *aw, crdt__person *person, uint8_t *state, size_t state_len)
{
    drop_state(aw, person);
    if (state == NULL)
        return;
    person->state = state;
    person->state_len = state_len;
    aw->state_bytes += state_len;
    aw->present++;
}

crdt_presence crdt__awareness_compare(const crdt_awareness *aw, const crdt__person *person,
                                      crdt_bytes state)
{
    return person->state != NULL && crdt__json_equal(crdt__person_state(person), state, aw->mem)
               ? CRDT_PRESENCE_RENEWED
               : CRDT_PRESENCE_CHANGED;
}

void crdt__awareness_write_person(crdt__writer *w, uint64_t client, uint64_t clock, crdt_bytes json)
{
    crdt__write_varuint(w, client);
    crdt__write_varuint(w, clock);
    crdt__write_varbytes(w, json);
}

bool crdt_awareness_next_change(const crdt_awareness *awareness, size_t *cursor,
                                crdt_presence_change *out)
{
    if (*cursor >= awareness->change_count)
        return false;
    *out = awareness->changes[(*cursor)++];
    return true;
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
    bool is_new;   /* the client had no entry; of a client's, the first */
    bool heard;    /* accepted, and something others must hear of */
    bool kept;     /* somebody takes the own state away, and it stays */
} staged;

typedef struct stage {
    staged *items;
    size_t count;
    size_t cap;
    staged **newcomers;    /* those that are new */
    size_t newcomer_count; /* with more than one of a client until they are added */
    size_t newcomer_cap;
    size_t bytes; /* of copies */
} stage;

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool crdt__awareness_is_null(crdt_bytes json)
{
    while (json.len > 0 && is_space(json.data[0]))
        json = (crdt_bytes){json.data + 1, json.len - 1};
    while (json.len > 0 && is_space(json.data[json.len - 1]))
        json.len--;
    return crdt__bytes_equal(json, crdt__null_text);
}

static message_entry read_entry(crdt__reader *r)
{
    message_entry told = {.client = crdt__read_varuint(r)};
    told.clock = crdt__read_varuint(r);
    told.json = crdt__read_varstring(r);
    if (crdt__json_check(told.json) == CRDT__JSON_INVALID)
        crdt__reader_fail(r);
    told.is_null = crdt__awareness_is_null(told.json);
    return told;
}

static bool check_message(crdt_bytes update)
{
    crdt__reader r = crdt__reader_of(update);
    for (uint64_t left = crdt__read_varuint(&r); left > 0 && r.ok; left--)
        (void)read_entry(&r);
    return crdt__reader_at_end(&r);
}

static uint64_t count_of(crdt_bytes message)
{
    crdt__reader r = crdt__reader_of(message);
    return crdt__read_varuint(&r);
}

static bool accepts(const crdt__person *e, const message_entry *told)
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

static bool stage_push(const crdt_awareness *aw, stage *st, const message_entry *told, bool is_new)
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
    *s = (staged){.told = *told, .is_new = is_new};
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
        const crdt__person *e = crdt__awareness_find(aw, told.client);
        if (!accepts(e, &told))
            continue;
        st->newcomer_count += e == NULL ? 1 : 0;
        if (!stage_push(aw, st, &told, e == NULL))
            return false;
    }
    return true;
}

static void stage_deinit(const crdt_awareness *aw, stage *st)
{
    for (size_t i = 0; i < st->count; i++)
        if (st->items[i].copy != NULL)
            crdt__release(aw->mem, st->items[i].copy, st->items[i].told.json.len);
    crdt__release(aw->mem, st->newcomers, st->newcomer_cap * sizeof *st->newcomers);
    crdt__release(aw->mem, st->items, st->cap * sizeof *st->items);
}

/* ---- newcomers ---- */

/* Lists them; once all is staged, so that nothing moves. */
static bool list_newcomers(const crdt_awareness *aw, stage *st)
{
    if (st->newcomer_count == 0)
        return true;
    st->newcomers = crdt__resize(aw->mem, NULL, 0, st->newcomer_count * sizeof *st->newcomers);
    if (st->newcomers == NULL)
        return false;
    st->newcomer_cap = st->newcomer_count;
    size_t count = 0;
    for (size_t i = 0; i < st->count; i++)
        if (st->items[i].is_new)
            st->newcomers[count++] = &st->items[i];
    return true;
}

static int compare_newcomers(const void *a, const void *b)
{
    const staged *x = *(staged *const *)a;
    const staged *y = *(staged *const *)b;
    if (x->told.client != y->told.client)
        return x->told.client < y->told.client ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Orders them by client. Of those who come several times in one message the first one is new. */
static void order_newcomers(stage *st)
{
    size_t kept = 0;
    if (st->newcomer_count > 1)
        qsort(st->newcomers, st->newcomer_count, sizeof *st->newcomers, compare_newcomers);
    for (size_t i = 0; i < st->newcomer_count; i++) {
        staged *s = st->newcomers[i];
        s->is_new = kept == 0 || st->newcomers[kept - 1]->told.client != s->told.client;
        if (s->is_new)
            st->newcomers[kept++] = s;
    }
    st->newcomer_count = kept;
}

/* Puts them among the people, from behind: so nobody moves more than once. There is room. */
static void add_newcomers(crdt_awareness *aw, stage *st)
{
    order_newcomers(st);
    size_t end = aw->count; /* those behind have moved */
    for (size_t left = st->newcomer_count; left > 0; left--) {
        const uint64_t client = st->newcomers[left - 1]->told.client;
        const size_t at = lower_bound(aw->people, end, client);
        crdt__person *person = &aw->people[at];
        memmove(person + left, person, (end - at) * sizeof *person);
        person[left - 1] = (crdt__person){.client = client};
        end = at;
    }
    aw->count += st->newcomer_count;
}

/* ---- accepting ---- */

/* Everything that may fail; nothing that changes what is known. */
static crdt_err prepare(crdt_awareness *aw, crdt_bytes update, uint64_t now_ms, stage *st)
{
    make_room(aw, count_of(update), now_ms);
    if (!stage_message(aw, update, st) || !list_newcomers(aw, st))
        return CRDT_NO_MEMORY;
    if (aw->state_bytes + st->bytes > CRDT__AWARENESS_BYTES_MAX)
        return CRDT_LIMIT;
    return crdt__awareness_reserve(aw, st->newcomer_count, st->count, now_ms);
}

/* The own state stays, whatever others say, and its clock is raised above theirs. */
static void keep_own(crdt_awareness *aw, crdt__person *person, staged *s)
{
    person->clock = s->told.clock < CRDT_CLOCK_MAX ? s->told.clock + 1 : s->told.clock;
    s->kept = true;
    crdt__awareness_note(aw, person->client, CRDT_PRESENCE_REMOVED);
}

static void accept(crdt_awareness *aw, staged *s, uint64_t now_ms)
{
    crdt__person *person = crdt__awareness_find(aw, s->told.client);
    if (!accepts(person, &s->told))
        return;
    const bool is_known = !s->is_new;
    s->heard = is_known || !s->told.is_null;
    person->clock = s->told.clock;
    person->renewed_ms = now_ms;
    if (s->told.is_null && person->state != NULL && crdt__awareness_is_own(aw, person->client)) {
        keep_own(aw, person, s);
        return;
    }
    if (!s->told.is_null)
        crdt__awareness_note(aw, person->client,
                             is_known ? crdt__awareness_compare(aw, person, s->told.json)
                                      : CRDT_PRESENCE_ADDED);
    else if (is_known)
        crdt__awareness_note(aw, person->client, CRDT_PRESENCE_REMOVED);
    crdt__awareness_put(aw, person, s->copy, s->told.json.len);
    s->copy = NULL;
}

/* What is told of an entry: itself; but that the own state stays, at its new clock. The message may
 * have gone on to change that, which is told then. */
static bool is_told(const crdt_awareness *aw, const staged *s)
{
    if (!s->heard || !s->kept)
        return s->heard;
    return crdt__awareness_find(aw, s->told.client)->clock <= s->told.clock + 1;
}

static void write_told(const crdt_awareness *aw, const staged *s, crdt__writer *w)
{
    const crdt__person *person = s->kept ? crdt__awareness_find(aw, s->told.client) : NULL;
    crdt__awareness_write_person(w, s->told.client, person ? person->clock : s->told.clock,
                                 person ? crdt__person_state(person) : s->told.json);
}

static void write_heard(const crdt_awareness *aw, const stage *st, crdt__writer *w)
{
    uint64_t count = 0;
    for (size_t i = 0; i < st->count; i++)
        count += is_told(aw, &st->items[i]) ? 1 : 0;
    if (count == 0)
        return;
    crdt__write_varuint(w, count);
    for (size_t i = 0; i < st->count; i++)
        if (is_told(aw, &st->items[i]))
            write_told(aw, &st->items[i], w);
}

/* What is told takes no more than the message did, and the own state beside it. */
static size_t heard_len_max(const crdt_awareness *aw, crdt_bytes update)
{
    const crdt__person *own = aw->has_own ? crdt__awareness_find(aw, aw->own) : NULL;
    return HEAD_LEN_MAX + update.len + (own ? own->state_len + ENTRY_HEAD_LEN_MAX : 0);
}

static crdt_err apply(crdt_awareness *aw, crdt_bytes update, uint64_t now_ms, stage *st,
                      crdt_buf *changed)
{
    crdt_err err = prepare(aw, update, now_ms, st);
    if (err != CRDT_OK)
        return err;
    crdt__writer w;
    if (changed != NULL) { /* so that nothing fails from here on */
        w = crdt__writer_on(changed);
        if (st->count > 0 && !crdt__writer_room(&w, heard_len_max(aw, update)))
            return crdt__writer_finish(&w);
    }
    add_newcomers(aw, st);
    for (size_t i = 0; i < st->count; i++)
        accept(aw, &st->items[i], now_ms);
    if (changed == NULL)
        return CRDT_OK;
    write_heard(aw, st, &w);
    return crdt__writer_finish(&w);
}

crdt_err crdt_awareness_apply(crdt_awareness *awareness, crdt_bytes update, uint64_t now_ms,
                              crdt_buf *changed)
{
    awareness->change_count = 0;
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
        const crdt__person *person = &awareness->people[i];
        if (person->state != NULL)
            crdt__awareness_write_person(&w, person->client, person->clock,
                                         crdt__person_state(person));
    }
    return crdt__writer_finish(&w);
}

crdt_err crdt_awareness_encode_clients(const crdt_awareness *awareness, const uint64_t *clients,
                                       size_t count, crdt_buf *out)
{
    uint64_t known = 0;
    for (size_t i = 0; i < count; i++)
        known += crdt__awareness_find(awareness, clients[i]) != NULL;
    crdt__writer w = crdt__writer_on(out);
    if (known > 0)
        crdt__write_varuint(&w, known);
    for (size_t i = 0; i < count; i++) {
        const crdt__person *person = crdt__awareness_find(awareness, clients[i]);
        if (person != NULL)
            crdt__awareness_write_person(&w, person->client, person->clock,
                                         crdt__person_state(person));
    }
    return crdt__writer_finish(&w);
}

bool crdt_awareness_find(const crdt_awareness *awareness, uint64_t client, uint64_t *renewed_ms)
{
    const crdt__person *person = crdt__awareness_find(awareness, client);
    if (person == NULL || person->state == NULL)
        return false;
    *renewed_ms = person->renewed_ms;
    return true;
}

bool crdt_awareness_next(const crdt_awareness *awareness, size_t *cursor, crdt_presence_entry *out)
{
    if (*cursor >= awareness->count)
        return false;
    const crdt__person *person = &awareness->people[(*cursor)++];
    *out = (crdt_presence_entry){.client = person->client,
                                 .clock = person->clock,
                                 .renewed_ms = person->renewed_ms,
                                 .state = {person->state, person->state_len}};
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
        const crdt__person *person = &awareness->people[i];
        if (person->state != NULL && person->renewed_ms < oldest_ms &&
            !crdt__awareness_is_own(awareness, person->client))
            oldest_ms = person->renewed_ms;
    }
    return oldest_ms;
}

/* ---- taking away ---- */

crdt_err crdt_awareness_remove(crdt_awareness *awareness, uint64_t client, uint64_t now_ms,
                               crdt_buf *changed)
{
    awareness->change_count = 0;
    crdt__person *person = crdt__awareness_find(awareness, client);
    if (person == NULL || person->state == NULL)
        return CRDT_OK;
    if (crdt__awareness_is_own(awareness, client))
        return crdt__awareness_set_own(awareness, NULL, now_ms, changed);
    crdt_err err = crdt__awareness_reserve(awareness, 0, 1, now_ms);
    if (err != CRDT_OK)
        return err;
    if (changed != NULL) {
        crdt__writer w = crdt__writer_on(changed);
        crdt__write_varuint(&w, 1);
        crdt__awareness_write_person(&w, client, person->clock, crdt__null_text);
        err = crdt__writer_finish(&w);
        if (err != CRDT_OK)
            return err;
    }
    crdt__awareness_put(awareness, person, NULL, 0);
    person->renewed_ms = now_ms;
    crdt__awareness_note(awareness, client, CRDT_PRESENCE_REMOVED);
    return CRDT_OK;
}

static bool expired(const crdt_awareness *aw, const crdt__person *person, uint64_t older_than_ms)
{
    return person->state != NULL && person->renewed_ms < older_than_ms &&
           !crdt__awareness_is_own(aw, person->client);
}

static crdt_err write_expired(const crdt_awareness *aw, uint64_t older_than_ms, size_t count,
                              crdt_buf *changed)
{
    if (changed == NULL)
        return CRDT_OK;
    crdt__writer w = crdt__writer_on(changed);
    if (count > 0)
        crdt__write_varuint(&w, count);
    for (size_t i = 0; i < aw->count; i++)
        if (expired(aw, &aw->people[i], older_than_ms))
            crdt__awareness_write_person(&w, aw->people[i].client, aw->people[i].clock,
                                         crdt__null_text);
    return crdt__writer_finish(&w);
}

crdt_err crdt_awareness_expire(crdt_awareness *awareness, uint64_t older_than_ms, uint64_t now_ms,
                               crdt_buf *changed)
{
    size_t count = 0;
    for (size_t i = 0; i < awareness->count; i++)
        count += expired(awareness, &awareness->people[i], older_than_ms) ? 1 : 0;
    crdt_err err = crdt__awareness_reserve(awareness, 0, count, now_ms);
    if (err == CRDT_OK)
        err = write_expired(awareness, older_than_ms, count, changed);
    if (err != CRDT_OK)
        return err;
    for (size_t i = 0; i < awareness->count; i++) {
        crdt__person *person = &awareness->people[i];
        if (!expired(awareness, person, older_than_ms))
            continue;
        crdt__awareness_put(awareness, person, NULL, 0);
        person->renewed_ms = now_ms;
        crdt__awareness_note(awareness, person->client, CRDT_PRESENCE_REMOVED);
    }
    forget_long_gone(awareness, now_ms);
    return CRDT_OK;
}
