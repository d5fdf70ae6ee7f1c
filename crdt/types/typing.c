#include "types/typing.h"

#include "base/utf16.h"
#include "core/inplace.h"
#include "types/handle.h"
#include "types/position.h"

static bool same_handle(crdt_type a, crdt_type b)
{
    return a.root == b.root && a.item.client == b.item.client && a.item.clock == b.item.clock;
}

/* The text behind a handle; the last one is remembered. */
static crdt__ref find_text(crdt_doc *doc, crdt_type handle)
{
    crdt__local *local = &doc->local;
    if (!local->type || !same_handle(local->handle, handle)) {
        local->handle = handle;
        local->type = crdt__handle_find(doc, handle);
    }
    return local->type;
}

/* Whether an edit may be made in place: it is the first of its transaction, or goes on with what
 * was typed in it, and the text is one without formats. */
static bool may_edit(const crdt_doc *doc, crdt__ref ref)
{
    if (!doc->editing || doc->failed || doc->local.mixed || !ref ||
        doc->options.changes == CRDT_CHANGES_ON)
        return false;
    const crdt__type *text = crdt__type_at(&doc->objects, ref);
    return !text->has_formatting && (!text->item || !crdt__item_at(doc, text->item)->deleted);
}

/* ---- inserting ---- */

/* The last struct of the own client. */
static crdt__ref last_made(const crdt_doc *doc)
{
    const crdt__blocks *blocks = &doc->clients[doc->own].blocks;
    return blocks->root ? crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, blocks))
                        : 0;
}

/* True if what is inserted behind `it` would be merged with it: the same right origin, and nothing
 * deleted between, which insertions pass. */
static bool is_continued(const crdt_doc *doc, const crdt__item *it)
{
    if (it->kind != CRDT__STRING || it->deleted || it->halves)
        return false;
    if (!it->right)
        return it->right_client == 0;
    const crdt__item *right = crdt__item_at(doc, it->right);
    return !right->deleted && it->right_client == right->client && it->right_clock == right->clock;
}

bool crdt__typing_insert(crdt_doc *doc, crdt_type text, uint64_t index, crdt_bytes string)
{
    crdt__ref type = find_text(doc, text);
    uint64_t units;
    if (!may_edit(doc, type) || (doc->local.erased && doc->local.done.len > 0) || index == 0 ||
        index > crdt__type_at(&doc->objects, type)->length || string.len == 0 ||
        !crdt__utf8_valid(string, &units))
        return false;
    uint64_t offset;
    crdt__ref ref = crdt__position_item(doc, type, index - 1, &offset);
    const crdt__item *it = crdt__item_at(doc, ref);
    if (ref != last_made(doc) || offset + 1 != crdt__item_len(it) || !is_continued(doc, it))
        return false;
    uint64_t clock = crdt__item_end(it);
    if (!crdt__inplace_add(doc, ref, string, units))
        return false;
    crdt__span *done = &doc->local.done;
    if (done->len == 0)
        *done = (crdt__span){.clock = clock, .client = doc->own};
    done->len += units;
    doc->local.erased = false;
    return true;
}

/* ---- deleting ---- */

bool crdt__typing_delete(crdt_doc *doc, crdt_type text, uint64_t index, uint64_t length)
{
    crdt__ref type = find_text(doc, text);
    if (!may_edit(doc, type) || doc->local.done.len > 0 || doc->options.gc == CRDT_GC_OFF ||
        length == 0 || index >= crdt__type_at(&doc->objects, type)->length)
        return false;
    uint64_t offset;
    crdt__ref ref = crdt__position_item(doc, type, index, &offset);
    const crdt__item *it = crdt__item_at(doc, ref);
    uint64_t units = crdt__item_len(it);
    if (it->kind != CRDT__STRING || length >= units || (offset != 0 && offset != units - length))
        return false;
    crdt__span done = {.clock = it->clock + offset, .len = length, .client = it->client};
    if (!crdt__inplace_erase(doc, ref, crdt__doc_pos(doc, it->client, it->clock), offset, length))
        return false;
    doc->local.done = done;
    doc->local.erased = true;
    return true;
}
