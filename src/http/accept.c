#include "http/accept.h"

#include <strings.h>

/* A quality in thousandths. */
#define QUALITY_MAX 1000

/* How closely a range names a type. */
typedef enum closeness { CLOSE_NOT, CLOSE_ANY, CLOSE_FAMILY, CLOSE_EXACT } closeness;

/* One element of the header: `text/html`, `text/` + `*`, or `*` + `/` + `*`. */
typedef struct range {
    slice type;
    slice subtype;
    unsigned quality;
} range;

/* How the header likes one type: what the range says that names it most closely. */
typedef struct liking {
    closeness how;
    unsigned quality;
    size_t place; /* of that range in the header */
} liking;

/* ---- reading ---- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static slice skip(slice text, size_t len)
{
    return (slice){text.data + len, text.len - len};
}

static slice take_token(slice *text)
{
    size_t len = 0;
    while (len < text->len && is_token_char(text->data[len]))
        len++;
    slice token = {text->data, len};
    *text = skip(*text, len);
    return token;
}

static void skip_space(slice *text)
{
    while (text->len > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
        *text = skip(*text, 1);
}

static bool take_char(slice *text, char c)
{
    if (text->len == 0 || text->data[0] != c)
        return false;
    *text = skip(*text, 1);
    return true;
}

/* Bytes up to the end of the quoted string that begins `text`, or to its end if it does not end. */
static size_t quoted_len(slice text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return text.len;
}

/* Takes the next element off a list: commas in quoted strings do not end one. */
static slice take_element(slice *list)
{
    size_t len = 0;
    while (len < list->len && list->data[len] != ',')
        len += list->data[len] == '"' ? quoted_len(skip(*list, len)) : 1;
    slice element = {list->data, len};
    *list = skip(*list, len < list->len ? len + 1 : len);
    return element;
}

/* 0 or 1, with up to three decimals. */
static bool parse_quality(slice text, unsigned *out)
{
    if (text.len == 0 || text.len > 5 || (text.data[0] != '0' && text.data[0] != '1') ||
        (text.len > 1 && text.data[1] != '.'))
        return false;
    unsigned value = text.data[0] == '1' ? QUALITY_MAX : 0;
    unsigned worth = QUALITY_MAX / 10;
    for (size_t i = 2; i < text.len; i++, worth /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value += (unsigned)(text.data[i] - '0') * worth;
    }
    *out = value;
    return value <= QUALITY_MAX;
}

/* `;name=value`, of which only `q` counts. */
static bool take_parameter(slice *text, range *out)
{
    skip_space(text);
    slice name = take_token(text);
    if (name.len == 0 || !take_char(text, '='))
        return false;
    if (name.len == 1 && (name.data[0] == 'q' || name.data[0] == 'Q'))
        return parse_quality(take_token(text), &out->quality);
    if (text->len > 0 && text->data[0] == '"') {
        *text = skip(*text, quoted_len(*text));
        return true;
    }
    return take_token(text).len > 0;
}

static bool parse_range(slice text, range *out)
{
    *out = (range){.quality = QUALITY_MAX};
    skip_space(&text);
    out->type = take_token(&text);
    if (out->type.len == 0 || !take_char(&text, '/'))
        return false;
    out->subtype = take_token(&text);
    if (out->subtype.len == 0)
        return false;
    for (skip_space(&text); take_char(&text, ';'); skip_space(&text)) {
        skip_space(&text);
        if (text.len > 0 && text.data[0] != ';' && !take_parameter(&text, out))
            return false;
    }
    return text.len == 0;
}

/* ---- choosing ---- */

static bool is_any(slice token)
{
    return slice_equal(token, SLICE_LITERAL("*"));
}

static bool is_same(slice token, slice lower)
{
    return token.len == lower.len && strncasecmp(token.data, lower.data, lower.len) == 0;
}

static closeness matches(const range *r, slice offer)
{
    const char *slash = memchr(offer.data, '/', offer.len);
    size_t type_len = (size_t)(slash - offer.data);
    if (is_any(r->type))
        return is_any(r->subtype) ? CLOSE_ANY : CLOSE_NOT;
    if (!is_same(r->type, (slice){offer.data, type_len}))
        return CLOSE_NOT;
    if (is_any(r->subtype))
        return CLOSE_FAMILY;
    return is_same(r->subtype, skip(offer, type_len + 1)) ? CLOSE_EXACT : CLOSE_NOT;
}

/* False: nothing in the header is well-formed. */
static bool like(slice accept, slice offer, liking *out)
{
    bool said = false;
    *out = (liking){0};
    for (size_t place = 0; accept.len > 0; place++) {
        range r;
        if (!parse_range(take_element(&accept), &r))
            continue;
        said = true;
        closeness how = matches(&r, offer);
        if (how > out->how || (how == out->how && how > CLOSE_NOT && r.quality > out->quality))
            *out = (liking){how, r.quality, place};
    }
    return said;
}

static bool is_better(const liking *a, const liking *b)
{
    if (a->quality != b->quality)
        return a->quality > b->quality;
    if (a->how != b->how)
        return a->how > b->how;
    return a->place < b->place;
}

size_t http_accept(slice accept, const slice *offers, size_t count)
{
    size_t best = count;
    liking best_liking = {0};
    for (size_t i = 0; i < count; i++) {
        liking l;
        if (!like(accept, offers[i], &l))
            return 0;
        if (l.quality > 0 && (best == count || is_better(&l, &best_liking))) {
            best = i;
            best_liking = l;
        }
    }
    return best;
}
