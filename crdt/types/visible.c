#include "types/visible.h"

#include "base/any.h"
#include "base/utf16.h"
#include "core/values.h"

static crdt_bytes behind(crdt_bytes bytes, size_t offset)
{
    return (crdt_bytes){bytes.data + offset, bytes.len - offset};
}

/* ---- where units lie in a content ---- */

/* Steps the walk over `count` units of the text `rest`, which begins where it stands. Inside a pair
 * it stops at the pair; true then. */
static bool step_text(crdt__walk *walk, const crdt__item *it, crdt_bytes rest, uint64_t count)
{
    bool inside;
    size_t offset = crdt__utf16_offset(rest, it->text.units - walk->unit, count, &inside);
    walk->unit += inside ? count - 1 : count;
    walk->byte += offset;
    return inside;
}

static void step_values(crdt__walk *walk, const crdt__item *it, crdt_bytes rest, uint64_t count)
{
    crdt__reader r = crdt__reader_of(rest);
    for (uint64_t i = 0; i < count; i++) {
        if (it->kind == CRDT__ANY)
            crdt__any_skip_valid(&r);
        else
            crdt__read_varbytes(&r);
    }
    walk->unit += count;
    walk->byte += (size_t)(r.pos - rest.data);
}

static void cut_text(crdt__walk *walk, crdt_bytes all, crdt__run *run)
{
    const crdt__item *it = run->item;
    run->low_half = step_text(walk, it, behind(all, walk->byte), run->from - walk->unit);
    if (run->low_half) { /* the character is behind us once its high half is */
        walk->unit += 2;
        walk->byte += 4;
    }
    size_t start = walk->byte;
    if (walk->unit < run->to)
        run->high_half = step_text(walk, it, behind(all, start), run->to - walk->unit);
    run->bytes = (crdt_bytes){all.data + start, walk->byte - start};
}

static void cut_values(crdt__walk *walk, crdt_bytes all, crdt__run *run)
{
    step_values(walk, run->item, behind(all, walk->byte), run->from - walk->unit);
    size_t start = walk->byte;
    step_values(walk, run->item, behind(all, start), run->to - walk->unit);
    run->bytes = (crdt_bytes){all.data + start, walk->byte - start};
}

static crdt_bytes content_of(const crdt_doc *doc, const crdt__item *it)
{
    if (it->kind == CRDT__STRING)
        return crdt__text_of(&doc->text, it);
    if (it->kind != CRDT__ANY && it->kind != CRDT__JSON)
        return (crdt_bytes){0};
    return crdt__blob_bytes(crdt__blob_at(&doc->objects, it->content));
}

/* Finds the content of the run. */
static void cut(const crdt_doc *doc, crdt__walk *walk, crdt__run *run)
{
    crdt_bytes all = content_of(doc, run->item);
    if (all.len == 0 || (run->from == 0 && run->to == crdt__item_len(run->item)))
        run->bytes = all;
    else if (run->item->kind == CRDT__STRING)
        cut_text(walk, all, run);
    else
        cut_values(walk, all, run);
}

/* ---- what was there ---- */

static bool deleted_in_transaction(const crdt_doc *doc, const crdt__item *it)
{
    return it->deleted && crdt__txn_deletes(doc, it->client, it->clock);
}

static bool was_there(const crdt_doc *doc, const crdt__item *it)
{
    return it->clock < crdt__txn_before(doc, it->client) &&
           (!it->deleted || deleted_in_transaction(doc, it));
}

static crdt__visible stretches_of(const crdt_doc *doc, const crdt__moment *moment,
                                  const crdt__item *it)
{
    crdt__visible stretches = crdt__snapshot_visible(doc, moment->at, it);
    if (moment->when == CRDT__BEFORE)
        stretches.end = was_there(doc, it) ? crdt__item_end(it) : it->clock;
    return stretches;
}

/* ---- walking ---- */

crdt__walk crdt__walk_of(const crdt__type *type)
{
    return (crdt__walk){.next = type->start};
}

/* Now an item is there as a whole, or not. */
static bool next_now(const crdt_doc *doc, crdt__walk *walk, crdt__run *out)
{
    for (crdt__ref ref; (ref = walk->next);) {
        const crdt__item *it = crdt__item_at(doc, ref);
        walk->next = it->right;
        if (it->deleted)
            continue;
        *out = (crdt__run){
            .ref = ref, .item = it, .to = crdt__item_len(it), .bytes = content_of(doc, it)};
        return true;
    }
    return false;
}

bool crdt__walk_next(const crdt_doc *doc, const crdt__moment *moment, crdt__walk *walk,
                     crdt__run *out)
{
    if (moment->when == CRDT__NOW)
        return next_now(doc, walk, out);
    crdt__run run = {.ref = walk->ref};
    while (!run.ref || !crdt__visible_next(&walk->stretches, &run.from, &run.to)) {
        if (!walk->next)
            return false;
        const crdt__item *it = crdt__item_at(doc, walk->next);
        run.ref = walk->next;
        *walk = (crdt__walk){
            .next = it->right, .ref = run.ref, .stretches = stretches_of(doc, moment, it)};
    }
    run.item = crdt__item_at(doc, run.ref);
    cut(doc, walk, &run);
    *out = run;
    return true;
}

uint64_t crdt__existed(const crdt_doc *doc, const crdt__moment *moment, const crdt__item *it)
{
    uint64_t state = UINT64_MAX;
    if (moment->when == CRDT__AT)
        state = crdt__snapshot_clock(moment->at, doc->clients[it->client].id);
    else if (moment->when == CRDT__BEFORE)
        state = crdt__txn_before(doc, it->client);
    uint64_t end = crdt__item_end(it) < state ? crdt__item_end(it) : state;
    return end > it->clock ? end - it->clock : 0;
}

bool crdt__any_visible(const crdt_doc *doc, const crdt__moment *moment, const crdt__item *it)
{
    uint64_t from;
    uint64_t to;
    crdt__visible stretches = stretches_of(doc, moment, it);
    return crdt__visible_next(&stretches, &from, &to);
}

/* ---- runs of one's own choice ---- */

crdt__run crdt__run_of_item(const crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    return (crdt__run){
        .ref = ref, .item = it, .to = crdt__item_len(it), .bytes = content_of(doc, it)};
}

crdt__run crdt__run_of_units(const crdt_doc *doc, crdt__walk *walk, uint64_t from, uint64_t to)
{
    crdt__run run = {
        .ref = walk->ref, .item = crdt__item_at(doc, walk->ref), .from = from, .to = to};
    cut(doc, walk, &run);
    return run;
}

crdt__run crdt__run_of_unit(const crdt_doc *doc, crdt__ref ref, uint64_t unit)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    crdt__walk walk = {.ref = ref};
    if (it->kind == CRDT__ANY || it->kind == CRDT__JSON) {
        walk.unit = unit;
        walk.byte = crdt__values_offset(doc, it, unit);
    }
    return crdt__run_of_units(doc, &walk, unit, unit + 1);
}

bool crdt__visible_value(const crdt_doc *doc, const crdt__moment *moment, crdt__ref newest,
                         crdt__run *out)
{
    crdt__ref ref = newest;
    uint64_t units = 0;
    while (ref && !(units = crdt__existed(doc, moment, crdt__item_at(doc, ref))))
        ref = crdt__item_at(doc, ref)->left;
    if (!ref)
        return false;
    crdt__visible stretches = stretches_of(doc, moment, crdt__item_at(doc, ref));
    uint64_t from;
    uint64_t to = 0;
    while (to < units && crdt__visible_next(&stretches, &from, &to))
        continue;
    if (to < units)
        return false;
    *out = crdt__run_of_unit(doc, ref, units - 1);
    return true;
}
