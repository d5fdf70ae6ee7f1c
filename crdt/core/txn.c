#include "core/txn.h"

#include <stdlib.h>

#include "core/cleanup.h"

/* Spans that the arrays of a transaction keep room for from one to the next. */
#define SPANS_KEPT_MAX 256u

/* ---- noting ---- */

static bool push_span(crdt_doc *doc, crdt__span **spans, size_t *count, size_t *cap,
                      crdt__span span)
{
    if (!crdt__budget_reserve(&doc->budget, spans, cap, *count + 1, sizeof(**spans)))
        return false;
    (*spans)[(*count)++] = span;
    return true;
}

bool crdt__txn_deleted(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t len, crdt__ref item)
{
    crdt__txn *txn = &doc->txn;
    crdt__client *c = &doc->clients[client];
    if (!c->deleted_rank)
        c->deleted_rank = ++txn->deleted_ranks;
    return push_span(doc, &txn->deleted, &txn->deleted_count, &txn->deleted_cap,
                     (crdt__span){clock, len, client, c->deleted_rank, item});
}

bool crdt__txn_candidate(crdt_doc *doc, crdt__ref item)
{
    crdt__txn *txn = &doc->txn;
    const crdt__item *it = crdt__item_at(doc, item);
    return push_span(doc, &txn->candidates, &txn->candidate_count, &txn->candidate_cap,
                     (crdt__span){.clock = it->clock, .client = it->client, .item = item});
}

bool crdt__txn_touch(crdt_doc *doc, uint32_t client)
{
    crdt__txn *txn = &doc->txn;
    crdt__client *c = &doc->clients[client];
    if (c->touched)
        return true;
    if (!crdt__budget_reserve(&doc->budget, &txn->touched, &txn->touched_cap,
                              txn->touched_count + 1, sizeof(*txn->touched)))
        return false;
    if (doc->editing && !crdt__pending_moved(doc, client))
        return false;
    txn->touched[txn->touched_count++] = client;
    c->touched = true;
    c->before = c->state;
    return true;
}

bool crdt__txn_push(crdt_doc *doc, crdt__ref ref)
{
    crdt__txn *txn = &doc->txn;
    if (!crdt__budget_reserve(&doc->budget, &txn->stack, &txn->stack_cap, txn->stack_count + 1,
                              sizeof(*txn->stack)))
        return false;
    txn->stack[txn->stack_count++] = ref;
    return true;
}

static bool change_text(crdt_doc *doc, crdt__ref type_ref)
{
    crdt__txn *txn = &doc->txn;
    const crdt__type *type = crdt__type_at(&doc->objects, type_ref);
    if (!type->is_text ||
        (txn->changed_count && txn->changed_texts[txn->changed_count - 1] == type_ref))
        return true;
    if (type->item) {
        const crdt__item *it = crdt__item_at(doc, type->item);
        if (it->deleted || it->clock >= crdt__txn_before(doc, it->client))
            return true;
    }
    if (!crdt__budget_reserve(&doc->budget, &txn->changed_texts, &txn->changed_cap,
                              txn->changed_count + 1, sizeof(*txn->changed_texts)))
        return false;
    txn->changed_texts[txn->changed_count++] = type_ref;
    return true;
}

bool crdt__txn_change(crdt_doc *doc, const crdt__item *it)
{
    if (doc->options.changes == CRDT_CHANGES_ON)
        crdt__changed_note(doc, it);
    return doc->options.cleanup == CRDT_CLEANUP_OFF || change_text(doc, it->parent);
}

uint64_t crdt__txn_before(const crdt_doc *doc, uint32_t client)
{
    const crdt__client *c = &doc->clients[client];
    return c->touched ? c->before : c->state;
}

bool crdt__txn_changed(const crdt_doc *doc)
{
    return doc->txn.touched_count > 0 || doc->txn.deleted_count > 0;
}

/* ---- the delete set, sorted ---- */

static int compare_spans(const void *a, const void *b)
{
    const crdt__span *x = a;
    const crdt__span *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->clock < y->clock ? -1 : x->clock > y->clock ? 1 : 0;
}

static void sort_deleted(crdt__txn *txn)
{
    bool sorted = true;
    for (size_t i = 1; i < txn->deleted_count && sorted; i++)
        sorted = compare_spans(&txn->deleted[i - 1], &txn->deleted[i]) <= 0;
    if (txn->deleted_count < 2)
        return;
    if (!sorted)
        qsort(txn->deleted, txn->deleted_count, sizeof(*txn->deleted), compare_spans);
    size_t kept = 0;
    for (size_t i = 1; i < txn->deleted_count; i++) {
        crdt__span *last = &txn->deleted[kept];
        const crdt__span *span = &txn->deleted[i];
        uint64_t last_end = last->clock + last->len;
        if (span->client == last->client && last_end >= span->clock) {
            uint64_t end = span->clock + span->len;
            last->len = (end > last_end ? end : last_end) - last->clock;
            last->item = 0;
        } else {
            txn->deleted[++kept] = *span;
        }
    }
    txn->deleted_count = kept + 1;
}

bool crdt__txn_deletes(const crdt_doc *doc, uint32_t client, uint64_t clock)
{
    const crdt__txn *txn = &doc->txn;
    const crdt__span unit = {.clock = clock, .rank = doc->clients[client].deleted_rank};
    size_t low = 0; /* the first span behind the unit */
    for (size_t high = txn->deleted_count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (compare_spans(&txn->deleted[mid], &unit) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (!unit.rank || low == 0)
        return false;
    const crdt__span *span = &txn->deleted[low - 1];
    return span->client == client && clock - span->clock < span->len;
}

/* ---- garbage, merging ---- */

/* The item that was noted, while it is certain to be there: nothing was joined to another yet. A GC
 * struct it may have become. */
static crdt__ref noted_item(const crdt_doc *doc, const crdt__span *span)
{
    if (doc->txn.joined > 0 || !span->item || crdt__item_at(doc, span->item)->kind == CRDT__GC)
        return 0;
    return span->item;
}

/* The same, if it is all of the span: it may have been cut since. */
static crdt__ref deleted_item(const crdt_doc *doc, const crdt__span *span)
{
    crdt__ref item = noted_item(doc, span);
    return item && crdt__item_len(crdt__item_at(doc, item)) == span->len ? item : 0;
}

static bool collect_span(crdt_doc *doc, crdt__span span)
{
    crdt__pos pos = crdt__doc_pos(doc, span.client, span.clock);
    do {
        crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
        const crdt__item *it = crdt__item_at(doc, ref);
        if (it->clock >= span.clock + span.len)
            break;
        doc->work++;
        if (it->deleted && it->kind != CRDT__GC && !crdt__item_gc(doc, ref))
            return false;
    } while (crdt__blocks_next(&doc->objects, &pos));
    return true;
}

static bool collect_garbage(crdt_doc *doc)
{
    for (size_t i = 0; i < doc->txn.deleted_count; i++) {
        crdt__ref item = deleted_item(doc, &doc->txn.deleted[i]);
        if (item ? !crdt__item_gc(doc, item) : !collect_span(doc, doc->txn.deleted[i]))
            return false;
    }
    return true;
}

/* True if nothing that lies before or behind the item could join it, by what the items say that lie
 * there in its list. Structs that join are neighbours there as well as in their clocks. */
static bool stays_apart(const crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->right && !crdt__item_begins_apart(crdt__item_at(doc, it->right)) &&
        crdt__item_goes_on(it, crdt__item_at(doc, it->right)))
        return false;
    return !it->left || crdt__item_begins_apart(it) ||
           !crdt__item_goes_on(crdt__item_at(doc, it->left), it);
}

/* The first of the structs that merge into the one at `last`, and how many come behind it. */
static crdt__pos first_of_run(crdt_doc *doc, crdt__pos last, uint32_t *behind)
{
    *behind = 0;
    for (crdt__pos left = last; crdt__blocks_prev(&doc->objects, &left); last = left) {
        doc->work++;
        if (!crdt__item_joins(doc, crdt__blocks_item(&doc->objects, left),
                              crdt__blocks_item(&doc->objects, last)))
            break;
        ++*behind;
    }
    return last;
}

/* Merges the struct at *pos with its left neighbours as long as they merge (yjs:
 * tryToMergeWithLefts). *pos becomes the place of what they are now, *merged how many went. From
 * the left, other than Yjs: what is joined is copied behind what is there already, and only once.
 */
static bool merge_left(crdt_doc *doc, uint32_t client, crdt__pos *pos, uint32_t *merged)
{
    *pos = first_of_run(doc, *pos, merged);
    for (uint32_t left = *merged; left > 0; left--) {
        crdt__pos next = *pos;
        crdt__blocks_next(&doc->objects, &next);
        crdt__ref right = crdt__blocks_item(&doc->objects, next);
        if (!crdt__item_join(doc, crdt__blocks_item(&doc->objects, *pos), right))
            return false;
        crdt__doc_forget_place(doc);
        *pos = crdt__blocks_remove(&doc->objects, &doc->clients[client].blocks, next);
    }
    return true;
}

/* Merges leftwards from *pos down to the last struct that begins at or after `stop`; never the
 * first struct. */
static bool merge_down(crdt_doc *doc, uint32_t client, crdt__pos pos, uint64_t stop)
{
    uint32_t merged;
    while (crdt__blocks_clock(&doc->objects, pos) >= stop) {
        if (!merge_left(doc, client, &pos, &merged))
            return false;
        if (!crdt__blocks_prev(&doc->objects, &pos))
            break;
    }
    return true;
}

/* True if the struct at `pos` shows that the one behind it does not join it: the other, which
 * nobody may have looked at lately, is not looked at. */
static bool ends_apart(const crdt_doc *doc, crdt__pos pos, crdt__pos next)
{
    return crdt__item_ends_apart(crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos)),
                                 crdt__blocks_item(&doc->objects, next));
}

static bool merge_deleted(crdt_doc *doc)
{
    for (size_t i = doc->txn.deleted_count; i-- > 0;) {
        crdt__span span = doc->txn.deleted[i];
        crdt__ref item = deleted_item(doc, &span);
        if (item && stays_apart(doc, item))
            continue;
        crdt__pos pos = crdt__doc_pos(doc, span.client, span.clock + span.len - 1);
        crdt__pos next = pos;
        if (crdt__blocks_next(&doc->objects, &next) && !ends_apart(doc, pos, next))
            pos = next;
        if (!merge_down(doc, span.client, pos, span.clock))
            return false;
    }
    return true;
}

/* True if the client got one struct, and that does not join the one before. */
static bool added_apart(const crdt_doc *doc, const crdt__client *c)
{
    const crdt__item *it = crdt__item_at(
        doc, crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, &c->blocks)));
    return it->clock == c->before && crdt__item_begins_apart(it);
}

static bool merge_added(crdt_doc *doc)
{
    for (size_t i = 0; i < doc->txn.touched_count; i++) {
        uint32_t client = doc->txn.touched[i];
        const crdt__client *c = &doc->clients[client];
        if (added_apart(doc, c))
            continue;
        crdt__pos first = crdt__doc_pos(doc, client, c->before);
        uint64_t stop = crdt__blocks_clock(&doc->objects, first);
        if (!merge_down(doc, client, crdt__blocks_last(&doc->objects, &c->blocks), stop))
            return false;
    }
    return true;
}

static bool merge_candidates(crdt_doc *doc)
{
    for (size_t i = doc->txn.candidate_count; i-- > 0;) {
        crdt__span at = doc->txn.candidates[i];
        crdt__ref item = noted_item(doc, &at);
        if (item && stays_apart(doc, item))
            continue;
        crdt__pos pos = crdt__doc_pos(doc, at.client, at.clock);
        crdt__pos next = pos;
        uint32_t merged = 0;
        if (crdt__blocks_next(&doc->objects, &next) && !ends_apart(doc, pos, next) &&
            !merge_left(doc, at.client, &next, &merged))
            return false;
        if (merged > 1)
            continue;
        if (merged > 0)
            pos = crdt__doc_pos(doc, at.client, at.clock);
        if (!merge_left(doc, at.client, &pos, &merged))
            return false;
    }
    return true;
}

/* ---- committing ---- */

/* Tells what changed while all that was deleted is still there. */
static void tell(crdt_doc *doc)
{
    if (doc->options.changes == CRDT_CHANGES_OFF || doc->txn.told)
        return;
    crdt__changed_tell(doc);
    doc->txn.told = true;
}

bool crdt__txn_tidy(crdt_doc *doc)
{
    sort_deleted(&doc->txn);
    tell(doc);
    return (doc->options.gc == CRDT_GC_OFF || collect_garbage(doc)) && merge_deleted(doc) &&
           merge_added(doc) && merge_candidates(doc);
}

void crdt__txn_end(crdt_doc *doc)
{
    crdt__txn *txn = &doc->txn;
    for (size_t i = 0; i < txn->touched_count; i++)
        doc->clients[txn->touched[i]].touched = false;
    for (size_t i = 0; i < txn->deleted_count; i++)
        doc->clients[txn->deleted[i].client].deleted_rank = 0;
    txn->deleted_ranks = 0;
    txn->deleted_count = txn->candidate_count = txn->touched_count = 0;
    txn->stack_count = txn->changed_count = 0;
    txn->joined = 0;
    txn->told = false;
    txn->joint.item = NULL;
    if (txn->deleted_cap > SPANS_KEPT_MAX || txn->candidate_cap > SPANS_KEPT_MAX)
        crdt__txn_deinit(doc); /* a large update's; most are small */
}

/* Deletes marks before this transaction collects and merges (yjs: the observers run the clean-up,
 * as a transaction that queues up behind). Nobody is told: nothing looks different without them. */
static bool clean_up(crdt_doc *doc, crdt__txn *follow_up)
{
    sort_deleted(&doc->txn);
    tell(doc);
    crdt__txn finished = doc->txn;
    for (size_t i = 0; i < finished.deleted_count; i++)
        doc->clients[finished.deleted[i].client].deleted_rank = 0;
    doc->txn = (crdt__txn){.told = true};
    bool ok = crdt__cleanup_run(doc, &finished);
    *follow_up = doc->txn;
    doc->txn = finished;
    return ok;
}

bool crdt__txn_tidy_remote(crdt_doc *doc, crdt__txn *follow_up)
{
    follow_up->stack_cap = 0;
    if (doc->txn.changed_count && crdt__cleanup_wanted(doc) && !clean_up(doc, follow_up))
        return false;
    return crdt__txn_tidy(doc);
}

bool crdt__txn_end_remote(crdt_doc *doc, crdt__txn *follow_up)
{
    crdt__txn_end(doc);
    if (!follow_up->stack_cap) /* without which nothing is deleted */
        return false;
    crdt__txn_deinit(doc);
    doc->txn = *follow_up;
    *follow_up = (crdt__txn){0};
    return true;
}

void crdt__txn_deinit(crdt_doc *doc)
{
    crdt__txn *txn = &doc->txn;
    crdt__budget *budget = &doc->budget;
    crdt__budget_release(budget, txn->deleted, txn->deleted_cap * sizeof(*txn->deleted));
    crdt__budget_release(budget, txn->candidates, txn->candidate_cap * sizeof(*txn->candidates));
    crdt__budget_release(budget, txn->touched, txn->touched_cap * sizeof(*txn->touched));
    crdt__budget_release(budget, txn->stack, txn->stack_cap * sizeof(*txn->stack));
    crdt__budget_release(budget, txn->changed_texts,
                         txn->changed_cap * sizeof(*txn->changed_texts));
    *txn = (crdt__txn){0};
}
