#include "core/cleanup.h"

bool crdt__cleanup_wanted(const crdt_doc *doc)
{
    for (size_t i = 0; i < doc->txn.changed_count; i++) {
        const crdt__type *type = crdt__type_at(&doc->objects, doc->txn.changed_texts[i]);
        if (type->has_formatting && (!type->item || !crdt__item_at(doc, type->item)->deleted))
            return true;
    }
    return false;
}

static bool is_mark(const crdt__item *it)
{
    return it->kind == CRDT__FORMAT && !it->deleted;
}

static bool is_visible(const crdt__item *it)
{
    return !it->deleted && crdt__item_countable(it);
}

static bool is_null_mark(const crdt_doc *doc, const crdt__item *it)
{
    static const uint8_t null_text[] = {'n', 'u', 'l', 'l'};
    crdt__wstruct ws = {0};
    crdt__content_show(doc, it, &ws);
    return crdt__bytes_equal(ws.content2, (crdt_bytes){null_text, sizeof(null_text)});
}

static uint32_t mark_name(const crdt_doc *doc, const crdt__item *it)
{
    uint32_t name;
    memcpy(&name, crdt__blob_at(&doc->objects, it->content)->data, sizeof(name));
    return name;
}

/* What has been seen to: texts to be cleaned whole, items of gaps that are clean. */
typedef struct progress {
    crdt__u64map full;
    crdt__u64map clean;
} progress;

/* Walks left from `ref` over what is not visible, and deletes every mark but the last one of each
 * key, and, where `nulls` says so, those that set their key to null. */
typedef enum null_marks { NULL_MARKS_KEEP, NULL_MARKS_DELETE } null_marks;

static bool delete_overwritten(crdt_doc *doc, crdt__ref ref, null_marks nulls)
{
    crdt__u64map seen;
    crdt__u64map_init(&seen, &doc->budget, doc->options.hash_seed);
    bool ok = true;
    while (ok && ref && !is_visible(crdt__item_at(doc, ref))) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (is_mark(it)) {
            uint32_t name = mark_name(doc, it);
            bool redundant = crdt__u64map_find(&seen, name) ||
                             (nulls == NULL_MARKS_DELETE && is_null_mark(doc, it));
            ok = crdt__u64map_put(&seen, name, 1) && (!redundant || crdt__item_delete(doc, ref));
        }
        ref = it->left;
    }
    crdt__u64map_deinit(&seen);
    return ok;
}

/* yjs: cleanupContextlessFormattingGap, which walks over the gap for each item that was deleted in
 * it. The first time cleans it. */
static bool clean_gap(crdt_doc *doc, crdt__ref ref, crdt__u64map *clean)
{
    if (crdt__u64map_find(clean, ref))
        return true;
    for (crdt__ref right; (right = crdt__item_at(doc, ref)->right); ref = right)
        if (is_visible(crdt__item_at(doc, right)))
            break;
    crdt__ref left = ref;
    for (; left && !is_visible(crdt__item_at(doc, left)); left = crdt__item_at(doc, left)->left)
        if (!crdt__u64map_put(clean, left, 1))
            return false;
    return delete_overwritten(doc, ref, NULL_MARKS_KEEP);
}

/* yjs: cleanupYTextFormatting. Its loop restarts each gap at a visible item and then finds that gap
 * empty, so that only the one before the first visible item is ever cleaned; there nothing is set
 * yet, and a mark that sets null is redundant. */
static bool clean_text(crdt_doc *doc, crdt__ref type)
{
    crdt__ref before = 0;
    crdt__ref ref = crdt__type_at(&doc->objects, type)->start;
    while (ref && !is_visible(crdt__item_at(doc, ref))) {
        before = ref;
        ref = crdt__item_at(doc, ref)->right;
    }
    return !ref || delete_overwritten(doc, before, NULL_MARKS_DELETE);
}

typedef bool (*struct_visitor)(crdt_doc *doc, crdt__ref ref, progress *done);

static bool each_struct(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t end,
                        struct_visitor visit, progress *done)
{
    crdt__pos pos = crdt__doc_pos(doc, client, clock);
    do {
        crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
        const crdt__item *it = crdt__item_at(doc, ref);
        if (it->clock >= end)
            break;
        if (it->kind != CRDT__GC && !visit(doc, ref, done))
            return false;
    } while (crdt__blocks_next(&doc->objects, &pos));
    return true;
}

static bool visit_added(crdt_doc *doc, crdt__ref ref, progress *done)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    return !is_mark(it) || crdt__u64map_put(&done->full, it->parent, 1);
}

static bool visit_deleted(crdt_doc *doc, crdt__ref ref, progress *done)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!crdt__type_at(&doc->objects, it->parent)->has_formatting ||
        crdt__u64map_find(&done->full, it->parent))
        return true;
    return it->kind == CRDT__FORMAT ? crdt__u64map_put(&done->full, it->parent, 1)
                                    : clean_gap(doc, ref, &done->clean);
}

bool crdt__cleanup_run(crdt_doc *doc, const crdt__txn *finished)
{
    progress done;
    crdt__u64map_init(&done.full, &doc->budget, doc->options.hash_seed);
    crdt__u64map_init(&done.clean, &doc->budget, doc->options.hash_seed);
    bool ok = true;
    for (size_t i = 0; ok && i < finished->touched_count; i++) {
        uint32_t client = finished->touched[i];
        ok = each_struct(doc, client, doc->clients[client].before, UINT64_MAX, visit_added, &done);
    }
    for (size_t i = 0; ok && i < finished->deleted_count; i++) {
        crdt__span span = finished->deleted[i];
        ok = each_struct(doc, span.client, span.clock, span.clock + span.len, visit_deleted, &done);
    }
    for (size_t i = 0; ok && i < done.full.cap; i++)
        if (done.full.slots[i].used)
            ok = clean_text(doc, (crdt__ref)done.full.slots[i].key);
    crdt__u64map_deinit(&done.full);
    crdt__u64map_deinit(&done.clean);
    return ok;
}
