#include "wire/schedule.h"

#include <stdlib.h>

#include "core/integrate.h"

/* One client's part of the update. */
typedef struct section {
    crdt__section at;     /* the next struct to be read */
    crdt__section before; /* where the last one read began */
    uint64_t client;
    uint64_t reached; /* dry run: the client's next clock as it would be */
    size_t parked_at; /* its place in the rest, counted from 1; 0: not parked */
    bool gone;        /* parked, or replaced by a later section of the same client */
} section;

typedef enum run_mode { RUN_WET, RUN_DRY } run_mode;

/* A struct, and where it stands in the update. */
typedef struct head {
    crdt__section at;
    crdt__wstruct ws;
} head;

typedef struct scheduler {
    crdt_doc *doc;
    run_mode mode;
    section *sections; /* by client, ascending */
    size_t section_count;
    size_t current;       /* sections from here up are done */
    crdt__section *stack; /* structs that need others first */
    size_t stack_count;
    size_t stack_cap;
    crdt__rest *rest;
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

static void read_next(section *s, head *out)
{
    s->before = out->at = s->at;
    crdt__section_next(&s->at, &out->ws);
}

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

/* ---- the stack ---- */

static void push(scheduler *run, const head *h)
{
    if (!crdt__budget_reserve(&run->doc->budget, &run->stack, &run->stack_cap, run->stack_count + 1,
                              sizeof(*run->stack))) {
        run->ok = false;
        return;
    }
    run->stack[run->stack_count++] = h->at;
}

/* Puts the rest of a client aside, in place of what was put aside of it before. */
static void set_rest(scheduler *run, section *s, const crdt__section *from)
{
    crdt__rest *rest = run->rest;
    if (s->parked_at) {
        rest->sections[s->parked_at - 1] = *from;
        return;
    }
    if (!crdt__budget_reserve(&run->doc->budget, &rest->sections, &rest->cap, rest->count + 1,
                              sizeof(*rest->sections))) {
        run->ok = false;
        return;
    }
    rest->sections[rest->count++] = *from;
    s->parked_at = rest->count;
}

static bool is_gap(crdt_id lacked, const crdt__wstruct *ws)
{
    return lacked.client == ws->id.client;
}

/* Notes what the struct on top of the stack lacks: another client, as it stands, or the unit before
 * its own. */
static void note_missing(scheduler *run, crdt_id lacked, const crdt__wstruct *ws)
{
    crdt__rest *rest = run->rest;
    if (!crdt__budget_reserve(&run->doc->budget, &rest->missing, &rest->missing_cap,
                              rest->missing_count + 1, sizeof(*rest->missing))) {
        run->ok = false;
        return;
    }
    if (!is_gap(lacked, ws))
        lacked.clock = state_of(run, lacked.client);
    rest->missing[rest->missing_count++] = lacked;
}

/* Everything on the stack waits for something that this update does not bring: each client with all
 * that follows is put aside; one whose rest is aside already, with this one struct. */
static void park(scheduler *run)
{
    for (size_t i = 0; i < run->stack_count; i++) {
        crdt__section from = run->stack[i];
        section *s = find_section(run, from.next.client);
        if (s->gone)
            from.left = 1;
        else
            from = s->before;
        s->gone = true;
        set_rest(run, s, &from);
    }
    run->stack_count = 0;
}

/* ---- the loop ---- */

static bool next_head(scheduler *run, head *out)
{
    if (run->stack_count) {
        out->at = run->stack[--run->stack_count];
        crdt__section at = out->at;
        crdt__section_next(&at, &out->ws);
        return true;
    }
    while (run->current > 0) {
        section *s = &run->sections[run->current - 1];
        if (has_more(s)) {
            read_next(s, out);
            return true;
        }
        run->current--;
    }
    return false;
}

static void integrate(scheduler *run, const crdt__wstruct *ws)
{
    if (run->mode == RUN_WET) {
        run->ok = crdt__integrate_struct(run->doc, ws, crdt__integrate_parties(run->doc, ws));
        return;
    }
    section *s = find_section(run, ws->id.client);
    if (s && s->reached < ws->id.clock + ws->len)
        s->reached = ws->id.clock + ws->len;
}

/* Deals with one struct. True if it was replaced by one that must go first. */
static bool step(scheduler *run, head *h)
{
    run->doc->work++;
    if (h->ws.kind == CRDT__SKIP)
        return false;
    crdt_id lacked;
    if (!crdt__integrate_lacks(&h->ws, state_of, run, &lacked)) {
        integrate(run, &h->ws);
        return false;
    }
    push(run, h);
    section *s = find_section(run, lacked.client);
    if (run->ok && !is_gap(lacked, &h->ws) && has_more(s)) {
        read_next(s, h);
        return true;
    }
    note_missing(run, lacked, &h->ws);
    park(run);
    return false;
}

static void execute(scheduler *run)
{
    head h;
    while (run->ok && next_head(run, &h))
        while (step(run, &h) && run->ok)
            ;
}

static void run_sections(scheduler *run, crdt_bytes update, const crdt__v1_shape *shape)
{
    crdt__budget *budget = &run->doc->budget;
    run->section_count = run->current = (size_t)shape->sections;
    run->sections =
        crdt__budget_resize(budget, NULL, 0, run->section_count * sizeof(*run->sections));
    run->ok = run->sections != NULL;
    if (!run->ok)
        return;
    open_sections(run, update);
    execute(run);
    crdt__budget_release(budget, run->stack, run->stack_cap * sizeof(*run->stack));
}

static int compare_descending(const void *a, const void *b)
{
    uint64_t x = ((const crdt__section *)a)->next.client;
    uint64_t y = ((const crdt__section *)b)->next.client;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void release_sections(scheduler *run)
{
    crdt__budget_release(&run->doc->budget, run->sections,
                         run->section_count * sizeof(*run->sections));
}

static void keep_single(crdt_doc *doc, crdt__rest *rest, const crdt__section *from, crdt_id lacked,
                        const crdt__wstruct *ws)
{
    if (!is_gap(lacked, ws))
        lacked.clock = crdt__doc_state(doc, lacked.client);
    rest->single = *from;
    rest->single_missing = lacked;
    rest->sections = &rest->single;
    rest->missing = &rest->single_missing;
    rest->count = rest->missing_count = 1;
}

/* One section, the common case: what lacks something is parked with all that follows. */
static bool schedule_single(crdt_doc *doc, crdt_bytes update, crdt__rest *rest)
{
    crdt__reader r = crdt__reader_of(update);
    crdt__read_varuint(&r);
    crdt__section at = crdt__section_open(&r);
    while (at.left > 0) {
        crdt__section before = at;
        crdt__wstruct ws;
        crdt_id lacked;
        crdt__section_next(&at, &ws);
        doc->work++;
        if (ws.kind == CRDT__SKIP)
            continue;
        crdt__parties parties;
        if (crdt__integrate_lacks_now(doc, &ws, &parties, &lacked)) {
            keep_single(doc, rest, &before, lacked, &ws);
            return true;
        }
        if (!crdt__integrate_struct(doc, &ws, parties))
            return false;
    }
    return true;
}

bool crdt__schedule(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape, crdt__rest *rest)
{
    *rest = (crdt__rest){0};
    if (shape->sections == 0)
        return true;
    if (shape->sections == 1)
        return schedule_single(doc, update, rest);
    scheduler run = {.doc = doc, .mode = RUN_WET, .rest = rest};
    run_sections(&run, update, shape);
    release_sections(&run);
    if (rest->count > 1)
        qsort(rest->sections, rest->count, sizeof(*rest->sections), compare_descending);
    return run.ok;
}

bool crdt__schedule_small(crdt_doc *doc, const crdt__small *update, crdt__rest *rest)
{
    crdt__parties parties;
    crdt_id lacked;
    rest->count = rest->cap = rest->missing_count = rest->missing_cap = 0;
    doc->work++;
    if (!update->has_struct || update->ws.kind == CRDT__SKIP)
        return true;
    if (!crdt__integrate_lacks_now(doc, &update->ws, &parties, &lacked))
        return crdt__integrate_struct(doc, &update->ws, parties);
    keep_single(doc, rest, &update->at, lacked, &update->ws);
    return true;
}

void crdt__rest_release(crdt_doc *doc, crdt__rest *rest)
{
    crdt__budget_release(&doc->budget, rest->cap ? rest->sections : NULL,
                         rest->cap * sizeof(*rest->sections));
    crdt__budget_release(&doc->budget, rest->missing_cap ? rest->missing : NULL,
                         rest->missing_cap * sizeof(*rest->missing));
    *rest = (crdt__rest){0};
}

/* ---- asking first ---- */

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
    crdt__rest rest = {0};
    scheduler run = {.doc = doc, .mode = RUN_DRY, .rest = &rest, .ok = true};
    if (shape->sections > 0)
        run_sections(&run, update, shape);
    bool leaves = rest.count > 0 || (run.ok && deletes_ahead(&run, shape->ds));
    *ok = run.ok;
    release_sections(&run);
    crdt__rest_release(doc, &rest);
    return leaves;
}
