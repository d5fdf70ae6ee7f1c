#include "wire/schedule.h"

#include <stdlib.h>

#include "core/integrate.h"
#include "wire/encoder.h"

/* One client's part of the update. */
typedef struct section {
    crdt__section at;     /* the next struct to be read */
    crdt__section before; /* where the last one read began */
    uint64_t client;
    uint64_t reached; /* dry run: the client's next clock as it would be */
    size_t parked_at; /* its place in the rest, counted from 1; 0: not parked */
    bool gone;        /* parked, or replaced by a later section of the same client */
} section;

/* A parked client: the rest of its section from `from` on, or one struct alone. */
typedef struct parked {
    uint64_t client;
    crdt__section from;
    crdt__wstruct alone;
    bool is_alone;
} parked;

typedef enum run_mode { RUN_WET, RUN_DRY } run_mode;

typedef struct scheduler {
    crdt_doc *doc;
    run_mode mode;
    section *sections; /* by client, ascending */
    size_t section_count;
    size_t current; /* sections from here up are done */
    crdt__wstruct *stack;
    size_t stack_count;
    size_t stack_cap;
    parked *rest;
    size_t rest_count;
    size_t rest_cap;
    bool ok;
} scheduler;

/* ---- sections ---- */

static int compare_sections(const void *a, const void *b)
{
    const section *x = a;
    const section *y = b;
    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    /* The same client again: in the order of the update, which is the order of their bytes. */
    return x->at.r.pos < y->at.r.pos ? -1 : 1;
}

static void open_sections(scheduler *run, crdt_bytes update)
{
    crdt__reader r = crdt__reader_of(update);
    crdt__read_varuint(&r);
    for (size_t i = 0; i < run->section_count; i++) {
        crdt__section at = crdt__section_open(&r);
        run->sections[i] = (section){.at = at, .client = at.next.client};
        if (run->mode == RUN_DRY)
            run->sections[i].reached = crdt__doc_state(run->doc, at.next.client);
        if (i + 1 < run->section_count) {
            crdt__wstruct skipped;
            while (at.left)
                crdt__section_next(&at, &skipped);
            r = at.r;
        }
    }
    if (run->section_count < 2)
        return;
    qsort(run->sections, run->section_count, sizeof(*run->sections), compare_sections);
    /* Of two sections of one client Yjs keeps the later one. */
    for (size_t i = 0; i + 1 < run->section_count; i++)
        if (run->sections[i].client == run->sections[i + 1].client)
            run->sections[i].gone = true;
}

static section *find_section(const scheduler *run, uint64_t client)
{
    size_t low = 0;
    size_t high = run->section_count;
    while (low < high) { /* the last one of the client: those before it are gone */
        size_t mid = (low + high) / 2;
        if (run->sections[mid].client <= client)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == 0 || run->sections[low - 1].client != client)
        return NULL;
    return &run->sections[low - 1];
}

static bool has_more(const section *s)
{
    return s && !s->gone && s->at.left > 0;
}

static void read_next(section *s, crdt__wstruct *out)
{
    s->before = s->at;
    crdt__section_next(&s->at, out);
}

/* ---- states ---- */

static uint64_t state_of(void *ctx, uint64_t client)
{
    scheduler *run = ctx;
    if (run->mode == RUN_DRY) {
        const section *s = find_section(run, client);
        if (s)
            return s->reached;
    }
    return crdt__doc_state(run->doc, client);
}

static void note_missing(scheduler *run, uint64_t client, uint64_t clock)
{
    if (run->mode == RUN_DRY)
        return;
    crdt__u64map *missing = &run->doc->pending.missing;
    const uint64_t *known = crdt__u64map_find(missing, client);
    if (!known || clock < *known)
        run->ok = run->ok && crdt__u64map_put(missing, client, clock);
}

/* ---- the stack ---- */

static void push(scheduler *run, const crdt__wstruct *head)
{
    if (!crdt__budget_reserve(&run->doc->budget, &run->stack, &run->stack_cap, run->stack_count + 1,
                              sizeof(*run->stack))) {
        run->ok = false;
        return;
    }
    run->stack[run->stack_count++] = *head;
}

/* Puts the rest of a client aside, in place of what was put aside of it before. */
static void set_rest(scheduler *run, section *s, const parked *entry)
{
    if (s->parked_at) {
        run->rest[s->parked_at - 1] = *entry;
        return;
    }
    if (!crdt__budget_reserve(&run->doc->budget, &run->rest, &run->rest_cap, run->rest_count + 1,
                              sizeof(*run->rest))) {
        run->ok = false;
        return;
    }
    run->rest[run->rest_count++] = *entry;
    s->parked_at = run->rest_count;
}

/* Everything on the stack waits for something that this update does not bring: each client with all
 * that follows is put aside. */
static void park(scheduler *run)
{
    for (size_t i = 0; i < run->stack_count; i++) {
        const crdt__wstruct *ws = &run->stack[i];
        section *s = find_section(run, ws->id.client);
        parked entry = {.client = ws->id.client, .is_alone = true, .alone = *ws};
        if (!s->gone) {
            entry.is_alone = false;
            entry.from = s->before;
            s->gone = true;
        }
        set_rest(run, s, &entry);
    }
    run->stack_count = 0;
}

/* ---- the loop ---- */

static bool next_head(scheduler *run, crdt__wstruct *head)
{
    if (run->stack_count) {
        *head = run->stack[--run->stack_count];
        return true;
    }
    while (run->current > 0) {
        section *s = &run->sections[run->current - 1];
        if (has_more(s)) {
            read_next(s, head);
            return true;
        }
        run->current--;
    }
    return false;
}

static void integrate(scheduler *run, const crdt__wstruct *head, uint64_t offset,
                      const crdt__place *place)
{
    if (run->mode == RUN_DRY) {
        section *s = find_section(run, head->id.client);
        if (s)
            s->reached = head->id.clock + head->len;
    } else {
        run->ok = crdt__integrate(run->doc, head, offset, *place);
    }
}

/* Deals with one struct. True if *head was replaced by one that must go first. */
static bool step(scheduler *run, crdt__wstruct *head)
{
    if (head->kind == CRDT__SKIP)
        return false;
    uint64_t state = state_of(run, head->id.client);
    if (head->id.clock > state) {
        push(run, head);
        note_missing(run, head->id.client, head->id.clock - 1);
        park(run);
        return false;
    }
    uint64_t missing;
    if (head->kind != CRDT__GC && crdt__integrate_missing(head, state_of, run, &missing)) {
        section *s = find_section(run, missing);
        push(run, head);
        if (has_more(s)) {
            read_next(s, head);
            return true;
        }
        note_missing(run, missing, state_of(run, missing));
        park(run);
        return false;
    }
    crdt__place place = {0};
    if (run->mode == RUN_WET && head->kind != CRDT__GC)
        run->ok = crdt__integrate_resolve(run->doc, head, &place);
    uint64_t offset = state - head->id.clock;
    if (run->ok && (offset == 0 || offset < head->len))
        integrate(run, head, offset, &place);
    return false;
}

static void execute(scheduler *run)
{
    crdt__wstruct head;
    while (run->ok && next_head(run, &head))
        while (step(run, &head) && run->ok)
            ;
}

/* One section, the common case, needs no memory beside the struct itself. */
static bool begin(scheduler *run, section *single, crdt_bytes update, const crdt__v1_shape *shape)
{
    run->section_count = run->current = (size_t)shape->sections;
    run->sections = single;
    if (run->section_count > 1)
        run->sections = crdt__budget_resize(&run->doc->budget, NULL, 0,
                                            run->section_count * sizeof(*run->sections));
    run->ok = run->sections != NULL;
    if (run->ok)
        open_sections(run, update);
    return run->ok;
}

static void end(scheduler *run, const section *single)
{
    crdt__budget *budget = &run->doc->budget;
    if (run->sections != single)
        crdt__budget_release(budget, run->sections, run->section_count * sizeof(*run->sections));
    crdt__budget_release(budget, run->stack, run->stack_cap * sizeof(*run->stack));
    crdt__budget_release(budget, run->rest, run->rest_cap * sizeof(*run->rest));
}

/* ---- the rest ---- */

static int compare_parked_descending(const void *a, const void *b)
{
    uint64_t x = ((const parked *)a)->client;
    uint64_t y = ((const parked *)b)->client;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void write_parked(scheduler *run, const crdt__wstruct *ws, crdt__encoder *enc,
                         crdt__rest *rest)
{
    crdt__idset *waiting = &run->doc->pending.structs;
    crdt__encode_struct(enc, ws, 0);
    if (ws->kind == CRDT__SKIP || !run->ok)
        return;
    if (!crdt__idset_contains_range(waiting, ws->id.client, ws->id.clock, ws->len))
        rest->is_new = true;
}

static bool note_waiting(scheduler *run)
{
    crdt__pending *p = &run->doc->pending;
    crdt__idset *waiting = &p->structs;
    for (size_t i = 0; i < run->rest_count; i++) {
        const parked *entry = &run->rest[i];
        crdt__section from = entry->from;
        crdt__wstruct ws = entry->alone;
        for (bool more = entry->is_alone || from.left > 0; more;
             more = !entry->is_alone && from.left > 0) {
            if (!entry->is_alone)
                crdt__section_next(&from, &ws);
            if (ws.kind == CRDT__SKIP)
                continue;
            if (!crdt__idset_add(waiting, ws.id.client, ws.id.clock, ws.len))
                return false;
            p->units += ws.len;
            p->has_gc = p->has_gc || ws.kind == CRDT__GC;
            p->has_halves = p->has_halves || ws.halves;
        }
    }
    return crdt__idset_normalize(waiting);
}

static bool encode_rest(scheduler *run, crdt__rest *rest)
{
    if (!run->rest_count)
        return true;
    qsort(run->rest, run->rest_count, sizeof(*run->rest), compare_parked_descending);
    rest->update.mem = run->doc->budget.mem;
    const crdt__idset no_deletes = {0};
    crdt__encoder enc;
    crdt__encoder_init(&enc, CRDT__EXTENDED, &rest->update);
    crdt__encode_count(&enc, run->rest_count);
    for (size_t i = 0; i < run->rest_count; i++) {
        const parked *entry = &run->rest[i];
        crdt__section from = entry->from;
        crdt__wstruct ws = entry->alone;
        crdt__encode_section(&enc, entry->is_alone ? 1 : from.left,
                             entry->is_alone ? ws.id : from.next);
        if (entry->is_alone)
            write_parked(run, &ws, &enc, rest);
        while (!entry->is_alone && from.left > 0) {
            crdt__section_next(&from, &ws);
            write_parked(run, &ws, &enc, rest);
        }
    }
    crdt__encode_deletes(&enc, &no_deletes);
    return crdt__encoder_finish(&enc) == CRDT_OK && (!rest->is_new || note_waiting(run));
}

bool crdt__schedule(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape, crdt__rest *rest)
{
    *rest = (crdt__rest){0};
    if (shape->sections == 0)
        return true;
    scheduler run = {.doc = doc, .mode = RUN_WET};
    section single;
    if (begin(&run, &single, update, shape))
        execute(&run);
    bool ok = run.ok && encode_rest(&run, rest);
    end(&run, &single);
    return ok;
}

/* True if the delete set speaks of clocks that are not known when the structs are in. */
static bool deletes_ahead(scheduler *run, crdt_bytes ds)
{
    crdt__reader r = crdt__reader_of(ds);
    for (uint64_t clients = crdt__read_varuint(&r); clients > 0; clients--) {
        uint64_t state = state_of(run, crdt__read_varuint(&r));
        for (uint64_t ranges = crdt__read_varuint(&r); ranges > 0; ranges--) {
            uint64_t clock = crdt__read_varuint(&r);
            if (clock + crdt__read_varuint(&r) > state)
                return true;
        }
    }
    return false;
}

bool crdt__schedule_leaves_rest(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                                bool *ok)
{
    scheduler run = {.doc = doc, .mode = RUN_DRY, .ok = true};
    section single;
    run.sections = &single;
    if (shape->sections > 0 && begin(&run, &single, update, shape))
        execute(&run);
    bool leaves = run.rest_count > 0 || (run.ok && deletes_ahead(&run, shape->ds));
    *ok = run.ok;
    end(&run, &single);
    return leaves;
}
