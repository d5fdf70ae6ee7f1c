#include "wire/waiting.h"

#include "core/integrate.h"
#include "core/stretch.h"
#include "wire/lazy.h"
#include "wire/retell.h"

/* ---- trying again ---- */

static bool wait_behind(crdt_doc *doc, uint32_t client, crdt_id unit, crdt__cause cause)
{
    uint32_t behind = crdt__doc_get_client(doc, unit.client);
    return behind && crdt__pending_wait(doc, client, behind, unit.clock, cause);
}

/* Integrates what waits of a client, up to the first struct that lacks something. A higher client
 * that can go now goes in between: Yjs, which begins with the highest, would have come here on its
 * behalf. */
static bool try_client(crdt_doc *doc, uint32_t client)
{
    crdt__head head;
    while (crdt__stretch_head(doc, client, &head)) {
        crdt_id lacked;
        crdt__parties parties;
        doc->work++;
        if (crdt__integrate_lacks_now(doc, &head.ws, &parties, &lacked))
            return wait_behind(doc, client, lacked, CRDT__CAUSE_PASS);
        if (!crdt__integrate_struct(doc, &head.ws, parties))
            return false;
        crdt__stretch_drop_head(doc, client, &head);
        if (!crdt__pending_wake(doc, client))
            return false;
        uint32_t first = crdt__pending_first(doc);
        if (first && doc->clients[first].id > doc->clients[client].id)
            return crdt__pending_push(doc, client);
    }
    return true;
}

typedef bool (*client_visitor)(crdt_doc *doc, uint32_t client);

/* Visits the clients that moved, while all goes well. */
static bool each_moved(crdt_doc *doc, client_visitor visit)
{
    const crdt__pending *p = &doc->pending;
    bool ok = true;
    for (size_t i = 0; ok && i < p->moved_count; i++)
        ok = visit(doc, p->moved[i]);
    for (size_t i = 0; ok && i < doc->txn.touched_count; i++)
        ok = visit(doc, doc->txn.touched[i]);
    return ok;
}

static bool pass(crdt_doc *doc)
{
    if (!crdt__pending_begin_pass(doc) || !each_moved(doc, crdt__pending_wake))
        return false;
    for (uint32_t client; (client = crdt__pending_pop(doc)) != 0;)
        if (!try_client(doc, client))
            return false;
    crdt__retell_waiting(doc); /* Yjs writes what is left anew */
    return true;
}

/* Clients whose first struct has become another wait from now on. *could_go becomes true if one
 * need not, which no editor's updates bring about. */
static bool begin_waiting(crdt_doc *doc, bool *could_go)
{
    for (uint32_t client; (client = crdt__pending_pop(doc)) != 0;) {
        crdt__head head;
        crdt_id lacked;
        crdt__parties parties;
        crdt__stretch_head(doc, client, &head);
        if (!crdt__integrate_lacks_now(doc, &head.ws, &parties, &lacked)) {
            *could_go = true;
            return crdt__pending_push(doc, client);
        }
        if (!wait_behind(doc, client, lacked, CRDT__CAUSE_UPDATE))
            return false;
    }
    return true;
}

static bool note_missing(crdt_doc *doc, const crdt__rest *rest)
{
    for (size_t i = 0; i < rest->missing_count; i++) {
        uint32_t client = crdt__doc_get_client(doc, rest->missing[i].client);
        if (!client || !crdt__pending_note(doc, client, rest->missing[i].clock))
            return false;
    }
    return true;
}

static bool was_not_missing(crdt_doc *doc, uint32_t client)
{
    return !crdt__pending_was_missing(doc, client);
}

static bool add_rest(crdt_doc *doc, const crdt__rest *rest, bool *is_new)
{
    crdt__retold retold;
    if (!crdt__retell(doc, rest, &retold))
        return false;
    bool merges = doc->pending.stretches > 0;
    bool ok = crdt__stretch_add(doc, retold.sections, retold.count, is_new);
    crdt__retold_release(doc, &retold);
    if (ok && merges && rest->count > 0)
        crdt__retell_waiting(doc);
    return ok;
}

bool crdt__waiting_take(crdt_doc *doc, const crdt__rest *rest, bool *is_new)
{
    bool looks = doc->pending.stretches > 0 && !each_moved(doc, was_not_missing);
    if (!add_rest(doc, rest, is_new))
        return false;
    if (!looks && (!each_moved(doc, crdt__pending_pass_over) || !begin_waiting(doc, &looks) ||
                   !note_missing(doc, rest)))
        return false;
    return !looks || pass(doc);
}

/* ---- telling ---- */

static void write_gap(crdt__lazy_writer *lazy, crdt_id from, uint64_t end)
{
    crdt__wstruct skip = {.id = from, .len = end - from.clock, .kind = CRDT__SKIP};
    crdt__lazy_write(lazy, &skip, 0);
}

static void write_stretch(const crdt_doc *doc, const crdt__stretch *stretch, uint64_t client,
                          crdt__lazy_writer *lazy)
{
    crdt_id first = {client, stretch->node.key};
    for (crdt__ref ref = stretch->first; ref; ref = crdt__run_at(doc, ref)->next) {
        crdt__run_walk walk = crdt__run_begin(crdt__run_at(doc, ref), first);
        crdt__wstruct s;
        while (crdt__run_next(&walk, &s))
            crdt__lazy_write(lazy, &s, 0);
        first = walk.next;
    }
}

static void write_client(crdt_doc *doc, uint32_t client, crdt__lazy_writer *lazy)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt_id end = {doc->clients[client].id, 0};
    crdt__ref ref = queue ? crdt__tree_first(&doc->pending.forest, queue->stretches) : 0;
    while (ref && lazy->enc.out.ok) {
        const crdt__stretch *stretch = crdt__stretch_at(doc, ref);
        if (end.clock > 0)
            write_gap(lazy, end, stretch->node.key);
        write_stretch(doc, stretch, end.client, lazy);
        end.clock = stretch->end;
        ref = crdt__tree_above(&doc->pending.forest, queue->stretches, stretch->node.key);
    }
}

static bool write_clients(crdt_doc *doc, crdt__lazy_writer *lazy)
{
    uint32_t *clients;
    size_t count = doc->client_count - 1;
    if (!crdt__doc_clients_descending(doc, &clients))
        return false;
    for (size_t i = 0; i < count; i++)
        write_client(doc, clients[i], lazy);
    crdt__budget_release(&doc->budget, clients, count * sizeof(*clients));
    return true;
}

crdt_err crdt__waiting_encode(crdt_doc *doc, crdt_buf *out)
{
    crdt__idset none;
    crdt__idset_init(&none, out->mem);
    crdt__lazy_writer lazy;
    crdt__lazy_writer_init(&lazy, CRDT__EXTENDED, out);
    bool ok = write_clients(doc, &lazy);
    return crdt__lazy_finish(&lazy, ok ? &none : NULL);
}

crdt_err crdt__waiting_encode_deletes(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    crdt__idset absent;
    crdt__idset_init(&absent, out->mem);
    crdt__encoder enc;
    crdt__encoder_init(&enc, encoding, out);
    crdt__encode_count(&enc, 0);
    if (crdt__pending_absent(doc, &absent) && crdt__idset_normalize(&absent))
        crdt__encode_deletes(&enc, &absent);
    else
        enc.out.ok = false;
    crdt__idset_deinit(&absent);
    return crdt__encoder_finish(&enc);
}
