#include "wire/typing.h"

#include "core/conflict.h"
#include "core/order.h"

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
    crdt__client *client = &doc->clients[index];
    if (!index || client->state != ws.id.clock || ws.id.clock + ws.len > CRDT_CLOCK_MAX)
        return false;
    crdt__ref ref =
        crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, &client->blocks));
    crdt__item *last = crdt__item_at(doc, ref);
    if (!continues_typing(doc, client, last, &ws))
        return false;
    crdt__type *parent = crdt__type_at(&doc->objects, last->parent);
    if (last->key || (parent->item && crdt__item_at(doc, parent->item)->deleted))
        return false;
    if (parent->has_formatting && doc->options.cleanup == CRDT_CLEANUP_ON)
        return false;
    if ((uint64_t)last->text.units + ws.len > UINT32_MAX ||
        !crdt__text_append(doc, last, ws.content, (uint32_t)ws.len))
        return false;
    if (doc->spot_count > 0)
        crdt__conflict_forget_origin(doc, last->parent, index, client->state - 1);
    *done = (crdt__span){.clock = client->state, .len = ws.len, .client = index};
    client->state += ws.len;
    parent->length += ws.len;
    crdt__list_changed(doc, ref, (int64_t)ws.len);
    return true;
}

/* ---- one less ---- */

/* The one deleted unit of an update that says nothing else: 00, 01 client 01 clock 01. */
static bool read_erased(crdt_bytes update, crdt_id *unit)
{
    if (update.len < 6 || update.data[0] != 0 || update.data[1] != 1 ||
        update.data[update.len - 1] != 1)
        return false;
    crdt__reader r = {update.data + 2, update.data + update.len - 1, true};
    unit->client = crdt__read_varuint(&r);
    uint64_t ranges = crdt__read_varuint(&r);
    unit->clock = crdt__read_varuint(&r);
    return crdt__reader_at_end(&r) && ranges == 1;
}

static bool is_plain_text(const crdt_doc *doc, const crdt__item *it)
{
    if (it->kind != CRDT__STRING || it->deleted || it->key || it->text.units < 2)
        return false;
    return doc->options.cleanup == CRDT_CLEANUP_OFF ||
           !crdt__type_at(&doc->objects, it->parent)->has_formatting;
}

/* True if `right` is what the part of `left` behind some cut would merge with, were it deleted. */
static bool would_join(const crdt__item *left, crdt__ref right_ref, const crdt__item *right)
{
    return right->kind == CRDT__DELETED && left->right == right_ref &&
           right->origin_client == left->client &&
           right->origin_clock + 1 == crdt__item_end(left) &&
           crdt__item_same_right_origin(left, right);
}

/* Yjs would also try the struct behind the joined one; what merges there takes the long way. */
static bool is_settled(const crdt_doc *doc, crdt__ref ref, crdt__pos pos)
{
    if (!crdt__blocks_next(&doc->objects, &pos))
        return true;
    crdt__ref next_ref = crdt__blocks_item(&doc->objects, pos);
    return !would_join(crdt__item_at(doc, ref), next_ref, crdt__item_at(doc, next_ref));
}

static void forget_byte(crdt_doc *doc, crdt__ref ref)
{
    crdt__item *text = crdt__item_at(doc, ref);
    text->text.units--;
    text->text.bytes--;
    doc->text_live--;
    doc->text_dead++;
    crdt__type_at(&doc->objects, text->parent)->length--;
    crdt__list_changed(doc, ref, -1);
}

/* The last unit of `text`, at `pos`, joins the deleted item behind it: what a backspace does. */
static bool erase_last(crdt_doc *doc, crdt__ref text_ref, crdt__pos pos)
{
    const crdt__item *text = crdt__item_at(doc, text_ref);
    const uint8_t *bytes = crdt__arena_at(&doc->text, text->content);
    if (bytes[text->text.bytes - 1] >= 0x80 || !crdt__blocks_next(&doc->objects, &pos))
        return false;
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    crdt__item *gone = crdt__item_at(doc, ref);
    if (!would_join(text, ref, gone) || !is_settled(doc, ref, pos) ||
        !crdt__blocks_shift(&doc->objects, pos, -1))
        return false;
    crdt__conflict_moved(doc, gone);
    gone->clock--;
    gone->len++;
    gone->origin_clock--;
    forget_byte(doc, text_ref);
    return true;
}

/* The first unit of `text`, at `pos`, joins the deleted item before it: what the delete key does.
 */
static bool erase_first(crdt_doc *doc, crdt__ref ref, crdt__pos pos)
{
    crdt__item *text = crdt__item_at(doc, ref);
    const uint8_t *bytes = crdt__arena_at(&doc->text, text->content);
    crdt__pos before = pos;
    if (bytes[0] >= 0x80 || !crdt__blocks_prev(&doc->objects, &before))
        return false;
    crdt__item *gone = crdt__item_at(doc, crdt__blocks_item(&doc->objects, before));
    if (gone->kind != CRDT__DELETED || gone->right != ref || text->origin_client != gone->client ||
        text->origin_clock + 1 != text->clock || !crdt__item_same_right_origin(gone, text) ||
        !crdt__blocks_shift(&doc->objects, pos, 1))
        return false;
    crdt__conflict_moved(doc, text);
    gone->len++;
    text->clock++;
    text->origin_clock++;
    text->content++;
    forget_byte(doc, ref);
    return true;
}

bool crdt__apply_erased(crdt_doc *doc, crdt_bytes update, crdt__span *done)
{
    crdt_id unit;
    if (doc->options.gc == CRDT_GC_OFF || doc->options.changes == CRDT_CHANGES_ON ||
        crdt__pending_any(&doc->pending) || !read_erased(update, &unit))
        return false;
    uint32_t client = crdt__doc_find_client(doc, unit.client);
    if (!client || unit.clock >= doc->clients[client].state)
        return false;
    crdt__pos pos = crdt__doc_pos(doc, client, unit.clock);
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *text = crdt__item_at(doc, ref);
    if (!is_plain_text(doc, text))
        return false;
    bool erased = false;
    if (unit.clock + 1 == crdt__item_end(text))
        erased = erase_last(doc, ref, pos);
    else if (unit.clock == text->clock)
        erased = erase_first(doc, ref, pos);
    if (!erased)
        return false;
    *done = (crdt__span){.clock = unit.clock, .len = 1, .client = client};
    crdt__text_compact(doc); /* where memory is short, another time will do */
    return true;
}
