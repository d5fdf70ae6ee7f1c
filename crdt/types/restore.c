#include "types/restore.h"

#include "core/inplace.h"

bool crdt__restore_push(crdt__restore *r, crdt__ref now, crdt__ref then)
{
    if (!crdt__budget_reserve(&r->budget, &r->pairs, &r->cap, r->count + 1, sizeof(*r->pairs)))
        return false;
    r->pairs[r->count++] = (crdt__pair){now, then};
    return true;
}

/* ---- contents ---- */

crdt__wstruct crdt__restore_content(const crdt_doc *past, const crdt__run *run)
{
    crdt__wstruct content = {0};
    crdt__content_show(past, run->item, &content);
    content.kind = run->item->kind;
    content.len = run->to - run->from;
    if (run->bytes.len > 0)
        content.content = run->bytes;
    return content;
}

static bool cuts_pair(const crdt__run *run)
{
    return run->low_half || run->high_half;
}

bool crdt__restore_same(const crdt_doc *doc, const crdt__run *run, const crdt_doc *past,
                        const crdt__run *was)
{
    if (run->item->kind != was->item->kind || cuts_pair(run) || cuts_pair(was))
        return false;
    crdt__wstruct a = crdt__restore_content(doc, run);
    crdt__wstruct b = crdt__restore_content(past, was);
    return a.len == b.len && a.type_ref == b.type_ref && crdt__bytes_equal(a.content, b.content) &&
           crdt__bytes_equal(a.content2, b.content2);
}

/* ---- keys ---- */

/* What a key of a type holds; 0: nothing is asked for. False: nothing. */
static bool entry_of(const crdt_doc *doc, crdt__ref type, crdt_bytes key, crdt__run *out)
{
    const crdt__moment now = {0};
    uint32_t name = type ? crdt__doc_find_name(doc, key) : 0;
    crdt__ref newest =
        name ? crdt__type_get(&doc->objects, crdt__type_at(&doc->objects, type), name) : 0;
    return newest && crdt__visible_value(doc, &now, newest, out);
}

/* Deletes the keys that were not there. */
static bool drop_keys(crdt__restore *r, crdt__pair pair)
{
    const crdt__moment now = {0};
    crdt_doc *doc = r->doc;
    const crdt__type *type = crdt__type_at(&doc->objects, pair.now);
    uint32_t key;
    crdt__ref newest;
    crdt__run run;
    for (uint32_t i = 0; crdt__type_entry(&doc->objects, type, i, &key, &newest); i++)
        if (newest && crdt__visible_value(doc, &now, newest, &run) &&
            !entry_of(r->past, pair.then, crdt__doc_name_bytes(doc, key), &run) &&
            !crdt__item_delete(doc, newest))
            return false;
    return true;
}

static bool set_key(crdt__restore *r, crdt__ref map, crdt_bytes key, const crdt__run *was)
{
    crdt_doc *doc = r->doc;
    crdt__run run;
    crdt__ref item = 0;
    if (entry_of(doc, map, key, &run) && crdt__restore_same(doc, &run, r->past, was)) {
        item = run.ref;
    } else {
        uint32_t name = crdt__doc_name(doc, key);
        if (!name)
            return false;
        const crdt__type *type = crdt__type_at(&doc->objects, map);
        crdt__position at = {crdt__type_get(&doc->objects, type, name), 0};
        crdt__wstruct content = crdt__restore_content(r->past, was);
        item = crdt__edit_insert(doc, map, name, at, &content);
    }
    if (!item || was->item->kind != CRDT__TYPE)
        return item != 0;
    return crdt__restore_push(r, crdt__item_at(doc, item)->content, was->item->content);
}

static bool restore_keys(crdt__restore *r, crdt__pair pair)
{
    const crdt__moment now = {0};
    crdt_doc *past = r->past;
    if (!drop_keys(r, pair))
        return false;
    uint32_t key;
    crdt__ref newest;
    crdt__run run;
    for (uint32_t i = 0;
         pair.then && crdt__type_entry(&past->objects, crdt__type_at(&past->objects, pair.then), i,
                                       &key, &newest);
         i++)
        if (newest && crdt__visible_value(past, &now, newest, &run) &&
            !set_key(r, pair.now, crdt__doc_name_bytes(past, key), &run))
            return false;
    return true;
}

/* ---- roots ---- */

static crdt__ref find_root(const crdt_doc *doc, crdt_bytes name)
{
    uint32_t found = crdt__doc_find_name(doc, name);
    return found ? doc->names[found].root : 0;
}

static bool push_roots(crdt__restore *r)
{
    const crdt_doc *doc = r->doc;
    for (size_t i = 0; i < doc->root_count; i++)
        if (!crdt__restore_push(r, doc->names[doc->roots[i]].root,
                                find_root(r->past, crdt__doc_name_bytes(doc, doc->roots[i]))))
            return false;
    return true;
}

/* Makes the roots that the document does not have. */
static bool add_roots(crdt__restore *r)
{
    const crdt_doc *past = r->past;
    for (size_t i = 0; i < past->root_count; i++) {
        crdt_bytes name = crdt__doc_name_bytes(past, past->roots[i]);
        crdt__ref root = crdt__doc_root(r->doc, name);
        if (!root)
            return false;
        const crdt__type *was = crdt__type_at(&past->objects, past->names[past->roots[i]].root);
        if (was->is_text)
            crdt__type_at(&r->doc->objects, root)->is_text = true;
    }
    return true;
}

static bool restore(crdt__restore *r)
{
    if (!add_roots(r) || !push_roots(r))
        return false;
    while (r->count > 0) {
        crdt__pair pair = r->pairs[--r->count];
        if (!restore_keys(r, pair) || !crdt__restore_list(r, pair))
            return false;
    }
    return true;
}

crdt_err crdt_doc_restore(crdt_doc *doc, crdt_doc *past)
{
    if (doc->failed || past->failed)
        return CRDT_FAILED;
    if (!doc->editing)
        return CRDT_INVALID;
    if (doc == past)
        return CRDT_OK;
    if (!doc->local.mixed && !crdt__inplace_settle(doc))
        return crdt__edit_failed(doc);
    crdt__restore r = {.doc = doc, .past = past, .budget = {.mem = doc->budget.mem}};
    crdt__u64map_init(&r.hashes[CRDT__SIDE_NOW], &r.budget, doc->options.hash_seed);
    crdt__u64map_init(&r.hashes[CRDT__SIDE_THEN], &r.budget, doc->options.hash_seed);
    bool ok = restore(&r);
    crdt__u64map_deinit(&r.hashes[CRDT__SIDE_NOW]);
    crdt__u64map_deinit(&r.hashes[CRDT__SIDE_THEN]);
    crdt__budget_release(&r.budget, r.pairs, r.cap * sizeof(*r.pairs));
    if (ok)
        return CRDT_OK;
    if (r.budget.err != CRDT_OK)
        doc->budget.err = r.budget.err;
    return crdt__edit_failed(doc);
}
