#include "wire/typing.h"

#include "core/inplace.h"

/* ---- one more ---- */

/* True if `ws` alone continues the last struct of its client: Yjs would integrate it right behind,
 * and merge the two. */
static bool continues_typing(const crdt_doc *doc, const crdt__client *client,
                             const crdt__item *last, const crdt__wstruct *ws)
{
    if (last->kind != CRDT__STRING || last->deleted || !ws->has_origin ||
        ws->origin.client != client->id || ws->origin.clock + 1 != client->state)
        return false;
    if (!ws->has_right)
        return last->right_client == 0 && last->right == 0;
    if (last->right_client == 0 || last->right == 0 ||
        doc->clients[last->right_client].id != ws->right.client ||
        last->right_clock != ws->right.clock)
        return false;
    const crdt__item *right = crdt__item_at(doc, last->right);
    return right->client == last->right_client && right->clock == last->right_clock;
}

/* The plain form that editors send for each key: one section, one string with an origin, no
 * deletes. */
static bool read_typed(crdt_bytes update, crdt__wstruct *ws)
{
    if (update.len < 8 || update.data[0] != 1 || update.data[1] != 1 ||
        update.data[update.len - 1] != 0)
        return false;
    crdt__reader r = {update.data + 2, update.data + update.len - 1, true};
    crdt_id id;
    id.client = crdt__read_varuint(&r);
    id.clock = crdt__read_varuint(&r);
    if (!r.ok || r.pos == r.end)
        return false;
    uint8_t info = *r.pos;
    if ((info & ~(CRDT__INFO_RIGHT)) != (CRDT__INFO_ORIGIN | CRDT__STRING))
        return false;
    crdt__v1_read_struct(&r, id, CRDT__UNTRUSTED, ws);
    return crdt__reader_at_end(&r);
}

bool crdt__apply_typed(crdt_doc *doc, crdt_bytes update, crdt__span *done)
{
    crdt__wstruct ws;
    if (crdt__pending_any(&doc->pending) || doc->options.changes == CRDT_CHANGES_ON ||
        !read_typed(update, &ws))
        return false;
    uint32_t index = crdt__doc_find_client(doc, ws.id.client);
    const crdt__client *client = &doc->clients[index];
    if (!index || client->state != ws.id.clock)
        return false;
    crdt__ref ref =
        crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, &client->blocks));
    const crdt__item *last = crdt__item_at(doc, ref);
    if (!continues_typing(doc, client, last, &ws))
        return false;
    const crdt__type *parent = crdt__type_at(&doc->objects, last->parent);
    if (last->key || (parent->item && crdt__item_at(doc, parent->item)->deleted))
        return false;
    if (parent->has_formatting && doc->options.cleanup == CRDT_CLEANUP_ON)
        return false;
    *done = (crdt__span){.clock = ws.id.clock, .len = ws.len, .client = index};
    return crdt__inplace_add(doc, ref, ws.content, ws.len);
}

/* ---- one less ---- */

/* The one deleted range of an update that says nothing else: 00, 01 client 01 clock len. */
static bool read_erased(crdt_bytes update, crdt_id *unit, uint64_t *len)
{
    if (update.len < 6 || update.data[0] != 0 || update.data[1] != 1)
        return false;
    crdt__reader r = {update.data + 2, update.data + update.len, true};
    unit->client = crdt__read_varuint(&r);
    uint64_t ranges = crdt__read_varuint(&r);
    unit->clock = crdt__read_varuint(&r);
    *len = crdt__read_varuint(&r);
    return crdt__reader_at_end(&r) && ranges == 1 && *len > 0;
}

static bool is_plain_text(const crdt_doc *doc, const crdt__item *it)
{
    if (it->kind != CRDT__STRING || it->deleted || it->key)
        return false;
    return doc->options.cleanup == CRDT_CLEANUP_OFF ||
           !crdt__type_at(&doc->objects, it->parent)->has_formatting;
}

bool crdt__apply_erased(crdt_doc *doc, crdt_bytes update, crdt__span *done)
{
    crdt_id unit;
    uint64_t len;
    if (doc->options.gc == CRDT_GC_OFF || doc->options.changes == CRDT_CHANGES_ON ||
        crdt__pending_any(&doc->pending) || !read_erased(update, &unit, &len))
        return false;
    uint32_t client = crdt__doc_find_client(doc, unit.client);
    if (!client || unit.clock >= doc->clients[client].state)
        return false;
    crdt__ref ref = crdt__doc_item(doc, client, unit.clock);
    const crdt__item *it = crdt__item_at(doc, ref);
    uint64_t offset = unit.clock - it->clock;
    if (!is_plain_text(doc, it) || len > it->text.units - offset ||
        !crdt__inplace_erase(doc, ref, offset, len))
        return false;
    *done = (crdt__span){.clock = unit.clock, .len = len, .client = client};
    crdt__text_compact(doc); /* where memory is short, another time will do */
    return true;
}
