/* An update into a document: validate, integrate, delete, try again what waited
 * (yjs/src/utils/encoding.js, readUpdateV2). */
#include "wire/apply.h"

#include "wire/event.h"
#include "wire/load.h"
#include "wire/open.h"
#include "wire/schedule.h"
#include "wire/typing.h"

/* ---- deletes ---- */

/* Deletes [clock, end) of a client, all of it known (yjs: readAndApplyDeleteSet). */
static bool delete_range(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t end)
{
    crdt__ref ref = crdt__doc_item(doc, client, clock);
    const crdt__item *first = crdt__item_at(doc, ref);
    if (!first->deleted && first->clock < clock &&
        !crdt__item_split(doc, ref, clock - first->clock))
        return false;
    crdt__pos pos = crdt__doc_pos(doc, client, clock);
    do {
        ref = crdt__blocks_item(&doc->objects, pos);
        const crdt__item *it = crdt__item_at(doc, ref);
        if (it->clock >= end)
            break;
        if (it->deleted)
            continue;
        bool splits = crdt__item_end(it) > end;
        if ((splits && !crdt__item_split(doc, ref, end - it->clock)) ||
            !crdt__item_delete(doc, ref))
            return false;
        if (splits)
            break;
    } while (crdt__blocks_next(&doc->objects, &pos));
    return true;
}

/* Applies one range as far as its clocks are known; the rest is added to `rest`. */
static bool apply_range(crdt_doc *doc, const crdt__range *range, crdt__idset *rest)
{
    uint32_t client = crdt__doc_find_client(doc, range->client);
    uint64_t state = doc->clients[client].state;
    uint64_t end = range->clock + range->len;
    if (range->len == 0 && range->clock >= state)
        return true;
    if (range->clock >= state)
        return crdt__idset_add(rest, range->client, range->clock, range->len);
    if (end > state && !crdt__idset_add(rest, range->client, state, end - state))
        return false;
    return delete_range(doc, client, range->clock, end > state ? state : end);
}

static bool apply_encoded_deletes(crdt_doc *doc, const crdt__v1_shape *shape, crdt__idset *rest)
{
    crdt__reader r = crdt__reader_of(shape->ds);
    for (uint64_t clients = crdt__read_varuint(&r); clients > 0; clients--) {
        crdt__range range = {.client = crdt__read_varuint(&r)};
        for (uint64_t ranges = crdt__read_varuint(&r); ranges > 0; ranges--) {
            range.clock = crdt__read_varuint(&r);
            range.len = crdt__read_varuint(&r);
            if (!apply_range(doc, &range, rest))
                return false;
        }
    }
    return true;
}

bool crdt__apply_known_deletes(crdt_doc *doc, crdt_bytes ds)
{
    const crdt__v1_shape shape = {.ds = ds};
    crdt__idset rest;
    crdt__idset_init(&rest, doc->budget.mem);
    bool ok = apply_encoded_deletes(doc, &shape, &rest);
    crdt__idset_deinit(&rest);
    return ok;
}

/* True if some range of `rest` was not waiting already. */
static bool has_new_deletes(const crdt__idset *waiting, const crdt__idset *rest)
{
    const crdt__range *ranges = crdt__idset_ranges(rest);
    for (size_t i = 0; i < crdt__idset_count(rest); i++)
        if (!crdt__idset_contains_range(waiting, ranges[i].client, ranges[i].clock, ranges[i].len))
            return true;
    return false;
}

/* True if a client that got new structs has deletes waiting for them. The others' wait on: they did
 * not fit before, and nothing moved. */
static bool waiting_deletes_fit(const crdt_doc *doc)
{
    const crdt__idset *waiting = &doc->pending.deletes;
    const crdt__range *ranges = crdt__idset_ranges(waiting);
    for (size_t i = 0; i < doc->txn.touched_count && crdt__idset_count(waiting) > 0; i++) {
        const crdt__client *client = &doc->clients[doc->txn.touched[i]];
        size_t low = 0; /* the first range of this client, or where it would be */
        for (size_t high = crdt__idset_count(waiting); low < high;) {
            size_t mid = low + (high - low) / 2;
            if (ranges[mid].client > client->id)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < crdt__idset_count(waiting) && ranges[low].client == client->id &&
            ranges[low].clock < client->state)
            return true;
    }
    return false;
}

/* Goes through all that waits; what still cannot be applied is left in its place. */
static bool retry_deletes(crdt_doc *doc, crdt__idset *rest)
{
    crdt__idset *waiting = &doc->pending.deletes;
    const crdt__range *ranges = crdt__idset_ranges(waiting);
    for (size_t i = 0; i < crdt__idset_count(waiting); i++)
        if (!apply_range(doc, &ranges[i], rest))
            return false;
    crdt__idset_deinit(waiting);
    *waiting = *rest;
    crdt__idset_init(rest, doc->budget.mem);
    return true;
}

static bool add_waiting_deletes(crdt__idset *waiting, const crdt__idset *rest)
{
    const crdt__range *ranges = crdt__idset_ranges(rest);
    for (size_t i = 0; i < crdt__idset_count(rest); i++)
        if (!crdt__idset_add(waiting, ranges[i].client, ranges[i].clock, ranges[i].len))
            return false;
    return true;
}

/* Applies the deletes of the update, then those that waited; what cannot be applied yet waits. */
static bool apply_deletes(crdt_doc *doc, const crdt__v1_shape *shape, bool *is_new)
{
    crdt__pending *p = &doc->pending;
    crdt__idset rest;
    crdt__idset_init(&rest, doc->budget.mem);
    bool ok = apply_encoded_deletes(doc, shape, &rest);
    *is_new = ok && crdt__idset_count(&rest) > 0 && has_new_deletes(&p->deletes, &rest);
    if (ok && waiting_deletes_fit(doc))
        ok = retry_deletes(doc, &rest);
    else if (ok && *is_new)
        ok = add_waiting_deletes(&p->deletes, &rest);
    ok = ok && crdt__idset_normalize(&p->deletes);
    p->deletes_count = crdt__idset_count(&p->deletes);
    crdt__idset_deinit(&rest);
    return ok;
}

/* ---- structs ---- */

static bool keep_rest(crdt_doc *doc, crdt__rest *rest)
{
    bool ok = rest->update.len == 0 || !rest->is_new ||
              crdt__pending_add(doc, (crdt_bytes){rest->update.data, rest->update.len});
    crdt_buf_free(&rest->update);
    return ok;
}

/* Applies what waited once more, after its clients moved on: the structs, then the deletes, which
 * may be of these. */
static bool retry(crdt_doc *doc)
{
    bool new_deletes;
    if (crdt__pending_fold(doc) != CRDT_OK)
        return false;
    crdt_bytes waited = crdt__pending_take(doc);
    crdt__v1_shape shape;
    crdt__rest rest = {0};
    bool ok = crdt__v1_survey(waited, doc->budget.mem, &shape) == CRDT_OK &&
              crdt__schedule(doc, waited, &shape, &rest);
    if (ok)
        ok = keep_rest(doc, &rest) && apply_deletes(doc, &shape, &new_deletes);
    else
        crdt_buf_free(&rest.update);
    crdt__budget_release(&doc->budget, (void *)(uintptr_t)waited.data, waited.len);
    return ok;
}

static bool apply_valid(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                        crdt_applied *out)
{
    crdt__rest rest;
    bool new_deletes = false;
    if (!crdt__schedule(doc, update, shape, &rest)) {
        crdt_buf_free(&rest.update);
        return false;
    }
    bool new_structs = rest.is_new;
    bool retries = crdt__pending_retry(doc);
    if (!keep_rest(doc, &rest) || !apply_deletes(doc, shape, &new_deletes) ||
        (retries && !retry(doc)))
        return false;
    out->integrated = crdt__txn_changed(doc);
    out->changed = out->integrated || new_structs || new_deletes;
    return true;
}

/* Refuses an update whose rest would make more wait than the document may hold. */
static crdt_err check_pending_limit(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape)
{
    size_t max = doc->options.pending_bytes_max;
    if (!max || crdt_doc_pending_bytes(doc) + update.len <= max)
        return CRDT_OK;
    bool ok;
    bool leaves = crdt__schedule_leaves_rest(doc, update, shape, &ok);
    if (!ok)
        return doc->budget.err;
    return leaves ? CRDT_LIMIT : CRDT_OK;
}

/* ---- the call ---- */

/* What the fast paths take. False: nothing was done. */
static bool apply_fast(crdt_doc *doc, crdt_encoding encoding, crdt_bytes v1, crdt_applied *out,
                       crdt_buf *event, crdt_err *err)
{
    crdt__span span;
    *out = (crdt_applied){.changed = true, .integrated = true};
    if (!event && crdt__load(doc, v1, err))
        return true;
    if (crdt__apply_typed(doc, v1, &span))
        *err = event ? crdt__event_write_added(doc, encoding, span, event) : CRDT_OK;
    else if (crdt__apply_erased(doc, v1, &span))
        *err = event ? crdt__event_write_deleted(doc, encoding, span, event) : CRDT_OK;
    else
        return false;
    if (*err != CRDT_OK)
        *err = crdt__doc_fail(doc);
    return true;
}

/* The long way. */
static crdt_err apply_opened(crdt_doc *doc, crdt_encoding encoding, const crdt__opened *opened,
                             crdt_applied *out, crdt_buf *event)
{
    crdt_err err = check_pending_limit(doc, opened->update, &opened->shape);
    if (err != CRDT_OK)
        return err;
    if (!apply_valid(doc, opened->update, &opened->shape, out) ||
        !crdt__event_commit_remote(doc, encoding, event))
        return crdt__doc_fail(doc);
    out->pending = crdt__pending_any(&doc->pending);
    return CRDT_OK;
}

static crdt_err apply_v1(crdt_doc *doc, crdt_bytes update, crdt_applied *out, crdt_buf *event)
{
    crdt__opened opened;
    crdt_err err;
    if (apply_fast(doc, CRDT_V1, update, out, event, &err))
        return err;
    err = crdt__open(CRDT_V1, update, doc->budget.mem, &opened);
    return err == CRDT_OK ? apply_opened(doc, CRDT_V1, &opened, out, event) : err;
}

/* What came through the door is extended v1. The fast paths know only plain v1, and take the rest
 * for malformed. */
static crdt_err apply_v2(crdt_doc *doc, crdt_bytes update, crdt_applied *out, crdt_buf *event)
{
    crdt__opened opened;
    crdt_err err = crdt__open(CRDT_V2, update, doc->budget.mem, &opened);
    if (err != CRDT_OK)
        return err;
    if (!apply_fast(doc, CRDT_V2, opened.update, out, event, &err) || err == CRDT_MALFORMED)
        err = apply_opened(doc, CRDT_V2, &opened, out, event);
    crdt__close(&opened);
    return err;
}

static crdt_err apply(crdt_doc *doc, crdt_encoding encoding, crdt_bytes update, crdt_applied *out,
                      crdt_buf *event)
{
    return encoding == CRDT_V1 ? apply_v1(doc, update, out, event)
                               : apply_v2(doc, update, out, event);
}

crdt_err crdt_doc_apply_event(crdt_doc *doc, crdt_encoding encoding, crdt_bytes update,
                              crdt_applied *out, crdt_buf *event)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (doc->editing)
        return CRDT_INVALID;
    crdt_applied applied = {0};
    uint64_t own_state = doc->clients[doc->own].state;
    crdt_err err = apply(doc, encoding, update, &applied, event);
    if (err != CRDT_OK)
        return err;
    if (doc->clients[doc->own].state != own_state) {
        applied.client_taken = true;
        doc->own = 0;
    }
    if (out)
        *out = applied;
    return CRDT_OK;
}

crdt_err crdt_doc_apply(crdt_doc *doc, crdt_encoding encoding, crdt_bytes update, crdt_applied *out)
{
    return crdt_doc_apply_event(doc, encoding, update, out, NULL);
}
