/* Bytes of an update into items that are linked to nothing yet.
 *
 * Until it is linked, an item whose parent is told keeps what is told in fields that it does not
 * need: the parent's client in `left` and its clock in `right_clock`, or 0 in `left` and there the
 * number of a root's name.
 */
#include "base/utf16.h"
#include "wire/loader.h"
#include "wire/update.h"

/* With so many bytes left, all fields of a struct but its content can be read without asking for
 * each: an info byte, four numbers and a length, and a word behind the beginning of the last. */
#define READ_AHEAD (1 + 5 * CRDT__VARUINT_LEN_MAX + 8)
/* Text is copied and looked at by so many bytes at a time. */
#define TEXT_STEP 8u
/* So many items are made before they are linked. */
#define BATCH 64u
#define HIGHS UINT64_C(0x8080808080808080)

#define STRUCT_LEN_MIN 2u /* bytes */
#define TABLE_MIN      16u
/* Most structs are longer than so many clocks, as a power of two. */
#define TABLE_SHIFT 3u

/* ---- clients ---- */

static uint32_t client_index(crdt__loader *ld, uint64_t id)
{
    crdt__load_client *slot = &ld->clients[id & ld->client_mask];
    if (slot->index && slot->id == id)
        return slot->index;
    uint32_t index = crdt__doc_get_client(ld->doc, id);
    if (!index)
        crdt__load_out_of_memory(ld);
    *slot = (crdt__load_client){id, index};
    return index;
}

static void note_own(crdt__loader *ld, uint64_t id)
{
    uint8_t bytes[CRDT__VARUINT_LEN_MAX] = {0};
    size_t len = 0;
    for (uint64_t rest = id; rest > 0x7f; rest >>= 7)
        bytes[len++] = (uint8_t)(0x80 | (rest & 0x7f));
    bytes[len] = (uint8_t)(id >> (7 * len));
    ld->own_len = len + 1; /* 8 at most: ids end at 2^53 */
    ld->own_word = crdt__word_at(bytes);
    ld->own_mask = UINT64_MAX >> (64 - 8 * ld->own_len);
}

/* ---- sections ---- */

static bool reserve_numbers(crdt__loader *ld, size_t count)
{
    if (count <= ld->number_cap)
        return true;
    size_t cap = ld->number_cap * 2 > count ? ld->number_cap * 2 : count;
    uint32_t *numbers = crdt__resize(ld->doc->budget.mem, ld->numbers,
                                     ld->number_cap * sizeof(*numbers), cap * sizeof(*numbers));
    if (!numbers)
        return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
    ld->numbers = numbers;
    ld->number_cap = cap;
    return true;
}

static uint32_t table_max(const crdt__load_section *s)
{
    return s->count < TABLE_MIN ? TABLE_MIN : s->count;
}

/* Room for a section's clocks and its table, behind those of the section before it. */
static bool open_table(crdt__loader *ld, crdt__load_section *s)
{
    size_t place = s > ld->sections ? s[-1].table + s[-1].table_len : 0;
    s->starts = place + CRDT__LOAD_FEW;
    s->table = s->starts + s->count;
    s->shift = TABLE_SHIFT;
    if (!reserve_numbers(ld, s->table + table_max(s)))
        return false;
    memset(ld->numbers + place, 0, CRDT__LOAD_FEW * sizeof(*ld->numbers));
    return true;
}

/* Twice as many clocks for each entry. */
static void coarsen(uint32_t *table, crdt__load_section *s)
{
    uint32_t last = s->table_len > 0 ? table[s->table_len - 1] : 0;
    for (uint32_t i = 0; i < s->table_len / 2; i++)
        table[i] = table[2 * i + 1];
    s->table_len = (s->table_len + 1) / 2;
    if (s->table_len > 0)
        table[s->table_len - 1] = last;
    s->shift++;
}

/* Notes where the structs from number `from` on begin. Later ones of an entry take the place of
 * earlier ones; what is empty then has what is before it. */
static bool note_structs(crdt__loader *ld, crdt__load_section *s, uint32_t from)
{
    uint32_t *starts = ld->numbers + s->starts;
    uint32_t *table = ld->numbers + s->table;
    if (s->end > CRDT__LOAD_CLOCK_MAX)
        return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
    for (uint32_t i = from; i < s->made; i++)
        starts[i] = (uint32_t)s->items[i].clock;
    while (starts[s->made - 1] >> s->shift >= table_max(s))
        coarsen(table, s);
    uint32_t old_len = s->table_len;
    s->table_len = (starts[s->made - 1] >> s->shift) + 1;
    if (s->table_len > old_len)
        memset(table + old_len, 0, (s->table_len - old_len) * sizeof(*table));
    for (uint32_t i = from; i < s->made; i++)
        table[starts[i] >> s->shift] = i;
    for (uint32_t i = old_len > 0 ? old_len : 1; i < s->table_len; i++)
        table[i] = table[i] > table[i - 1] ? table[i] : table[i - 1];
    return true;
}

bool crdt__load_open(crdt__loader *ld, crdt__load_section *s)
{
    crdt_doc *doc = ld->doc;
    uint64_t count = crdt__read_varuint(&ld->r);
    uint64_t id = crdt__read_varuint(&ld->r);
    uint64_t clock = crdt__read_varuint(&ld->r);
    if (!ld->r.ok || count > crdt__reader_left(&ld->r) / STRUCT_LEN_MIN)
        return crdt__load_stop(ld, CRDT__LOAD_MALFORMED);
    uint64_t last = s > ld->sections ? doc->clients[s[-1].client].id : UINT64_MAX;
    if (count == 0 || clock > 0 || id >= last)
        return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
    *s = (crdt__load_section){.count = (uint32_t)count, .client = client_index(ld, id)};
    if (!s->client || !open_table(ld, s))
        return false;
    uint32_t units = s->count * CRDT__ITEM_UNITS;
    if (!crdt__arena_reserve(&doc->objects, units + crdt__blocks_units(s->count)) ||
        !(s->first = crdt__arena_run(&doc->objects, units)) || !crdt__txn_touch(doc, s->client))
        return crdt__load_out_of_memory(ld);
    s->items = crdt__item_at(doc, s->first);
    doc->struct_count += s->count;
    note_own(ld, id);
    return true;
}

/* ---- structs of the common kinds ---- */

/* Reads a number where enough bytes are left. NULL if it is malformed. The clocks of one document
 * are mostly of one length, so that branches cost least. */
static inline const uint8_t *read_number(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (p[0] < 0x80) {
        *value = p[0];
        return p + 1;
    }
    if (p[1] < 0x80) {
        *value = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
        return p + 2;
    }
    if (p[2] < 0x80) {
        *value = (p[0] & 0x7fu) | (p[1] & 0x7fu) << 7 | (uint64_t)p[2] << 14;
        return p + 3;
    }
    size_t len = crdt__varuint_of_word(crdt__word_at(p), value);
    if (len > 0 && *value <= CRDT_CLOCK_MAX)
        return p + len;
    crdt__reader r = {p, end, true};
    *value = crdt__read_varuint(&r);
    return r.ok ? r.pos : NULL;
}

typedef struct reference {
    uint64_t clock;
    uint32_t client;
} reference;

/* Reads what an item of the section refers to; of its own client that must lie before it. */
static inline const uint8_t *read_reference(crdt__loader *ld, const crdt__load_section *s,
                                            const uint8_t *p, reference *out)
{
    if (((crdt__word_at(p) ^ ld->own_word) & ld->own_mask) == 0) {
        out->client = s->client;
        p += ld->own_len;
    } else {
        uint64_t id;
        if (!(p = read_number(p, ld->r.end, &id)) || !(out->client = client_index(ld, id)))
            return NULL;
    }
    p = read_number(p, ld->r.end, &out->clock);
    return p && out->client == s->client && out->clock >= s->end ? NULL : p;
}

/* Copies text of ASCII alone to its place, some bytes behind it as well; false if it is another, or
 * lies too near the end. */
static inline bool copy_ascii(uint8_t *to, const uint8_t *p, const uint8_t *end, uint64_t len)
{
    if ((size_t)(end - p) < TEXT_STEP || len > (size_t)(end - p) - TEXT_STEP)
        return false;
    uint64_t high = 0;
    uint64_t i = 0;
    for (; i + TEXT_STEP <= len; i += TEXT_STEP) {
        high |= crdt__word_at(p + i);
        memcpy(to + i, p + i, TEXT_STEP);
    }
    high |= crdt__word_at(p + i) << 1 << (63 - 8 * (len - i)); /* of the last word what counts */
    memcpy(to + i, p + i, TEXT_STEP);
    return (high & HIGHS) == 0;
}

/* Copies any text to its place and measures it; of what came through the door some may be WTF-8.
 * False: not UTF-8. */
static bool copy_text(crdt__loader *ld, crdt__item *it, crdt_bytes text, uint64_t *units)
{
    if (ld->trust == CRDT__TRUSTED) {
        *units = crdt__utf16_len(text);
        it->halves = *units != text.len && crdt__wtf8_has_half(text);
    } else if (!crdt__utf8_valid(text, units)) {
        return false;
    }
    memcpy(ld->text, text.data, text.len);
    return true;
}

static inline bool take_text(crdt__loader *ld, crdt__item *it, const uint8_t *p, size_t len)
{
    uint64_t units = len;
    if (!copy_ascii(ld->text, p, ld->r.end, len) &&
        !copy_text(ld, it, (crdt_bytes){p, len}, &units))
        return false;
    it->content = ld->text_ref;
    it->text.units = (uint32_t)units;
    it->text.bytes = (uint32_t)len;
    ld->text += len;
    ld->text_ref += (crdt__ref)len;
    return true;
}

static inline bool is_common(uint8_t info)
{
    uint8_t kind = info & CRDT__INFO_KIND_MASK;
    return kind == CRDT__GC || ((kind == CRDT__STRING || kind == CRDT__DELETED) &&
                                (info & (CRDT__INFO_ORIGIN | CRDT__INFO_RIGHT)));
}

/* Reads a struct of a common kind where enough bytes are left. NULL: stopped, or malformed. */
static inline const uint8_t *read_common(crdt__loader *ld, const crdt__load_section *s,
                                         const uint8_t *p, crdt__item *it)
{
    const uint8_t info = *p++;
    const unsigned kind = info & CRDT__INFO_KIND_MASK;
    reference origin = {0, 0};
    reference right = {0, 0};
    if (kind != CRDT__GC && (info & CRDT__INFO_ORIGIN))
        p = read_reference(ld, s, p, &origin);
    if (p && kind != CRDT__GC && (info & CRDT__INFO_RIGHT))
        p = read_reference(ld, s, p, &right);
    uint64_t len;
    if (!p || !(p = read_number(p, ld->r.end, &len)) || len == 0)
        return NULL;
    *it = (crdt__item){.clock = s->end,
                       .origin_clock = origin.clock,
                       .right_clock = right.clock,
                       .len = len,
                       .client = s->client & CRDT_CLIENTS_MAX,
                       .kind = kind & 0xfu,
                       .deleted = kind != CRDT__STRING,
                       .origin_client = origin.client & CRDT_CLIENTS_MAX,
                       .right_client = right.client & CRDT_CLIENTS_MAX};
    if (kind != CRDT__STRING)
        return p;
    return len <= (size_t)(ld->r.end - p) && take_text(ld, it, p, (size_t)len) ? p + len : NULL;
}

/* Moves on behind the item that was read. */
static inline bool made_one(crdt__loader *ld, crdt__load_section *s)
{
    uint64_t len = crdt__item_len(s->items + s->made);
    if (len > CRDT_CLOCK_MAX - s->end)
        return crdt__load_stop(ld, CRDT__LOAD_MALFORMED);
    s->end += len;
    s->made++;
    return true;
}

/* Makes items as long as they are of common kinds, up to number `until`. */
static bool read_run(crdt__loader *ld, crdt__load_section *s, uint32_t until)
{
    while (s->made < until && crdt__reader_left(&ld->r) >= READ_AHEAD && is_common(*ld->r.pos)) {
        const uint8_t *p = read_common(ld, s, ld->r.pos, s->items + s->made);
        if (!p)
            return ld->end == CRDT__LOAD_FINE ? crdt__load_stop(ld, CRDT__LOAD_MALFORMED) : false;
        ld->r.pos = p;
        if (!made_one(ld, s))
            return false;
    }
    return true;
}

/* ---- all others ---- */

/* Each returns false when out of memory. */

static bool take_parent(crdt__loader *ld, const crdt__wstruct *ws, crdt__item *it)
{
    if (ws->has_sub && !(it->key = crdt__doc_name(ld->doc, ws->sub)))
        return false;
    if (ws->parent_is_root)
        return (it->right_clock = crdt__doc_name(ld->doc, ws->parent_root)) != 0;
    it->right_clock = ws->parent_id.clock;
    return (it->left = client_index(ld, ws->parent_id.client)) != 0;
}

static bool take_references(crdt__loader *ld, const crdt__wstruct *ws, crdt__item *it)
{
    if (ws->has_origin) {
        it->origin_clock = ws->origin.clock;
        it->origin_client = client_index(ld, ws->origin.client) & CRDT_CLIENTS_MAX;
        if (!it->origin_client)
            return false;
    }
    if (ws->has_right) {
        it->right_clock = ws->right.clock;
        it->right_client = client_index(ld, ws->right.client) & CRDT_CLIENTS_MAX;
        if (!it->right_client)
            return false;
    }
    return !ws->has_parent || take_parent(ld, ws, it);
}

static bool take_content(crdt__loader *ld, const crdt__load_section *s, const crdt__wstruct *ws,
                         crdt__item *it)
{
    if (ws->kind == CRDT__STRING)
        return take_text(ld, it, ws->content.data, ws->content.len);
    return crdt__content_take(ld->doc, ws, crdt__load_ref(s, s->made), it);
}

static bool read_any(crdt__loader *ld, const crdt__load_section *s, crdt__item *it)
{
    crdt__wstruct ws;
    crdt_id id = {ld->doc->clients[s->client].id, s->end};
    if (ld->r.pos == ld->r.end)
        return crdt__load_stop(ld, CRDT__LOAD_MALFORMED);
    crdt__v1_read_struct(&ld->r, id, ld->trust, &ws);
    if (!ld->r.ok)
        return crdt__load_stop(ld, CRDT__LOAD_MALFORMED);
    if (ws.kind == CRDT__SKIP)
        return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
    *it = (crdt__item){.clock = s->end,
                       .len = ws.len,
                       .client = s->client & CRDT_CLIENTS_MAX,
                       .kind = ws.kind & 0xfu,
                       .deleted = ws.kind == CRDT__GC || ws.kind == CRDT__DELETED};
    if (ws.kind == CRDT__GC)
        return true;
    return (take_references(ld, &ws, it) && take_content(ld, s, &ws, it)) ||
           crdt__load_out_of_memory(ld);
}

/* ---- some structs ---- */

static bool index_items(crdt__loader *ld, crdt__load_section *s, uint32_t from)
{
    crdt__blocks *blocks = &ld->doc->clients[s->client].blocks;
    crdt__arena *objects = &ld->doc->objects;
    crdt__leaf *leaf = blocks->root ? crdt__leaf_at(objects, blocks->last) : NULL;
    for (uint32_t i = from; i < s->made; i++) {
        uint64_t clock = s->items[i].clock;
        if (leaf && crdt__leaf_push(leaf, clock, crdt__load_ref(s, i)))
            continue;
        leaf = crdt__blocks_add_leaf(objects, blocks, clock, s->count - i);
        if (!leaf || !crdt__leaf_push(leaf, clock, crdt__load_ref(s, i)))
            return crdt__load_out_of_memory(ld);
    }
    return true;
}

bool crdt__load_read(crdt__loader *ld, crdt__load_section *s)
{
    uint32_t from = s->made;
    uint32_t until = s->count - from < BATCH ? s->count : from + BATCH;
    crdt__ref text = ld->text_ref;
    while (s->made < until)
        if (!read_run(ld, s, until) ||
            (s->made < until && (!read_any(ld, s, s->items + s->made) || !made_one(ld, s))))
            return false;
    ld->doc->text_live += ld->text_ref - text;
    return note_structs(ld, s, from) && index_items(ld, s, from);
}
