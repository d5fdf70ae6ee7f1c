#include "core/pending.h"

#include "core/doc.h"

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
    return true;
}

crdt_err crdt__pending_fold(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    if (p->piece_count < 2)
        return CRDT_OK;
    crdt_buf folded = {.mem = doc->budget.mem};
    crdt_err err = CRDT_OK;
    for (size_t i = 1; i < p->piece_count && err == CRDT_OK; i++) {
        crdt_bytes pair[2] = {p->pieces[0], p->pieces[i]};
        if (i > 1)
            pair[0] = (crdt_bytes){folded.data, folded.len};
        crdt_buf merged = {.mem = doc->budget.mem};
        err = crdt_update_merge_v1(pair, 2, &merged);
        crdt_buf_free(&folded);
        folded = merged;
    }
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
    return piece;
}

bool crdt__pending_retry(const crdt_doc *doc)
{
    const crdt__u64map *missing = &doc->pending.missing;
    if (!doc->pending.piece_count)
        return false;
    for (size_t i = 0; i < missing->cap; i++) {
        const crdt__u64map_slot *slot = &missing->slots[i];
        const uint64_t *client =
            slot->used ? crdt__u64map_find(&doc->client_index, slot->key) : NULL;
        if (client && slot->value < doc->clients[*client].state)
            return true;
    }
    return false;
}
