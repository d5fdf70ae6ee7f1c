/* An update into a document: validate, integrate, delete, try again what waited
 * (yjs/src/utils/encoding.js, readUpdateV2). */
#include "wire/delete.h"
#include "wire/event.h"
#include "wire/load.h"
#include "wire/open.h"
#include "wire/schedule.h"
#include "wire/typing.h"
#include "wire/waiting.h"

/* ---- the long way ---- */

/* What follows the structs of an update, in Yjs' order: its deletes, deletes that waited, structs
 * that waited, deletes that waited for these. */
static bool go_on(crdt_doc *doc, crdt_bytes ds, const crdt__rest *rest, crdt_applied *out)
{
    bool is_new = false;
    bool waits = rest->count > 0 || crdt__pending_any(&doc->pending);
    bool ok = crdt__delete_encoded(doc, ds, &is_new);
    if (waits)
        ok = ok && crdt__delete_present(doc) && crdt__waiting_take(doc, rest, &is_new) &&
             crdt__delete_present(doc);
    doc->pending.moved_count = 0;
    out->integrated = crdt__txn_changed(doc);
    out->changed = out->integrated || is_new;
    return ok;
}

static bool apply_valid(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape,
                        crdt_applied *out)
{
    crdt__rest rest;
    bool ok = crdt__schedule(doc, update, shape, &rest) && go_on(doc, shape->ds, &rest, out);
    crdt__rest_release(doc, &rest);
    return ok;
}

static size_t pending_room(const crdt_doc *doc)
{
    size_t max = doc->options.pending_bytes_max;
    size_t bytes = crdt_doc_pending_bytes(doc);
    return max == 0 ? SIZE_MAX : max > bytes ? max - bytes : 0;
}

/* Refuses an update whose rest would make more wait than the document may hold. */
static crdt_err check_pending_limit(crdt_doc *doc, crdt_bytes update, const crdt__v1_shape *shape)
{
    if (update.len <= pending_room(doc))
        return CRDT_OK;
    bool ok;
    bool leaves = crdt__schedule_leaves_rest(doc, update, shape, &ok);
    if (!ok)
        return doc->budget.err;
    return leaves ? CRDT_LIMIT : CRDT_OK;
}

/* ---- the call ---- */

static crdt_err commit(crdt_doc *doc, crdt_encoding encoding, bool ok, crdt_applied *out,
                       crdt_buf *event)
{
    if (!ok || !crdt__event_commit_remote(doc, encoding, event))
        return crdt__doc_fail(doc);
    out->pending = crdt__pending_any(&doc->pending);
    return CRDT_OK;
}

static crdt_err apply_small(crdt_doc *doc, crdt_encoding encoding, const crdt__small *small,
                            crdt_applied *out, crdt_buf *event)
{
    crdt__span span;
    crdt_err err = CRDT_OK;
    *out = (crdt_applied){.changed = true, .integrated = true};
    if (crdt__apply_typed(doc, small, &span)) {
        if (event)
            err = crdt__event_write_added(doc, encoding, span, event);
    } else if (crdt__apply_erased(doc, small, &span)) {
        if (event)
            err = crdt__event_write_deleted(doc, encoding, span, event);
    } else {
        crdt__rest rest;
        bool ok = crdt__schedule_small(doc, small, &rest) && go_on(doc, small->ds, &rest, out);
        return commit(doc, encoding, ok, out, event);
    }
    return err == CRDT_OK ? CRDT_OK : crdt__doc_fail(doc);
}

/* What the fast paths take. False: nothing was done. */
static bool apply_fast(crdt_doc *doc, crdt_encoding encoding, crdt_bytes v1, crdt_applied *out,
                       crdt_buf *event, crdt_err *err)
{
    const crdt__trust trust = encoding == CRDT_V1 ? CRDT__UNTRUSTED : CRDT__TRUSTED;
    *out = (crdt_applied){.changed = true, .integrated = true};
    if (!event && crdt__load(doc, v1, trust, err))
        return true;
    crdt__small small;
    if (v1.len > pending_room(doc) || !crdt__small_read(v1, &small))
        return false;
    *err = apply_small(doc, encoding, &small, out, event);
    return true;
}

/* The long way. */
static crdt_err apply_opened(crdt_doc *doc, crdt_encoding encoding, const crdt__opened *opened,
                             crdt_applied *out, crdt_buf *event)
{
    crdt_err err = check_pending_limit(doc, opened->update, &opened->shape);
    if (err != CRDT_OK)
        return err;
    bool ok = apply_valid(doc, opened->update, &opened->shape, out);
    return commit(doc, encoding, ok, out, event);
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

/* What came through the door is extended v1. What is typed or erased is plain. */
static crdt_err apply_v2(crdt_doc *doc, crdt_bytes update, crdt_applied *out, crdt_buf *event)
{
    crdt__opened opened;
    crdt_err err = crdt__open(CRDT_V2, update, doc->budget.mem, &opened);
    if (err != CRDT_OK)
        return err;
    if (!apply_fast(doc, CRDT_V2, opened.update, out, event, &err))
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
