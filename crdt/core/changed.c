#include "core/changed.h"

#include "core/doc.h"

static void *resize_counted(void *budget, void *old, size_t old_size, size_t new_size)
{
    return crdt__budget_resize(budget, old, old_size, new_size);
}

static void release_counted(void *budget, void *ptr, size_t size)
{
    crdt__budget_release(budget, ptr, size);
}

void crdt__changed_init(crdt_doc *doc)
{
    crdt__changed *changed = &doc->changed;
    changed->mem = (crdt_mem){resize_counted, release_counted, &doc->budget};
    changed->told = (crdt_buf){.mem = &changed->mem};
    crdt__u64map_init(&changed->seen, &doc->budget, doc->options.hash_seed);
}

void crdt__changed_deinit(crdt_doc *doc)
{
    crdt__changed *changed = &doc->changed;
    crdt__budget_release(&doc->budget, changed->items, changed->cap * sizeof(*changed->items));
    crdt__u64map_deinit(&changed->seen);
    crdt_buf_free(&changed->told);
}

/* A type that the transaction made, or that is deleted, is told of by what holds it. */
static bool is_worth_noting(const crdt_doc *doc, crdt__ref type)
{
    crdt__ref holder = crdt__type_at(&doc->objects, type)->item;
    if (!holder)
        return true;
    const crdt__item *it = crdt__item_at(doc, holder);
    return !it->deleted && it->clock < crdt__txn_before(doc, it->client);
}

static bool add(crdt_doc *doc, crdt__change change)
{
    crdt__changed *changed = &doc->changed;
    uint64_t name = (uint64_t)change.type << 32 | change.key;
    if (crdt__u64map_find(&changed->seen, name))
        return true;
    if (!crdt__budget_reserve(&doc->budget, &changed->items, &changed->cap, changed->count + 1,
                              sizeof(*changed->items)) ||
        !crdt__u64map_put(&changed->seen, name, changed->count))
        return false;
    changed->items[changed->count++] = change;
    return true;
}

void crdt__changed_note(crdt_doc *doc, const crdt__item *it)
{
    crdt__changed *changed = &doc->changed;
    if (doc->txn.told || changed->lost != CRDT_OK || !is_worth_noting(doc, it->parent))
        return;
    if (!add(doc, (crdt__change){it->parent, it->key}))
        changed->lost = doc->budget.err;
}

/* Changes kept room for from one transaction to the next. */
#define KEPT_MAX 1024u

void crdt__changed_clear(crdt_doc *doc)
{
    crdt__changed *changed = &doc->changed;
    changed->count = 0;
    changed->lost = CRDT_OK;
    if (changed->cap <= KEPT_MAX) {
        crdt__u64map_clear(&changed->seen);
        return;
    }
    crdt__budget_release(&doc->budget, changed->items, changed->cap * sizeof(*changed->items));
    changed->items = NULL;
    changed->cap = 0;
    crdt__u64map_deinit(&changed->seen);
}
