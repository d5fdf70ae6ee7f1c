#include "base/any.h"

#include <float.h>
#include <math.h>

#include "base/keys.h"
#include "base/utf16.h"

/* What lib0 writes as an integer at most (lib0/binary.js, BITS31). */
#define INTEGER_MAX 2147483647

static bool is_container(uint8_t tag)
{
    return tag == CRDT__ANY_OBJECT || tag == CRDT__ANY_ARRAY;
}

static bool is_proto(crdt_bytes key)
{
    return crdt__bytes_equal(key, (crdt_bytes){(const uint8_t *)"__proto__", 9});
}

/* ---- numbers ---- */

static uint64_t load_be(const uint8_t *p, size_t len)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++)
        bits = bits << 8 | p[i];
    return bits;
}

static void write_be(crdt__writer *w, uint64_t bits, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(bits >> (8 * (len - 1 - i)));
    crdt__write_bytes(w, bytes, len);
}

static double float32_of(const uint8_t *p)
{
    uint32_t bits = (uint32_t)load_be(p, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static double float64_of(const uint8_t *p)
{
    uint64_t bits = load_be(p, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The tag that lib0 writes a number with. */
static crdt__any_tag number_tag(double value)
{
    double magnitude = fabs(value);
    if (magnitude <= INTEGER_MAX && magnitude == (double)(int64_t)magnitude)
        return CRDT__ANY_INTEGER;
    if (isinf(value) || (magnitude <= (double)FLT_MAX && (double)(float)value == value))
        return CRDT__ANY_FLOAT32;
    return CRDT__ANY_FLOAT64;
}

void crdt__any_write_number(double value, crdt__writer *w)
{
    crdt__any_tag tag = number_tag(value);
    crdt__write_u8(w, (uint8_t)tag);
    if (tag == CRDT__ANY_INTEGER) {
        crdt__write_varint(w, (uint64_t)fabs(value), signbit(value) != 0);
    } else if (tag == CRDT__ANY_FLOAT32) {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        write_be(w, bits, 4);
    } else {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        write_be(w, bits, 8); /* V8 keeps the bits of a NaN, and so do we */
    }
}

void crdt__any_write_bigint(uint64_t bits, crdt__writer *w)
{
    crdt__write_u8(w, CRDT__ANY_BIGINT);
    write_be(w, bits, 8);
}

static double read_number(crdt__reader *r, uint8_t tag)
{
    if (tag == CRDT__ANY_INTEGER) {
        bool negative;
        double magnitude = (double)crdt__read_varint(r, &negative);
        return negative ? -magnitude : magnitude;
    }
    crdt_bytes bytes = crdt__read_bytes(r, tag == CRDT__ANY_FLOAT32 ? 4 : 8);
    if (!r->ok)
        return 0;
    return tag == CRDT__ANY_FLOAT32 ? float32_of(bytes.data) : float64_of(bytes.data);
}

/* ---- stepping over ---- */

typedef struct level {
    uint64_t left; /* values to come */
    bool is_object;
    crdt__keys_level keys;
} level;

typedef struct walk {
    crdt__reader *r;
    bool trusted;
    bool same; /* canonical so far */
    size_t depth;
    crdt__keys keys;
    level levels[CRDT_VALUE_DEPTH_MAX];
} walk;

/* A count or length, which Yjs writes in the shortest form. */
static uint64_t step_varuint(crdt__reader *r, bool *same)
{
    const uint8_t *before = r->pos;
    uint64_t value = crdt__read_varuint(r);
    if ((size_t)(r->pos - before) != crdt__varuint_len(value))
        *same = false;
    return value;
}

static crdt_bytes step_string(crdt__reader *r, bool trusted, bool *same)
{
    crdt_bytes text = crdt__read_bytes(r, step_varuint(r, same));
    if (!trusted && !crdt__utf8_valid(text, NULL))
        crdt__reader_fail(r);
    return text;
}

static void step_integer(crdt__reader *r, bool *same)
{
    const uint8_t *before = r->pos;
    bool negative;
    uint64_t magnitude = crdt__read_varint(r, &negative);
    size_t shortest = magnitude < 0x40 ? 1 : 1 + crdt__varuint_len(magnitude >> 6);
    if (magnitude > INTEGER_MAX || (size_t)(r->pos - before) != shortest)
        *same = false;
}

static void step_float(crdt__reader *r, uint8_t tag, bool *same)
{
    if (number_tag(read_number(r, tag)) != tag)
        *same = false;
}

static void step_scalar(crdt__reader *r, uint8_t tag, bool trusted, bool *same)
{
    switch (tag) {
    case CRDT__ANY_UNDEFINED:
    case CRDT__ANY_NULL:
    case CRDT__ANY_FALSE:
    case CRDT__ANY_TRUE:
        break;
    case CRDT__ANY_INTEGER:
        step_integer(r, same);
        break;
    case CRDT__ANY_FLOAT32:
    case CRDT__ANY_FLOAT64:
        step_float(r, tag, same);
        break;
    case CRDT__ANY_BIGINT:
        (void)crdt__read_bytes(r, 8);
        break;
    case CRDT__ANY_STRING:
        (void)step_string(r, trusted, same);
        break;
    case CRDT__ANY_BYTES:
        (void)crdt__read_bytes(r, step_varuint(r, same));
        break;
    default:
        crdt__reader_fail(r);
    }
}

static void walk_enter(walk *w, uint8_t tag)
{
    uint64_t count = step_varuint(w->r, &w->same);
    if (w->depth == CRDT_VALUE_DEPTH_MAX) {
        crdt__reader_fail(w->r);
        return;
    }
    w->levels[w->depth++] = (level){count, tag == CRDT__ANY_OBJECT, {w->keys.count, 0}};
}

static void walk_key(walk *w, level *top)
{
    crdt_bytes key = step_string(w->r, w->trusted, &w->same);
    if (w->same && (is_proto(key) || !crdt__keys_next(&w->keys, &top->keys, key)))
        w->same = false;
}

static void walk_container(walk *w, uint8_t tag)
{
    walk_enter(w, tag);
    while (w->depth > 0 && w->r->ok) {
        level *top = &w->levels[w->depth - 1];
        if (top->left == 0) {
            w->keys.count = top->keys.from;
            w->depth--;
            continue;
        }
        top->left--;
        if (top->is_object)
            walk_key(w, top);
        uint8_t inner = crdt__read_u8(w->r);
        if (is_container(inner))
            walk_enter(w, inner);
        else
            step_scalar(w->r, inner, w->trusted, &w->same);
    }
}

static bool step_value(crdt__reader *r, bool trusted, bool same)
{
    uint8_t tag = crdt__read_u8(r);
    if (!is_container(tag)) {
        step_scalar(r, tag, trusted, &same);
        return same;
    }
    walk w; /* some kilobytes, of which a shallow value touches few */
    w.r = r;
    w.trusted = trusted;
    w.same = same;
    w.depth = 0;
    w.keys.count = 0;
    walk_container(&w, tag);
    return w.same;
}

void crdt__any_skip(crdt__reader *r, bool *canonical)
{
    bool same = step_value(r, false, canonical != NULL);
    if (canonical != NULL)
        *canonical = same && r->ok;
}

void crdt__any_skip_valid(crdt__reader *r)
{
    (void)step_value(r, true, false);
}

/* ---- writing canonically ---- */

typedef struct copy_level {
    uint64_t left;
    bool is_object;
    size_t head;  /* where the count was written */
    size_t first; /* of its members */
} copy_level;

typedef struct copy {
    crdt__reader *r;
    crdt__writer *w;
    crdt__members members;
    size_t depth;
    copy_level levels[CRDT_VALUE_DEPTH_MAX];
} copy;

static void copy_scalar(crdt__reader *r, crdt__writer *w, uint8_t tag)
{
    if (tag == CRDT__ANY_INTEGER || tag == CRDT__ANY_FLOAT32 || tag == CRDT__ANY_FLOAT64) {
        crdt__any_write_number(read_number(r, tag), w);
        return;
    }
    crdt__write_u8(w, tag);
    if (tag == CRDT__ANY_STRING || tag == CRDT__ANY_BYTES) {
        crdt__write_varbytes(w, crdt__read_varbytes(r));
    } else if (tag == CRDT__ANY_BIGINT) {
        crdt_bytes bits = crdt__read_bytes(r, 8);
        crdt__write_bytes(w, bits.data, bits.len);
    }
}

static void copy_enter(copy *c, uint8_t tag)
{
    uint64_t count = crdt__read_varuint(c->r);
    if (c->depth == CRDT_VALUE_DEPTH_MAX) {
        crdt__reader_fail(c->r);
        return;
    }
    crdt__write_u8(c->w, tag);
    c->levels[c->depth++] =
        (copy_level){count, tag == CRDT__ANY_OBJECT, crdt__writer_len(c->w), c->members.count};
    crdt__write_varuint(c->w, count);
}

static void copy_key(copy *c, const copy_level *top)
{
    size_t start = crdt__writer_len(c->w);
    crdt_bytes key = crdt__read_varbytes(c->r);
    crdt__write_varbytes(c->w, key);
    /* Assigned as a JavaScript property, this one sets the prototype instead. */
    crdt__member_use use = is_proto(key) ? CRDT__MEMBER_DROPPED : CRDT__MEMBER_KEPT;
    if (c->w->ok && !crdt__members_push(&c->members, top->first, start, key.len, use, c->w))
        c->w->ok = false;
}

static void copy_leave(copy *c, const copy_level *top)
{
    if (top->is_object)
        crdt__members_close(&c->members, top->first, top->head, CRDT__MEMBERS_COUNTED, c->w);
    c->depth--;
}

static void copy_container(copy *c, uint8_t tag)
{
    copy_enter(c, tag);
    while (c->depth > 0 && c->r->ok && c->w->ok) {
        copy_level *top = &c->levels[c->depth - 1];
        if (top->left == 0) {
            copy_leave(c, top);
            continue;
        }
        top->left--;
        if (top->is_object)
            copy_key(c, top);
        uint8_t inner = crdt__read_u8(c->r);
        if (is_container(inner))
            copy_enter(c, inner);
        else
            copy_scalar(c->r, c->w, inner);
    }
}

void crdt__any_canonicalize(crdt__reader *r, crdt__writer *w, const crdt_mem *mem)
{
    crdt__reader from = *r;
    bool canonical;
    crdt__any_skip(r, &canonical);
    if (!r->ok)
        return;
    if (canonical) {
        crdt__write_bytes(w, from.pos, (size_t)(r->pos - from.pos));
        return;
    }
    uint8_t tag = crdt__read_u8(&from);
    if (!is_container(tag)) {
        copy_scalar(&from, w, tag);
        return;
    }
    copy c;
    c.r = &from;
    c.w = w;
    c.members = (crdt__members){.mem = mem};
    c.depth = 0;
    copy_container(&c, tag);
    crdt__members_free(&c.members);
}

/* ---- options of a sub-document ---- */

/* JavaScript's truth of a valid value. */
static bool is_truthy(crdt_bytes value)
{
    crdt__reader r = crdt__reader_of(value);
    uint8_t tag = crdt__read_u8(&r);
    switch (tag) {
    case CRDT__ANY_UNDEFINED:
    case CRDT__ANY_NULL:
    case CRDT__ANY_FALSE:
        return false;
    case CRDT__ANY_INTEGER:
    case CRDT__ANY_FLOAT32:
    case CRDT__ANY_FLOAT64: {
        double number = read_number(&r, tag);
        return number != 0 && !isnan(number);
    }
    case CRDT__ANY_BIGINT:
        return load_be(r.pos, 8) != 0;
    case CRDT__ANY_STRING:
        return crdt__read_varuint(&r) > 0;
    default:
        return true;
    }
}

typedef struct doc_options {
    crdt_bytes gc; /* one Any value each; the last of equal keys */
    crdt_bytes auto_load;
    crdt_bytes meta;
} doc_options;

static crdt_bytes *find_option(doc_options *options, crdt_bytes key)
{
    const struct {
        const char *name;
        crdt_bytes *value;
    } table[] = {{"gc", &options->gc}, {"autoLoad", &options->auto_load}, {"meta", &options->meta}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (key.len == strlen(table[i].name) && memcmp(key.data, table[i].name, key.len) == 0)
            return table[i].value;
    return NULL;
}

static void read_options(crdt__reader *r, doc_options *options)
{
    for (uint64_t left = crdt__read_varuint(r); left > 0; left--) {
        crdt_bytes *option = find_option(options, crdt__read_varbytes(r));
        const uint8_t *start = r->pos;
        crdt__any_skip_valid(r);
        if (option != NULL)
            *option = (crdt_bytes){start, (size_t)(r->pos - start)};
    }
}

static void write_option(crdt__writer *w, const char *name, crdt_bytes value, const crdt_mem *mem)
{
    crdt__write_varbytes(w, (crdt_bytes){(const uint8_t *)name, strlen(name)});
    crdt__reader r = crdt__reader_of(value);
    crdt__any_canonicalize(&r, w, mem);
}

void crdt__any_doc_options(crdt__reader *r, crdt__writer *w, const crdt_mem *mem)
{
    static const uint8_t no[] = {CRDT__ANY_FALSE};
    static const uint8_t yes[] = {CRDT__ANY_TRUE};
    static const uint8_t missing[] = {CRDT__ANY_UNDEFINED};
    const crdt_bytes undefined = {missing, 1};
    crdt__reader from = *r;
    crdt__any_skip(r, NULL);
    if (!r->ok)
        return;
    doc_options options = {{yes, 1}, undefined, undefined};
    uint8_t tag = crdt__read_u8(&from);
    if (tag == CRDT__ANY_NULL || tag == CRDT__ANY_UNDEFINED)
        crdt__reader_fail(r);
    if (tag == CRDT__ANY_OBJECT)
        read_options(&from, &options);
    bool gc_off = !is_truthy(options.gc) && options.gc.data[0] != CRDT__ANY_UNDEFINED;
    bool auto_load = is_truthy(options.auto_load);
    bool has_meta =
        options.meta.data[0] != CRDT__ANY_NULL && options.meta.data[0] != CRDT__ANY_UNDEFINED;
    crdt__write_u8(w, CRDT__ANY_OBJECT);
    crdt__write_varuint(w, (uint64_t)gc_off + auto_load + has_meta);
    if (gc_off)
        write_option(w, "gc", (crdt_bytes){no, 1}, mem);
    if (auto_load)
        write_option(w, "autoLoad", (crdt_bytes){yes, 1}, mem);
    if (has_meta)
        write_option(w, "meta", options.meta, mem);
}

/* ---- token by token ---- */

void crdt__any_begin(crdt__any_parser *p, crdt_bytes value)
{
    p->r = crdt__reader_of(value);
    p->begun = false;
    p->depth = 0;
}

static crdt__token begin_members(crdt__any_parser *p, uint8_t tag)
{
    uint64_t count = crdt__read_varuint(&p->r);
    if (p->depth == CRDT_VALUE_DEPTH_MAX)
        return (crdt__token){.kind = CRDT__TOKEN_BAD};
    bool is_object = tag == CRDT__ANY_OBJECT;
    p->levels[p->depth].left = count;
    p->levels[p->depth].is_object = is_object;
    p->levels[p->depth].at_value = false;
    p->depth++;
    return (crdt__token){.kind = is_object ? CRDT__TOKEN_OBJECT : CRDT__TOKEN_ARRAY, .bits = count};
}

static crdt__token next_value(crdt__any_parser *p)
{
    uint8_t tag = crdt__read_u8(&p->r);
    switch (tag) {
    case CRDT__ANY_UNDEFINED:
        return (crdt__token){.kind = CRDT__TOKEN_UNDEFINED};
    case CRDT__ANY_NULL:
        return (crdt__token){.kind = CRDT__TOKEN_NULL};
    case CRDT__ANY_FALSE:
        return (crdt__token){.kind = CRDT__TOKEN_FALSE};
    case CRDT__ANY_TRUE:
        return (crdt__token){.kind = CRDT__TOKEN_TRUE};
    case CRDT__ANY_INTEGER:
    case CRDT__ANY_FLOAT32:
    case CRDT__ANY_FLOAT64:
        return (crdt__token){.kind = CRDT__TOKEN_NUMBER, .number = read_number(&p->r, tag)};
    case CRDT__ANY_BIGINT: {
        crdt_bytes bits = crdt__read_bytes(&p->r, 8);
        return (crdt__token){.kind = CRDT__TOKEN_BIGINT, .bits = load_be(bits.data, bits.len)};
    }
    case CRDT__ANY_STRING:
        return (crdt__token){.kind = CRDT__TOKEN_STRING, .text = crdt__read_varbytes(&p->r)};
    case CRDT__ANY_BYTES:
        return (crdt__token){.kind = CRDT__TOKEN_BYTES, .text = crdt__read_varbytes(&p->r)};
    case CRDT__ANY_OBJECT:
    case CRDT__ANY_ARRAY:
        return begin_members(p, tag);
    default:
        return (crdt__token){.kind = CRDT__TOKEN_BAD};
    }
}

crdt__token crdt__any_next(crdt__any_parser *p)
{
    if (p->depth == 0) {
        if (p->begun)
            return (crdt__token){.kind = CRDT__TOKEN_END};
        p->begun = true;
        return next_value(p);
    }
    size_t top = p->depth - 1;
    if (p->levels[top].at_value) {
        p->levels[top].at_value = false;
        return next_value(p);
    }
    if (p->levels[top].left == 0) {
        p->depth--;
        return (crdt__token){.kind = CRDT__TOKEN_CLOSE};
    }
    p->levels[top].left--;
    if (!p->levels[top].is_object)
        return next_value(p);
    p->levels[top].at_value = true;
    return (crdt__token){.kind = CRDT__TOKEN_KEY, .text = crdt__read_varbytes(&p->r)};
}
