#include "types/typing.h"

#include "base/utf16.h"
#include "core/inplace.h"
#include "types/handle.h"
#include "types/position.h"

static bool same_handle(const crdt_type *a, const crdt_type *b)
{
    return a->root == b->root && a->item.client == b->item.client && a->item.clock == b->item.clock;
}

/* The text behind a handle; the last one is remembered. */
static crdt__ref find_text(crdt_doc *doc, const crdt_type *handle)
{
    crdt__local *local = &doc->local;
    if (!local->type || !same_handle(&local->handle, handle)) {
        local->handle = *handle;
        local->type = crdt__handle_find(doc, *handle);
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

static bool is_valid(crdt_bytes string, uint64_t *units)
{
    *units = 1;
    return (string.len == 1 && string.data[0] < 0x80) ||
           (string.len > 0 && crdt__utf8_valid(string, units));
}

/* True if what is inserted between `left` and `right` would be merged with `left`: it is what the
 * own client made last, and the right origin is the same. */
static bool is_continued(const crdt_doc *doc, const crdt__item *left, crdt__ref right_ref)
{
    if (left->kind != CRDT__STRING || left->deleted || left->client != doc->own ||
        crdt__item_end(left) != doc->clients[doc->own].state)
        return false;
    if (!right_ref)
        return left->right_client == 0;
    const crdt__item *right = crdt__item_at(doc, right_ref);
    return left->right_client == right->client && left->right_clock == right->clock;
}

/* The place before unit `index`, behind what is deleted there: behind the first *offset units of
 * at->left. Cuts nothing. */
static void find_place(crdt_doc *doc, crdt__ref type, uint64_t index, crdt__position *at,
                       uint64_t *offset)
{
    at->left = index > 0 ? crdt__position_item(doc, type, index - 1, offset) : 0;
    at->right = crdt__type_at(&doc->objects, type)->start;
    if (at->left) {
        const crdt__item *left = crdt__item_at(doc, at->left);
        at->right = left->right;
        if (++*offset < crdt__item_len(left))
            return;
    }
    if (at->right && crdt__item_at(doc, at->right)->deleted) {
        crdt__position_pass_deleted(doc, at);
        *offset = crdt__item_len(crdt__item_at(doc, at->left));
    }
}

static bool insert(crdt_doc *doc, crdt__ref type, uint64_t index, crdt_bytes string, uint64_t units)
{
    crdt__position at;
    uint64_t offset = 0;
    find_place(doc, type, index, &at, &offset);
    if (at.left) {
        const crdt__item *left = crdt__item_at(doc, at.left);
        if (left->kind == CRDT__STRING && left->halves)
            return false;
        if (offset == crdt__item_len(left) && is_continued(doc, left, at.right))
            return crdt__inplace_add(doc, at.left, string, units);
    }
    if (doc->local.done.len > 0)
        return false;
    crdt__ref ref = crdt__inplace_insert(doc, type, at.left, offset, string, units);
    if (ref)
        doc->cursor = (crdt__cursor){type, ref, index};
    return ref != 0;
}

bool crdt__typing_insert(crdt_doc *doc, const crdt_type *text, uint64_t index, crdt_bytes string)
{
    crdt__ref type = find_text(doc, text);
    uint64_t units;
    uint64_t clock = doc->clients[doc->own].state;
    if (!may_edit(doc, type) || (doc->local.erased && doc->local.done.len > 0) ||
        index > crdt__type_at(&doc->objects, type)->length || !is_valid(string, &units) ||
        !insert(doc, type, index, string, units))
        return false;
    crdt__span *done = &doc->local.done;
    if (done->len == 0)
        done->clock = clock;
    done->client = doc->own;
    done->len += units;
    doc->local.erased = false;
    return true;
}

/* ---- deleting ---- */

bool crdt__typing_delete(crdt_doc *doc, const crdt_type *text, uint64_t index, uint64_t length)
{
    crdt__ref type = find_text(doc, text);
    if (!may_edit(doc, type) || doc->local.done.len > 0 || doc->options.gc == CRDT_GC_OFF ||
        length == 0 || index >= crdt__type_at(&doc->objects, type)->length)
        return false;
    uint64_t offset;
    crdt__ref ref = crdt__position_item(doc, type, index, &offset);
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind != CRDT__STRING || length > it->text.units - offset)
        return false;
    crdt__span done = {.clock = it->clock + offset, .len = length, .client = it->client};
    if (!crdt__inplace_erase(doc, ref, offset, length))
        return false;
    doc->local.done.client = done.client;
    doc->local.done.clock = done.clock;
    doc->local.done.len = length;
    doc->local.erased = true;
    return true;
}
