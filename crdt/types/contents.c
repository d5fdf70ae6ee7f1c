#include "types/contents.h"

#include "base/tokens.h"
#include "base/utf16.h"

void crdt__contents_init(crdt__contents *contents, crdt_doc *doc)
{
    *contents = (crdt__contents){.budget = &doc->budget, .bytes = {.mem = doc->budget.mem}};
}

void crdt__contents_free(crdt__contents *contents)
{
    crdt__budget_release(contents->budget, contents->parts,
                         contents->cap * sizeof(*contents->parts));
    crdt_buf_free(&contents->bytes);
}

/* ---- parts ---- */

/* Everything that was written since the last part is one. */
static crdt_err add_part(crdt__contents *c, crdt__content_part part)
{
    if (!crdt__budget_reserve(c->budget, &c->parts, &c->cap, c->count + 1, sizeof(*c->parts)))
        return c->budget->err;
    part.start = c->count ? c->parts[c->count - 1].end : 0;
    part.end = c->bytes.len;
    c->parts[c->count++] = part;
    return CRDT_OK;
}

/* A value in the last part's item, or in one of its own. */
static crdt_err add_any(crdt__contents *c, crdt__contents_use use)
{
    if (use == CRDT__CONTENTS_ELEMENTS && c->count && c->parts[c->count - 1].kind == CRDT__ANY) {
        c->parts[c->count - 1].len++;
        c->parts[c->count - 1].end = c->bytes.len;
        return CRDT_OK;
    }
    return add_part(c, (crdt__content_part){.kind = CRDT__ANY, .len = 1});
}

static crdt_err write_bytes(crdt__contents *c, crdt_bytes bytes)
{
    crdt__writer w = crdt__writer_on(&c->bytes);
    crdt__write_bytes(&w, bytes.data, bytes.len);
    return crdt__writer_finish(&w);
}

/* ---- one value of each kind ---- */

static crdt_err add_binary(crdt__contents *c, crdt_bytes bytes)
{
    crdt_err err = write_bytes(c, bytes);
    return err == CRDT_OK ? add_part(c, (crdt__content_part){.kind = CRDT__BINARY, .len = 1}) : err;
}

/* Yjs would insert a string as text, and fails at nothing. */
static crdt_err add_embed(crdt__contents *c, crdt_bytes kept)
{
    crdt__tokens tokens;
    crdt__tokens_of_kept(&tokens, kept);
    crdt__token_kind kind = crdt__tokens_next(&tokens).kind;
    if (kind == CRDT__TOKEN_STRING || kind == CRDT__TOKEN_NULL || kind == CRDT__TOKEN_UNDEFINED)
        return CRDT_INVALID;
    crdt_err err = write_bytes(c, kept);
    return err == CRDT_OK ? add_part(c, (crdt__content_part){.kind = CRDT__EMBED, .len = 1}) : err;
}

/* Steps over one Any, which must be all there is. */
static bool is_any(crdt_bytes value)
{
    crdt__reader r = crdt__reader_of(value);
    crdt__any_skip(&r, NULL);
    return crdt__reader_at_end(&r);
}

static crdt_err put_kept(crdt__contents *c, crdt__contents_use use, crdt_bytes kept)
{
    if (use == CRDT__CONTENTS_EMBED)
        return add_embed(c, kept);
    crdt__writer w = crdt__writer_on(&c->bytes);
    crdt__value_to_any(kept, &w, c->bytes.mem);
    crdt_err err = crdt__writer_finish(&w);
    return err == CRDT_OK ? add_any(c, use) : err;
}

static crdt_err add_json(crdt__contents *c, crdt__contents_use use, crdt_bytes text)
{
    crdt__json_kind kind = crdt__json_check(text);
    if (kind == CRDT__JSON_INVALID || !crdt__utf8_valid(text, NULL))
        return CRDT_MALFORMED;
    if (kind == CRDT__JSON_CANONICAL)
        return put_kept(c, use, text);
    crdt_buf kept = {.mem = c->bytes.mem};
    crdt__writer w = crdt__writer_on(&kept);
    crdt__value_from_json(text, &w, kept.mem);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK)
        err = put_kept(c, use, (crdt_bytes){kept.data, kept.len});
    crdt_buf_free(&kept);
    return err;
}

static crdt_err embed_any(crdt__contents *c, crdt_bytes value)
{
    crdt_buf kept = {.mem = c->bytes.mem};
    crdt__writer w = crdt__writer_on(&kept);
    crdt__reader r = crdt__reader_of(value);
    crdt__value_from_any(&r, &w, kept.mem);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK)
        err = add_embed(c, (crdt_bytes){kept.data, kept.len});
    crdt_buf_free(&kept);
    return err;
}

/* Bytes are a content of their own, unless they are embedded. */
static crdt_err add_any_value(crdt__contents *c, crdt__contents_use use, crdt_bytes value)
{
    if (!is_any(value))
        return CRDT_MALFORMED;
    if (use == CRDT__CONTENTS_EMBED)
        return embed_any(c, value);
    crdt__reader r = crdt__reader_of(value);
    uint8_t tag = value.data[0];
    if (tag == CRDT__ANY_BYTES) {
        (void)crdt__read_u8(&r);
        return add_binary(c, crdt__read_varbytes(&r));
    }
    if (use == CRDT__CONTENTS_ELEMENTS && (tag == CRDT__ANY_UNDEFINED || tag == CRDT__ANY_BIGINT))
        return CRDT_INVALID;
    crdt__writer w = crdt__writer_on(&c->bytes);
    crdt__any_canonicalize(&r, &w, c->bytes.mem);
    crdt_err err = crdt__writer_finish(&w);
    return err == CRDT_OK ? add_any(c, use) : err;
}

static crdt_err add_string(crdt__contents *c, crdt__contents_use use, crdt_bytes text)
{
    if (!crdt__utf8_valid(text, NULL))
        return CRDT_MALFORMED;
    crdt__writer w = crdt__writer_on(&c->bytes);
    crdt__write_u8(&w, CRDT__ANY_STRING);
    crdt__write_varbytes(&w, text);
    crdt_err err = crdt__writer_finish(&w);
    return err == CRDT_OK ? add_any(c, use) : err;
}

static crdt_err add_type(crdt__contents *c, const crdt_value *value)
{
    bool named = value->type == CRDT_XML_ELEMENT || value->type == CRDT_XML_HOOK;
    if ((unsigned)value->type > CRDT_XML_TEXT || (!named && value->bytes.len > 0))
        return CRDT_INVALID;
    if (!crdt__utf8_valid(value->bytes, NULL))
        return CRDT_MALFORMED;
    crdt_err err = write_bytes(c, value->bytes);
    if (err != CRDT_OK)
        return err;
    return add_part(
        c, (crdt__content_part){.kind = CRDT__TYPE, .type_ref = (uint8_t)value->type, .len = 1});
}

static crdt_err add_doc(crdt__contents *c, const crdt_value *value)
{
    static const uint8_t none[] = {CRDT__ANY_OBJECT, 0};
    crdt_bytes options = value->options.len ? value->options : (crdt_bytes){none, sizeof none};
    if (!is_any(options) || !crdt__utf8_valid(value->bytes, NULL))
        return CRDT_MALFORMED;
    if (options.data[0] != CRDT__ANY_OBJECT)
        return CRDT_INVALID;
    crdt_err err = write_bytes(c, value->bytes);
    if (err != CRDT_OK)
        return err;
    size_t middle = c->bytes.len;
    err = write_bytes(c, options);
    if (err != CRDT_OK)
        return err;
    return add_part(c, (crdt__content_part){.kind = CRDT__DOC, .len = 1, .middle = middle});
}

/* ---- all of them ---- */

static crdt_err add_one(crdt__contents *c, crdt__contents_use use, const crdt_value *value)
{
    bool is_embed = use == CRDT__CONTENTS_EMBED;
    switch (value->kind) {
    case CRDT_VALUE_JSON:
        return add_json(c, use, value->bytes);
    case CRDT_VALUE_ANY:
        return add_any_value(c, use, value->bytes);
    case CRDT_VALUE_STRING:
        return is_embed ? CRDT_INVALID : add_string(c, use, value->bytes);
    case CRDT_VALUE_BINARY:
        return is_embed ? CRDT_INVALID : add_binary(c, value->bytes);
    case CRDT_VALUE_TYPE:
        return add_type(c, value);
    case CRDT_VALUE_DOC:
        return is_embed ? CRDT_INVALID : add_doc(c, value);
    case CRDT_VALUE_NONE:
        break;
    }
    return CRDT_INVALID;
}

crdt_err crdt__contents_add(crdt__contents *contents, crdt__contents_use use,
                            const crdt_value *values, size_t count)
{
    crdt_err err = CRDT_OK;
    for (size_t i = 0; i < count && err == CRDT_OK; i++)
        err = add_one(contents, use, &values[i]);
    return err;
}

crdt__wstruct crdt__contents_at(const crdt__contents *contents, size_t i)
{
    const crdt__content_part *part = &contents->parts[i];
    const uint8_t *bytes = contents->bytes.data;
    crdt__wstruct ws = {.kind = part->kind,
                        .type_ref = part->type_ref,
                        .len = part->len,
                        .canonical = part->kind != CRDT__DOC};
    size_t end = part->kind == CRDT__DOC ? part->middle : part->end;
    if (end > part->start)
        ws.content = (crdt_bytes){bytes + part->start, end - part->start};
    if (part->kind == CRDT__DOC)
        ws.content2 = (crdt_bytes){bytes + end, part->end - end};
    return ws;
}
