#include "core/pending.h"

#include "core/doc.h"

/* Pieces are folded once there are so many: each fold merges all that waits as often, so this
 * bounds the work of one call, whatever has gathered. */
#define PIECES_MAX 32

void crdt__pending_init(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    crdt__u64map_init(&p->missing, &doc->budget, doc->options.hash_seed);
    crdt__idset_init(&p->structs, doc->budget.mem);
    crdt__idset_init(&p->deletes, doc->budget.mem);
}

static void release_pieces(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    for (size_t i = 0; i < p->piece_count; i++)
        crdt__budget_release(&doc->budget, (void *)(uintptr_t)p->pieces[i].data, p->pieces[i].len);
    p->piece_count = 0;
    p->bytes = 0;
}

void crdt__pending_deinit(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    release_pieces(doc);
    crdt__budget_release(&doc->budget, p->pieces, p->piece_cap * sizeof(*p->pieces));
    crdt__u64map_deinit(&p->missing);
    crdt__idset_deinit(&p->structs);
    crdt__idset_deinit(&p->deletes);
}

bool crdt__pending_add(crdt_doc *doc, crdt_bytes update)
{
    crdt__pending *p = &doc->pending;
    if (!crdt__budget_reserve(&doc->budget, &p->pieces, &p->piece_cap, p->piece_count + 1,
                              sizeof(*p->pieces)))
        return false;
    uint8_t *copy = crdt__budget_resize(&doc->budget, NULL, 0, update.len);
    if (!copy)
        return false;
    memcpy(copy, update.data, update.len);
    p->pieces[p->piece_count++] = (crdt_bytes){copy, update.len};
    p->bytes += update.len;
    return p->piece_count < PIECES_MAX || crdt__pending_fold(doc) == CRDT_OK;
}

/* Two by two, in the order of arrival: where pieces overlap, or GC structs meet, or halves of
 * pairs, the bytes depend on it. */
static crdt_err merge_in_turn(const crdt__pending *p, crdt_buf *folded)
{
    crdt_err err = CRDT_OK;
    for (size_t i = 1; i < p->piece_count && err == CRDT_OK; i++) {
        crdt_bytes pair[2] = {p->pieces[0], p->pieces[i]};
        if (i > 1)
            pair[0] = (crdt_bytes){folded->data, folded->len};
        crdt_buf merged = {.mem = folded->mem};
        err = crdt__merge_extended(pair, 2, &merged);
        crdt_buf_free(folded);
        *folded = merged;
    }
    return err;
}

static bool pieces_are_apart(const crdt__pending *p)
{
    const crdt__range *ranges = crdt__idset_ranges(&p->structs);
    uint64_t units = 0;
    for (size_t i = 0; i < crdt__idset_count(&p->structs); i++)
        units += ranges[i].len;
    return units == p->units && !p->has_gc && !p->has_halves;
}

crdt_err crdt__pending_fold(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    if (p->piece_count < 2)
        return CRDT_OK;
    crdt_buf folded = {.mem = doc->budget.mem};
    crdt_err err = pieces_are_apart(p) ? crdt__merge_extended(p->pieces, p->piece_count, &folded)
                                       : merge_in_turn(p, &folded);
    if (err == CRDT_OK) {
        release_pieces(doc);
        if (!crdt__pending_add(doc, (crdt_bytes){folded.data, folded.len}))
            err = crdt__doc_fail(doc);
    }
    crdt_buf_free(&folded);
    return err;
}

crdt_bytes crdt__pending_take(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    crdt_bytes piece = p->pieces[0];
    p->piece_count = 0;
    p->bytes = 0;
    crdt__u64map_clear(&p->missing);
    crdt__idset_clear(&p->structs);
    p->units = 0;
    p->has_gc = false;
    p->has_halves = false;
    return piece;
}

bool crdt__pending_retry(const crdt_doc *doc)
{
    for (size_t i = 0; doc->pending.piece_count > 0 && i < doc->txn.touched_count; i++) {
        const crdt__client *client = &doc->clients[doc->txn.touched[i]];
        const uint64_t *clock = crdt__u64map_find(&doc->pending.missing, client->id);
        if (clock && *clock < client->state)
            return true;
    }
    return false;
}
