#include "wire/brief.h"

#include "base/utf16.h"

/* Bytes beside the text, at most: numbers of up to 2^53 take eight, and all are written as eight.
 */
#define FRAME_MAX 64u

/* Where `len` bytes may be written behind what `out` holds; NULL when out of memory. */
static uint8_t *find_room(crdt_buf *out, size_t len)
{
    if (out->cap - out->len < len) {
        crdt__writer w = crdt__writer_on(out);
        if (!crdt__writer_grow(&w, len))
            return NULL;
    }
    return out->data + out->len;
}

static uint8_t *put_number(uint8_t *at, uint64_t value)
{
    uint64_t word;
    size_t len = crdt__word_of_varuint(value, &word);
    word = crdt__first_lowest(word);
    memcpy(at, &word, sizeof word);
    return at + len;
}

static uint8_t *put_unit(const crdt_doc *doc, uint8_t *at, uint32_t client, uint64_t clock)
{
    return put_number(put_number(at, doc->clients[client].id), clock);
}

/* The text of the item's units from `offset` on. */
static crdt_bytes text_from(const crdt_doc *doc, const crdt__item *it, uint64_t offset)
{
    crdt_bytes text = crdt__text_of(&doc->text, it);
    bool inside;
    size_t off = crdt__utf16_offset(text, it->text.units, offset, &inside);
    return (crdt_bytes){text.data + off, text.len - off};
}

bool crdt__brief_added(const crdt_doc *doc, const crdt__span *done, crdt_buf *out)
{
    const crdt__blocks *blocks = &doc->clients[done->client].blocks;
    const crdt__item *it = crdt__item_at(
        doc, crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, blocks)));
    if (it->kind != CRDT__STRING || it->deleted || it->halves || done->clock < it->clock)
        return false;
    uint64_t offset = done->clock - it->clock;
    if (offset == 0 && !it->origin_client && !it->right_client)
        return false; /* it tells its parent */
    crdt_bytes text = text_from(doc, it, offset);
    uint8_t *at = find_room(out, FRAME_MAX + text.len);
    if (!at)
        return false;
    *at++ = 1;
    *at++ = 1;
    at = put_unit(doc, at, done->client, done->clock);
    bool has_origin = offset > 0 || it->origin_client;
    *at++ = (uint8_t)(CRDT__STRING | (has_origin ? CRDT__INFO_ORIGIN : 0) |
                      (it->right_client ? CRDT__INFO_RIGHT : 0));
    if (offset > 0)
        at = put_unit(doc, at, done->client, done->clock - 1);
    else if (has_origin)
        at = put_unit(doc, at, it->origin_client, it->origin_clock);
    if (it->right_client)
        at = put_unit(doc, at, it->right_client, it->right_clock);
    at = put_number(at, text.len);
    if (text.len == 1)
        *at = text.data[0];
    else
        memcpy(at, text.data, text.len);
    at[text.len] = 0;
    out->len = (size_t)(at - out->data) + text.len + 1;
    return true;
}

bool crdt__brief_deleted(const crdt_doc *doc, const crdt__span *done, crdt_buf *out)
{
    uint8_t *at = find_room(out, FRAME_MAX);
    if (!at)
        return false;
    *at++ = 0;
    *at++ = 1;
    at = put_number(at, doc->clients[done->client].id);
    *at++ = 1;
    at = put_number(put_number(at, done->clock), done->len);
    out->len = (size_t)(at - out->data);
    return true;
}
