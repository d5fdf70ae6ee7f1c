#include "wire/event.h"

#include <stdlib.h>

#include "base/idset.h"
#include "wire/brief.h"
#include "wire/show.h"

/* ---- what was added ---- */

/* What is new of one client: from this clock to its end. */
typedef struct added {
    uint64_t client;
    uint64_t from;
    uint32_t index;
} added;

static added added_of(const crdt_doc *doc, uint32_t index, uint64_t from)
{
    return (added){doc->clients[index].id, from, index};
}

static int compare_descending(const void *a, const void *b)
{
    uint64_t x = ((const added *)a)->client;
    uint64_t y = ((const added *)b)->client;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool add_deleted(const crdt_doc *doc, const crdt__span *deleted, size_t count,
                        crdt__idset *out)
{
    for (size_t i = 0; i < count; i++)
        if (!crdt__idset_add(out, doc->clients[deleted[i].client].id, deleted[i].clock,
                             deleted[i].len))
            return false;
    return crdt__idset_normalize(out);
}

static crdt_err write_update(const crdt_doc *doc, crdt_encoding encoding, const added *sections,
                             size_t section_count, const crdt__span *deleted, size_t deleted_count,
                             crdt_buf *out)
{
    crdt__idset deletes;
    crdt__idset_init(&deletes, doc->budget.mem);
    crdt__encoder enc;
    crdt__encoder_init(&enc, encoding, out);
    crdt__encode_count(&enc, section_count);
    for (size_t i = 0; i < section_count; i++)
        crdt__show_section(doc, sections[i].index, sections[i].from, &enc, NULL);
    if (add_deleted(doc, deleted, deleted_count, &deletes))
        crdt__encode_deletes(&enc, &deletes);
    else
        enc.out.ok = false;
    crdt__idset_deinit(&deletes);
    return crdt__encoder_finish(&enc);
}

crdt_err crdt__event_write_added(crdt_doc *doc, crdt_encoding encoding, crdt__span done,
                                 crdt_buf *out)
{
    if (encoding == CRDT_V1 && crdt__brief_added(doc, &done, out))
        return CRDT_OK;
    added section = added_of(doc, done.client, done.clock);
    return write_update(doc, encoding, &section, 1, NULL, 0, out);
}

crdt_err crdt__event_write_deleted(crdt_doc *doc, crdt_encoding encoding, crdt__span done,
                                   crdt_buf *out)
{
    if (encoding == CRDT_V1 && crdt__brief_deleted(doc, &done, out))
        return CRDT_OK;
    return write_update(doc, encoding, NULL, 0, &done, 1, out);
}

/* ---- a transaction ---- */

/* The clients that a transaction made structs of, sorted: nearly always one. */
static crdt_err write_many(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    const crdt__txn *txn = &doc->txn;
    size_t bytes = txn->touched_count * sizeof(added);
    added *sections = crdt__budget_resize(&doc->budget, NULL, 0, bytes);
    if (!sections)
        return doc->budget.err;
    for (size_t i = 0; i < txn->touched_count; i++)
        sections[i] = added_of(doc, txn->touched[i], doc->clients[txn->touched[i]].before);
    qsort(sections, txn->touched_count, sizeof(*sections), compare_descending);
    crdt_err err = write_update(doc, encoding, sections, txn->touched_count, txn->deleted,
                                txn->deleted_count, out);
    crdt__budget_release(&doc->budget, sections, bytes);
    return err;
}

crdt_err crdt__event_write(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    const crdt__txn *txn = &doc->txn;
    if (!crdt__txn_changed(doc))
        return CRDT_OK;
    if (txn->touched_count > 1)
        return write_many(doc, encoding, out);
    added section = {0};
    if (txn->touched_count)
        section = added_of(doc, txn->touched[0], doc->clients[txn->touched[0]].before);
    return write_update(doc, encoding, &section, txn->touched_count, txn->deleted,
                        txn->deleted_count, out);
}

/* ---- from others ---- */

static bool write_if_asked(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    return !out || crdt__event_write(doc, encoding, out) == CRDT_OK;
}

/* Makes the update that `out` holds from `start` on, and a second one, one. */
static bool merge_in(const crdt_doc *doc, crdt_encoding encoding, size_t start, crdt_bytes second,
                     crdt_buf *out)
{
    crdt_buf merged = {.mem = doc->budget.mem};
    crdt_bytes both[] = {{out->data + start, out->len - start}, second};
    bool ok = crdt_update_merge(encoding, both, 2, &merged) == CRDT_OK;
    if (ok) {
        out->len = start;
        crdt__writer w = crdt__writer_on(out);
        crdt__write_bytes(&w, merged.data, merged.len);
        ok = crdt__writer_finish(&w) == CRDT_OK;
    }
    crdt_buf_free(&merged);
    return ok;
}

/* Of the tidying Yjs tells in an update of its own; here both are one. */
bool crdt__event_commit_remote(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    crdt__txn follow_up;
    crdt_buf second = {.mem = doc->budget.mem};
    size_t start = out ? out->len : 0;
    bool ok = crdt__txn_tidy_remote(doc, &follow_up) && write_if_asked(doc, encoding, out);
    if (crdt__txn_end_remote(doc, &follow_up)) {
        ok = ok && crdt__txn_tidy(doc) && write_if_asked(doc, encoding, out ? &second : NULL);
        crdt__txn_end(doc);
    }
    if (ok && second.len > 0)
        ok = merge_in(doc, encoding, start, (crdt_bytes){second.data, second.len}, out);
    crdt_buf_free(&second);
    ok = ok && crdt__text_compact(doc);
    if (!ok && out)
        out->len = start;
    return ok;
}
