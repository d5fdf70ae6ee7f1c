#include "base/value.h"

#include <math.h>

#include "base/tokens.h"
#include "base/utf16.h"

/* ---- as JSON ---- */

static void print_decimal(uint64_t magnitude, crdt__writer *w)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    crdt__write_bytes(w, digits + at, sizeof digits - at);
}

static void print_bigint(uint64_t bits, crdt__writer *w)
{
    bool negative = bits >> 63 != 0;
    if (negative)
        crdt__write_u8(w, '-');
    print_decimal(negative ? 0 - bits : bits, w);
}

/* A Uint8Array is an object to JSON.stringify: its indices are the keys. */
static void print_bytes(crdt_bytes bytes, crdt__writer *w)
{
    crdt__write_u8(w, '{');
    for (size_t i = 0; i < bytes.len && w->ok; i++) {
        if (i > 0)
            crdt__write_u8(w, ',');
        crdt__write_u8(w, '"');
        print_decimal(i, w);
        crdt__write_bytes(w, "\":", 2);
        print_decimal(bytes.data[i], w);
    }
    crdt__write_u8(w, '}');
}

static void print_string(crdt__token t, crdt__writer *w)
{
    if (t.is_json) {
        crdt__write_u8(w, '"');
        crdt__write_bytes(w, t.text.data, t.text.len);
        crdt__write_u8(w, '"');
    } else {
        crdt__json_write_string(t.text, w);
    }
}

static void print_scalar(crdt__token t, crdt__writer *w)
{
    switch (t.kind) {
    case CRDT__TOKEN_TRUE:
        crdt__write_bytes(w, "true", 4);
        break;
    case CRDT__TOKEN_FALSE:
        crdt__write_bytes(w, "false", 5);
        break;
    case CRDT__TOKEN_NUMBER:
        crdt__json_write_number(crdt__token_number(t), w);
        break;
    case CRDT__TOKEN_STRING:
        print_string(t, w);
        break;
    case CRDT__TOKEN_BIGINT:
        print_bigint(t.bits, w);
        break;
    case CRDT__TOKEN_BYTES:
        print_bytes(t.text, w);
        break;
    case CRDT__TOKEN_NULL:
    case CRDT__TOKEN_UNDEFINED:
    case CRDT__TOKEN_BAD:
    case CRDT__TOKEN_END:
    case CRDT__TOKEN_OBJECT:
    case CRDT__TOKEN_ARRAY:
    case CRDT__TOKEN_CLOSE:
    case CRDT__TOKEN_KEY:
        crdt__write_bytes(w, "null", 4);
        break;
    }
}

typedef struct printer {
    crdt__tokens *from;
    crdt__writer *w;
    bool behind_value; /* the next key or element follows a comma */
    size_t depth;
    bool is_object[CRDT_VALUE_DEPTH_MAX];
} printer;

static void print_comma(printer *p)
{
    if (p->behind_value)
        crdt__write_u8(p->w, ',');
}

static void print_value(printer *p, crdt__token t)
{
    p->behind_value = !crdt__token_opens(t.kind);
    if (!crdt__token_opens(t.kind)) {
        print_scalar(t, p->w);
        return;
    }
    bool is_object = t.kind == CRDT__TOKEN_OBJECT;
    p->is_object[p->depth++] = is_object;
    crdt__write_u8(p->w, is_object ? '{' : '[');
}

/* A member whose value is undefined is left out. */
static void print_member(printer *p, crdt__token key)
{
    crdt__token value = crdt__tokens_next(p->from);
    if (value.kind == CRDT__TOKEN_UNDEFINED)
        return;
    print_comma(p);
    print_string(key, p->w);
    crdt__write_u8(p->w, ':');
    print_value(p, value);
}

static void print_json(crdt__tokens *from, crdt__writer *w)
{
    printer p;
    p.from = from;
    p.w = w;
    p.behind_value = false;
    p.depth = 0;
    for (crdt__token t; w->ok && (t = crdt__tokens_next(from), !crdt__token_is_last(t));) {
        if (t.kind == CRDT__TOKEN_CLOSE) {
            crdt__write_u8(w, p.is_object[--p.depth] ? '}' : ']');
            p.behind_value = true;
        } else if (t.kind == CRDT__TOKEN_KEY) {
            print_member(&p, t);
        } else {
            print_comma(&p);
            print_value(&p, t);
        }
    }
}

void crdt__value_to_json(crdt_bytes value, crdt__writer *w, const crdt_mem *mem)
{
    (void)mem;
    if (!crdt__value_is_any(value)) {
        crdt__write_bytes(w, value.data, value.len);
        return;
    }
    crdt__tokens c;
    crdt__tokens_of_kept(&c, value);
    print_json(&c, w);
}

/* ---- as Any ---- */

/* On the wire strings are UTF-8; kept they are WTF-8. */
typedef enum any_form { ANY_ON_WIRE, ANY_KEPT } any_form;

typedef struct any_writer {
    crdt__tokens *from;
    crdt__writer *w;
    any_form form;
    crdt_buf text; /* for a string whose length is to be known first */
    size_t depth;
    struct {
        size_t head; /* where the number of members goes */
        uint64_t count;
        bool is_object;
    } levels[CRDT_VALUE_DEPTH_MAX];
} any_writer;

static void put_text(any_writer *a, crdt_bytes text)
{
    crdt__write_varbytes(a->w, text);
    if (a->form == ANY_ON_WIRE && a->w->ok)
        crdt__wtf8_to_utf8(a->w->pos - text.len, text.len);
}

static void put_string(any_writer *a, crdt__token t)
{
    if (!t.is_json || t.text.len == 0 || memchr(t.text.data, '\\', t.text.len) == NULL) {
        put_text(a, t.text);
        return;
    }
    a->text.len = 0;
    crdt__writer inner = crdt__writer_on(&a->text);
    crdt__json_unescape(t.text, &inner);
    if (crdt__writer_finish(&inner) == CRDT_OK)
        put_text(a, (crdt_bytes){a->text.data, a->text.len});
    else
        a->w->ok = false;
}

static void put_open(any_writer *a, bool is_object)
{
    crdt__write_u8(a->w, is_object ? CRDT__ANY_OBJECT : CRDT__ANY_ARRAY);
    a->levels[a->depth].head = crdt__writer_len(a->w);
    a->levels[a->depth].count = 0;
    a->levels[a->depth].is_object = is_object;
    a->depth++;
    crdt__write_u8(a->w, 0); /* the number, if it fits a byte */
}

/* The number of members is known now; a longer one than was thought moves them. */
static void put_close(any_writer *a)
{
    size_t head = a->levels[--a->depth].head;
    uint64_t count = a->levels[a->depth].count;
    size_t more = crdt__varuint_len(count) - 1;
    if (!crdt__writer_room(a->w, more) || !a->w->ok)
        return;
    size_t len = crdt__writer_len(a->w) - head - 1;
    uint8_t *members = a->w->pos - len;
    if (len > 0)
        memmove(members + more, members, len);
    a->w->pos = members - 1;
    crdt__write_varuint(a->w, count);
    a->w->pos += len;
}

static void put_scalar(any_writer *a, crdt__token t)
{
    switch (t.kind) {
    case CRDT__TOKEN_TRUE:
        crdt__write_u8(a->w, CRDT__ANY_TRUE);
        break;
    case CRDT__TOKEN_FALSE:
        crdt__write_u8(a->w, CRDT__ANY_FALSE);
        break;
    case CRDT__TOKEN_NULL:
        crdt__write_u8(a->w, CRDT__ANY_NULL);
        break;
    case CRDT__TOKEN_NUMBER:
        crdt__any_write_number(crdt__token_number(t), a->w);
        break;
    case CRDT__TOKEN_STRING:
        crdt__write_u8(a->w, CRDT__ANY_STRING);
        put_string(a, t);
        break;
    case CRDT__TOKEN_BIGINT:
        crdt__any_write_bigint(t.bits, a->w);
        break;
    case CRDT__TOKEN_BYTES:
        crdt__write_u8(a->w, CRDT__ANY_BYTES);
        crdt__write_varbytes(a->w, t.text);
        break;
    case CRDT__TOKEN_UNDEFINED:
    case CRDT__TOKEN_BAD:
    case CRDT__TOKEN_END:
    case CRDT__TOKEN_OBJECT:
    case CRDT__TOKEN_ARRAY:
    case CRDT__TOKEN_CLOSE:
    case CRDT__TOKEN_KEY:
        crdt__write_u8(a->w, CRDT__ANY_UNDEFINED);
        break;
    }
}

static void put_any(any_writer *a, crdt__token t)
{
    if (t.kind == CRDT__TOKEN_CLOSE) {
        put_close(a);
        return;
    }
    bool member = a->depth > 0 && a->levels[a->depth - 1].is_object == (t.kind == CRDT__TOKEN_KEY);
    if (member)
        a->levels[a->depth - 1].count++;
    if (t.kind == CRDT__TOKEN_KEY)
        put_string(a, t);
    else if (crdt__token_opens(t.kind))
        put_open(a, t.kind == CRDT__TOKEN_OBJECT);
    else
        put_scalar(a, t);
}

static void write_any(crdt__tokens *from, any_form form, crdt__writer *w, const crdt_mem *mem)
{
    any_writer a;
    a.from = from;
    a.w = w;
    a.form = form;
    a.text = (crdt_buf){.mem = mem};
    a.depth = 0;
    for (crdt__token t; w->ok && (t = crdt__tokens_next(from), !crdt__token_is_last(t));)
        put_any(&a, t);
    crdt_buf_free(&a.text);
}

void crdt__value_to_any(crdt_bytes value, crdt__writer *w, const crdt_mem *mem)
{
    crdt__tokens c;
    crdt__tokens_of_kept(&c, value);
    write_any(&c, ANY_ON_WIRE, w, mem);
}

/* ---- what is kept ---- */

/* Whether JSON tells the value whole. */
static bool json_tells(crdt__tokens *c)
{
    for (crdt__token t; t = crdt__tokens_next(c), !crdt__token_is_last(t);) {
        if (t.kind == CRDT__TOKEN_UNDEFINED || t.kind == CRDT__TOKEN_BIGINT ||
            t.kind == CRDT__TOKEN_BYTES)
            return false;
        if (t.kind != CRDT__TOKEN_NUMBER)
            continue;
        double number = crdt__token_number(t);
        if (!isfinite(number) || (number == 0 && signbit(number) != 0))
            return false;
    }
    return true;
}

static void keep_json(crdt_bytes exact, crdt__writer *w, const crdt_mem *mem)
{
    crdt__tokens c;
    crdt__tokens_of_json(&c, exact);
    if (json_tells(&c)) {
        crdt__write_bytes(w, exact.data, exact.len);
        return;
    }
    crdt__write_u8(w, CRDT__VALUE_ANY_MARK);
    crdt__tokens_of_json(&c, exact);
    write_any(&c, ANY_KEPT, w, mem);
}

void crdt__value_from_json(crdt_bytes text, crdt__writer *w, const crdt_mem *mem)
{
    if (crdt__json_check(text) == CRDT__JSON_CANONICAL) {
        crdt__write_bytes(w, text.data, text.len);
        return;
    }
    crdt_buf exact = {.mem = mem};
    crdt__writer inner = crdt__writer_on(&exact);
    bool printed = crdt__json_canonicalize_exact(text, &inner, mem);
    if (crdt__writer_finish(&inner) == CRDT_OK && printed)
        keep_json((crdt_bytes){exact.data, exact.len}, w, mem);
    else
        w->ok = false;
    crdt_buf_free(&exact);
}

static void keep_any(crdt_bytes any, crdt__writer *w)
{
    crdt__tokens c;
    crdt__tokens_of_any(&c, any);
    bool as_json = json_tells(&c);
    crdt__tokens_of_any(&c, any);
    if (as_json) {
        print_json(&c, w);
    } else {
        crdt__write_u8(w, CRDT__VALUE_ANY_MARK);
        crdt__write_bytes(w, any.data, any.len);
    }
}

void crdt__value_from_any(crdt__reader *r, crdt__writer *w, const crdt_mem *mem)
{
    crdt__reader from = *r;
    bool canonical;
    crdt__any_skip(r, &canonical);
    if (!r->ok)
        return;
    if (canonical) {
        keep_any((crdt_bytes){from.pos, (size_t)(r->pos - from.pos)}, w);
        return;
    }
    crdt_buf any = {.mem = mem};
    crdt__writer inner = crdt__writer_on(&any);
    crdt__any_canonicalize(&from, &inner, mem);
    if (crdt__writer_finish(&inner) == CRDT_OK)
        keep_any((crdt_bytes){any.data, any.len}, w);
    else
        w->ok = false;
    crdt_buf_free(&any);
}
