#include "wire/delete.h"

/* Deletes [clock, end) of a client, all of it known (yjs: readAndApplyDeleteSet). */
static bool delete_range(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t end)
{
    crdt__pos pos = crdt__doc_seek(doc, client, clock);
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!it->deleted && it->clock < clock &&
        !crdt__item_split_at(doc, client, &pos, clock - it->clock))
        return false;
    do {
        ref = crdt__blocks_item(&doc->objects, pos);
        it = crdt__item_at(doc, ref);
        if (it->clock >= end)
            break;
        doc->work++;
        if (it->deleted)
            continue;
        crdt__pos cut = pos;
        bool splits = crdt__item_end(it) > end;
        if ((splits && !crdt__item_split_at(doc, client, &cut, end - it->clock)) ||
            !crdt__item_delete(doc, ref))
            return false;
        if (splits)
            break;
    } while (crdt__blocks_next(&doc->objects, &pos));
    return true;
}

/* Applies one range as far as its clocks are known; the rest waits. */
static bool apply_range(crdt_doc *doc, const crdt__range *range, bool *is_new)
{
    uint32_t client = crdt__doc_find_client(doc, range->client);
    uint64_t state = doc->clients[client].state;
    uint64_t end = range->clock + range->len;
    doc->work++;
    if (range->len == 0) /* of format v1 alone; Yjs would cut the struct there */
        return true;
    if (end > state) {
        uint64_t from = range->clock > state ? range->clock : state;
        client = crdt__doc_get_client(doc, range->client);
        if (!client || !crdt__pending_add_absent(doc, client, from, end, is_new))
            return false;
    }
    return range->clock >= state ||
           delete_range(doc, client, range->clock, end > state ? state : end);
}

bool crdt__delete_encoded(crdt_doc *doc, crdt_bytes ds, bool *is_new)
{
    if (ds.len == 1)
        return true; /* of no client */
    crdt__reader r = crdt__reader_of(ds);
    for (uint64_t clients = crdt__read_varuint(&r); clients > 0; clients--) {
        crdt__range range = {.client = crdt__read_varuint(&r)};
        for (uint64_t ranges = crdt__read_varuint(&r); ranges > 0; ranges--) {
            range.clock = crdt__read_varuint(&r);
            range.len = crdt__read_varuint(&r);
            if (!apply_range(doc, &range, is_new))
                return false;
        }
    }
    return true;
}

/* ---- what waited ---- */

static bool push_if_present(crdt_doc *doc, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    return !queue || !queue->absent || crdt__pending_push(doc, client);
}

/* Yjs goes through all that waits, the highest client first. What did not fit before and whose
 * client has not moved does not fit now. */
bool crdt__delete_present(crdt_doc *doc)
{
    const crdt__pending *p = &doc->pending;
    for (size_t i = 0; p->ranges > 0 && i < p->moved_count; i++)
        if (!push_if_present(doc, p->moved[i]))
            return false;
    for (size_t i = 0; p->ranges > 0 && i < doc->txn.touched_count; i++)
        if (!push_if_present(doc, doc->txn.touched[i]))
            return false;
    for (uint32_t client; (client = crdt__pending_pop(doc)) != 0;) {
        uint64_t clock;
        uint64_t end;
        while (crdt__pending_take_present(doc, client, &clock, &end))
            if (!delete_range(doc, client, clock, end))
                return false;
    }
    return true;
}
