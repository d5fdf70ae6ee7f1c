#include "types/attrs.h"

#include <stdlib.h>

#include "base/any.h"
#include "base/json.h"
#include "base/keys.h"
#include "base/utf16.h"
#include "base/value.h"

static const uint8_t null_value[] = {'n', 'u', 'l', 'l'};
static const uint8_t undefined_value[] = {CRDT__VALUE_ANY_MARK, CRDT__ANY_UNDEFINED};

void crdt__attrs_init(crdt__attrs *attrs, crdt_doc *doc)
{
    attrs->slots = attrs->small;
    attrs->cap = CRDT__ATTRS_SMALL;
    attrs->used = attrs->count = 0;
    crdt__u64map_init(&attrs->index, &doc->budget, doc->options.hash_seed);
}

static bool is_small(const crdt__attrs *attrs)
{
    return attrs->slots == attrs->small;
}

void crdt__attrs_deinit(crdt__attrs *attrs)
{
    if (!is_small(attrs))
        crdt__budget_release(attrs->index.budget, attrs->slots, attrs->cap * sizeof(*attrs->slots));
    crdt__u64map_deinit(&attrs->index);
}

/* ---- finding ---- */

static crdt__attr *find(const crdt__attrs *attrs, uint32_t name)
{
    if (!is_small(attrs)) {
        const uint64_t *slot = crdt__u64map_find(&attrs->index, name);
        /* What was taken out is still in the table, with the slot that it had. */
        bool is_there = slot && *slot < attrs->used && attrs->slots[*slot].name == name;
        return is_there ? &attrs->slots[*slot] : NULL;
    }
    for (size_t i = 0; i < attrs->used; i++)
        if (attrs->slots[i].name == name)
            return &attrs->slots[i];
    return NULL;
}

const crdt__attr *crdt__attrs_find(const crdt__attrs *attrs, uint32_t name)
{
    return find(attrs, name);
}

crdt__attr crdt__attrs_or_undefined(const crdt__attrs *attrs, uint32_t name)
{
    const crdt__attr *attr = find(attrs, name);
    return attr ? *attr
                : (crdt__attr){.name = name, .value = {undefined_value, sizeof undefined_value}};
}

crdt__attr crdt__attrs_or_null(const crdt__attrs *attrs, uint32_t name)
{
    const crdt_bytes undefined = {undefined_value, sizeof undefined_value};
    crdt__attr attr = crdt__attrs_or_undefined(attrs, name);
    if (crdt__bytes_equal(attr.value, undefined))
        attr = (crdt__attr){.name = name, .value = {null_value, sizeof null_value}};
    return attr;
}

const crdt__attr *crdt__attrs_next(const crdt__attrs *attrs, size_t *i)
{
    while (*i < attrs->used) {
        const crdt__attr *attr = &attrs->slots[(*i)++];
        if (attr->name)
            return attr;
    }
    return NULL;
}

/* ---- setting ---- */

static bool index_all(crdt__attrs *attrs)
{
    for (size_t i = 0; i < attrs->used; i++)
        if (!crdt__u64map_put(&attrs->index, attrs->slots[i].name, i))
            return false;
    return true;
}

static void close_holes(crdt__attrs *attrs)
{
    size_t kept = 0;
    for (size_t i = 0; i < attrs->used; i++)
        if (attrs->slots[i].name)
            attrs->slots[kept++] = attrs->slots[i];
    attrs->used = kept;
}

static bool grow(crdt__attrs *attrs)
{
    size_t cap = attrs->cap * 2;
    crdt__budget *budget = attrs->index.budget;
    crdt__attr *slots = crdt__budget_resize(budget, NULL, 0, cap * sizeof(*slots));
    if (!slots)
        return false;
    memcpy(slots, attrs->slots, attrs->used * sizeof(*slots));
    if (!is_small(attrs))
        crdt__budget_release(budget, attrs->slots, attrs->cap * sizeof(*attrs->slots));
    attrs->slots = slots;
    attrs->cap = cap;
    return true;
}

/* Makes room for one more: in place of what was taken out, if that was half of all. */
static bool make_room(crdt__attrs *attrs)
{
    if (attrs->used < attrs->cap)
        return true;
    close_holes(attrs);
    return (attrs->used * 2 <= attrs->cap || grow(attrs)) && (is_small(attrs) || index_all(attrs));
}

bool crdt__attrs_set(crdt__attrs *attrs, crdt__attr attr)
{
    crdt__attr *old = find(attrs, attr.name);
    if (old) {
        *old = attr;
        return true;
    }
    if (!make_room(attrs) ||
        (!is_small(attrs) && !crdt__u64map_put(&attrs->index, attr.name, attrs->used)))
        return false;
    attrs->slots[attrs->used++] = attr;
    attrs->count++;
    return true;
}

void crdt__attrs_remove(crdt__attrs *attrs, uint32_t name)
{
    crdt__attr *attr = find(attrs, name);
    if (!attr)
        return;
    attr->name = 0;
    attrs->count--;
}

bool crdt__attrs_copy(crdt__attrs *to, const crdt__attrs *from)
{
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(from, &i));)
        if (!crdt__attrs_set(to, *attr))
            return false;
    return true;
}

/* ---- order ---- */

typedef struct ranked {
    uint64_t rank;
    size_t at;
    crdt__attr attr;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static uint64_t rank_of(const crdt_doc *doc, const crdt__attr *attr)
{
    return crdt__keys_rank(crdt__doc_name_bytes(doc, attr->name));
}

static bool has_index(const crdt_doc *doc, const crdt__attrs *attrs)
{
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(attrs, &i));)
        if (rank_of(doc, attr) < CRDT__KEYS_RANK_NAMED)
            return true;
    return false;
}

bool crdt__attrs_sort(const crdt_doc *doc, crdt__attrs *attrs)
{
    if (!has_index(doc, attrs))
        return true;
    close_holes(attrs);
    size_t size = attrs->used * sizeof(ranked);
    ranked *all = crdt__budget_resize(attrs->index.budget, NULL, 0, size);
    if (!all)
        return false;
    for (size_t i = 0; i < attrs->used; i++)
        all[i] = (ranked){rank_of(doc, &attrs->slots[i]), i, attrs->slots[i]};
    qsort(all, attrs->used, sizeof(*all), compare_ranked);
    for (size_t i = 0; i < attrs->used; i++)
        attrs->slots[i] = all[i].attr;
    crdt__budget_release(attrs->index.budget, all, size);
    return is_small(attrs) || index_all(attrs);
}

/* ---- from callers ---- */

/* One format: its key and its kept value, each with its length. */
typedef struct reading {
    crdt_buf key;
    crdt_buf value;
    crdt_buf *out;
} reading;

static crdt_err put_member(reading *rd)
{
    crdt__writer w = crdt__writer_on(rd->out);
    crdt__write_varbytes(&w, (crdt_bytes){rd->key.data, rd->key.len});
    crdt__write_varbytes(&w, (crdt_bytes){rd->value.data, rd->value.len});
    rd->key.len = rd->value.len = 0;
    return crdt__writer_finish(&w);
}

/* A key may hold unpaired halves, which no update can. */
static crdt_err read_json_key(reading *rd, crdt_bytes inside)
{
    crdt__writer w = crdt__writer_on(&rd->key);
    crdt__json_unescape(inside, &w);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK)
        crdt__wtf8_to_utf8(rd->key.data, rd->key.len);
    return err;
}

static crdt_err read_json(reading *rd, crdt_bytes text)
{
    if (crdt__json_check(text) == CRDT__JSON_INVALID || !crdt__utf8_valid(text, NULL))
        return CRDT_MALFORMED;
    crdt__json_parser p;
    crdt__json_begin(&p, text);
    if (crdt__json_next(&p).kind != CRDT__TOKEN_OBJECT)
        return CRDT_INVALID;
    crdt_err err = CRDT_OK;
    for (crdt__token t; err == CRDT_OK && (t = crdt__json_next(&p)).kind == CRDT__TOKEN_KEY;) {
        if ((err = read_json_key(rd, t.text)) != CRDT_OK)
            break;
        crdt__writer w = crdt__writer_on(&rd->value);
        crdt__value_from_json(crdt__json_skip(&p), &w, rd->value.mem);
        err = crdt__writer_finish(&w);
        if (err == CRDT_OK)
            err = put_member(rd);
    }
    return err;
}

static crdt_err read_any_members(reading *rd, crdt_bytes object)
{
    crdt__reader r = crdt__reader_of(object);
    if (crdt__read_u8(&r) != CRDT__ANY_OBJECT)
        return CRDT_INVALID;
    crdt_err err = CRDT_OK;
    for (uint64_t left = crdt__read_varuint(&r); left > 0 && err == CRDT_OK; left--) {
        crdt_bytes key = crdt__read_varbytes(&r);
        if (*r.pos == CRDT__ANY_UNDEFINED)
            return CRDT_INVALID;
        crdt__writer w = crdt__writer_on(&rd->key);
        crdt__write_bytes(&w, key.data, key.len);
        err = crdt__writer_finish(&w);
        if (err != CRDT_OK)
            break;
        w = crdt__writer_on(&rd->value);
        crdt__value_from_any(&r, &w, rd->value.mem);
        err = crdt__writer_finish(&w);
        if (err == CRDT_OK)
            err = put_member(rd);
    }
    return err;
}

/* Made canonical first, which drops what JavaScript drops. */
static crdt_err read_any(reading *rd, crdt_bytes value)
{
    crdt__reader r = crdt__reader_of(value);
    crdt__any_skip(&r, NULL);
    if (!crdt__reader_at_end(&r))
        return CRDT_MALFORMED;
    crdt_buf canonical = {.mem = rd->value.mem};
    crdt__writer w = crdt__writer_on(&canonical);
    r = crdt__reader_of(value);
    crdt__any_canonicalize(&r, &w, canonical.mem);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK)
        err = read_any_members(rd, (crdt_bytes){canonical.data, canonical.len});
    crdt_buf_free(&canonical);
    return err;
}

crdt_err crdt__attrs_read(const crdt_value *attributes, const crdt_mem *mem, crdt_buf *out)
{
    reading rd = {.key = {.mem = mem}, .value = {.mem = mem}, .out = out};
    crdt_err err = CRDT_INVALID;
    if (attributes->kind == CRDT_VALUE_JSON)
        err = read_json(&rd, attributes->bytes);
    else if (attributes->kind == CRDT_VALUE_ANY)
        err = read_any(&rd, attributes->bytes);
    crdt_buf_free(&rd.key);
    crdt_buf_free(&rd.value);
    return err;
}

bool crdt__attrs_load(crdt_doc *doc, crdt_bytes encoded, crdt__attrs *out)
{
    crdt__reader r = crdt__reader_of(encoded);
    while (crdt__reader_left(&r) > 0) {
        uint32_t name = crdt__doc_name(doc, crdt__read_varbytes(&r));
        crdt_bytes value = crdt__read_varbytes(&r);
        if (!name || !crdt__attrs_set(out, (crdt__attr){.name = name, .value = value}))
            return false;
    }
    return crdt__attrs_sort(doc, out);
}
