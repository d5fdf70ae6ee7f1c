#include "core/content.h"

#include "base/any.h"
#include "base/json.h"
#include "base/utf16.h"
#include "base/value.h"
#include "core/doc.h"
#include "core/values.h"

#define TEXT_ROOM_MIN 16u /* bytes kept behind a text that had to move */
#define BYTES_A_STEP  64u /* that are copied, as steps are counted */

/* A blob is idle that has so many times the bytes it uses, and some more. */
#define BLOB_IDLE_SHARE 4u
#define BLOB_IDLE_MIN   128u

/* ---- blobs ---- */

static uint32_t blob_units(size_t len)
{
    return (uint32_t)((sizeof(crdt__blob) + len + 15) / 16);
}

static crdt__ref blob_alloc(crdt__arena *objects, size_t room)
{
    if (room > CRDT__BLOB_LEN_MAX) {
        objects->budget->err = CRDT_LIMIT;
        return 0;
    }
    uint32_t units = crdt__arena_class_units(blob_units(room));
    crdt__ref ref = crdt__arena_alloc(objects, units);
    if (ref)
        *crdt__blob_at(objects, ref) = (crdt__blob){.units = units & CRDT__BLOB_UNITS_MAX};
    return ref;
}

static size_t blob_room(const crdt__blob *blob)
{
    return (size_t)blob->units * 16 - sizeof(*blob) - blob->len;
}

static void blob_set_len(crdt__blob *blob, size_t len)
{
    blob->len = (uint32_t)len & CRDT__BLOB_LEN_BITS;
}

static void blob_put(crdt__blob *blob, const void *data, size_t len)
{
    if (len)
        memcpy(blob->data + blob->len, data, len);
    blob_set_len(blob, blob->len + len);
}

static void blob_give_up(crdt__blob *blob, uint32_t count)
{
    blob->cut = count > 0;
    if (count > 0)
        blob->data[0] = count < UINT8_MAX ? (uint8_t)count : UINT8_MAX;
    if (count >= UINT8_MAX)
        memcpy(blob->data + 1, &count, sizeof(count));
}

void crdt__blob_cut_front(crdt__blob *blob, uint32_t bytes)
{
    blob_give_up(blob, crdt__blob_given_up(blob) + bytes);
}

void crdt__blob_keep_front(crdt__blob *blob, uint32_t bytes)
{
    blob_set_len(blob, crdt__blob_given_up(blob) + bytes);
}

bool crdt__blob_is_idle(const crdt__blob *blob)
{
    size_t used = blob->len - crdt__blob_given_up(blob);
    return (size_t)blob->units * 16 > BLOB_IDLE_MIN + used * BLOB_IDLE_SHARE;
}

crdt__ref crdt__blob_new(crdt__arena *objects, crdt_bytes bytes)
{
    crdt__ref ref = blob_alloc(objects, bytes.len);
    if (ref)
        blob_put(crdt__blob_at(objects, ref), bytes.data, bytes.len);
    return ref;
}

void crdt__blob_free(crdt__arena *objects, crdt__ref ref)
{
    crdt__blob *blob = crdt__blob_at(objects, ref);
    if (blob->shares > 0)
        blob->shares--;
    else
        crdt__arena_free(objects, ref, blob->units);
}

crdt__ref crdt__blob_append(crdt__arena *objects, crdt__ref ref, crdt_bytes bytes)
{
    crdt__blob *blob = crdt__blob_at(objects, ref);
    if (blob_room(blob) >= bytes.len) {
        blob_put(blob, bytes.data, bytes.len);
        return ref;
    }
    crdt_bytes old = crdt__blob_bytes(blob);
    crdt__ref grown = blob_alloc(objects, old.len * 2 + bytes.len);
    if (!grown)
        return 0;
    blob_put(crdt__blob_at(objects, grown), old.data, old.len);
    blob_put(crdt__blob_at(objects, grown), bytes.data, bytes.len);
    crdt__blob_free(objects, ref);
    return grown;
}

crdt__ref crdt__blob_prepend(crdt__arena *objects, crdt__ref ref, crdt_bytes bytes)
{
    crdt_bytes old = crdt__blob_bytes(crdt__blob_at(objects, ref));
    if (crdt__blob_given_up(crdt__blob_at(objects, ref)) < bytes.len) {
        size_t front = old.len + bytes.len;
        crdt__ref grown = blob_alloc(objects, front + bytes.len + old.len);
        if (!grown)
            return 0;
        crdt__blob *blob = crdt__blob_at(objects, grown);
        blob_set_len(blob, front + bytes.len);
        blob_put(blob, old.data, old.len);
        blob_give_up(blob, (uint32_t)(front + bytes.len));
        crdt__blob_free(objects, ref);
        ref = grown;
    }
    crdt__blob *blob = crdt__blob_at(objects, ref);
    size_t front = crdt__blob_given_up(blob) - bytes.len;
    memcpy(blob->data + front, bytes.data, bytes.len);
    blob_give_up(blob, (uint32_t)front);
    return ref;
}

static crdt_bytes blob_bytes(const crdt_doc *doc, const crdt__item *it)
{
    return crdt__blob_bytes(crdt__blob_at(&doc->objects, it->content));
}

/* ---- text ---- */

/* Makes the text of `it` longer by `n` bytes and returns where they go; NULL when out of memory. A
 * text that must move is given as much room again, so that what is typed one by one is copied a
 * constant number of times. */
static uint8_t *text_extend(crdt_doc *doc, crdt__item *it, uint32_t n)
{
    crdt__client *client = &doc->clients[it->client];
    crdt__ref end = it->content + it->text.bytes;
    if (client->room_at == end && client->text_room >= n) {
        client->room_at += n;
        client->text_room -= n;
    } else if (!crdt__arena_extend(&doc->text, end, n)) {
        uint64_t bytes = (uint64_t)it->text.bytes + n;
        uint64_t room = bytes < TEXT_ROOM_MIN ? TEXT_ROOM_MIN : bytes;
        if (bytes + room > CRDT__BLOB_LEN_MAX) {
            doc->budget.err = CRDT_LIMIT;
            return NULL;
        }
        crdt__ref moved = crdt__arena_alloc(&doc->text, (uint32_t)(bytes + room));
        if (!moved)
            return NULL;
        memcpy(crdt__arena_at(&doc->text, moved), crdt__arena_at(&doc->text, it->content),
               it->text.bytes);
        doc->text_dead += it->text.bytes + client->text_room;
        it->content = moved;
        client->room_at = moved + (crdt__ref)bytes;
        client->text_room = (uint32_t)room;
    }
    uint8_t *at = (uint8_t *)crdt__arena_at(&doc->text, it->content) + it->text.bytes;
    it->text.bytes += n;
    doc->text_live += n;
    return at;
}

bool crdt__text_append(crdt_doc *doc, crdt__item *it, crdt_bytes bytes, uint32_t units)
{
    uint8_t *at = text_extend(doc, it, (uint32_t)bytes.len);
    if (!at)
        return false;
    if (bytes.len == 1)
        *at = bytes.data[0];
    else
        memcpy(at, bytes.data, bytes.len);
    it->text.units += units;
    return true;
}

static crdt__ref text_alloc(crdt_doc *doc, size_t bytes)
{
    if (bytes > CRDT__BLOB_LEN_MAX) {
        doc->budget.err = CRDT_LIMIT;
        return 0;
    }
    crdt__ref ref = crdt__arena_alloc(&doc->text, (uint32_t)bytes);
    if (ref)
        doc->text_live += bytes;
    return ref;
}

crdt__ref crdt__text_new(crdt_doc *doc, crdt_bytes bytes)
{
    crdt__ref ref = text_alloc(doc, bytes.len);
    if (ref)
        memcpy(crdt__arena_at(&doc->text, ref), bytes.data, bytes.len);
    return ref;
}

/* Cuts a text: `it` keeps `kept` bytes, `right` gets `head` and what lies behind the first
 * `skipped` bytes. Both need more than there is between them, so that the smaller one moves. */
static bool text_part(crdt_doc *doc, crdt__item *it, crdt__item *right, size_t kept, size_t skipped,
                      crdt_bytes head)
{
    size_t rest = head.len + it->text.bytes - skipped;
    bool left_is_small = kept < rest;
    crdt__ref ref = text_alloc(doc, left_is_small ? kept : rest);
    if (!ref)
        return false;
    uint8_t *from = crdt__arena_at(&doc->text, it->content);
    uint8_t *to = crdt__arena_at(&doc->text, ref);
    right->content = left_is_small ? it->content + (crdt__ref)(skipped - head.len) : ref;
    if (left_is_small) {
        memcpy(to, from, kept);
        memcpy(from + skipped - head.len, head.data, head.len);
        it->content = ref;
    } else {
        memcpy(to, head.data, head.len);
        memcpy(to + head.len, from + skipped, rest - head.len);
    }
    doc->work += (left_is_small ? kept : rest) / BYTES_A_STEP;
    doc->text_live -= it->text.bytes - (left_is_small ? rest : kept);
    doc->text_dead += it->text.bytes - (left_is_small ? rest : kept);
    right->text.bytes = (uint32_t)rest;
    it->text.bytes = (uint32_t)kept;
    return true;
}

/* Cuts between the halves of a pair whose first byte is at `off`: each side gets U+FFFD, for good
 * (yjs: ContentString#splice). */
static bool text_split_pair(crdt_doc *doc, crdt__item *it, crdt__item *right, size_t off)
{
    const crdt_bytes head = {crdt__replacement, CRDT__HALF_LEN};
    uint8_t *text = crdt__arena_at(&doc->text, it->content);
    memcpy(text + off, crdt__replacement, CRDT__HALF_LEN);
    return text_part(doc, it, right, off + CRDT__HALF_LEN, off + 4, head);
}

static void text_split_plain(crdt__item *it, crdt__item *right, size_t off)
{
    right->content = it->content + (crdt__ref)off;
    right->text.bytes = it->text.bytes - (uint32_t)off;
    it->text.bytes = (uint32_t)off;
}

/* Cuts behind an unpaired high half: Yjs takes it for one of a pair, and replaces it and the unit
 * behind it, whatever that is. */
static bool text_split_half(crdt_doc *doc, crdt__item *it, crdt__item *right, size_t off)
{
    uint8_t *behind = (uint8_t *)crdt__arena_at(&doc->text, it->content) + off;
    uint8_t head[2 * CRDT__HALF_LEN];
    memcpy(head, crdt__replacement, CRDT__HALF_LEN);
    memcpy(behind - CRDT__HALF_LEN, crdt__replacement, CRDT__HALF_LEN);
    size_t width = crdt__wtf8_width(*behind);
    if (width < 4)
        return text_part(doc, it, right, off, off + width, (crdt_bytes){head, CRDT__HALF_LEN});
    crdt__wtf8_low_of(behind, head + CRDT__HALF_LEN); /* its high half is the unit that goes */
    return text_part(doc, it, right, off, off + width, (crdt_bytes){head, sizeof head});
}

static bool text_split(crdt_doc *doc, crdt__item *it, crdt__item *right, uint64_t offset)
{
    uint32_t units = it->text.units;
    crdt_bytes text = crdt__text_of(&doc->text, it);
    bool inside = false;
    size_t off = crdt__utf16_offset(text, units, offset, &inside);
    bool ok = true;
    if (inside)
        ok = text_split_pair(doc, it, right, off);
    else if (it->halves && crdt__wtf8_ends_high((crdt_bytes){text.data, off}))
        ok = text_split_half(doc, it, right, off);
    else
        text_split_plain(it, right, off);
    it->text.units = (uint32_t)offset;
    right->text.units = units - (uint32_t)offset;
    return ok;
}

/* True if a pair comes about where `left` ends and `right` begins. */
static bool halves_meet(const crdt_doc *doc, const crdt__item *left, const crdt__item *right)
{
    return left->halves && right->halves && crdt__wtf8_ends_high(crdt__text_of(&doc->text, left)) &&
           crdt__wtf8_begins_low(crdt__text_of(&doc->text, right));
}

/* Makes room behind the text of `left` and writes `more` there; if `meet`, the low half that it
 * begins with makes one character with the high half that `left` ends with. */
static bool text_join_far(crdt_doc *doc, crdt__item *left, crdt_bytes more, bool meet)
{
    uint8_t pair[4];
    size_t pair_len = 0;
    if (meet) {
        left->text.bytes -= CRDT__HALF_LEN;
        doc->text_live -= CRDT__HALF_LEN;
        doc->text_dead += CRDT__HALF_LEN;
        const uint8_t *text = crdt__arena_at(&doc->text, left->content);
        crdt__wtf8_join(text + left->text.bytes, more.data, pair);
        pair_len = sizeof pair;
        more = (crdt_bytes){more.data + CRDT__HALF_LEN, more.len - CRDT__HALF_LEN};
    }
    uint8_t *at = text_extend(doc, left, (uint32_t)(pair_len + more.len));
    if (!at)
        return false;
    memcpy(at, pair, pair_len);
    memcpy(at + pair_len, more.data, more.len);
    return true;
}

static bool text_join(crdt_doc *doc, crdt__item *left, crdt__item *right)
{
    bool meet = halves_meet(doc, left, right);
    if (!meet && left->content + left->text.bytes == right->content) {
        left->text.bytes += right->text.bytes;
    } else {
        if (!text_join_far(doc, left, crdt__text_of(&doc->text, right), meet))
            return false;
        doc->text_live -= right->text.bytes;
        doc->text_dead += right->text.bytes;
    }
    left->text.units += right->text.units;
    left->halves = left->halves || right->halves;
    return true;
}

/* Dead text is given back when it outweighs what walking the document costs. */
static bool is_worth_compacting(const crdt_doc *doc)
{
    return doc->text_dead > 16384 + doc->text_live / 2 + doc->struct_count * 4;
}

bool crdt__text_compact(crdt_doc *doc)
{
    if (!is_worth_compacting(doc))
        return true;
    crdt__arena packed;
    crdt__arena_init(&packed, &doc->budget, CRDT__TEXT_SHIFT, 256);
    crdt__ref at = 0;
    if (doc->text_live > 0) {
        at =
            doc->text_live <= UINT32_MAX ? crdt__arena_alloc(&packed, (uint32_t)doc->text_live) : 0;
        if (!at) {
            crdt__arena_deinit(&packed);
            return false;
        }
    }
    for (size_t c = 1; c < doc->client_count; c++) {
        crdt__client *client = &doc->clients[c];
        client->room_at = client->text_room = 0;
        if (!client->blocks.root)
            continue;
        crdt__pos pos = crdt__blocks_first(&client->blocks);
        do {
            crdt__item *it = crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos));
            if (it->kind != CRDT__STRING)
                continue;
            memcpy(crdt__arena_at(&packed, at), crdt__arena_at(&doc->text, it->content),
                   it->text.bytes);
            it->content = at;
            at += it->text.bytes;
        } while (crdt__blocks_next(&doc->objects, &pos));
    }
    crdt__arena_deinit(&doc->text);
    doc->text = packed;
    doc->text_dead = 0;
    return true;
}

/* ---- all kinds ---- */

static void write_values(const crdt__wstruct *ws, crdt__writer *w, const crdt_mem *mem)
{
    crdt__reader r = crdt__reader_of(ws->content);
    for (uint64_t i = 0; i < ws->len && w->ok; i++) {
        if (ws->kind == CRDT__ANY) {
            crdt__any_canonicalize(&r, w, mem);
        } else {
            crdt_bytes text = crdt__read_varbytes(&r);
            crdt_buf json = {.mem = mem};
            crdt__writer jw = crdt__writer_on(&json);
            if (crdt__bytes_equal(text, (crdt_bytes){(const uint8_t *)"undefined", 9}))
                crdt__write_bytes(&jw, text.data, text.len);
            else
                crdt__json_canonicalize(text, &jw, mem);
            if (crdt__writer_finish(&jw) == CRDT_OK)
                crdt__write_varbytes(w, (crdt_bytes){json.data, json.len});
            else
                w->ok = false;
            crdt_buf_free(&json);
        }
    }
}

/* The value of an embed or a format, as it is kept. */
static void keep_value(crdt_bytes value, bool canonical, crdt__writer *w, const crdt_mem *mem)
{
    if (canonical)
        crdt__write_bytes(w, value.data, value.len);
    else
        crdt__value_from_json(value, w, mem);
}

/* What the blob of this content holds, written canonically. */
static void write_blob(crdt_doc *doc, const crdt__wstruct *ws, uint32_t name, crdt__writer *w)
{
    const crdt_mem *mem = doc->budget.mem;
    switch ((crdt__kind)ws->kind) {
    case CRDT__ANY:
    case CRDT__JSON:
        if (ws->canonical)
            crdt__write_bytes(w, ws->content.data, ws->content.len);
        else
            write_values(ws, w, mem);
        break;
    case CRDT__EMBED:
        keep_value(ws->content, ws->canonical, w, mem);
        break;
    case CRDT__FORMAT:
        crdt__write_bytes(w, &name, sizeof(name));
        keep_value(ws->content2, ws->canonical, w, mem);
        break;
    case CRDT__DOC: {
        crdt__reader r = crdt__reader_of(ws->content2);
        crdt__write_varbytes(w, ws->content);
        crdt__any_doc_options(&r, w, mem);
        break;
    }
    case CRDT__BINARY:
    case CRDT__GC:
    case CRDT__DELETED:
    case CRDT__STRING:
    case CRDT__TYPE:
    case CRDT__SKIP:
        break;
    }
}

static bool take_blob(crdt_doc *doc, const crdt__wstruct *ws, crdt__item *it)
{
    bool as_is = ws->kind == CRDT__BINARY ||
                 (ws->canonical &&
                  (ws->kind == CRDT__ANY || ws->kind == CRDT__JSON || ws->kind == CRDT__EMBED));
    if (as_is) {
        it->content = crdt__blob_new(&doc->objects, ws->content);
        return it->content != 0;
    }
    uint32_t name = 0;
    if (ws->kind == CRDT__FORMAT && !(name = crdt__doc_name(doc, ws->content)))
        return false;
    crdt_buf buf = {.mem = doc->budget.mem};
    crdt__writer w = crdt__writer_on(&buf);
    write_blob(doc, ws, name, &w);
    if (crdt__writer_finish(&w) == CRDT_OK)
        it->content = crdt__blob_new(&doc->objects, (crdt_bytes){buf.data, buf.len});
    else
        doc->budget.err = CRDT_NO_MEMORY;
    crdt_buf_free(&buf);
    return it->content != 0;
}

static bool take_type(crdt_doc *doc, const crdt__wstruct *ws, crdt__ref ref, crdt__item *it)
{
    uint32_t name = 0;
    bool named = ws->type_ref == CRDT__TYPE_XML_ELEMENT || ws->type_ref == CRDT__TYPE_XML_HOOK;
    if (named && !(name = crdt__doc_name(doc, ws->content)))
        return false;
    it->content = crdt__type_new(&doc->objects, ref, name, (crdt__type_ref)ws->type_ref);
    return it->content != 0;
}

static bool take_text(crdt_doc *doc, const crdt__wstruct *ws, crdt__item *it)
{
    it->content = crdt__text_new(doc, ws->content);
    if (!it->content)
        return false;
    it->text.units = (uint32_t)ws->len;
    it->text.bytes = (uint32_t)ws->content.len;
    it->halves = ws->halves;
    return true;
}

bool crdt__content_take(crdt_doc *doc, const crdt__wstruct *ws, crdt__ref ref, crdt__item *it)
{
    it->kind = ws->kind & 0xfu;
    it->len = ws->len;
    switch ((crdt__kind)ws->kind) {
    case CRDT__STRING:
        return take_text(doc, ws, it);
    case CRDT__TYPE:
        return take_type(doc, ws, ref, it);
    case CRDT__ANY:
    case CRDT__JSON:
    case CRDT__BINARY:
    case CRDT__EMBED:
    case CRDT__FORMAT:
    case CRDT__DOC:
        return take_blob(doc, ws, it);
    case CRDT__GC:
    case CRDT__DELETED:
    case CRDT__SKIP:
        return true;
    }
    return false;
}

void crdt__content_mark(const crdt_doc *doc, const crdt__item *it, uint32_t *name,
                        crdt_bytes *value)
{
    crdt_bytes all = blob_bytes(doc, it);
    memcpy(name, all.data, sizeof(*name));
    *value = (crdt_bytes){all.data + sizeof(*name), all.len - sizeof(*name)};
}

void crdt__content_share(crdt_doc *doc, crdt__item *it, crdt__ref blob)
{
    crdt__blob *shared = crdt__blob_at(&doc->objects, blob);
    if (shared->shares == CRDT__BLOB_SHARES_MAX)
        return;
    shared->shares++;
    crdt__blob_free(&doc->objects, it->content);
    it->content = blob;
}

void crdt__content_show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *out)
{
    out->canonical = true;
    switch ((crdt__kind)it->kind) {
    case CRDT__STRING:
        out->content = crdt__text_of(&doc->text, it);
        out->halves = it->halves;
        break;
    case CRDT__TYPE: {
        const crdt__type *type = crdt__type_at(&doc->objects, it->content);
        out->type_ref = type->ref;
        if (type->name)
            out->content = crdt__doc_name_bytes(doc, type->name);
        break;
    }
    case CRDT__FORMAT: {
        uint32_t name;
        crdt__content_mark(doc, it, &name, &out->content2);
        out->content = crdt__doc_name_bytes(doc, name);
        break;
    }
    case CRDT__DOC: {
        crdt__reader r = crdt__reader_of(blob_bytes(doc, it));
        out->content = crdt__read_varbytes(&r);
        out->content2 = (crdt_bytes){r.pos, crdt__reader_left(&r)};
        break;
    }
    case CRDT__ANY:
    case CRDT__JSON:
    case CRDT__BINARY:
    case CRDT__EMBED:
        out->content = blob_bytes(doc, it);
        break;
    case CRDT__GC:
    case CRDT__DELETED:
    case CRDT__SKIP:
        break;
    }
}

bool crdt__content_split(crdt_doc *doc, crdt__item *it, crdt__item *right, uint64_t offset)
{
    switch ((crdt__kind)it->kind) {
    case CRDT__STRING:
        return text_split(doc, it, right, offset);
    case CRDT__ANY:
    case CRDT__JSON:
        return crdt__values_split(doc, it, right, offset);
    case CRDT__GC:
    case CRDT__DELETED:
        right->len = it->len - offset;
        it->len = offset;
        return true;
    case CRDT__BINARY:
    case CRDT__EMBED:
    case CRDT__FORMAT:
    case CRDT__TYPE:
    case CRDT__DOC:
    case CRDT__SKIP:
        break; /* of length 1: nobody can ask */
    }
    return false;
}

bool crdt__content_joins(const crdt__item *it)
{
    const unsigned kinds =
        1u << CRDT__STRING | 1u << CRDT__ANY | 1u << CRDT__JSON | 1u << CRDT__DELETED;
    return kinds >> it->kind & 1;
}

bool crdt__content_join(crdt_doc *doc, crdt__item *left, crdt__item *right)
{
    if (left->kind == CRDT__STRING)
        return text_join(doc, left, right);
    if (left->kind == CRDT__ANY || left->kind == CRDT__JSON)
        return crdt__values_join(doc, left, right);
    left->len += right->len;
    return true;
}

void crdt__content_drop(crdt_doc *doc, crdt__item *it)
{
    uint64_t len = crdt__item_len(it);
    switch ((crdt__kind)it->kind) {
    case CRDT__STRING:
        doc->text_live -= it->text.bytes;
        doc->text_dead += it->text.bytes;
        break;
    case CRDT__TYPE:
        crdt__type_free(&doc->objects, it->content);
        break;
    case CRDT__ANY:
    case CRDT__JSON:
        crdt__values_drop(doc, it);
        break;
    case CRDT__BINARY:
    case CRDT__EMBED:
    case CRDT__FORMAT:
    case CRDT__DOC:
        crdt__blob_free(&doc->objects, it->content);
        break;
    case CRDT__GC:
    case CRDT__DELETED:
    case CRDT__SKIP:
        break;
    }
    it->kind = CRDT__DELETED;
    it->halves = 0;
    it->content = 0;
    it->len = len;
}
