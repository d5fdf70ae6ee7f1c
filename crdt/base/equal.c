/* Whether two kept values are equal, as JavaScript and as Yjs compare them. */
#include "base/tokens.h"

/* Objects whose keys come in another order are compared if that many bytes at most are looked
 * through for it: the members of one, times the bytes of the other. */
#define SOUGHT_MAX (UINT64_C(1) << 24)

static bool is_container(crdt__token t)
{
    return crdt__token_opens(t.kind) || t.kind == CRDT__TOKEN_BYTES;
}

static bool same_text(crdt__token a, crdt__token b)
{
    if (a.is_json == b.is_json)
        return crdt__bytes_equal(a.text, b.text);
    return a.is_json ? crdt__json_stands_for(a.text, b.text)
                     : crdt__json_stands_for(b.text, a.text);
}

/* `===`, for what came in at different times. */
static bool same_scalar(crdt__token a, crdt__token b)
{
    if (a.kind != b.kind || is_container(a))
        return false;
    if (a.kind == CRDT__TOKEN_NUMBER)
        return crdt__token_number(a) == crdt__token_number(b);
    if (a.kind == CRDT__TOKEN_STRING)
        return same_text(a, b);
    return a.kind != CRDT__TOKEN_BIGINT || a.bits == b.bits;
}

/* The members of an object, an array or bytes, one after the other. */
typedef struct members {
    crdt__tokens c;
    crdt__token_kind kind;
    crdt_bytes bytes; /* of bytes: those to come */
    uint64_t index;   /* of the next element */
} members;

typedef struct member {
    bool has_key;
    crdt__token key; /* has_key */
    uint64_t index;  /* otherwise */
    crdt__token value;
} member;

/* False if the value is a scalar, which *first is then. */
static bool members_begin(members *m, crdt_bytes value, crdt__token *first)
{
    crdt__tokens_of_kept(&m->c, value);
    *first = crdt__tokens_next(&m->c);
    m->kind = first->kind;
    m->bytes = first->text;
    m->index = 0;
    return is_container(*first);
}

/* Steps over what lies in an object or array that was just opened. */
static void skip_inside(crdt__tokens *c)
{
    for (size_t open = 1; open > 0;) {
        crdt__token t = crdt__tokens_next(c);
        if (crdt__token_opens(t.kind))
            open++;
        else if (t.kind == CRDT__TOKEN_CLOSE || crdt__token_is_last(t))
            open--;
    }
}

static bool next_byte(members *m, member *out)
{
    if (m->bytes.len == 0)
        return false;
    *out = (member){.index = m->index++,
                    .value = {.kind = CRDT__TOKEN_NUMBER, .number = m->bytes.data[0]}};
    m->bytes.data++;
    m->bytes.len--;
    return true;
}

static bool members_next(members *m, member *out)
{
    if (m->kind == CRDT__TOKEN_BYTES)
        return next_byte(m, out);
    crdt__token t = crdt__tokens_next(&m->c);
    if (t.kind == CRDT__TOKEN_CLOSE || crdt__token_is_last(t))
        return false;
    *out = (member){.value = t};
    if (m->kind == CRDT__TOKEN_OBJECT) {
        out->has_key = true;
        out->key = t;
        out->value = crdt__tokens_next(&m->c);
    } else {
        out->index = m->index++;
    }
    if (crdt__token_opens(out->value.kind))
        skip_inside(&m->c);
    return true;
}

/* Whether the key is the decimal of `index`. */
static bool key_is_index(crdt_bytes key, uint64_t index)
{
    size_t at = key.len;
    do {
        if (at == 0 || key.data[--at] != '0' + index % 10)
            return false;
        index /= 10;
    } while (index > 0);
    return at == 0;
}

static bool same_key(const member *a, const member *b)
{
    if (a->has_key && b->has_key)
        return same_text(a->key, b->key);
    if (a->has_key || b->has_key)
        return key_is_index(a->has_key ? a->key.text : b->key.text,
                            a->has_key ? b->index : a->index);
    return a->index == b->index;
}

static uint64_t count_members(crdt_bytes value)
{
    members m;
    crdt__token first;
    member skipped;
    uint64_t count = 0;
    for (members_begin(&m, value, &first); members_next(&m, &skipped);)
        count++;
    return count;
}

/* The member of `value` that has the key of `wanted`. */
static bool find_member(crdt_bytes value, const member *wanted, member *out)
{
    members m;
    crdt__token first;
    for (members_begin(&m, value, &first); members_next(&m, out);)
        if (same_key(wanted, out))
            return true;
    return false;
}

/* As many members, and each of `a` is one of `b`; mostly they come in the same order. */
static bool same_members(crdt_bytes a, crdt_bytes b)
{
    uint64_t count = count_members(a);
    if (count != count_members(b))
        return false;
    members left;
    members right;
    crdt__token first;
    members_begin(&left, a, &first);
    members_begin(&right, b, &first);
    for (member x, y; members_next(&left, &x);) {
        bool found = members_next(&right, &y) && same_key(&x, &y);
        if (!found && (b.len > SOUGHT_MAX / count || !find_member(b, &x, &y)))
            return false;
        if (!same_scalar(x.value, y.value))
            return false;
    }
    return true;
}

bool crdt__value_equal(crdt_bytes a, crdt_bytes b)
{
    crdt__tokens left;
    crdt__tokens right;
    crdt__tokens_of_kept(&left, a);
    crdt__tokens_of_kept(&right, b);
    crdt__token x = crdt__tokens_next(&left);
    crdt__token y = crdt__tokens_next(&right);
    return is_container(x) && is_container(y) ? same_members(a, b) : same_scalar(x, y);
}

bool crdt__value_identical(crdt_bytes a, crdt_bytes b)
{
    crdt__tokens left;
    crdt__tokens right;
    crdt__tokens_of_kept(&left, a);
    crdt__tokens_of_kept(&right, b);
    return same_scalar(crdt__tokens_next(&left), crdt__tokens_next(&right));
}

bool crdt__value_is_null(crdt_bytes value)
{
    return crdt__bytes_equal(value, (crdt_bytes){(const uint8_t *)"null", 4});
}
