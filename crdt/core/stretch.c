#include "core/stretch.h"

#define STRETCH_UNITS ((uint32_t)((sizeof(crdt__stretch) + 15) / 16))
#define GC_BYTES      3u /* what a GC struct takes encoded, about */

/* ---- runs ---- */

static uint32_t run_units(uint32_t len)
{
    return (uint32_t)((sizeof(crdt__run) + (uint64_t)len + 15) / 16);
}

size_t crdt__run_bytes(const crdt__run *run)
{
    return run->len ? run->len - run->at : GC_BYTES;
}

/* 0 when out of memory, or where structs are longer than anything that a document holds. */
static crdt__ref run_new(crdt_doc *doc, const uint8_t *bytes, size_t len, uint64_t end)
{
    if (len > CRDT__BLOB_LEN_MAX) {
        doc->budget.err = CRDT_LIMIT;
        return 0;
    }
    crdt__ref ref = crdt__arena_alloc(&doc->objects, run_units((uint32_t)len));
    if (!ref)
        return 0;
    crdt__run *run = crdt__run_at(doc, ref);
    *run = (crdt__run){.len = (uint32_t)len, .end = end};
    if (len)
        memcpy(run->bytes, bytes, len);
    doc->pending.bytes += crdt__run_bytes(run);
    return ref;
}

static void run_free(crdt_doc *doc, crdt__ref ref)
{
    const crdt__run *run = crdt__run_at(doc, ref);
    doc->pending.bytes -= crdt__run_bytes(run);
    crdt__arena_free(&doc->objects, ref, run_units(run->len));
}

crdt__run_walk crdt__run_begin(const crdt__run *run, crdt_id first)
{
    crdt_bytes rest = {run->bytes + run->at, run->len - run->at};
    return (crdt__run_walk){crdt__reader_of(rest), first, run->end, run->cut, run->len == 0};
}

bool crdt__run_next(crdt__run_walk *walk, crdt__wstruct *out)
{
    if (walk->next.clock == walk->end)
        return false;
    if (walk->is_gc) {
        *out = (crdt__wstruct){.id = walk->next,
                               .len = walk->end - walk->next.clock,
                               .kind = CRDT__GC,
                               .canonical = true};
    } else {
        crdt_id told = {walk->next.client, walk->next.clock - walk->cut};
        crdt__v1_read_struct(&walk->r, told, CRDT__TRUSTED, out);
        crdt__wstruct_slice(out, walk->cut);
        walk->cut = 0;
    }
    walk->next.clock += out->len;
    return true;
}

/* Drops what a run, which begins at `first`, tells below `clock`, not all of it. A GC struct begins
 * where the one before it ends, and needs nothing. */
static void run_trim(crdt_doc *doc, crdt__run *run, crdt_id first, uint64_t clock)
{
    if (run->len == 0)
        return;
    crdt__run_walk walk = crdt__run_begin(run, first);
    crdt__wstruct s;
    uint64_t before = first.clock;
    const uint8_t *pos = walk.r.pos;
    while (crdt__run_next(&walk, &s) && walk.next.clock <= clock) {
        before = walk.next.clock;
        pos = walk.r.pos;
        run->cut = 0;
        doc->work++;
    }
    doc->pending.bytes -= crdt__run_bytes(run);
    run->at = (uint32_t)(pos - run->bytes);
    run->cut += clock - before;
    doc->pending.bytes += crdt__run_bytes(run);
}

/* ---- stretches ---- */

static void stretch_free(crdt_doc *doc, crdt__queue *queue, crdt__ref ref)
{
    crdt__tree_remove(&doc->pending.forest, &queue->stretches, ref);
    crdt__arena_free(&doc->objects, ref, STRETCH_UNITS);
    doc->pending.stretches--;
}

static void drop_first_run(crdt_doc *doc, crdt__stretch *stretch)
{
    crdt__ref ref = stretch->first;
    stretch->node.key = crdt__run_at(doc, ref)->end;
    stretch->first = crdt__run_at(doc, ref)->next;
    run_free(doc, ref);
    doc->work++;
}

/* Drops what a stretch tells below `clock`, and the stretch if that is all. */
static void stretch_trim(crdt_doc *doc, uint32_t client, crdt__ref ref, uint64_t clock)
{
    crdt__stretch *stretch = crdt__stretch_at(doc, ref);
    while (stretch->first && crdt__run_at(doc, stretch->first)->end <= clock)
        drop_first_run(doc, stretch);
    if (!stretch->first) {
        stretch_free(doc, crdt__pending_queue(doc, client), ref);
    } else if (stretch->node.key < clock) {
        crdt_id first = {doc->clients[client].id, stretch->node.key};
        run_trim(doc, crdt__run_at(doc, stretch->first), first, clock);
        stretch->node.key = clock;
    }
}

/* ---- what arrives ---- */

/* Whose structs go first where both begin at the same clock: those that waited, or the new ones. */
typedef enum side { SIDE_KNOWN, SIDE_NEW } side;

/* Where stretches of one side begin, as far as they were merged. */
typedef struct starts {
    bool any;
    uint64_t last;
} starts;

/* One section of what is left of an update, taken in stretch by stretch. */
typedef struct arrival {
    crdt_doc *doc;
    const crdt__section *rest;
    size_t index; /* of the section; those before it are in */
    uint32_t client;
    bool known_above; /* of the section before, something waited already ... */
    side last_above;  /* ... and this side was merged last */
    starts known;
    starts new;
    uint64_t new_end; /* of the new stretch that was taken in last */
    side tie;         /* who went first where both began at the same clock last */
    bool *is_new;
} arrival;

/* New runs without a gap between them, before they are part of a stretch. */
typedef struct fresh {
    uint64_t start;
    uint64_t end;
    crdt__ref first;
    crdt__ref last;
    uint64_t told; /* the clock behind the last struct that was read for them */
} fresh;

static void note_start(starts *of, uint64_t clock)
{
    if (!of->any || clock > of->last)
        *of = (starts){true, clock};
}

/* A stretch that waited, if it is not one that new structs have become part of. */
static void note_known(arrival *in, uint64_t start)
{
    if (!in->new.any || start > in->new_end)
        note_start(&in->known, start);
}

static side other(side of)
{
    return of == SIDE_KNOWN ? SIDE_NEW : SIDE_KNOWN;
}

static bool any_waits_between(crdt_doc *doc, uint64_t low, uint64_t high)
{
    for (uint32_t c = 1; c < doc->client_count; c++) {
        const crdt__queue *queue = crdt__pending_queue(doc, c);
        doc->work++;
        if (queue && queue->stretches && doc->clients[c].id > low && doc->clients[c].id < high)
            return true;
    }
    return false;
}

/* Which side was merged last before the first structs of this section. */
static side last_before_section(const arrival *in)
{
    if (in->index == 0)
        return SIDE_KNOWN;
    uint64_t above = in->rest[in->index - 1].next.client;
    if (any_waits_between(in->doc, in->rest[in->index].next.client, above))
        return SIDE_KNOWN;
    return in->known_above ? in->last_above : SIDE_NEW;
}

/* The stretch that begins last is merged last; of two that begin at one clock, the second. */
static side last_in_section(const arrival *in)
{
    if (in->known.any && in->new.any && in->known.last == in->new.last)
        return other(in->tie);
    return in->new.any && (!in->known.any || in->new.last > in->known.last) ? SIDE_NEW : SIDE_KNOWN;
}

/* Yjs has two readers, one of what waits and one of what arrives, and sorts them before each step.
 * At the same clock the one that moved last stays first, but for an item and a GC struct, which
 * change places. */
static side first_of_two(const arrival *in, bool mixed)
{
    bool begun = in->known.any || in->new.any;
    side last = begun ? last_in_section(in) : last_before_section(in);
    return mixed ? other(last) : last;
}

static bool append_run(crdt_doc *doc, fresh *runs, crdt__ref ref)
{
    if (!ref)
        return false;
    if (runs->last)
        crdt__run_at(doc, runs->last)->next = ref;
    else
        runs->first = ref;
    runs->last = ref;
    runs->end = crdt__run_at(doc, ref)->end;
    return true;
}

/* The bytes of structs that are to become one run. */
typedef struct batch {
    const uint8_t *start; /* NULL: none */
    const uint8_t *pos;
    uint64_t cut;
    uint64_t end;
} batch;

static bool flush(crdt_doc *doc, batch *structs, fresh *runs)
{
    if (!structs->start)
        return true;
    size_t len = (size_t)(structs->pos - structs->start);
    crdt__ref ref = run_new(doc, structs->start, len, structs->end);
    if (!append_run(doc, runs, ref))
        return false;
    crdt__run_at(doc, ref)->cut = structs->cut;
    *structs = (batch){0};
    return true;
}

/* Adds a struct, which was read from `pos` up to where the section stands, to the runs. */
static bool take_struct(crdt_doc *doc, const crdt__wstruct *s, const uint8_t *pos,
                        const crdt__section *section, batch *structs, fresh *runs)
{
    if (s->kind == CRDT__GC)
        return flush(doc, structs, runs) &&
               append_run(doc, runs, run_new(doc, NULL, 0, section->next.clock));
    if (!structs->start) {
        structs->start = pos;
        structs->cut = runs->start > s->id.clock ? runs->start - s->id.clock : 0;
    }
    structs->pos = section->r.pos;
    structs->end = section->next.clock;
    return true;
}

/* Reads the structs up to the next gap into runs, but for what they tell below runs->start. */
static bool read_runs(crdt_doc *doc, crdt__section *section, fresh *runs)
{
    batch structs = {0};
    bool ok = true;
    while (ok && section->left > 0) {
        const uint8_t *pos = section->r.pos;
        crdt__wstruct s;
        crdt__section_next(section, &s);
        doc->work++;
        if (s.kind == CRDT__SKIP) {
            ok = flush(doc, &structs, runs);
            if (s.len > 0)
                break;
            continue;
        }
        runs->told = section->next.clock;
        doc->pending.halves = doc->pending.halves || s.halves;
        if (runs->told > runs->start)
            ok = take_struct(doc, &s, pos, section, &structs, runs);
    }
    return ok && flush(doc, &structs, runs);
}

/* ---- taking in ---- */

static bool is_gc(const crdt_doc *doc, crdt__ref run)
{
    return run && crdt__run_at(doc, run)->len == 0;
}

/* Adds runs behind those of a stretch. */
static void append_runs(crdt_doc *doc, crdt__stretch *stretch, fresh *runs)
{
    while (is_gc(doc, stretch->last) && is_gc(doc, runs->first)) {
        crdt__ref joined = runs->first;
        crdt__run_at(doc, stretch->last)->end = crdt__run_at(doc, joined)->end;
        runs->first = crdt__run_at(doc, joined)->next;
        run_free(doc, joined);
    }
    stretch->end = runs->end;
    if (!runs->first)
        return;
    if (stretch->last)
        crdt__run_at(doc, stretch->last)->next = runs->first;
    else
        stretch->first = runs->first;
    stretch->last = runs->last;
}

static crdt__ref next_stretch(crdt_doc *doc, const crdt__queue *queue, crdt__ref ref)
{
    uint64_t start = crdt__stretch_at(doc, ref)->node.key;
    return crdt__tree_above(&doc->pending.forest, queue->stretches, start);
}

/* What others tell of the new units goes; what then touches becomes one stretch. */
static void settle(arrival *in, crdt__ref ref, uint64_t end)
{
    crdt_doc *doc = in->doc;
    crdt__queue *queue = crdt__pending_queue(doc, in->client);
    crdt__ref next;
    bool cut = false; /* what touches now is the rest of a stretch that began before */
    while ((next = next_stretch(doc, queue, ref)) && crdt__stretch_at(doc, next)->node.key < end) {
        note_start(&in->known, crdt__stretch_at(doc, next)->node.key);
        cut = crdt__stretch_at(doc, next)->end > end;
        stretch_trim(doc, in->client, next, end);
    }
    if (!next || crdt__stretch_at(doc, next)->node.key > end)
        return;
    if (!cut)
        note_start(&in->known, end);
    const crdt__stretch *behind = crdt__stretch_at(doc, next);
    fresh runs = {.end = behind->end, .first = behind->first, .last = behind->last};
    append_runs(doc, crdt__stretch_at(doc, ref), &runs);
    stretch_free(doc, queue, next);
}

static crdt__ref stretch_new(crdt_doc *doc, crdt__queue *queue, uint64_t start)
{
    crdt__ref ref = crdt__arena_alloc(&doc->objects, STRETCH_UNITS);
    if (!ref)
        return 0;
    *crdt__stretch_at(doc, ref) = (crdt__stretch){.node = {.key = start}, .end = start};
    crdt__tree_insert(&doc->pending.forest, &queue->stretches, ref);
    doc->pending.stretches++;
    return ref;
}

/* What waits from the clock on at which new structs begin, and whether it is kept before them. */
typedef struct overlap {
    crdt__ref ref; /* the stretch that holds the clock, or ends there, or begins there; or 0 */
    bool tie;      /* begins there */
    bool kept;
    uint64_t end;
} overlap;

static overlap find_overlap(arrival *in, const crdt__queue *queue, const crdt__section *section)
{
    crdt_doc *doc = in->doc;
    crdt__forest *forest = &doc->pending.forest;
    uint64_t clock = section->next.clock;
    crdt__ref before = clock ? crdt__tree_floor(forest, queue->stretches, clock - 1) : 0;
    crdt__ref ref = crdt__tree_floor(forest, queue->stretches, clock);
    if (before)
        note_known(in, crdt__stretch_at(doc, before)->node.key);
    if (!ref || crdt__stretch_at(doc, ref)->end < clock)
        return (overlap){0};
    const crdt__stretch *stretch = crdt__stretch_at(doc, ref);
    overlap found = {ref, stretch->node.key == clock, true, stretch->end};
    if (found.tie) {
        bool new_is_gc = (*section->r.pos & CRDT__INFO_KIND_MASK) == CRDT__GC;
        in->tie = first_of_two(in, new_is_gc != is_gc(doc, stretch->first));
        found.kept = in->tie == SIDE_KNOWN;
        note_start(&in->known, clock);
    }
    return found;
}

/* Takes in the structs up to the next gap. */
static bool add_runs(arrival *in, crdt__queue *queue, crdt__section *section)
{
    crdt_doc *doc = in->doc;
    overlap found = find_overlap(in, queue, section);
    crdt__ref ref = found.kept ? found.ref : 0;
    fresh runs = {.start = ref ? found.end : section->next.clock};
    note_start(&in->new, section->next.clock);
    if (!queue->stretches)
        queue->here_since = doc->pending.passes;
    if (!read_runs(doc, section, &runs))
        return false;
    in->new_end = runs.told;
    if (!runs.first)
        return true;
    if (!found.tie || runs.end > found.end)
        *in->is_new = true;
    crdt__ref head = crdt__tree_first(&doc->pending.forest, queue->stretches);
    bool new_head = !ref && (!head || crdt__stretch_at(doc, head)->node.key >= runs.start);
    if (found.tie && !ref)
        stretch_trim(doc, in->client, found.ref, runs.end);
    if (!ref && !(ref = stretch_new(doc, queue, runs.start)))
        return false;
    uint64_t end = runs.end;
    append_runs(doc, crdt__stretch_at(doc, ref), &runs);
    settle(in, ref, end);
    return !new_head || crdt__pending_make_ready(doc, in->client);
}

static bool add_section(arrival *in)
{
    crdt_doc *doc = in->doc;
    crdt__section section = in->rest[in->index];
    in->client = crdt__doc_get_client(doc, section.next.client);
    crdt__queue *queue = in->client ? crdt__pending_get_queue(doc, in->client) : NULL;
    if (!queue)
        return false;
    in->known.any = in->new.any = false;
    crdt__ref last = crdt__tree_floor(&doc->pending.forest, queue->stretches, UINT64_MAX);
    starts known = {last != 0, last ? crdt__stretch_at(doc, last)->node.key : 0};
    while (section.left > 0) {
        crdt__wstruct skip;
        if ((*section.r.pos & CRDT__INFO_KIND_MASK) == CRDT__SKIP)
            crdt__section_next(&section, &skip);
        else if (!add_runs(in, queue, &section))
            return false;
    }
    in->known = known;
    in->known_above = known.any;
    in->last_above = last_in_section(in);
    return true;
}

bool crdt__stretch_add(crdt_doc *doc, const crdt__section *rest, size_t count, bool *is_new)
{
    if (doc->pending.stretches == 0)
        doc->pending.halves = false;
    arrival in = {.doc = doc, .rest = rest, .is_new = is_new};
    for (; in.index < count; in.index++)
        if (!add_section(&in))
            return false;
    return true;
}

/* ---- the first struct ---- */

static crdt__stretch *first_stretch(const crdt_doc *doc, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt__forest forest =
        doc->pending.forest; /* a copy: nothing is counted for whoever only asks */
    crdt__ref ref = queue ? crdt__tree_first(&forest, queue->stretches) : 0;
    return ref ? crdt__stretch_at(doc, ref) : NULL;
}

bool crdt__stretch_head(const crdt_doc *doc, uint32_t client, crdt__head *out)
{
    const crdt__stretch *stretch = first_stretch(doc, client);
    if (!stretch)
        return false;
    const crdt__run *run = crdt__run_at(doc, stretch->first);
    crdt__run_walk walk =
        crdt__run_begin(run, (crdt_id){doc->clients[client].id, stretch->node.key});
    crdt__run_next(&walk, &out->ws);
    out->next_at = (uint32_t)(walk.r.pos - run->bytes);
    return true;
}

void crdt__stretch_drop_head(crdt_doc *doc, uint32_t client, const crdt__head *head)
{
    crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt__ref ref = crdt__tree_first(&doc->pending.forest, queue->stretches);
    crdt__stretch *stretch = crdt__stretch_at(doc, ref);
    crdt__run *run = crdt__run_at(doc, stretch->first);
    if (head->next_at == run->len) {
        drop_first_run(doc, stretch);
        if (!stretch->first)
            stretch_free(doc, queue, ref);
        return;
    }
    doc->pending.bytes -= head->next_at - run->at;
    run->at = head->next_at;
    run->cut = 0;
    stretch->node.key = head->ws.id.clock + head->ws.len;
}
