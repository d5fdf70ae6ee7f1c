#include "wire/update.h"

#include "base/any.h"
#include "base/idset.h"
#include "base/json.h"
#include "base/utf16.h"
#include "base/value.h"
#include "wire/text.h"
#include "wire/values.h"

/* The options of a sub-document that has none: an empty object. */
static const uint8_t no_options[] = {118, 0};

static bool type_has_name(uint8_t type_ref)
{
    return type_ref == CRDT__TYPE_XML_ELEMENT || type_ref == CRDT__TYPE_XML_HOOK;
}

/* ---- reading one struct ---- */

static crdt_id read_id(crdt__reader *r)
{
    uint64_t client = crdt__read_varuint(r);
    return (crdt_id){client, crdt__read_varuint(r)};
}

/* What a struct of the own client refers to must lie before it. */
static crdt_id read_reference(crdt__reader *r, crdt_id own)
{
    crdt_id id = read_id(r);
    if (id.client == own.client && id.clock >= own.clock)
        crdt__reader_fail(r);
    return id;
}

static crdt_bytes read_text(crdt__reader *r, crdt__trust trust)
{
    return trust == CRDT__TRUSTED ? crdt__read_varbytes(r) : crdt__read_varstring(r);
}

static void read_parent(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    out->has_parent = true;
    out->parent_is_root = crdt__read_varuint(r) == 1;
    if (out->parent_is_root)
        out->parent_root = read_text(r, trust);
    else
        out->parent_id = read_reference(r, out->id);
    if (out->has_sub)
        out->sub = read_text(r, trust);
}

static void read_references(crdt__reader *r, uint8_t info, crdt__trust trust, crdt__wstruct *out)
{
    out->has_origin = (info & CRDT__INFO_ORIGIN) != 0;
    out->has_right = (info & CRDT__INFO_RIGHT) != 0;
    out->has_sub = (info & CRDT__INFO_SUB) != 0;
    if (out->has_origin)
        out->origin = read_reference(r, out->id);
    if (out->has_right)
        out->right = read_reference(r, out->id);
    if (!out->has_origin && !out->has_right)
        read_parent(r, trust, out);
}

static void read_string(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    out->content = crdt__read_varbytes(r);
    if (trust == CRDT__TRUSTED) {
        out->len = crdt__utf16_len(out->content);
        out->halves = out->len != out->content.len && crdt__wtf8_has_half(out->content);
    } else if (!crdt__utf8_valid(out->content, &out->len)) {
        crdt__reader_fail(r);
    }
}

/* One JSON text; bare `undefined` is allowed where it is an element of CRDT__JSON. */
static crdt_bytes read_json(crdt__reader *r, crdt__trust trust, bool undefined_allowed,
                            bool *canonical)
{
    crdt_bytes text = read_text(r, trust);
    if (undefined_allowed && crdt__values_is_undefined(text))
        return text;
    crdt__json_kind kind = crdt__json_check(text);
    if (kind == CRDT__JSON_INVALID)
        crdt__reader_fail(r);
    else if (kind != CRDT__JSON_CANONICAL)
        *canonical = false;
    return text;
}

/* The value of an embed or a format. What was validated may have come from format v2: then it is
 * kept as Any where JSON cannot tell it. */
static crdt_bytes read_value(crdt__reader *r, crdt__trust trust, bool *canonical)
{
    if (trust == CRDT__UNTRUSTED)
        return read_json(r, trust, false, canonical);
    crdt_bytes value = crdt__read_varbytes(r);
    if (!crdt__value_is_any(value) && crdt__json_check(value) != CRDT__JSON_CANONICAL)
        *canonical = false;
    return value;
}

static void read_json_elements(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    out->len = crdt__read_varuint(r);
    const uint8_t *start = r->pos;
    for (uint64_t i = 0; i < out->len && r->ok; i++) {
        const uint8_t *before = r->pos;
        crdt_bytes text = read_json(r, trust, true, &out->canonical);
        if (crdt__varuint_len(text.len) + text.len != (size_t)(r->pos - before))
            out->canonical = false; /* an overlong length */
    }
    out->content = (crdt_bytes){start, (size_t)(r->pos - start)};
}

static void read_any_elements(crdt__reader *r, crdt__wstruct *out)
{
    out->len = crdt__read_varuint(r);
    const uint8_t *start = r->pos;
    for (uint64_t i = 0; i < out->len && r->ok; i++) {
        bool canonical;
        crdt__any_skip(r, &canonical);
        out->canonical = out->canonical && canonical;
    }
    out->content = (crdt_bytes){start, (size_t)(r->pos - start)};
}

static void read_type(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    uint64_t type_ref = crdt__read_varuint(r);
    if (type_ref > CRDT__TYPE_XML_TEXT)
        type_ref = crdt__reader_fail(r);
    out->type_ref = (uint8_t)type_ref;
    if (type_has_name(out->type_ref))
        out->content = read_text(r, trust);
}

static void read_doc(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    out->content = read_text(r, trust);
    crdt__reader options = *r;
    uint8_t tag = crdt__read_u8(&options);
    crdt__any_skip(r, NULL);
    if (tag == CRDT__ANY_UNDEFINED || tag == CRDT__ANY_NULL)
        crdt__reader_fail(r);
    if (!r->ok)
        return;
    out->content2 = (crdt_bytes){options.pos - 1, (size_t)(r->pos - options.pos) + 1};
    out->canonical = crdt__bytes_equal(out->content2, (crdt_bytes){no_options, sizeof no_options});
}

static void read_content(crdt__reader *r, crdt__trust trust, crdt__wstruct *out)
{
    out->len = 1;
    switch (out->kind) {
    case CRDT__DELETED:
        out->len = crdt__read_varuint(r);
        break;
    case CRDT__JSON:
        read_json_elements(r, trust, out);
        break;
    case CRDT__BINARY:
        out->content = crdt__read_varbytes(r);
        break;
    case CRDT__STRING:
        read_string(r, trust, out);
        break;
    case CRDT__EMBED:
        out->content = read_value(r, trust, &out->canonical);
        break;
    case CRDT__FORMAT:
        out->content = read_text(r, trust);
        out->content2 = read_value(r, trust, &out->canonical);
        break;
    case CRDT__TYPE:
        read_type(r, trust, out);
        break;
    case CRDT__ANY:
        read_any_elements(r, out);
        break;
    case CRDT__DOC:
        read_doc(r, trust, out);
        break;
    default:
        crdt__reader_fail(r);
    }
}

/* Field by field: for a whole struct of this size, GCC resorts to string instructions, which take
 * longer than all the rest of reading does. */
static void begin_struct(crdt__wstruct *out, crdt_id id, uint8_t info)
{
    const crdt_id no_id = {0, 0};
    const crdt_bytes no_bytes = {NULL, 0};
    out->id = id;
    out->len = 0;
    out->kind = info & CRDT__INFO_KIND_MASK;
    out->has_origin = false;
    out->has_right = false;
    out->has_sub = false;
    out->has_parent = false;
    out->parent_is_root = false;
    out->canonical = true;
    out->cut = false;
    out->low = false;
    out->halves = false;
    out->type_ref = 0;
    out->origin = no_id;
    out->right = no_id;
    out->parent_id = no_id;
    out->parent_root = no_bytes;
    out->sub = no_bytes;
    out->content = no_bytes;
    out->content2 = no_bytes;
}

void crdt__v1_read_struct(crdt__reader *r, crdt_id id, crdt__trust trust, crdt__wstruct *out)
{
    uint8_t info = crdt__read_u8(r);
    begin_struct(out, id, info);
    if (out->kind == CRDT__GC || out->kind == CRDT__SKIP) {
        out->len = crdt__read_varuint(r);
    } else {
        read_references(r, info, trust, out);
        read_content(r, trust, out);
    }
    if ((out->len == 0 && out->kind != CRDT__SKIP) || out->len > CRDT_CLOCK_MAX - id.clock)
        crdt__reader_fail(r);
}

/* ---- writing one struct ---- */

static void write_id(crdt__writer *w, crdt_id id)
{
    crdt__write_varuint(w, id.client);
    crdt__write_varuint(w, id.clock);
}

static void write_text_from(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                            crdt__v1_form form)
{
    if (offset == 0 && !s->cut && !s->low && !s->halves) {
        crdt__write_varbytes(w, s->content);
        return;
    }
    crdt__text text = crdt__text_from(s, offset);
    size_t len = text.head_len + text.body.len;
    crdt__write_varuint(w, len);
    crdt__write_bytes(w, text.head, text.head_len);
    crdt__write_bytes(w, text.body.data, text.body.len);
    if (text.halves && form == CRDT__V1_PLAIN && w->ok)
        crdt__wtf8_to_utf8(w->pos - len, len);
}

/* A value that is written behind its length goes to a buffer first. */
typedef struct measured {
    crdt_buf buf;
    crdt__writer w;
} measured;

static void measure_begin(measured *m, const crdt_mem *mem)
{
    m->buf = (crdt_buf){.mem = mem};
    m->w = crdt__writer_on(&m->buf);
}

static void measure_end(measured *m, crdt__writer *w)
{
    if (crdt__writer_finish(&m->w) == CRDT_OK)
        crdt__write_varbytes(w, (crdt_bytes){m->buf.data, m->buf.len});
    else
        w->ok = false;
    crdt_buf_free(&m->buf);
}

/* The value of an embed or a format; most stand as they are. */
static void write_value(crdt__writer *w, crdt_bytes value, bool canonical, crdt__v1_form form,
                        const crdt_mem *mem)
{
    if (canonical && form == CRDT__V1_PLAIN && !crdt__value_is_any(value)) {
        crdt__write_varbytes(w, value);
        return;
    }
    measured m;
    measure_begin(&m, mem);
    crdt__values_write(&m.w, value, canonical,
                       form == CRDT__V1_EXTENDED ? CRDT__VALUE_AS_SENT : CRDT__VALUE_AS_JSON, mem);
    measure_end(&m, w);
}

static void write_json_elements(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                                const crdt_mem *mem)
{
    crdt__reader r = crdt__values_from(s, offset);
    if (s->canonical) {
        crdt__write_bytes(w, r.pos, crdt__reader_left(&r));
        return;
    }
    for (uint64_t i = offset; i < s->len && w->ok; i++) {
        measured m;
        measure_begin(&m, mem);
        crdt__values_write_json(&m.w, crdt__read_varbytes(&r), false, mem);
        measure_end(&m, w);
    }
}

static void write_content(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                          crdt__v1_form form, const crdt_mem *mem)
{
    switch ((crdt__kind)s->kind) {
    case CRDT__GC:
    case CRDT__SKIP:
    case CRDT__DELETED:
        crdt__write_varuint(w, s->len - offset);
        break;
    case CRDT__JSON:
        crdt__write_varuint(w, s->len - offset);
        write_json_elements(w, s, offset, mem);
        break;
    case CRDT__ANY:
        crdt__write_varuint(w, s->len - offset);
        crdt__values_write_any(w, s, offset, mem);
        break;
    case CRDT__BINARY:
        crdt__write_varbytes(w, s->content);
        break;
    case CRDT__STRING:
        write_text_from(w, s, offset, form);
        break;
    case CRDT__EMBED:
        write_value(w, s->content, s->canonical, form, mem);
        break;
    case CRDT__FORMAT:
        crdt__write_varbytes(w, s->content);
        write_value(w, s->content2, s->canonical, form, mem);
        break;
    case CRDT__TYPE:
        crdt__write_varuint(w, s->type_ref);
        if (type_has_name(s->type_ref))
            crdt__write_varbytes(w, s->content);
        break;
    case CRDT__DOC:
        crdt__write_varbytes(w, s->content);
        crdt__values_write_options(w, s, mem);
        break;
    }
}

static void write_parent(crdt__writer *w, const crdt__wstruct *s)
{
    crdt__write_varuint(w, s->parent_is_root ? 1 : 0);
    if (s->parent_is_root)
        crdt__write_varbytes(w, s->parent_root);
    else
        write_id(w, s->parent_id);
    if (s->has_sub)
        crdt__write_varbytes(w, s->sub);
}

static void write_references(crdt__writer *w, const crdt__wstruct *s, uint64_t offset)
{
    bool has_origin = s->has_origin || offset > 0;
    if (has_origin)
        write_id(w, offset > 0 ? crdt__id_add(s->id, offset - 1) : s->origin);
    if (s->has_right)
        write_id(w, s->right);
    if (!has_origin && !s->has_right)
        write_parent(w, s);
}

void crdt__v1_write_struct(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                           crdt__v1_form form, const crdt_mem *mem)
{
    crdt__write_u8(w, crdt__wstruct_info(s, offset));
    if (s->kind != CRDT__GC && s->kind != CRDT__SKIP)
        write_references(w, s, offset);
    write_content(w, s, offset, form, mem);
}

void crdt__wstruct_slice(crdt__wstruct *s, uint64_t offset)
{
    if (offset == 0)
        return;
    if (s->kind == CRDT__STRING) {
        crdt__text_slice(s, offset);
    } else if (s->kind == CRDT__ANY || s->kind == CRDT__JSON) {
        crdt__reader r = crdt__values_from(s, offset);
        s->content = (crdt_bytes){r.pos, crdt__reader_left(&r)};
    }
    crdt__wstruct_pass(s, offset);
}

void crdt__wstruct_pass(crdt__wstruct *s, uint64_t offset)
{
    if (s->kind != CRDT__GC && s->kind != CRDT__SKIP) {
        s->has_origin = true;
        s->origin = crdt__id_add(s->id, offset - 1);
    }
    s->id = crdt__id_add(s->id, offset);
    s->len -= offset;
}

/* ---- whole updates ---- */

crdt__section crdt__section_open(const crdt__reader *r)
{
    crdt__section section = {.r = *r};
    crdt__section_follow(&section);
    return section;
}

void crdt__section_follow(crdt__section *section)
{
    section->left = crdt__read_varuint(&section->r);
    section->next = read_id(&section->r);
}

static void section_read(crdt__section *section, crdt__trust trust, crdt__wstruct *out)
{
    crdt__v1_read_struct(&section->r, section->next, trust, out);
    section->next.clock += out->len;
    section->left--;
}

void crdt__section_next(crdt__section *section, crdt__wstruct *out)
{
    section_read(section, CRDT__TRUSTED, out);
}

void crdt__client_order_note(crdt__client_order *order, uint64_t client)
{
    order->not_ascending = order->not_ascending || (order->begun && client <= order->last);
    order->not_descending = order->not_descending || (order->begun && client >= order->last);
    order->begun = true;
    order->last = client;
}

/* Checks all sections; `walk` stands at their number first and at the delete set afterwards. */
static void check_sections(crdt__section *walk, crdt__trust trust, crdt__v1_shape *shape,
                           crdt__client_order *order)
{
    shape->sections = crdt__read_varuint(&walk->r);
    for (uint64_t i = 0; i < shape->sections && walk->r.ok; i++) {
        crdt__section_follow(walk);
        crdt__client_order_note(order, walk->next.client);
        shape->structs += walk->left;
        while (walk->left > 0 && walk->r.ok) {
            crdt__wstruct s;
            section_read(walk, trust, &s);
            shape->skips += s.kind == CRDT__SKIP ? 1 : 0;
        }
    }
}

static void check_deletes(crdt__reader *r, crdt__v1_shape *shape)
{
    const uint8_t *start = r->pos;
    shape->ds_clients = crdt__read_varuint(r);
    for (uint64_t i = 0; i < shape->ds_clients && r->ok; i++) {
        (void)crdt__read_varuint(r);
        uint64_t ranges = crdt__read_varuint(r);
        shape->ds_ranges += ranges;
        for (uint64_t j = 0; j < ranges && r->ok; j++) {
            uint64_t clock = crdt__read_varuint(r);
            if (crdt__read_varuint(r) > CRDT_CLOCK_MAX - clock)
                crdt__reader_fail(r);
        }
    }
    shape->ds = (crdt_bytes){start, (size_t)(r->pos - start)};
}

/* Looks for a client with two sections in a valid update. False: out of memory. */
static bool find_twice(crdt_bytes update, const crdt_mem *mem, bool *twice)
{
    crdt__idset clients;
    crdt__idset_init(&clients, mem);
    crdt__section section = {.r = crdt__reader_of(update)};
    bool ok = true;
    for (uint64_t left = crdt__read_varuint(&section.r); left > 0 && ok; left--) {
        crdt__section_follow(&section);
        ok = crdt__idset_add(&clients, section.next.client, 0, 1);
        crdt__wstruct s;
        while (section.left > 0)
            crdt__section_next(&section, &s);
    }
    size_t sections = crdt__idset_count(&clients);
    ok = ok && crdt__idset_normalize(&clients);
    *twice = crdt__idset_count(&clients) < sections;
    crdt__idset_deinit(&clients);
    return ok;
}

crdt_err crdt__client_order_judge(const crdt__client_order *order, crdt_bytes update,
                                  const crdt_mem *mem, crdt__v1_shape *shape)
{
    shape->descending = !order->not_descending;
    shape->clients_twice = false;
    if (order->not_ascending && order->not_descending &&
        !find_twice(update, mem, &shape->clients_twice))
        return CRDT_NO_MEMORY;
    return CRDT_OK;
}

static crdt_err examine(crdt_bytes update, crdt__trust trust, const crdt_mem *mem,
                        crdt__v1_shape *out)
{
    /* One reader for all: copying one right behind a read stalls on the bytes just stored. */
    crdt__section walk = {.r = crdt__reader_of(update)};
    crdt__v1_shape shape = {0};
    crdt__client_order order = {0};
    check_sections(&walk, trust, &shape, &order);
    check_deletes(&walk.r, &shape);
    if (!crdt__reader_at_end(&walk.r))
        return CRDT_MALFORMED;
    crdt_err err = crdt__client_order_judge(&order, update, mem, &shape);
    if (err == CRDT_OK)
        *out = shape;
    return err;
}

crdt_err crdt__v1_validate(crdt_bytes update, const crdt_mem *mem, crdt__v1_shape *out)
{
    return examine(update, CRDT__UNTRUSTED, mem, out);
}

crdt_err crdt__v1_survey(crdt_bytes update, const crdt_mem *mem, crdt__v1_shape *out)
{
    return examine(update, CRDT__TRUSTED, mem, out);
}
