/* Quill deltas, applied to a text in one walk (yjs/src/types/YText.js, applyDelta).
 *
 * The JSON is read and checked whole first, into steps:
 *
 *     INSERT   varbytes text or kept value, varuint units, varbytes attributes (attrs.h)
 *     RETAIN   varuint units, varbytes attributes
 *     DELETE   varuint units
 */
#include "base/tokens.h"
#include "base/utf16.h"
#include "types/format.h"

typedef enum step_kind { STEP_TEXT, STEP_EMBED, STEP_RETAIN, STEP_DELETE } step_kind;

/* ---- reading ---- */

/* One operation, as JSON tells it: the text of each member's value, or nothing. */
typedef struct operation {
    crdt_bytes insert;
    crdt_bytes retain;
    crdt_bytes remove;
    crdt_bytes attributes;
} operation;

typedef struct reading {
    crdt_buf steps;
    uint64_t at;     /* units of the text before the place */
    uint64_t length; /* units of the text as it will be by then */
} reading;

static crdt__token first_token(crdt_bytes value)
{
    crdt__json_parser p;
    crdt__json_begin(&p, value);
    return crdt__json_next(&p);
}

static operation read_operation(crdt__json_parser *p)
{
    operation op = {0};
    for (crdt__token t; (t = crdt__json_next(p)).kind == CRDT__TOKEN_KEY;) {
        crdt_bytes value = crdt__json_skip(p);
        if (crdt__json_stands_for(t.text, crdt_bytes_of("insert")))
            op.insert = value;
        else if (crdt__json_stands_for(t.text, crdt_bytes_of("retain")))
            op.retain = value;
        else if (crdt__json_stands_for(t.text, crdt_bytes_of("delete")))
            op.remove = value;
        else if (crdt__json_stands_for(t.text, crdt_bytes_of("attributes")))
            op.attributes = value;
    }
    return op;
}

/* A number of units: an integer from 0 to 2^53-1. */
static bool read_units(crdt_bytes value, uint64_t *units)
{
    crdt__token t = first_token(value);
    if (t.kind != CRDT__TOKEN_NUMBER)
        return false;
    double number = crdt__number_parse(t.text);
    if (!(number >= 0 && number <= (double)CRDT_CLOCK_MAX))
        return false;
    *units = (uint64_t)number;
    return (double)*units == number;
}

/* Missing or null (JavaScript: op.attributes || {}) is an empty object. */
static crdt_err add_attributes(reading *rd, crdt_bytes attributes)
{
    crdt_buf encoded = {.mem = rd->steps.mem};
    crdt_err err = CRDT_OK;
    if (attributes.len > 0 && first_token(attributes).kind != CRDT__TOKEN_NULL) {
        crdt_value value = {.kind = CRDT_VALUE_JSON, .bytes = attributes};
        err = crdt__attrs_read(&value, encoded.mem, &encoded);
    }
    if (err == CRDT_OK) {
        crdt__writer w = crdt__writer_on(&rd->steps);
        crdt__write_varbytes(&w, (crdt_bytes){encoded.data, encoded.len});
        err = crdt__writer_finish(&w);
    }
    crdt_buf_free(&encoded);
    return err;
}

/* What an insert brings: the text of a string, or any other value as an embed. */
static crdt_err read_content(crdt_bytes value, crdt__token first, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    if (first.kind == CRDT__TOKEN_STRING)
        crdt__json_unescape(first.text, &w);
    else
        crdt__value_from_json(value, &w, out->mem);
    return crdt__writer_finish(&w);
}

static crdt_err add_content(reading *rd, step_kind kind, crdt_bytes content, uint64_t units)
{
    if (content.len > CRDT__BLOB_LEN_MAX)
        return CRDT_LIMIT;
    crdt__writer w = crdt__writer_on(&rd->steps);
    crdt__write_u8(&w, (uint8_t)kind);
    crdt__write_varbytes(&w, content);
    crdt__write_varuint(&w, units);
    rd->at += units;
    rd->length += units;
    return crdt__writer_finish(&w);
}

static crdt_err add_insert(reading *rd, const operation *op)
{
    crdt__token first = first_token(op->insert);
    if (first.kind == CRDT__TOKEN_NULL)
        return CRDT_INVALID;
    bool is_text = first.kind == CRDT__TOKEN_STRING;
    crdt_buf content = {.mem = rd->steps.mem};
    crdt_err err = read_content(op->insert, first, &content);
    crdt_bytes bytes = {content.data, content.len};
    if (err == CRDT_OK)
        err = add_content(rd, is_text ? STEP_TEXT : STEP_EMBED, bytes,
                          is_text ? crdt__utf16_len(bytes) : 1);
    if (err == CRDT_OK)
        err = add_attributes(rd, op->attributes);
    crdt_buf_free(&content);
    return err;
}

static crdt_err add_move(reading *rd, step_kind kind, crdt_bytes value)
{
    uint64_t units;
    if (!read_units(value, &units))
        return CRDT_INVALID;
    uint64_t left = rd->length - rd->at;
    uint64_t beyond = units > left ? units - left : 0;
    if (kind == STEP_RETAIN) {
        if (beyond > CRDT_NEWLINES_MAX)
            return CRDT_LIMIT;
        rd->at += units;
        rd->length += beyond;
    } else {
        rd->length -= units - beyond;
    }
    crdt__writer w = crdt__writer_on(&rd->steps);
    crdt__write_u8(&w, (uint8_t)kind);
    crdt__write_varuint(&w, units);
    return crdt__writer_finish(&w);
}

static crdt_err add_operation(reading *rd, const operation *op)
{
    if (op->insert.len > 0)
        return add_insert(rd, op);
    if (op->retain.len > 0) {
        crdt_err err = add_move(rd, STEP_RETAIN, op->retain);
        return err == CRDT_OK ? add_attributes(rd, op->attributes) : err;
    }
    return op->remove.len > 0 ? add_move(rd, STEP_DELETE, op->remove) : CRDT_INVALID;
}

static crdt_err read_delta(crdt_bytes delta, reading *rd)
{
    if (crdt__json_check(delta) == CRDT__JSON_INVALID || !crdt__utf8_valid(delta, NULL))
        return CRDT_MALFORMED;
    crdt__json_parser p;
    crdt__json_begin(&p, delta);
    if (crdt__json_next(&p).kind != CRDT__TOKEN_ARRAY)
        return CRDT_INVALID;
    for (crdt__token t; (t = crdt__json_next(&p)).kind != CRDT__TOKEN_CLOSE;) {
        if (t.kind != CRDT__TOKEN_OBJECT)
            return CRDT_INVALID;
        operation op = read_operation(&p);
        crdt_err err = add_operation(rd, &op);
        if (err != CRDT_OK)
            return err;
    }
    return CRDT_OK;
}

/* ---- doing ---- */

/* Yjs hides the newline that Quill's texts end with, if it is asked to. */
static bool drops_newline(crdt_delta_mode mode, const crdt__text_place *place,
                          const crdt__reader *r, crdt_bytes text)
{
    return mode == CRDT_DELTA_DROP_LAST_NEWLINE && crdt__reader_at_end(r) && !place->at.right &&
           text.len > 0 && text.data[text.len - 1] == '\n';
}

static bool do_insert(crdt__text_place *place, step_kind kind, crdt__reader *r,
                      crdt_delta_mode mode)
{
    crdt__wstruct content = {.kind = kind == STEP_TEXT ? CRDT__STRING : CRDT__EMBED,
                             .canonical = true};
    content.content = crdt__read_varbytes(r);
    content.len = crdt__read_varuint(r);
    crdt_bytes given = crdt__read_varbytes(r);
    if (kind == STEP_TEXT && drops_newline(mode, place, r, content.content)) {
        content.content.len--;
        content.len--;
    }
    if (content.len == 0)
        return true;
    content.halves = kind == STEP_TEXT && crdt__wtf8_has_half(content.content);
    crdt__attrs attributes;
    crdt__attrs_init(&attributes, place->doc);
    bool ok = crdt__attrs_load(place->doc, given, &attributes) &&
              crdt__format_insert(place, &content, &attributes);
    crdt__attrs_deinit(&attributes);
    return ok;
}

static bool do_retain(crdt__text_place *place, crdt__reader *r)
{
    uint64_t units = crdt__read_varuint(r);
    crdt__attrs attributes;
    crdt__attrs_init(&attributes, place->doc);
    bool ok = crdt__attrs_load(place->doc, crdt__read_varbytes(r), &attributes) &&
              crdt__format_range(place, units, &attributes);
    crdt__attrs_deinit(&attributes);
    return ok;
}

static bool do_step(crdt__text_place *place, crdt__reader *r, crdt_delta_mode mode)
{
    step_kind kind = (step_kind)crdt__read_u8(r);
    switch (kind) {
    case STEP_TEXT:
    case STEP_EMBED:
        return do_insert(place, kind, r, mode);
    case STEP_RETAIN:
        return do_retain(place, r);
    case STEP_DELETE:
        return crdt__format_delete(place, crdt__read_varuint(r));
    }
    return false;
}

static crdt_err do_steps(crdt_doc *doc, crdt__ref text, crdt_bytes steps, crdt_delta_mode mode)
{
    crdt__text_place place;
    crdt__text_place_init(&place, doc, text);
    crdt__reader r = crdt__reader_of(steps);
    bool ok = true;
    while (ok && crdt__reader_left(&r) > 0)
        ok = do_step(&place, &r, mode);
    crdt__text_place_deinit(&place);
    return ok ? CRDT_OK : crdt__edit_failed(doc);
}

crdt_err crdt_text_apply_delta(crdt_doc *doc, crdt_type text, crdt_bytes delta,
                               crdt_delta_mode mode)
{
    crdt__ref type;
    crdt_err err = crdt__edit_begin(doc, text, &type);
    if (err != CRDT_OK)
        return err;
    reading rd = {.steps = {.mem = doc->budget.mem},
                  .length = crdt__type_at(&doc->objects, type)->length};
    err = read_delta(delta, &rd);
    if (err == CRDT_OK)
        err = do_steps(doc, type, (crdt_bytes){rd.steps.data, rd.steps.len}, mode);
    crdt_buf_free(&rd.steps);
    return err;
}
