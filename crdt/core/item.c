#include "core/item.h"

#include "core/conflict.h"
#include "core/order.h"

/* ---- splitting ---- */

crdt__ref crdt__item_split_at(crdt_doc *doc, uint32_t client, crdt__pos *pos, uint64_t offset)
{
    crdt__ref ref = crdt__blocks_item(&doc->objects, *pos);
    crdt__ref right_ref = crdt__doc_item_new(doc);
    if (!right_ref)
        return 0;
    crdt__doc_forget_place(doc);
    crdt__item *it = crdt__item_at(doc, ref);
    crdt__item *right = crdt__item_at(doc, right_ref);
    *right = *it;
    right->clock = it->clock + offset;
    right->origin_client = client & CRDT_CLIENTS_MAX;
    right->origin_clock = right->clock - 1;
    right->left = ref;
    right->content = 0;
    if (!crdt__content_split(doc, it, right, offset) ||
        !crdt__blocks_insert_behind(&doc->objects, &doc->clients[client].blocks, pos, right->clock,
                                    right_ref) ||
        !crdt__txn_candidate(doc, right_ref))
        return 0;
    it->right = right_ref;
    if (right->right)
        crdt__item_at(doc, right->right)->left = right_ref;
    else if (right->key &&
             !crdt__type_set(&doc->objects, crdt__type_at(&doc->objects, right->parent), right->key,
                             right_ref))
        return 0;
    crdt__list_split(doc, ref);
    return right_ref;
}

crdt__ref crdt__item_split(crdt_doc *doc, crdt__ref ref, uint64_t offset)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    crdt__pos pos = crdt__doc_pos(doc, it->client, it->clock);
    return crdt__item_split_at(doc, it->client, &pos, offset);
}

crdt__ref crdt__item_clean_end(crdt_doc *doc, uint32_t client, uint64_t clock)
{
    crdt__pos pos = crdt__doc_seek(doc, client, clock);
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind == CRDT__GC || clock + 1 == crdt__item_end(it))
        return ref;
    return crdt__item_split_at(doc, client, &pos, clock + 1 - it->clock) ? ref : 0;
}

crdt__ref crdt__item_clean_start(crdt_doc *doc, uint32_t client, uint64_t clock)
{
    crdt__pos pos = crdt__doc_seek(doc, client, clock);
    crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind == CRDT__GC || clock == it->clock)
        return ref;
    return crdt__item_split_at(doc, client, &pos, clock - it->clock);
}

/* ---- deleting ---- */

/* Something below a type that is being deleted: to be deleted as well, or, deleted before this
 * transaction, to be merged with what now lies deleted around it (yjs: ContentType#delete). */
static bool delete_child(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!it->deleted)
        return crdt__txn_push(doc, ref);
    if (it->clock < crdt__txn_before(doc, it->client))
        return crdt__txn_candidate(doc, ref);
    return true;
}

static bool delete_children(crdt_doc *doc, const crdt__type *type)
{
    crdt__txn *txn = &doc->txn;
    size_t base = txn->stack_count;
    for (crdt__ref ref = type->start; ref; ref = crdt__item_at(doc, ref)->right)
        if (!delete_child(doc, ref))
            return false;
    uint32_t key;
    crdt__ref ref;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &ref); i++)
        if (!delete_child(doc, ref))
            return false;
    /* The first child goes first. */
    for (size_t i = base, j = txn->stack_count; i + 1 < j; i++) {
        crdt__ref swapped = txn->stack[i];
        txn->stack[i] = txn->stack[--j];
        txn->stack[j] = swapped;
    }
    return true;
}

static bool delete_one(crdt_doc *doc, crdt__ref ref)
{
    crdt__item *it = crdt__item_at(doc, ref);
    if (it->deleted)
        return true;
    uint64_t len = crdt__item_len(it);
    crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    if (crdt__item_countable(it) && !it->key)
        parent->length -= len;
    crdt__list_deleting(doc, ref);
    it->deleted = 1;
    if (!crdt__txn_deleted(doc, it->client, it->clock, len, ref) || !crdt__txn_change(doc, it))
        return false;
    return it->kind != CRDT__TYPE ||
           delete_children(doc, crdt__type_at(&doc->objects, it->content));
}

bool crdt__item_delete(crdt_doc *doc, crdt__ref ref)
{
    crdt__txn *txn = &doc->txn;
    size_t base = txn->stack_count;
    if (!crdt__txn_push(doc, ref))
        return false;
    while (txn->stack_count > base)
        if (!delete_one(doc, txn->stack[--txn->stack_count]))
            return false;
    return true;
}

/* ---- garbage ---- */

/* A child of a collected type becomes a hole of its length; a type below it is put on the stack
 * first. */
static bool gc_child(crdt_doc *doc, crdt__ref ref)
{
    crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind == CRDT__TYPE) {
        if (!crdt__txn_push(doc, it->content))
            return false;
        it->kind = CRDT__DELETED;
        it->len = 1;
    } else if (it->kind != CRDT__DELETED) {
        crdt__content_drop(doc, it);
    }
    *it = (crdt__item){
        .clock = it->clock, .len = it->len, .client = it->client, .kind = CRDT__GC, .deleted = 1};
    return true;
}

static bool gc_type(crdt_doc *doc, crdt__ref type_ref)
{
    crdt__type *type = crdt__type_at(&doc->objects, type_ref);
    for (crdt__ref ref = type->start, next; ref; ref = next) {
        next = crdt__item_at(doc, ref)->right;
        if (!gc_child(doc, ref))
            return false;
    }
    uint32_t key;
    crdt__ref ref;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &ref); i++) {
        for (crdt__ref left; ref; ref = left) {
            left = crdt__item_at(doc, ref)->left;
            if (!gc_child(doc, ref))
                return false;
        }
    }
    crdt__list_gone(doc, type_ref);
    if (doc->spot_count > 0)
        crdt__conflict_forget(doc, type_ref);
    crdt__type_free(&doc->objects, type_ref);
    return true;
}

bool crdt__item_gc(crdt_doc *doc, crdt__ref ref)
{
    crdt__txn *txn = &doc->txn;
    crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind != CRDT__TYPE) {
        if (it->kind != CRDT__DELETED)
            crdt__content_drop(doc, it);
        return true;
    }
    size_t base = txn->stack_count;
    if (!crdt__txn_push(doc, it->content))
        return false;
    it->kind = CRDT__DELETED;
    it->content = 0;
    it->len = 1;
    while (txn->stack_count > base)
        if (!gc_type(doc, txn->stack[--txn->stack_count]))
            return false;
    return true;
}

/* ---- joining ---- */

bool crdt__item_joins(const crdt_doc *doc, crdt__ref left_ref, crdt__ref right_ref)
{
    const crdt__item *right = crdt__item_at(doc, right_ref);
    if (crdt__item_begins_apart(right))
        return false;
    const crdt__item *left = crdt__item_at(doc, left_ref);
    if (left->kind != right->kind || left->deleted != right->deleted)
        return false;
    return left->kind == CRDT__GC ||
           (crdt__content_joins(left) && crdt__item_continues(left, right_ref, right));
}

bool crdt__item_join(crdt_doc *doc, crdt__ref left_ref, crdt__ref right_ref)
{
    crdt__item *left = crdt__item_at(doc, left_ref);
    crdt__item *right = crdt__item_at(doc, right_ref);
    if (left->kind == CRDT__GC) {
        left->len += right->len;
        crdt__doc_item_free(doc, right_ref);
        doc->txn.joined++;
        return true;
    }
    if (!crdt__content_join(doc, left, right))
        return false;
    left->right = right->right;
    if (right->right) {
        crdt__item_at(doc, right->right)->left = left_ref;
    } else if (right->key) {
        crdt__type *parent = crdt__type_at(&doc->objects, right->parent);
        if (!crdt__type_set(&doc->objects, parent, right->key, left_ref))
            return false;
    }
    crdt__list_joined(doc, left_ref, right_ref);
    crdt__conflict_moved(doc, right);
    crdt__doc_item_free(doc, right_ref);
    doc->txn.joined++;
    return true;
}
