#include "twins.h"

#include <stdlib.h>
#include <string.h>

#include "core/doc.h"
#include "rng.h"
#include "twin.h"

enum { REPLICAS_MAX = 4, LOG_MAX = 256, UNITS_MAX = 1500 };

/* One update that a replica made, and what it means to a twin: a run, or a deletion. */
typedef struct entry {
    crdt_buf update;
    bool is_delete;
    twin_run run;
    wm_id deleted_id;
    uint64_t deleted_len;
} entry;

typedef struct replica {
    uint64_t client;
    uint64_t clock;
    wm_id caret; /* the unit typed last */
    crdt_doc *doc;
    twin twin;
    bool received[LOG_MAX]; /* by the document */
    bool taken[LOG_MAX];    /* by the twin, which takes only what it can place */
} replica;

typedef struct program {
    crdt_bytes bytes;
    replica replicas[REPLICAS_MAX];
    size_t replica_count;
    entry log[LOG_MAX];
    size_t log_count;
    size_t unit_count;
    const char *wrong;
} program;

static uint8_t next_byte(program *p)
{
    if (p->bytes.len == 0)
        return 0;
    p->bytes.len--;
    return *p->bytes.data++;
}

static size_t next_below(program *p, size_t limit)
{
    return limit <= 256 ? next_byte(p) % limit
                        : (next_byte(p) * (size_t)256 + next_byte(p)) % limit;
}

static void expect(program *p, bool holds, const char *otherwise)
{
    if (!holds && !p->wrong)
        p->wrong = otherwise;
}

/* ---- the document against the twin ---- */

/* Walks one list of the document beside the twin's. `ref` is its first item. */
static bool same_list(const crdt_doc *doc, crdt__ref ref, const twin_list *list)
{
    size_t at = 0;
    for (; ref; ref = crdt__item_at(doc, ref)->right) {
        const crdt__item *it = crdt__item_at(doc, ref);
        uint64_t client = doc->clients[it->client].id;
        for (uint64_t i = 0; i < crdt__item_len(it); i++, at++) {
            if (at >= list->count)
                return false;
            const twin_unit *unit = &list->units[at];
            if (unit->id.client != client || unit->id.clock != it->clock + i ||
                unit->deleted != (it->deleted != 0))
                return false;
        }
    }
    return at == list->count;
}

static crdt__ref first_of_key(const crdt_doc *doc, crdt__ref newest)
{
    while (newest && crdt__item_at(doc, newest)->left)
        newest = crdt__item_at(doc, newest)->left;
    return newest;
}

static bool same_as_twin(crdt_doc *doc, const twin *t)
{
    crdt__ref text = crdt__doc_root(doc, (crdt_bytes){(const uint8_t *)"t", 1});
    crdt__ref map = crdt__doc_root(doc, (crdt_bytes){(const uint8_t *)"m", 1});
    if (!same_list(doc, crdt__type_at(&doc->objects, text)->start, &t->lists[TWIN_TEXT]))
        return false;
    for (size_t i = 1; i < TWIN_LISTS; i++) {
        const uint8_t name[1] = {(uint8_t)('0' + i)};
        uint32_t key = crdt__doc_name(doc, (crdt_bytes){name, 1});
        crdt__ref newest = crdt__type_get(&doc->objects, crdt__type_at(&doc->objects, map), key);
        if (!same_list(doc, first_of_key(doc, newest), &t->lists[i]))
            return false;
    }
    return true;
}

static void check_replica(program *p, replica *r)
{
    const char *broken = crdt_doc_check(r->doc);
    expect(p, !broken, broken);
    if (crdt_doc_pending(r->doc))
        return;
    for (size_t i = 0; i < p->log_count; i++)
        expect(p, r->received[i] == r->taken[i], "nothing waits, yet the twin lacks something");
    expect(p, same_as_twin(r->doc, &r->twin), "the document and its twin differ");
}

/* ---- delivering ---- */

/* Lets the twin have whatever of the received it can place by now. */
static void catch_up(program *p, replica *r)
{
    for (bool progress = true; progress;) {
        progress = false;
        for (size_t i = 0; i < p->log_count; i++) {
            const entry *e = &p->log[i];
            if (!r->received[i] || r->taken[i])
                continue;
            r->taken[i] = e->is_delete ? twin_delete(&r->twin, e->deleted_id, e->deleted_len)
                                       : twin_insert(&r->twin, &e->run);
            progress = progress || r->taken[i];
        }
    }
}

static void apply(program *p, replica *r, crdt_bytes update)
{
    crdt_applied applied = {0};
    expect(p, crdt_doc_apply(r->doc, CRDT_V1, update, &applied) == CRDT_OK,
           "a good update is refused");
    expect(p, applied.pending == crdt_doc_pending(r->doc), "apply is wrong about what waits");
    catch_up(p, r);
    check_replica(p, r);
}

static crdt_bytes update_of(const entry *e)
{
    return (crdt_bytes){e->update.data, e->update.len};
}

static void deliver(program *p, replica *r, size_t i)
{
    r->received[i] = true;
    apply(p, r, update_of(&p->log[i]));
}

/* A few updates as one. */
static void deliver_merged(program *p, replica *r, size_t first)
{
    enum { GROUP_MAX = 4 };
    crdt_bytes group[GROUP_MAX];
    size_t count = 0;
    size_t step = 1 + next_below(p, 3);
    for (size_t i = first; i < p->log_count && count < GROUP_MAX; i += step) {
        group[count++] = update_of(&p->log[i]);
        r->received[i] = true;
    }
    crdt_buf merged = {0};
    expect(p, crdt_update_merge(CRDT_V1, group, count, &merged) == CRDT_OK,
           "good updates do not merge");
    apply(p, r, (crdt_bytes){merged.data, merged.len});
    crdt_buf_free(&merged);
}

/* What `from` has and `to` lacks, what waits there included. */
static void deliver_difference(program *p, replica *to, replica *from)
{
    crdt_buf sv = {0};
    crdt_buf update = {0};
    expect(p, crdt_doc_encode_state_vector(to->doc, &sv) == CRDT_OK, "no state vector");
    expect(p,
           crdt_doc_encode_state(from->doc, CRDT_V1, (crdt_bytes){sv.data, sv.len}, &update) ==
               CRDT_OK,
           "no difference");
    for (size_t i = 0; i < p->log_count; i++)
        to->received[i] = to->received[i] || from->received[i];
    apply(p, to, (crdt_bytes){update.data, update.len});
    crdt_buf_free(&sv);
    crdt_buf_free(&update);
}

/* ---- editing ---- */

static entry *new_entry(program *p)
{
    return p->log_count < LOG_MAX ? &p->log[p->log_count] : NULL;
}

static void send(program *p, replica *r)
{
    size_t i = p->log_count++;
    deliver(p, r, i);
}

static void insert_run(program *p, replica *r, entry *e)
{
    static const char *const keys[TWIN_LISTS] = {NULL, "1", "2", "3"};
    const twin_run *run = &e->run;
    const bool is_text = run->list == TWIN_TEXT;
    wm_item item = {.kind = is_text ? WM_STRING : WM_ANY,
                    .origin = run->has_origin ? &run->origin : NULL,
                    .right = run->has_right ? &run->right : NULL,
                    .root = is_text ? "t" : "m",
                    .sub = keys[run->list],
                    .text = &"abcdefgh"[8 - run->len],
                    .len = run->len};
    wm_one(&e->update, run->id, &item);
    e->is_delete = false;
    p->unit_count += (size_t)run->len;
    r->clock += run->len;
    send(p, r);
}

/* Text goes between two neighbours, as an editor puts it; often behind what was typed last. */
static void insert_text(program *p, replica *r, bool at_caret)
{
    entry *e = new_entry(p);
    const twin_list *text = &r->twin.lists[TWIN_TEXT];
    size_t place;
    if (at_caret && twin_find(&r->twin, TWIN_TEXT, r->caret, &place))
        place++;
    else
        place = next_below(p, text->count + 1);
    uint64_t len = 1 + next_below(p, 6);
    if (!e || p->unit_count + len > UNITS_MAX)
        return;
    e->run = (twin_run){.id = {r->client, r->clock}, .len = len, .list = TWIN_TEXT};
    e->run.has_origin = place > 0;
    e->run.has_right = place < text->count;
    if (e->run.has_origin)
        e->run.origin = text->units[place - 1].id;
    if (e->run.has_right)
        e->run.right = text->units[place].id;
    r->caret = (wm_id){r->client, r->clock + len - 1};
    insert_run(p, r, e);
}

/* A value goes behind the newest one of its key. */
static void set_key(program *p, replica *r)
{
    entry *e = new_entry(p);
    size_t list = 1 + next_below(p, TWIN_LISTS - 1);
    const twin_list *values = &r->twin.lists[list];
    if (!e || p->unit_count == UNITS_MAX)
        return;
    e->run = (twin_run){.id = {r->client, r->clock}, .len = 1, .list = list};
    e->run.has_origin = values->count > 0;
    if (e->run.has_origin)
        e->run.origin = values->units[values->count - 1].id;
    insert_run(p, r, e);
}

/* Units of one client in a row, as far as they go, whether deleted already or not. */
static void delete_some(program *p, replica *r)
{
    entry *e = new_entry(p);
    size_t list = next_below(p, 4) > 0 ? TWIN_TEXT : 1 + next_below(p, TWIN_LISTS - 1);
    const twin_list *l = &r->twin.lists[list];
    if (!e || l->count == 0)
        return;
    size_t place = list == TWIN_TEXT ? next_below(p, l->count) : l->count - 1;
    uint64_t wanted = list == TWIN_TEXT ? 1 + next_below(p, 12) : 1;
    e->is_delete = true;
    e->deleted_id = l->units[place].id;
    e->deleted_len = 1;
    size_t found;
    while (e->deleted_len < wanted &&
           twin_find(&r->twin, list,
                     (wm_id){e->deleted_id.client, e->deleted_id.clock + e->deleted_len}, &found))
        e->deleted_len++;
    wm_delete(&e->update, e->deleted_id, e->deleted_len);
    send(p, r);
}

/* ---- the program ---- */

static size_t pick_entry(program *p)
{
    return next_below(p, p->log_count);
}

static void step(program *p)
{
    replica *r = &p->replicas[next_below(p, p->replica_count)];
    uint8_t what = next_byte(p) % 16;
    if (what < 6)
        insert_text(p, r, what < 3);
    else if (what < 8)
        set_key(p, r);
    else if (what < 10)
        delete_some(p, r);
    else if (p->log_count == 0)
        return;
    else if (what < 13)
        deliver(p, r, pick_entry(p));
    else if (what < 15)
        deliver_merged(p, r, pick_entry(p));
    else
        deliver_difference(p, r, &p->replicas[next_below(p, p->replica_count)]);
}

/* Everybody hears everything, each in another order. */
static void settle(program *p)
{
    for (size_t k = 0; k < p->replica_count; k++) {
        for (size_t i = 0; i < p->log_count; i++) {
            size_t at = k % 2 ? p->log_count - 1 - i : i;
            if (!p->replicas[k].received[at])
                deliver(p, &p->replicas[k], at);
        }
        expect(p, !crdt_doc_pending(p->replicas[k].doc), "something waits for ever");
    }
}

/* A new document made of a replica's state is like the replica. */
static void check_reloaded(program *p, replica *r)
{
    crdt_buf state = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    expect(p, doc && crdt_doc_encode_state(r->doc, CRDT_V1, (crdt_bytes){0}, &state) == CRDT_OK,
           "no state");
    expect(p, crdt_doc_apply(doc, CRDT_V1, (crdt_bytes){state.data, state.len}, NULL) == CRDT_OK,
           "a state is refused");
    expect(p, same_as_twin(doc, &r->twin), "a reloaded document and the twin differ");
    crdt_buf_free(&state);
    crdt_doc_free(doc);
}

static void check_alike(program *p)
{
    const twin *first = &p->replicas[0].twin;
    for (size_t k = 0; k < p->replica_count; k++) {
        expect(p, same_as_twin(p->replicas[k].doc, first), "two replicas differ in the end");
        check_reloaded(p, &p->replicas[k]);
    }
}

const char *twins_run(crdt_bytes bytes)
{
    static const uint64_t clients[REPLICAS_MAX] = {7, 3, UINT64_C(4294967301), 200};
    program *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->bytes = bytes;
    uint8_t shape = next_byte(p);
    p->replica_count = 2 + shape % (REPLICAS_MAX - 1);
    for (size_t k = 0; k < p->replica_count; k++) {
        crdt_doc_options options = {.gc = shape >> 4 & (1u << k) ? CRDT_GC_OFF : CRDT_GC_ON};
        p->replicas[k].client = clients[k];
        p->replicas[k].doc = crdt_doc_new(&options);
    }
    while (p->bytes.len > 0 && !p->wrong)
        step(p);
    if (!p->wrong)
        settle(p);
    if (!p->wrong)
        check_alike(p);
    for (size_t k = 0; k < p->replica_count; k++) {
        crdt_doc_free(p->replicas[k].doc);
        twin_free(&p->replicas[k].twin);
    }
    for (size_t i = 0; i < LOG_MAX; i++)
        crdt_buf_free(&p->log[i].update);
    const char *wrong = p->wrong;
    free(p);
    return wrong;
}

/* ---- strangers ---- */

/* Gives a run the neighbours that lie before `left` and at `right`, or none at the ends. */
static void place_between(const twin_list *text, size_t left, size_t right, twin_run *run)
{
    run->has_origin = left > 0;
    run->has_right = right < text->count;
    if (run->has_origin)
        run->origin = text->units[left - 1].id;
    if (run->has_right)
        run->right = text->units[right].id;
}

/* Two neighbours that are there, one before the other, or none on either side. */
static void place_anywhere(const twin_list *text, rng *random, twin_run *run)
{
    size_t left = rng_below(random, text->count + 1);
    place_between(text, left, left + rng_below(random, text->count + 1 - left), run);
}

const char *strangers_run(uint64_t seed)
{
    enum { RUNS = 60, CHAIN = 150, CHAIN_EVERY = 5, CLIENTS = 6, RUN_LEN_MAX = 4 };
    rng random = {seed};
    int chain = seed % CHAIN_EVERY == 0 ? CHAIN : 0; /* clients who append to each other's text */
    twin t = {0};
    const twin_list *text = &t.lists[TWIN_TEXT];
    uint64_t clocks[CLIENTS] = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf update = {0};
    const char *wrong = doc ? NULL : "out of memory";
    for (int i = 0; i < chain + RUNS && !wrong; i++) {
        uint64_t client = i < chain ? (uint64_t)i % CLIENTS : rng_below(&random, CLIENTS);
        twin_run run = {.id = {client, clocks[client]}, .len = 1 + rng_below(&random, RUN_LEN_MAX)};
        if (i < chain)
            place_between(text, text->count, text->count, &run);
        else
            place_anywhere(text, &random, &run);
        wm_item item = {.kind = WM_STRING,
                        .origin = run.has_origin ? &run.origin : NULL,
                        .right = run.has_right ? &run.right : NULL,
                        .root = "t",
                        .text = &"abcd"[RUN_LEN_MAX - run.len]};
        clocks[client] += run.len;
        if (crdt_doc_apply(doc, CRDT_V1, wm_one(&update, run.id, &item), NULL) != CRDT_OK ||
            !twin_insert(&t, &run))
            wrong = "a good update is refused";
        else if ((wrong = crdt_doc_check(doc)) == NULL && !same_as_twin(doc, &t))
            wrong = "the document and its twin differ";
    }
    crdt_buf_free(&update);
    crdt_doc_free(doc);
    twin_free(&t);
    return wrong;
}
