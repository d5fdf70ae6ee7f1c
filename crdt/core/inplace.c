#include "core/inplace.h"

#include "base/utf16.h"
#include "core/conflict.h"
#include "core/order.h"

bool crdt__inplace_add(crdt_doc *doc, crdt__ref ref, crdt_bytes text, uint64_t units)
{
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__client *client = &doc->clients[it->client];
    if (units > UINT32_MAX - it->text.units || units > CRDT_CLOCK_MAX - client->state ||
        !crdt__text_append(doc, it, text, (uint32_t)units))
        return false;
    if (doc->spot_count > 0)
        crdt__conflict_forget_origin(doc, it->parent, it->client, client->state - 1);
    client->state += units;
    crdt__type_at(&doc->objects, it->parent)->length += units;
    crdt__list_changed(doc, ref, (int64_t)units);
    return true;
}

/* ---- erasing ---- */

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

/* The byte offset of a unit. False: cutting there would change the characters around (yjs:
 * ContentString#splice). */
static bool find_cut(const crdt_doc *doc, const crdt__item *it, uint64_t unit, size_t *off)
{
    bool inside = false;
    *off = crdt__utf16_offset(crdt__text_of(&doc->text, it), it->text.units, unit, &inside);
    return !inside && !it->halves;
}

static void forget_text(crdt_doc *doc, crdt__ref ref, uint64_t units, size_t bytes)
{
    crdt__item *it = crdt__item_at(doc, ref);
    it->text.units -= (uint32_t)units;
    it->text.bytes -= (uint32_t)bytes;
    doc->text_live -= bytes;
    doc->text_dead += bytes;
    crdt__type_at(&doc->objects, it->parent)->length -= units;
    crdt__list_changed(doc, ref, -(int64_t)units);
}

/* The last units join the deleted item behind: what a backspace does. */
static bool erase_last(crdt_doc *doc, crdt__ref ref, crdt__pos pos, uint64_t units)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!crdt__blocks_next(&doc->objects, &pos))
        return false;
    crdt__ref gone_ref = crdt__blocks_item(&doc->objects, pos);
    crdt__item *gone = crdt__item_at(doc, gone_ref);
    size_t off;
    if (!would_join(it, gone_ref, gone) || !is_settled(doc, gone_ref, pos) ||
        !find_cut(doc, it, it->text.units - units, &off) ||
        !crdt__blocks_shift(&doc->objects, pos, -(int64_t)units))
        return false;
    crdt__conflict_moved(doc, gone);
    gone->clock -= units;
    gone->len += units;
    gone->origin_clock -= units;
    forget_text(doc, ref, units, it->text.bytes - off);
    return true;
}

/* The first units join the deleted item before: what the delete key does. */
static bool erase_first(crdt_doc *doc, crdt__ref ref, crdt__pos pos, uint64_t units)
{
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__pos before = pos;
    if (!crdt__blocks_prev(&doc->objects, &before))
        return false;
    crdt__item *gone = crdt__item_at(doc, crdt__blocks_item(&doc->objects, before));
    size_t off;
    if (gone->kind != CRDT__DELETED || gone->right != ref || it->origin_client != gone->client ||
        it->origin_clock + 1 != it->clock || !crdt__item_same_right_origin(gone, it) ||
        !find_cut(doc, it, units, &off) || !crdt__blocks_shift(&doc->objects, pos, (int64_t)units))
        return false;
    crdt__conflict_moved(doc, it);
    gone->len += units;
    it->clock += units;
    it->origin_clock += units;
    it->content += (crdt__ref)off;
    forget_text(doc, ref, units, off);
    return true;
}

bool crdt__inplace_erase(crdt_doc *doc, crdt__ref ref, crdt__pos pos, uint64_t offset,
                         uint64_t units)
{
    if (offset == 0)
        return erase_first(doc, ref, pos, units);
    return offset + units == crdt__item_at(doc, ref)->text.units &&
           erase_last(doc, ref, pos, units);
}

/* ---- with others in one transaction ---- */

/* Yjs merges what was typed when the transaction ends: until then it is a struct of its own. */
static bool unmerge(crdt_doc *doc, crdt__span done)
{
    crdt__ref ref = crdt__doc_item(doc, done.client, done.clock);
    uint64_t clock = crdt__item_at(doc, ref)->clock;
    if (clock == done.clock)
        return true;
    if (!crdt__item_split(doc, ref, done.clock - clock))
        return false;
    doc->txn.candidate_count--;
    return true;
}

bool crdt__inplace_settle(crdt_doc *doc)
{
    crdt__span done = doc->local.done;
    doc->local.mixed = true;
    doc->local.done.len = 0;
    if (done.len == 0)
        return true;
    if (doc->local.erased)
        return crdt__txn_deleted(doc, done.client, done.clock, done.len);
    if (!unmerge(doc, done) || !crdt__txn_touch(doc, done.client))
        return false;
    doc->clients[done.client].before = done.clock;
    return true;
}
