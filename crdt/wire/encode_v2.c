/* An update in format v2, written (yjs/src/utils/UpdateEncoder.js, UpdateEncoderV2). */
#include "base/columns.h"

#include "wire/text.h"
#include "wire/update_v2.h"
#include "wire/values.h"

struct crdt__columns {
    const crdt_mem *mem;
    uint64_t keys; /* numbers of keys and names given out */
    crdt__diff_out key_clock;
    crdt__uint_out client;
    crdt__diff_out left_clock;
    crdt__diff_out right_clock;
    crdt__byte_out info;
    crdt__string_out string;
    crdt__byte_out parent_info;
    crdt__uint_out type_ref;
    crdt__uint_out len;
};

enum { OUTS = 10 };

/* All that has memory; a string column has two. */
static void list_outs(crdt__columns *c, crdt__column_out *outs[OUTS])
{
    crdt__column_out *all[OUTS] = {&c->key_clock.out,   &c->client.out,      &c->left_clock.out,
                                   &c->right_clock.out, &c->info.out,        &c->string.out,
                                   &c->string.lens.out, &c->parent_info.out, &c->type_ref.out,
                                   &c->len.out};
    memcpy(outs, all, sizeof all);
}

crdt__columns *crdt__columns_new(const crdt_mem *mem)
{
    crdt__columns *c = crdt__resize(mem, NULL, 0, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (crdt__columns){.mem = mem};
    crdt__column_out *outs[OUTS];
    list_outs(c, outs);
    for (size_t i = 0; i < OUTS; i++)
        crdt__column_out_init(outs[i], mem);
    return c;
}

void crdt__columns_free(crdt__columns *c)
{
    crdt__column_out *outs[OUTS];
    list_outs(c, outs);
    for (size_t i = 0; i < OUTS; i++)
        crdt__column_out_deinit(outs[i]);
    crdt__release(c->mem, c, sizeof *c);
}

void crdt__columns_reserve(crdt__columns *c, size_t text_len)
{
    const size_t names_len = 256 + text_len / 8;
    (void)crdt__writer_room(&c->string.out.w, text_len + names_len);
}

/* ---- fields ---- */

static void write_name(crdt__columns *c, crdt_bytes name)
{
    crdt__string_out_put(&c->string, name, false);
    crdt__string_out_end(&c->string, crdt__utf16_len(name));
}

/* A format's key or a node's name. Yjs gives every one a number of its own, whether or not it was
 * there before, and counts on others to do the same. */
static void write_key(crdt__columns *c, crdt_bytes key)
{
    crdt__diff_out_write(&c->key_clock, c->keys++);
    write_name(c, key);
}

void crdt__columns_write_client(crdt__columns *c, uint64_t client)
{
    crdt__uint_out_write(&c->client, client);
}

static void write_id(crdt__columns *c, crdt__diff_out *clocks, crdt_id id)
{
    crdt__uint_out_write(&c->client, id.client);
    crdt__diff_out_write(clocks, id.clock);
}

/* ---- contents ---- */

static void write_text(crdt__columns *c, const crdt__wstruct *s, uint64_t offset)
{
    if (offset == 0 && !s->cut && !s->low) {
        crdt__string_out_put(&c->string, s->content, s->halves);
    } else {
        crdt__text text = crdt__text_from(s, offset);
        crdt__string_out_put(&c->string, (crdt_bytes){text.head, text.head_len}, text.halves);
        crdt__string_out_put(&c->string, text.body, text.halves);
    }
    crdt__string_out_end(&c->string, s->len - offset);
}

static void write_json(crdt__columns *c, crdt_bytes text, bool canonical)
{
    if (canonical) {
        write_name(c, text);
        return;
    }
    crdt_buf buf = {.mem = c->mem};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__values_write_json(&w, text, canonical, c->mem);
    if (crdt__writer_finish(&w) == CRDT_OK)
        write_name(c, (crdt_bytes){buf.data, buf.len});
    else
        c->string.out.w.ok = false;
    crdt_buf_free(&buf);
}

static void write_json_elements(crdt__columns *c, const crdt__wstruct *s, uint64_t offset)
{
    crdt__uint_out_write(&c->len, s->len - offset);
    crdt__reader r = crdt__values_from(s, offset);
    for (uint64_t i = offset; i < s->len; i++)
        write_json(c, crdt__read_varbytes(&r), s->canonical);
}

static void write_type(crdt__columns *c, const crdt__wstruct *s)
{
    crdt__uint_out_write(&c->type_ref, s->type_ref);
    if (s->type_ref == CRDT__TYPE_XML_ELEMENT || s->type_ref == CRDT__TYPE_XML_HOOK)
        write_key(c, s->content);
}

static void write_value(crdt__columns *c, crdt__writer *rest, crdt_bytes value, bool canonical)
{
    crdt__values_write(rest, value, canonical, CRDT__VALUE_AS_ANY, c->mem);
}

static void write_content(crdt__columns *c, crdt__writer *rest, const crdt__wstruct *s,
                          uint64_t offset)
{
    switch ((crdt__kind)s->kind) {
    case CRDT__GC:
    case CRDT__DELETED:
        crdt__uint_out_write(&c->len, s->len - offset);
        break;
    case CRDT__SKIP:
        crdt__write_varuint(rest, s->len - offset);
        break;
    case CRDT__JSON:
        write_json_elements(c, s, offset);
        break;
    case CRDT__ANY:
        crdt__uint_out_write(&c->len, s->len - offset);
        crdt__values_write_any(rest, s, offset, c->mem);
        break;
    case CRDT__BINARY:
        crdt__write_varbytes(rest, s->content);
        break;
    case CRDT__STRING:
        write_text(c, s, offset);
        break;
    case CRDT__EMBED:
        write_value(c, rest, s->content, s->canonical);
        break;
    case CRDT__FORMAT:
        write_key(c, s->content);
        write_value(c, rest, s->content2, s->canonical);
        break;
    case CRDT__TYPE:
        write_type(c, s);
        break;
    case CRDT__DOC:
        write_name(c, s->content);
        crdt__values_write_options(rest, s, c->mem);
        break;
    }
}

/* ---- structs ---- */

static void write_parent(crdt__columns *c, const crdt__wstruct *s)
{
    crdt__byte_out_write(&c->parent_info, s->parent_is_root ? 1 : 0);
    if (s->parent_is_root)
        write_name(c, s->parent_root);
    else
        write_id(c, &c->left_clock, s->parent_id);
    if (s->has_sub)
        write_name(c, s->sub);
}

static void write_references(crdt__columns *c, const crdt__wstruct *s, uint64_t offset)
{
    bool has_origin = s->has_origin || offset > 0;
    if (has_origin)
        write_id(c, &c->left_clock, offset > 0 ? crdt__id_add(s->id, offset - 1) : s->origin);
    if (s->has_right)
        write_id(c, &c->right_clock, s->right);
    if (!has_origin && !s->has_right)
        write_parent(c, s);
}

void crdt__columns_write_common(crdt__columns *c, const crdt__common *s)
{
    crdt__byte_out_write(&c->info, s->info);
    if (s->info & CRDT__INFO_ORIGIN)
        write_id(c, &c->left_clock, s->origin);
    if (s->info & CRDT__INFO_RIGHT)
        write_id(c, &c->right_clock, s->right);
    if ((s->info & CRDT__INFO_KIND_MASK) == CRDT__DELETED) {
        crdt__uint_out_write(&c->len, s->len);
        return;
    }
    crdt__string_out_put(&c->string, s->text, false);
    crdt__string_out_end(&c->string, s->len);
}

void crdt__v2_write_struct(crdt__columns *c, crdt__writer *rest, const crdt__wstruct *s,
                           uint64_t offset)
{
    crdt__byte_out_write(&c->info, crdt__wstruct_info(s, offset));
    if (s->kind != CRDT__GC && s->kind != CRDT__SKIP)
        write_references(c, s, offset);
    write_content(c, rest, s, offset);
}

/* ---- the end ---- */

/* One column behind its length. */
static void put(crdt__writer *w, bool ok, crdt_bytes bytes)
{
    w->ok = w->ok && ok;
    if (w->ok)
        crdt__write_varbytes(w, bytes);
}

static void put_uints(crdt__uint_out *column, crdt__writer *w)
{
    crdt_bytes bytes;
    bool ok = crdt__uint_out_finish(column, &bytes);
    put(w, ok, bytes);
}

static void put_diffs(crdt__diff_out *column, crdt__writer *w)
{
    crdt_bytes bytes;
    bool ok = crdt__diff_out_finish(column, &bytes);
    put(w, ok, bytes);
}

static void put_bytes(crdt__byte_out *column, crdt__writer *w)
{
    crdt_bytes bytes;
    bool ok = crdt__byte_out_finish(column, &bytes);
    put(w, ok, bytes);
}

static void put_strings(crdt__string_out *column, crdt__writer *w)
{
    crdt_bytes text;
    crdt_bytes lens;
    w->ok = crdt__string_out_finish(column, &text, &lens) && w->ok;
    if (!w->ok)
        return;
    crdt__write_varuint(w, crdt__varuint_len(text.len) + text.len + lens.len);
    crdt__write_varbytes(w, text);
    crdt__write_bytes(w, lens.data, lens.len);
}

/* About what the columns take, the last runs of which are not in them yet. */
static size_t columns_len(crdt__columns *c)
{
    crdt__column_out *outs[OUTS];
    size_t len = 0;
    list_outs(c, outs);
    for (size_t i = 0; i < OUTS; i++)
        len += crdt__writer_len(&outs[i]->w) + 4 * CRDT__VARUINT_LEN_MAX;
    return len;
}

void crdt__columns_put(crdt__columns *c, size_t rest_len, crdt__writer *w)
{
    (void)crdt__writer_room(w, columns_len(c) + rest_len);
    crdt__write_varuint(w, 0); /* the feature number */
    put_diffs(&c->key_clock, w);
    put_uints(&c->client, w);
    put_diffs(&c->left_clock, w);
    put_diffs(&c->right_clock, w);
    put_bytes(&c->info, w);
    put_strings(&c->string, w);
    put_bytes(&c->parent_info, w);
    put_uints(&c->type_ref, w);
    put_uints(&c->len, w);
}
