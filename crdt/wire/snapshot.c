/* Snapshots: taken, coded, compared, and turned into updates again (yjs/src/utils/Snapshot.js).
 *
 *     delete set (of format v1 or v2), then a state vector
 */
#include "core/snapshot.h"

#include <stdlib.h>

#include "base/any.h"
#include "base/utf16.h"
#include "wire/diff.h"
#include "wire/encoder.h"
#include "wire/lazy.h"
#include "wire/open.h"
#include "wire/show.h"

static void write_deletes(const crdt__idset *deletes, crdt_encoding encoding, crdt__writer *w)
{
    if (encoding == CRDT_V2)
        crdt__idset_write_v2(deletes, w);
    else
        crdt__idset_write_v1(deletes, w);
}

/* ---- taking ---- */

static bool find_deletes(crdt_doc *doc, crdt__idset *deletes)
{
    uint32_t *clients;
    if (!crdt__doc_clients_descending(doc, &clients))
        return false;
    bool ok = crdt__collect_deletes(doc, clients, deletes) && crdt__idset_normalize(deletes);
    crdt__budget_release(&doc->budget, clients, (doc->client_count - 1) * sizeof *clients);
    return ok;
}

static crdt_err write_doc_deletes(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    crdt__idset deletes;
    crdt__idset_init(&deletes, doc->budget.mem);
    crdt__writer w = crdt__writer_on(out);
    if (find_deletes(doc, &deletes))
        write_deletes(&deletes, encoding, &w);
    else
        w.ok = false;
    crdt__idset_deinit(&deletes);
    return crdt__writer_finish(&w);
}

crdt_err crdt_doc_snapshot(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    size_t len = out->len;
    crdt_err err = write_doc_deletes(doc, encoding, out);
    if (err == CRDT_OK)
        err = crdt_doc_encode_state_vector(doc, out);
    if (err != CRDT_OK)
        out->len = len;
    return err;
}

/* ---- decoding ---- */

static bool push_known(crdt_snapshot *s, uint64_t client, uint64_t clock)
{
    if (s->known_count == s->known_cap) {
        size_t cap = s->known_cap ? s->known_cap * 2 : 4;
        crdt__known *known =
            crdt__resize(s->mem, s->known, s->known_cap * sizeof *known, cap * sizeof *known);
        if (!known)
            return false;
        s->known = known;
        s->known_cap = cap;
    }
    s->known[s->known_count] = (crdt__known){client, clock, s->known_count};
    s->known_count++;
    return true;
}

static int compare_known(const void *a, const void *b)
{
    const crdt__known *x = a;
    const crdt__known *y = b;
    if (x->client != y->client)
        return x->client < y->client ? 1 : -1;
    return x->place < y->place ? -1 : 1;
}

/* Sorts by client. Of one named twice the first place and the last clock count, as in a JavaScript
 * Map. */
static void sort_known(crdt_snapshot *s)
{
    if (s->known_count > 1)
        qsort(s->known, s->known_count, sizeof *s->known, compare_known);
    size_t kept = 0;
    for (size_t i = 0; i < s->known_count; i++) {
        if (kept > 0 && s->known[kept - 1].client == s->known[i].client)
            s->known[kept - 1].clock = s->known[i].clock;
        else
            s->known[kept++] = s->known[i];
    }
    s->known_count = kept;
}

/* False: out of memory. */
static bool read_known(crdt__reader *r, crdt_snapshot *s)
{
    for (uint64_t left = crdt__read_varuint(r); left > 0 && r->ok; left--) {
        uint64_t client = crdt__read_varuint(r);
        uint64_t clock = crdt__read_varuint(r);
        if (r->ok && !push_known(s, client, clock))
            return false;
    }
    sort_known(s);
    return true;
}

static bool read_deletes(crdt__reader *r, crdt_encoding encoding, crdt__idset *deletes)
{
    bool ok =
        encoding == CRDT_V2 ? crdt__idset_read_v2(r, deletes) : crdt__idset_read_v1(r, deletes);
    return ok && crdt__idset_normalize(deletes);
}

static crdt_err snapshot_read(crdt_snapshot *s, crdt_encoding encoding, crdt_bytes bytes)
{
    crdt__reader r = crdt__reader_of(bytes);
    if (!read_deletes(&r, encoding, &s->deletes) || !read_known(&r, s))
        return CRDT_NO_MEMORY;
    return crdt__reader_at_end(&r) ? CRDT_OK : CRDT_MALFORMED;
}

crdt_err crdt_snapshot_new(crdt_encoding encoding, crdt_bytes bytes, const crdt_mem *mem,
                           crdt_snapshot **out)
{
    crdt_snapshot *s = crdt__resize(mem, NULL, 0, sizeof *s);
    if (!s)
        return CRDT_NO_MEMORY;
    *s = (crdt_snapshot){.mem = mem};
    crdt__idset_init(&s->deletes, mem);
    crdt_err err = snapshot_read(s, encoding, bytes);
    if (err == CRDT_OK)
        *out = s;
    else
        crdt_snapshot_free(s);
    return err;
}

void crdt_snapshot_free(crdt_snapshot *snapshot)
{
    if (!snapshot)
        return;
    crdt__idset_deinit(&snapshot->deletes);
    crdt__release(snapshot->mem, snapshot->known, snapshot->known_cap * sizeof *snapshot->known);
    crdt__release(snapshot->mem, snapshot, sizeof *snapshot);
}

/* ---- encoding, comparing ---- */

crdt_err crdt_snapshot_encode(const crdt_snapshot *snapshot, crdt_encoding encoding, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    write_deletes(&snapshot->deletes, encoding, &w);
    crdt__write_varuint(&w, snapshot->known_count);
    for (size_t i = 0; i < snapshot->known_count; i++) {
        crdt__write_varuint(&w, snapshot->known[i].client);
        crdt__write_varuint(&w, snapshot->known[i].clock);
    }
    return crdt__writer_finish(&w);
}

bool crdt_snapshot_equal(const crdt_snapshot *a, const crdt_snapshot *b)
{
    if (a->known_count != b->known_count ||
        crdt__idset_count(&a->deletes) != crdt__idset_count(&b->deletes))
        return false;
    for (size_t i = 0; i < a->known_count; i++)
        if (a->known[i].client != b->known[i].client || a->known[i].clock != b->known[i].clock)
            return false;
    const crdt__range *x = crdt__idset_ranges(&a->deletes);
    const crdt__range *y = crdt__idset_ranges(&b->deletes);
    for (size_t i = 0; i < crdt__idset_count(&a->deletes); i++)
        if (x[i].client != y[i].client || x[i].clock != y[i].clock || x[i].len != y[i].len)
            return false;
    return true;
}

/* ---- a document as it was ---- */

/* Leaves the first `len` units of a struct that has more. A character that is cut in two leaves
 * U+FFFD for its first half, in `scratch` (yjs/src/structs/ContentString.js, splice). False: out of
 * memory. */
static bool keep_first(crdt__wstruct *s, uint64_t len, crdt_buf *scratch)
{
    if (s->kind == CRDT__STRING) {
        bool inside_pair;
        s->content.len = crdt__utf16_offset(s->content, s->len, len, &inside_pair);
        bool behind_half = s->halves && !inside_pair && crdt__wtf8_ends_high(s->content);
        if (behind_half)
            s->content.len -= CRDT__HALF_LEN;
        if (inside_pair || behind_half) {
            crdt__writer w = crdt__writer_on(scratch);
            crdt__write_bytes(&w, s->content.data, s->content.len);
            crdt__write_bytes(&w, crdt__replacement, CRDT__HALF_LEN);
            if (crdt__writer_finish(&w) != CRDT_OK)
                return false;
            s->content = (crdt_bytes){scratch->data, scratch->len};
        }
    } else if (s->kind == CRDT__ANY || s->kind == CRDT__JSON) {
        crdt__reader r = crdt__reader_of(s->content);
        for (uint64_t i = 0; i < len; i++) {
            if (s->kind == CRDT__ANY)
                crdt__any_skip_valid(&r);
            else
                (void)crdt__read_varbytes(&r);
        }
        s->content.len = (size_t)(r.pos - s->content.data);
    }
    s->len = len;
    return true;
}

/* The struct that holds `state - 1`, as it was then: without units that came later. A GC struct
 * stays whole, as in Yjs. */
static void write_last(const crdt_doc *doc, crdt__encoder *enc, const crdt__item *it,
                       uint64_t state)
{
    crdt_buf scratch = {.mem = enc->mem};
    crdt__wstruct ws;
    crdt__show(doc, it, &ws);
    if (it->kind != CRDT__GC && crdt__item_end(it) > state &&
        !keep_first(&ws, state - it->clock, &scratch))
        enc->out.ok = false;
    else
        crdt__encode_struct(enc, &ws, 0);
    crdt_buf_free(&scratch);
}

/* Structs of a client up to the one at `last`, with it. */
static uint64_t count_up_to(const crdt_doc *doc, crdt__pos last)
{
    uint64_t count = last.i + 1;
    crdt__ref ref = crdt__leaf_at(&doc->objects, last.leaf)->prev;
    for (; ref; ref = crdt__leaf_at(&doc->objects, ref)->prev)
        count += crdt__leaf_at(&doc->objects, ref)->count;
    return count;
}

static void write_client(const crdt_doc *doc, crdt__encoder *enc, uint32_t index, uint64_t state)
{
    const crdt__client *client = &doc->clients[index];
    uint64_t structs = count_up_to(doc, crdt__doc_pos(doc, index, state - 1));
    crdt__encode_section(enc, structs, (crdt_id){client->id, 0});
    crdt__pos pos = crdt__blocks_first(&client->blocks);
    for (; structs > 1 && enc->out.ok; structs--) {
        crdt__wstruct ws;
        crdt__show(doc, crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos)), &ws);
        crdt__encode_struct(enc, &ws, 0);
        crdt__blocks_next(&doc->objects, &pos);
    }
    if (enc->out.ok)
        write_last(doc, enc, crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos)), state);
}

static int compare_places(const void *a, const void *b)
{
    const crdt__known *x = a;
    const crdt__known *y = b;
    return x->place < y->place ? -1 : 1;
}

/* The clients that had made something, in the order in which the snapshot tells of them: a Map's in
 * Yjs. *out is owned, of known_cap. False: out of memory. */
static bool known_in_order(const crdt_snapshot *at, crdt__known **out, size_t *count)
{
    *count = 0;
    *out = NULL;
    if (at->known_cap == 0)
        return true;
    *out = crdt__resize(at->mem, NULL, 0, at->known_cap * sizeof **out);
    if (!*out)
        return false;
    for (size_t i = 0; i < at->known_count; i++)
        if (at->known[i].clock > 0)
            (*out)[(*count)++] = at->known[i];
    if (*count > 1)
        qsort(*out, *count, sizeof **out, compare_places);
    return true;
}

static bool knows_more(crdt_doc *doc, const crdt_snapshot *at)
{
    for (size_t i = 0; i < at->known_count; i++)
        if (at->known[i].clock > crdt__doc_state(doc, at->known[i].client))
            return true;
    return false;
}

crdt_err crdt_doc_encode_snapshot_state(crdt_doc *doc, const crdt_snapshot *at,
                                        crdt_encoding encoding, crdt_buf *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (doc->options.gc == CRDT_GC_ON || knows_more(doc, at))
        return CRDT_INVALID;
    crdt__known *known;
    size_t count;
    if (!known_in_order(at, &known, &count))
        return CRDT_NO_MEMORY;
    crdt__encoder enc;
    crdt__encoder_init(&enc, encoding, out);
    crdt__encode_count(&enc, count);
    for (size_t i = 0; i < count; i++)
        write_client(doc, &enc, crdt__doc_find_client(doc, known[i].client), known[i].clock);
    crdt__encode_deletes(&enc, &at->deletes);
    crdt__release(at->mem, known, at->known_cap * sizeof *known);
    return crdt__encoder_finish(&enc);
}

/* ---- asking ---- */

static bool contains_structs(const crdt_snapshot *snapshot, crdt_bytes update)
{
    crdt__lazy_reader reader = crdt__lazy_reader_of(update, CRDT__SKIPS_KEPT);
    while (!reader.done) {
        crdt__wstruct s;
        crdt__lazy_read(&reader, &s);
        if (s.id.clock + s.len > crdt__snapshot_clock(snapshot, s.id.client))
            return false;
    }
    return true;
}

static bool contains_ranges(const crdt_snapshot *snapshot, const crdt__idset *deletes)
{
    const crdt__range *ranges = crdt__idset_ranges(deletes);
    for (size_t i = 0; i < crdt__idset_count(deletes); i++)
        if (ranges[i].len > 0 && !crdt__idset_contains_range(&snapshot->deletes, ranges[i].client,
                                                             ranges[i].clock, ranges[i].len))
            return false;
    return true;
}

crdt_err crdt_snapshot_contains(const crdt_snapshot *snapshot, crdt_encoding encoding,
                                crdt_bytes update, bool *out)
{
    crdt__opened opened;
    crdt_err err = crdt__open(encoding, update, snapshot->mem, &opened);
    if (err != CRDT_OK)
        return err;
    crdt__idset deletes;
    crdt__idset_init(&deletes, snapshot->mem);
    crdt__reader r = crdt__reader_of(opened.shape.ds);
    if (crdt__idset_read_v1(&r, &deletes))
        *out = contains_structs(snapshot, opened.update) && contains_ranges(snapshot, &deletes);
    else
        err = CRDT_NO_MEMORY;
    crdt__idset_deinit(&deletes);
    crdt__close(&opened);
    return err;
}
