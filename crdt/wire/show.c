#include "wire/show.h"

#include "wire/update_v2.h"
#include "core/values.h"

void crdt__show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *ws)
{
    *ws = (crdt__wstruct){.id = {doc->clients[it->client].id, it->clock},
                          .len = crdt__item_len(it),
                          .kind = it->kind,
                          .canonical = true};
    if (it->kind == CRDT__GC)
        return;
    ws->has_sub = it->key != 0;
    if (it->origin_client) {
        ws->has_origin = true;
        ws->origin = (crdt_id){doc->clients[it->origin_client].id, it->origin_clock};
    }
    if (it->right_client) {
        ws->has_right = true;
        ws->right = (crdt_id){doc->clients[it->right_client].id, it->right_clock};
    }
    if (!ws->has_origin && !ws->has_right) {
        const crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
        ws->has_parent = true;
        ws->parent_is_root = parent->item == 0;
        if (parent->item) {
            const crdt__item *holder = crdt__item_at(doc, parent->item);
            ws->parent_id = (crdt_id){doc->clients[holder->client].id, holder->clock};
        } else {
            ws->parent_root = crdt__doc_name_bytes(doc, parent->name);
        }
        if (it->key)
            ws->sub = crdt__doc_name_bytes(doc, it->key);
    }
    crdt__content_show(doc, it, ws);
}

/* ---- what is deleted ---- */

void crdt__gather_init(crdt__gathered *g, const crdt_mem *mem)
{
    *g = (crdt__gathered){.bytes = {.mem = mem}};
    g->w = crdt__writer_on(&g->bytes);
}

void crdt__gather_deinit(crdt__gathered *g)
{
    crdt_buf_free(&g->bytes);
}

static void end_run(crdt__gathered *g)
{
    if (g->end == g->start || !crdt__writer_room(&g->w, 2 * CRDT__VARUINT_LEN_MAX))
        return;
    g->w.pos = crdt__put_varuint(crdt__put_varuint(g->w.pos, g->start), g->end - g->start);
    g->ranges++;
}

static inline void gather(crdt__gathered *g, const crdt__item *it)
{
    if (!it->deleted)
        return;
    if (g->end != it->clock) {
        end_run(g);
        g->start = it->clock;
    }
    g->end = crdt__item_end(it);
}

/* Begins with a client; returns the place of what follows. */
static size_t begin_client(crdt__gathered *g)
{
    g->ranges = g->start = g->end = 0;
    return crdt__writer_len(&g->w);
}

/* Puts the client and the number of its ranges before them. */
static void end_client(crdt__gathered *g, uint64_t client, size_t place)
{
    uint8_t head[2 * CRDT__VARUINT_LEN_MAX];
    end_run(g);
    size_t len = (size_t)(crdt__put_varuint(crdt__put_varuint(head, client), g->ranges) - head);
    if (g->ranges == 0 || !crdt__writer_room(&g->w, len))
        return;
    uint8_t *at = g->bytes.data + place;
    memmove(at + len, at, (size_t)(g->w.pos - at));
    memcpy(at, head, len);
    g->w.pos += len;
    g->clients++;
}

/* What is deleted before `end`. */
static void gather_until(crdt__gathered *g, const crdt_doc *doc, uint32_t index, crdt__pos end)
{
    crdt__ref ref = doc->clients[index].blocks.first;
    for (; ref; ref = crdt__leaf_at(&doc->objects, ref)->next) {
        const crdt__leaf *leaf = crdt__leaf_at(&doc->objects, ref);
        uint32_t count = ref == end.leaf ? end.i : leaf->count;
        for (uint32_t i = 0; i < count; i++)
            gather(g, crdt__item_at(doc, leaf->slots[leaf->cap + i]));
        if (ref == end.leaf)
            break;
    }
}

void crdt__gather_client(crdt__gathered *g, const crdt_doc *doc, uint32_t index)
{
    size_t place = begin_client(g);
    gather_until(g, doc, index, (crdt__pos){0});
    end_client(g, doc->clients[index].id, place);
}

bool crdt__gather_into(crdt__gathered *g, crdt__idset *set)
{
    if (crdt__writer_finish(&g->w) != CRDT_OK)
        return false;
    crdt__reader r = crdt__reader_of((crdt_bytes){g->bytes.data, g->bytes.len});
    return crdt__idset_read_clients(&r, g->clients, set);
}

/* The same in format v2: how far a range begins behind the one before it, and its length less one.
 */
static void write_v2(crdt_bytes gathered, uint64_t clients, crdt__writer *w)
{
    crdt__reader r = crdt__reader_of(gathered);
    for (; clients > 0; clients--) {
        uint64_t at = 0;
        crdt__write_varuint(w, crdt__read_varuint(&r));
        uint64_t ranges = crdt__read_varuint(&r);
        crdt__write_varuint(w, ranges);
        for (; ranges > 0; ranges--) {
            uint64_t clock = crdt__read_varuint(&r);
            uint64_t len = crdt__read_varuint(&r);
            crdt__write_varuint(w, clock - at);
            crdt__write_varuint(w, len - 1);
            at = clock + len;
        }
    }
}

void crdt__gather_write(crdt__gathered *g, crdt__encoder *enc)
{
    crdt__writer *w = &enc->out;
    bool ok = crdt__writer_finish(&g->w) == CRDT_OK;
    crdt_bytes gathered = {g->bytes.data, g->bytes.len};
    crdt__encode_deletes_start(enc, g->clients);
    if (enc->encoding == CRDT_V2)
        write_v2(gathered, g->clients, w);
    else
        crdt__write_bytes(w, gathered.data, gathered.len);
    w->ok = w->ok && ok;
}

/* ---- structs of common kinds ---- */

/* Bytes of a struct but for its content: an info byte, two IDs and a length, and room to write the
 * last of them by the word. */
#define HEAD_ROOM (1 + 5 * CRDT__VARUINT_LEN_MAX)
/* Of every text so many bytes are copied unasked. */
#define COPY_LEN CRDT__TEXT_SLACK

/* What a section's structs share. */
typedef struct section {
    const crdt_doc *doc;
    uint64_t client;
    uint32_t index;
} section;

static inline uint64_t client_id(const section *s, uint32_t client)
{
    return client == s->index ? s->client : s->doc->clients[client].id;
}

static inline uint8_t *put_id(const section *s, uint8_t *p, uint32_t client, uint64_t clock)
{
    return crdt__put_varuint(crdt__put_varuint(p, client_id(s, client)), clock);
}

static inline bool is_common(const crdt__item *it)
{
    const unsigned kinds = 1u << CRDT__STRING | 1u << CRDT__DELETED;
    return (kinds >> it->kind & 1) && !it->halves && (it->origin_client || it->right_client);
}

static inline uint8_t common_info(const crdt__item *it)
{
    return (uint8_t)(it->kind | (it->origin_client ? CRDT__INFO_ORIGIN : 0) |
                     (it->right_client ? CRDT__INFO_RIGHT : 0) | (it->key ? CRDT__INFO_SUB : 0));
}

/* Writes a whole struct of a common kind, as crdt__v1_write_struct does. Texts and what was deleted
 * lie mixed, so that asking which it is would be guessing: what is deleted has a text of no length,
 * at the beginning of all text, which is there. */
static inline void write_common_v1(const section *s, const crdt__item *it, crdt__writer *w)
{
    const uint64_t is_text = 0 - (uint64_t)(it->kind == CRDT__STRING);
    const size_t bytes = (size_t)(it->text.bytes & is_text);
    if (!crdt__writer_room(w, HEAD_ROOM + COPY_LEN + bytes))
        return;
    uint8_t *p = w->pos;
    *p++ = common_info(it);
    if (it->origin_client)
        p = put_id(s, p, it->origin_client, it->origin_clock);
    if (it->right_client)
        p = put_id(s, p, it->right_client, it->right_clock);
    p = crdt__put_varuint(p, bytes | (it->len & ~is_text));
    const uint8_t *text = crdt__arena_at(&s->doc->text, it->content);
    memcpy(p, text, COPY_LEN);
    if (bytes > COPY_LEN)
        memcpy(p + COPY_LEN, text + COPY_LEN, bytes - COPY_LEN);
    w->pos = p + bytes;
}

static inline void write_common_v2(const section *s, const crdt__item *it, crdt__columns *columns)
{
    crdt__common common;
    common.info = common_info(it);
    common.origin = (crdt_id){client_id(s, it->origin_client), it->origin_clock};
    common.right = (crdt_id){client_id(s, it->right_client), it->right_clock};
    common.len = crdt__item_len(it);
    if (it->kind == CRDT__STRING)
        common.text = crdt__text_of(&s->doc->text, it);
    crdt__columns_write_common(columns, &common);
}

/* ---- sections ---- */

static void encode_any(const crdt_doc *doc, const crdt__item *it, uint64_t offset,
                       crdt__encoder *enc)
{
    crdt__wstruct ws;
    crdt__show(doc, it, &ws);
    if (offset > 0 && (it->kind == CRDT__ANY || it->kind == CRDT__JSON)) {
        size_t before = crdt__values_offset(doc, it, offset);
        ws.content = (crdt_bytes){ws.content.data + before, ws.content.len - before};
        crdt__wstruct_pass(&ws, offset);
        offset = 0;
    }
    crdt__encode_struct(enc, &ws, offset);
}

/* Structs of a client from the one at `pos` to the end. */
static uint64_t count_from(const crdt_doc *doc, crdt__pos pos)
{
    const crdt__leaf *leaf = crdt__leaf_at(&doc->objects, pos.leaf);
    uint64_t count = leaf->count - pos.i;
    for (crdt__ref ref = leaf->next; ref; ref = crdt__leaf_at(&doc->objects, ref)->next)
        count += crdt__leaf_at(&doc->objects, ref)->count;
    return count;
}

static void encode_from(const crdt_doc *doc, uint32_t index, crdt__pos pos, uint64_t offset,
                        crdt__encoder *enc, crdt__gathered *deletes)
{
    const section s = {doc, doc->clients[index].id, index};
    const bool is_v1 = enc->encoding == CRDT_V1 && doc->text.chunk_count > 0;
    crdt__columns *columns = enc->columns; /* v2 */
    for (crdt__ref ref = pos.leaf; ref && enc->out.ok;
         ref = crdt__leaf_at(&doc->objects, ref)->next) {
        const crdt__leaf *leaf = crdt__leaf_at(&doc->objects, ref);
        for (uint32_t i = pos.i; i < leaf->count; i++) {
            const crdt__item *it = crdt__item_at(doc, leaf->slots[leaf->cap + i]);
            const bool common = offset == 0 && is_common(it);
            if (common && is_v1)
                write_common_v1(&s, it, &enc->out);
            else if (common && columns)
                write_common_v2(&s, it, columns);
            else
                encode_any(doc, it, offset, enc);
            offset = 0;
            if (deletes)
                gather(deletes, it);
        }
        pos.i = 0;
    }
}

void crdt__show_section(const crdt_doc *doc, uint32_t index, uint64_t from, crdt__encoder *enc,
                        crdt__gathered *deletes)
{
    crdt_id first = {doc->clients[index].id, from};
    crdt__pos pos = crdt__doc_pos(doc, index, from);
    uint64_t offset = from - crdt__blocks_clock(&doc->objects, pos);
    crdt__encode_section(enc, count_from(doc, pos), first);
    if (!deletes) {
        encode_from(doc, index, pos, offset, enc, NULL);
        return;
    }
    size_t place = begin_client(deletes);
    gather_until(deletes, doc, index, pos);
    encode_from(doc, index, pos, offset, enc, deletes);
    end_client(deletes, first.client, place);
}
