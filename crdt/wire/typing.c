#include "wire/typing.h"

#include "core/inplace.h"

/* ---- one more ---- */

/* True if `ws`, whose origin is the last unit of its client, continues the last struct: Yjs would
 * integrate it right behind, and merge the two. */
static bool continues_typing(const crdt_doc *doc, const crdt__item *last, const crdt__wstruct *ws)
{
    if (last->kind != CRDT__STRING || last->deleted)
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

bool crdt__apply_typed(crdt_doc *doc, const crdt__small *update, crdt__span *done)
{
    const crdt__wstruct *ws = &update->ws;
    if (!update->has_struct || ws->kind != CRDT__STRING || ws->has_sub || update->ds_ranges > 0 ||
        crdt__pending_any(&doc->pending) || doc->options.changes == CRDT_CHANGES_ON)
        return false;
    uint32_t index = crdt__doc_find_client(doc, ws->id.client);
    const crdt__client *client = &doc->clients[index];
    if (!index || client->state != ws->id.clock || !ws->has_origin ||
        ws->origin.client != client->id || ws->origin.clock + 1 != client->state)
        return false;
    crdt__ref ref =
        crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, &client->blocks));
    const crdt__item *last = crdt__item_at(doc, ref);
    if (!continues_typing(doc, last, ws))
        return false;
    const crdt__type *parent = crdt__type_at(&doc->objects, last->parent);
    if (last->key || (parent->item && crdt__item_at(doc, parent->item)->deleted))
        return false;
    if (parent->has_formatting && doc->options.cleanup == CRDT_CLEANUP_ON)
        return false;
    *done = (crdt__span){.clock = ws->id.clock, .len = ws->len, .client = index};
    return crdt__inplace_add(doc, ref, ws->content, ws->len);
}

/* ---- one less ---- */

static bool is_plain_text(const crdt_doc *doc, const crdt__item *it)
{
    if (it->kind != CRDT__STRING || it->deleted || it->key)
        return false;
    return doc->options.cleanup == CRDT_CLEANUP_OFF ||
           !crdt__type_at(&doc->objects, it->parent)->has_formatting;
}

bool crdt__apply_erased(crdt_doc *doc, const crdt__small *update, crdt__span *done)
{
    crdt__range range = update->range;
    if (update->has_struct || update->ds_ranges != 1 || range.len == 0 ||
        doc->options.gc == CRDT_GC_OFF || doc->options.changes == CRDT_CHANGES_ON ||
        crdt__pending_any(&doc->pending))
        return false;
    uint32_t client = crdt__doc_find_client(doc, range.client);
    if (!client || range.clock >= doc->clients[client].state)
        return false;
    crdt__pos pos = crdt__doc_seek(doc, client, range.clock);
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *it = crdt__item_at(doc, ref);
    uint64_t offset = range.clock - it->clock;
    if (!is_plain_text(doc, it) || range.len > it->text.units - offset ||
        !crdt__inplace_erase(doc, ref, offset, range.len))
        return false;
    *done = (crdt__span){.clock = range.clock, .len = range.len, .client = client};
    crdt__text_compact(doc); /* where memory is short, another time will do */
    return true;
}
