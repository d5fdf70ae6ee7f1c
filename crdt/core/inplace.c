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

/* ---- cutting ---- */

/* True if the struct behind `ref` is not one that would merge with it: Yjs tries that wherever it
 * cuts. (Two such structs lie side by side only where nothing has been done since they came
 * together.) */
static bool ends_apart(const crdt_doc *doc, crdt__ref ref, crdt__pos pos)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!crdt__blocks_next(&doc->objects, &pos))
        return true;
    crdt__ref next_ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *next = crdt__item_at(doc, next_ref);
    return next->kind != it->kind || next->deleted != it->deleted ||
           !crdt__item_continues(it, next_ref, next);
}

/* The byte offset of a unit. False: cutting there would change the characters around (yjs:
 * ContentString#splice). */
static bool find_cut(const crdt_doc *doc, const crdt__item *it, uint64_t unit, size_t *off)
{
    bool inside = false;
    *off = crdt__utf16_offset(crdt__text_of(&doc->text, it), it->text.units, unit, &inside);
    return !inside && !it->halves;
}

static void link_behind(crdt_doc *doc, crdt__ref ref, crdt__ref right_ref)
{
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__item *right = crdt__item_at(doc, right_ref);
    right->left = ref;
    right->right = it->right;
    it->right = right_ref;
    if (right->right)
        crdt__item_at(doc, right->right)->left = right_ref;
}

/* Cuts a STRING, which Yjs would not merge again; 0, and nothing changed: it cannot be done here.
 */
static crdt__ref cut(crdt_doc *doc, crdt__ref ref, uint64_t offset)
{
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__pos pos = crdt__doc_place(doc, ref);
    size_t off;
    crdt__ref right_ref = find_cut(doc, it, offset, &off) ? crdt__doc_item_new(doc) : 0;
    if (!right_ref)
        return 0;
    crdt__doc_forget_place(doc);
    if (!crdt__blocks_insert_after(&doc->objects, &doc->clients[it->client].blocks, pos,
                                   it->clock + offset, right_ref)) {
        crdt__doc_item_free(doc, right_ref);
        return 0;
    }
    crdt__item *right = crdt__item_at(doc, right_ref);
    *right = *it;
    right->clock += offset;
    right->origin_client = it->client;
    right->origin_clock = right->clock - 1;
    right->content += (crdt__ref)off;
    right->text.bytes -= (uint32_t)off;
    right->text.units -= (uint32_t)offset;
    it->text.bytes = (uint32_t)off;
    it->text.units = (uint32_t)offset;
    link_behind(doc, ref, right_ref);
    crdt__list_split(doc, ref);
    return right_ref;
}

/* Joins a struct with the one before it, if they merge. */
static bool join(crdt_doc *doc, crdt__pos *pos)
{
    crdt__pos before = *pos;
    crdt__ref ref = crdt__blocks_item(&doc->objects, *pos);
    uint32_t client = crdt__item_at(doc, ref)->client;
    if (!crdt__blocks_prev(&doc->objects, &before))
        return false;
    crdt__ref left = crdt__blocks_item(&doc->objects, before);
    if (!crdt__item_joins(doc, left, ref) || !crdt__item_join(doc, left, ref))
        return false;
    crdt__doc_forget_place(doc);
    *pos = crdt__blocks_remove(&doc->objects, &doc->clients[client].blocks, *pos);
    return true;
}

static void uncut(crdt_doc *doc, crdt__ref right_ref)
{
    crdt__pos pos = crdt__doc_place(doc, right_ref);
    join(doc, &pos);
}

/* ---- inserting ---- */

static crdt__ref make_run(crdt_doc *doc, crdt_bytes text, uint64_t units)
{
    crdt__client *own = &doc->clients[doc->own];
    if (units > UINT32_MAX || units > CRDT_CLOCK_MAX - own->state)
        return 0;
    crdt__ref ref = crdt__doc_item_new(doc);
    if (!ref)
        return 0;
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__doc_forget_place(doc);
    if (!(it->content = crdt__text_new(doc, text)) ||
        !crdt__blocks_append(&doc->objects, &own->blocks, own->state, ref)) {
        doc->text_live -= it->content ? text.len : 0;
        doc->text_dead += it->content ? text.len : 0;
        crdt__doc_item_free(doc, ref);
        return 0;
    }
    it->kind = CRDT__STRING;
    it->client = doc->own & CRDT_CLIENTS_MAX;
    it->clock = own->state;
    it->text.units = (uint32_t)units;
    it->text.bytes = (uint32_t)text.len;
    own->state += units;
    return ref;
}

static void link_run(crdt_doc *doc, crdt__ref type_ref, crdt__ref left_ref, crdt__ref ref)
{
    crdt__type *type = crdt__type_at(&doc->objects, type_ref);
    crdt__item *it = crdt__item_at(doc, ref);
    it->parent = type_ref;
    if (left_ref) {
        const crdt__item *left = crdt__item_at(doc, left_ref);
        it->origin_client = left->client;
        it->origin_clock = crdt__item_end(left) - 1;
        link_behind(doc, left_ref, ref);
    } else {
        it->right = type->start;
        type->start = ref;
        if (it->right)
            crdt__item_at(doc, it->right)->left = ref;
    }
    if (it->right) {
        const crdt__item *right = crdt__item_at(doc, it->right);
        it->right_client = right->client;
        it->right_clock = right->clock;
    }
    type->length += it->text.units;
    crdt__list_added(doc, ref);
    if (doc->spot_count > 0)
        crdt__conflict_added(doc, ref, it);
}

crdt__ref crdt__inplace_insert(crdt_doc *doc, crdt__ref type, crdt__ref left, uint64_t offset,
                               crdt_bytes text, uint64_t units)
{
    crdt__ref rest = 0;
    if (offset > 0 && offset < crdt__item_len(crdt__item_at(doc, left)) &&
        (!ends_apart(doc, left, crdt__doc_place(doc, left)) || !(rest = cut(doc, left, offset))))
        return 0;
    crdt__ref ref = make_run(doc, text, units);
    if (ref)
        link_run(doc, type, left, ref);
    else if (rest)
        uncut(doc, rest);
    return ref;
}

/* ---- erasing at an edge ---- */

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

/* What is deleted behind `ref` and would be one with its last units, were they deleted; 0: nothing.
 * *pos becomes its place. */
static crdt__ref tomb_behind(const crdt_doc *doc, crdt__ref ref, crdt__pos *pos)
{
    if (!crdt__blocks_next(&doc->objects, pos))
        return 0;
    crdt__ref tomb = crdt__blocks_item(&doc->objects, *pos);
    const crdt__item *it = crdt__item_at(doc, tomb);
    return it->kind == CRDT__DELETED && crdt__item_continues(crdt__item_at(doc, ref), tomb, it)
               ? tomb
               : 0;
}

/* The same before `ref`, with its first units. */
static crdt__ref tomb_before(const crdt_doc *doc, crdt__ref ref, crdt__pos pos)
{
    if (!crdt__blocks_prev(&doc->objects, &pos))
        return 0;
    crdt__ref tomb = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *it = crdt__item_at(doc, tomb);
    return it->kind == CRDT__DELETED && crdt__item_continues(it, ref, crdt__item_at(doc, ref))
               ? tomb
               : 0;
}

/* The last units join the tomb behind, which lies at `pos`: what a backspace does. Yjs would also
 * try what lies behind the tomb; if that merges, it takes the long way. */
static bool erase_last(crdt_doc *doc, crdt__ref ref, crdt__ref tomb_ref, crdt__pos pos,
                       uint64_t units)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    crdt__item *tomb = crdt__item_at(doc, tomb_ref);
    crdt__pos next = pos;
    size_t off;
    if (tomb_behind(doc, tomb_ref, &next) || !find_cut(doc, it, it->text.units - units, &off) ||
        !crdt__blocks_shift(&doc->objects, pos, -(int64_t)units))
        return false;
    crdt__conflict_moved(doc, tomb);
    tomb->clock -= units;
    tomb->len += units;
    tomb->origin_clock -= units;
    forget_text(doc, ref, units, it->text.bytes - off);
    return true;
}

/* The first units of `ref`, which lies at `pos`, join the tomb before: what the delete key does. */
static bool erase_first(crdt_doc *doc, crdt__ref ref, crdt__ref tomb_ref, crdt__pos pos,
                        uint64_t units)
{
    crdt__item *it = crdt__item_at(doc, ref);
    size_t off;
    if (!find_cut(doc, it, units, &off) || !crdt__blocks_shift(&doc->objects, pos, (int64_t)units))
        return false;
    crdt__conflict_moved(doc, it);
    crdt__item_at(doc, tomb_ref)->len += units;
    it->clock += units;
    it->origin_clock += units;
    it->content += (crdt__ref)off;
    forget_text(doc, ref, units, off);
    return true;
}

/* ---- erasing elsewhere ---- */

static void bury(crdt_doc *doc, crdt__ref ref)
{
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__list_deleting(doc, ref);
    crdt__type_at(&doc->objects, it->parent)->length -= it->text.units;
    it->deleted = 1;
    crdt__content_drop(doc, it);
}

/* All of a run: the tomb behind joins it, and it joins those before (yjs: tryToMergeWithLefts). */
static bool erase_whole(crdt_doc *doc, crdt__ref ref, crdt__pos pos)
{
    bury(doc, ref);
    crdt__pos next = pos;
    if (crdt__blocks_next(&doc->objects, &next) && join(doc, &next))
        pos = next;
    while (join(doc, &pos))
        ;
    return true;
}

/* A part of a run that is deleted stays by itself. */
static bool erase_part(crdt_doc *doc, crdt__ref ref, crdt__pos pos, uint64_t offset, uint64_t units)
{
    crdt__ref rest = 0;
    if (!ends_apart(doc, ref, pos))
        return false;
    if (offset + units < crdt__item_len(crdt__item_at(doc, ref)) &&
        !(rest = cut(doc, ref, offset + units)))
        return false;
    crdt__ref tomb = offset > 0 ? cut(doc, ref, offset) : ref;
    if (tomb)
        bury(doc, tomb);
    else if (rest)
        uncut(doc, rest);
    return tomb != 0;
}

bool crdt__inplace_erase(crdt_doc *doc, crdt__ref ref, uint64_t offset, uint64_t units)
{
    crdt__pos pos = crdt__doc_place(doc, ref);
    uint64_t len = crdt__item_len(crdt__item_at(doc, ref));
    if (units == len)
        return erase_whole(doc, ref, pos);
    crdt__ref tomb;
    crdt__pos behind = pos;
    if (offset == 0 && (tomb = tomb_before(doc, ref, pos)))
        return erase_first(doc, ref, tomb, pos, units);
    if (offset + units == len && (tomb = tomb_behind(doc, ref, &behind)))
        return erase_last(doc, ref, tomb, behind, units);
    return erase_part(doc, ref, pos, offset, units);
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
        return crdt__txn_deleted(doc, done.client, done.clock, done.len, 0);
    if (!unmerge(doc, done) || !crdt__txn_touch(doc, done.client))
        return false;
    doc->clients[done.client].before = done.clock;
    return true;
}
