#include "wire/update_v2.h"

#include "base/any.h"
#include "base/columns.h"
#include "base/json.h"
#include "base/value.h"
#include "wire/values.h"

typedef struct columns {
    crdt__diff_column key_clock;
    crdt__uint_column client;
    crdt__diff_column left_clock;
    crdt__diff_column right_clock;
    crdt__byte_column info;
    crdt__string_column string;
    crdt__byte_column parent_info;
    crdt__uint_column type_ref;
    crdt__uint_column len;
    crdt__reader rest;
} columns;

/* Where a key or name that has a number was written, among what came out. */
typedef struct keys {
    size_t *written;
    size_t count;
    size_t cap;
} keys;

typedef struct transcoder {
    columns in;
    crdt__writer w;
    const crdt_mem *mem;
    keys keys;
    crdt_buf value; /* one that is being told in v1 */
    uint64_t structs_max;
    uint64_t len_max; /* of what comes out */
} transcoder;

static void fail(transcoder *t)
{
    crdt__reader_fail(&t->in.rest);
}

static bool columns_ok(const columns *in)
{
    return in->rest.ok && in->key_clock.r.ok && in->client.r.ok && in->left_clock.r.ok &&
           in->right_clock.r.ok && in->info.r.ok && in->string.r.ok && in->string.lens.r.ok &&
           in->parent_info.r.ok && in->type_ref.r.ok && in->len.r.ok;
}

static bool columns_at_end(const columns *in)
{
    return crdt__reader_at_end(&in->rest) && crdt__diff_column_at_end(&in->key_clock) &&
           crdt__uint_column_at_end(&in->client) && crdt__diff_column_at_end(&in->left_clock) &&
           crdt__diff_column_at_end(&in->right_clock) && crdt__byte_column_at_end(&in->info) &&
           crdt__string_column_at_end(&in->string) && crdt__byte_column_at_end(&in->parent_info) &&
           crdt__uint_column_at_end(&in->type_ref) && crdt__uint_column_at_end(&in->len);
}

static void open_columns(crdt_bytes update, columns *in)
{
    crdt__reader r = crdt__reader_of(update);
    (void)crdt__read_varuint(&r); /* the feature number, which Yjs does not look at */
    in->key_clock = crdt__diff_column_of(crdt__read_varbytes(&r));
    in->client = crdt__uint_column_of(crdt__read_varbytes(&r));
    in->left_clock = crdt__diff_column_of(crdt__read_varbytes(&r));
    in->right_clock = crdt__diff_column_of(crdt__read_varbytes(&r));
    in->info = crdt__byte_column_of(crdt__read_varbytes(&r));
    in->string = crdt__string_column_of(crdt__read_varbytes(&r));
    in->parent_info = crdt__byte_column_of(crdt__read_varbytes(&r));
    in->type_ref = crdt__uint_column_of(crdt__read_varbytes(&r));
    in->len = crdt__uint_column_of(crdt__read_varbytes(&r));
    in->rest = r;
}

/* ---- strings ---- */

static size_t slice_len(const crdt__slice *s)
{
    return s->body.len + (s->has_low ? CRDT__HALF_LEN : 0) + (s->has_high ? CRDT__HALF_LEN : 0);
}

static void write_slice(crdt__writer *w, const crdt__slice *s)
{
    crdt__write_varuint(w, slice_len(s));
    if (s->has_low)
        crdt__write_bytes(w, s->low, sizeof s->low);
    crdt__write_bytes(w, s->body.data, s->body.len);
    if (s->has_high)
        crdt__write_bytes(w, s->high, sizeof s->high);
}

/* Any string but a text: halves of pairs become U+FFFD. Returns it as it was written, which is good
 * until the next byte is. */
static crdt_bytes copy_name(transcoder *t)
{
    crdt__slice s;
    crdt__string_column_read(&t->in.string, &s);
    memcpy(s.low, crdt__replacement, sizeof s.low);
    memcpy(s.high, crdt__replacement, sizeof s.high);
    write_slice(&t->w, &s);
    size_t len = t->w.ok ? slice_len(&s) : 0;
    return (crdt_bytes){t->w.pos - len, len};
}

static bool note_key(transcoder *t, size_t written)
{
    keys *k = &t->keys;
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 16 : k->cap * 2;
        size_t *grown =
            crdt__resize(t->mem, k->written, k->cap * sizeof *grown, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        k->written = grown;
        k->cap = cap;
    }
    k->written[k->count++] = written;
    return true;
}

/* A format's key or a node's name. A number that is new says that the string follows; no encoder of
 * Yjs ever writes another. */
static void copy_key(transcoder *t)
{
    uint64_t number = crdt__diff_column_read(&t->in.key_clock);
    size_t len = crdt__writer_len(&t->w);
    if (number >= t->keys.count) {
        copy_name(t);
        t->w.ok = t->w.ok && note_key(t, len);
        return;
    }
    const uint8_t *start = t->w.pos - len;
    crdt__reader r = {start + t->keys.written[number], t->w.pos, true};
    crdt_bytes key = crdt__read_varbytes(&r);
    size_t at = (size_t)(key.data - start);
    if (crdt__writer_room(&t->w, key.len + CRDT__VARUINT_LEN_MAX)) /* all may have moved */
        crdt__write_varbytes(&t->w, (crdt_bytes){t->w.pos - len + at, key.len});
}

/* ---- contents ---- each returns how many units */

static uint64_t copy_text(transcoder *t)
{
    crdt__slice s;
    crdt__string_column_read(&t->in.string, &s);
    write_slice(&t->w, &s);
    return s.units;
}

static uint64_t copy_len(transcoder *t)
{
    uint64_t len = crdt__uint_column_read(&t->in.len);
    crdt__write_varuint(&t->w, len);
    return len;
}

static uint64_t copy_json(transcoder *t)
{
    uint64_t len = copy_len(t);
    for (uint64_t i = 0; i < len && t->in.rest.ok; i++) {
        crdt_bytes text = copy_name(t);
        if (!t->w.ok ||
            (!crdt__values_is_undefined(text) && crdt__json_check(text) == CRDT__JSON_INVALID))
            fail(t);
    }
    return len;
}

static uint64_t copy_any(transcoder *t)
{
    uint64_t len = copy_len(t);
    const uint8_t *start = t->in.rest.pos;
    for (uint64_t i = 0; i < len && t->in.rest.ok; i++)
        crdt__any_skip(&t->in.rest, NULL);
    if (t->in.rest.ok)
        crdt__write_bytes(&t->w, start, (size_t)(t->in.rest.pos - start));
    return len;
}

/* The value of an embed or a format. */
static uint64_t copy_value(transcoder *t)
{
    t->value.len = 0;
    crdt__writer w = crdt__writer_on(&t->value);
    crdt__value_from_any(&t->in.rest, &w, t->mem);
    if (crdt__writer_finish(&w) == CRDT_OK)
        crdt__write_varbytes(&t->w, (crdt_bytes){t->value.data, t->value.len});
    else
        t->w.ok = false;
    return 1;
}

static uint64_t copy_type(transcoder *t)
{
    uint64_t type_ref = crdt__uint_column_read(&t->in.type_ref);
    if (type_ref > CRDT__TYPE_XML_TEXT)
        fail(t);
    crdt__write_varuint(&t->w, type_ref);
    if (type_ref == CRDT__TYPE_XML_ELEMENT || type_ref == CRDT__TYPE_XML_HOOK)
        copy_key(t);
    return 1;
}

static uint64_t copy_doc(transcoder *t)
{
    copy_name(t);
    crdt__reader *r = &t->in.rest;
    const uint8_t *start = r->pos;
    crdt__any_skip(r, NULL);
    if (r->ok && (*start == CRDT__ANY_UNDEFINED || *start == CRDT__ANY_NULL))
        fail(t);
    if (r->ok)
        crdt__write_bytes(&t->w, start, (size_t)(r->pos - start));
    return 1;
}

static uint64_t copy_binary(transcoder *t)
{
    crdt__write_varbytes(&t->w, crdt__read_varbytes(&t->in.rest));
    return 1;
}

static uint64_t copy_content(transcoder *t, uint8_t kind)
{
    switch (kind) {
    case CRDT__DELETED:
        return copy_len(t);
    case CRDT__JSON:
        return copy_json(t);
    case CRDT__BINARY:
        return copy_binary(t);
    case CRDT__STRING:
        return copy_text(t);
    case CRDT__EMBED:
        return copy_value(t);
    case CRDT__FORMAT:
        copy_key(t);
        return copy_value(t);
    case CRDT__TYPE:
        return copy_type(t);
    case CRDT__ANY:
        return copy_any(t);
    case CRDT__DOC:
        return copy_doc(t);
    default:
        fail(t);
        return 0;
    }
}

/* ---- structs ---- */

/* What a struct of the own client refers to must lie before it. */
static void copy_id(transcoder *t, crdt__diff_column *clocks, crdt_id own)
{
    uint64_t client = crdt__uint_column_read(&t->in.client);
    uint64_t clock = crdt__diff_column_read(clocks);
    if (client == own.client && clock >= own.clock)
        fail(t);
    crdt__write_varuint(&t->w, client);
    crdt__write_varuint(&t->w, clock);
}

static void copy_parent(transcoder *t, uint8_t info, crdt_id own)
{
    bool is_root = crdt__byte_column_read(&t->in.parent_info) == 1;
    crdt__write_u8(&t->w, is_root ? 1 : 0);
    if (is_root)
        copy_name(t);
    else
        copy_id(t, &t->in.left_clock, own);
    if (info & CRDT__INFO_SUB)
        copy_name(t);
}

static uint64_t copy_item(transcoder *t, uint8_t info, crdt_id own)
{
    crdt__write_u8(&t->w, info);
    if (info & CRDT__INFO_ORIGIN)
        copy_id(t, &t->in.left_clock, own);
    if (info & CRDT__INFO_RIGHT)
        copy_id(t, &t->in.right_clock, own);
    if (!(info & (CRDT__INFO_ORIGIN | CRDT__INFO_RIGHT)))
        copy_parent(t, info, own);
    return copy_content(t, info & CRDT__INFO_KIND_MASK);
}

static uint64_t copy_skip(transcoder *t)
{
    uint64_t len = crdt__read_varuint(&t->in.rest);
    crdt__write_varuint(&t->w, len);
    return len;
}

/* Returns how many units. */
static uint64_t copy_struct(transcoder *t, crdt_id id, crdt__v1_shape *shape)
{
    uint8_t info = crdt__byte_column_read(&t->in.info);
    uint8_t kind = info & CRDT__INFO_KIND_MASK;
    uint64_t len;
    if (kind == CRDT__GC || kind == CRDT__SKIP) {
        crdt__write_u8(&t->w, kind);
        len = kind == CRDT__GC ? copy_len(t) : copy_skip(t);
        shape->skips += kind == CRDT__SKIP ? 1 : 0;
    } else {
        len = copy_item(t, info, id);
    }
    if ((len == 0 && kind != CRDT__SKIP) || len > CRDT_CLOCK_MAX - id.clock ||
        crdt__writer_len(&t->w) > t->len_max)
        fail(t);
    return len;
}

static bool goes_on(const transcoder *t)
{
    return t->w.ok && columns_ok(&t->in);
}

static void copy_section(transcoder *t, crdt__v1_shape *shape, crdt__client_order *order)
{
    uint64_t left = crdt__read_varuint(&t->in.rest);
    crdt_id next = {.client = crdt__uint_column_read(&t->in.client)};
    next.clock = crdt__read_varuint(&t->in.rest);
    if (left > t->structs_max - shape->structs) {
        fail(t);
        return;
    }
    shape->structs += left;
    crdt__client_order_note(order, next.client);
    crdt__write_varuint(&t->w, left);
    crdt__write_varuint(&t->w, next.client);
    crdt__write_varuint(&t->w, next.clock);
    for (; left > 0 && goes_on(t); left--)
        next.clock += copy_struct(t, next, shape);
}

/* ---- the delete set ---- */

static void copy_ranges(transcoder *t, uint64_t count)
{
    crdt__reader *r = &t->in.rest;
    uint64_t at = 0;
    for (; count > 0 && r->ok && t->w.ok; count--) {
        uint64_t clock = at + crdt__read_varuint(r);
        uint64_t len = crdt__read_varuint(r) + 1;
        at = clock + len;
        if (at > CRDT_CLOCK_MAX)
            fail(t);
        crdt__write_varuint(&t->w, clock);
        crdt__write_varuint(&t->w, len);
    }
}

static void copy_deletes(transcoder *t, crdt__v1_shape *shape)
{
    crdt__reader *r = &t->in.rest;
    shape->ds_clients = crdt__read_varuint(r);
    crdt__write_varuint(&t->w, shape->ds_clients);
    for (uint64_t i = 0; i < shape->ds_clients && goes_on(t); i++) {
        crdt__write_varuint(&t->w, crdt__read_varuint(r));
        uint64_t ranges = crdt__read_varuint(r);
        shape->ds_ranges += ranges;
        crdt__write_varuint(&t->w, ranges);
        copy_ranges(t, ranges);
    }
}

/* ---- whole updates ---- */

static void copy_update(transcoder *t, crdt__v1_shape *shape, crdt__client_order *order,
                        size_t *ds_start)
{
    shape->sections = crdt__read_varuint(&t->in.rest);
    crdt__write_varuint(&t->w, shape->sections);
    for (uint64_t i = 0; i < shape->sections && goes_on(t); i++)
        copy_section(t, shape, order);
    *ds_start = crdt__writer_len(&t->w);
    copy_deletes(t, shape);
}

/* What came out, from `start` of the buffer on, with the delete set at `ds_start` of it. */
static crdt_err judge(crdt_buf *out, size_t start, size_t ds_start, crdt__client_order order,
                      crdt__v1_shape *shape)
{
    crdt_bytes update = {out->data + start, out->len - start};
    shape->ds = (crdt_bytes){update.data + ds_start, update.len - ds_start};
    crdt_err err = crdt__client_order_judge(&order, update, out->mem, shape);
    if (err != CRDT_OK)
        out->len = start;
    return err;
}

crdt_err crdt__v2_read(crdt_bytes update, crdt_buf *out, crdt__v1_shape *shape)
{
    size_t start = out->len;
    size_t ds_start;
    crdt__client_order order = {0};
    transcoder t = {
        .w = crdt__writer_on(out),
        .mem = out->mem,
        .value = {.mem = out->mem},
        .structs_max = CRDT_V2_STRUCTS_FREE + (uint64_t)update.len * CRDT_V2_STRUCTS_PER_BYTE,
        .len_max = CRDT__V2_BYTES_FREE + (uint64_t)update.len * CRDT__V2_BYTES_PER_BYTE,
    };
    *shape = (crdt__v1_shape){0};
    open_columns(update, &t.in);
    crdt__writer_room(&t.w, 2 * update.len);
    copy_update(&t, shape, &order, &ds_start);
    bool valid = columns_at_end(&t.in);
    crdt__release(t.mem, t.keys.written, t.keys.cap * sizeof *t.keys.written);
    crdt_buf_free(&t.value);
    crdt_err err = crdt__writer_finish(&t.w);
    if (err == CRDT_OK && !valid) {
        out->len = start;
        err = CRDT_MALFORMED;
    }
    return err == CRDT_OK ? judge(out, start, ds_start, order, shape) : err;
}
