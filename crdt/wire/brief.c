#include "wire/brief.h"

#include "base/utf16.h"

/* Numbers before the text: sections, structs, info, three ids, a length. */
#define NUMBERS_MAX 10u

static uint8_t *put_number(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(0x80 | (value & 0x7f));
    *at++ = (uint8_t)value;
    return at;
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

bool crdt__brief_added(const crdt_doc *doc, crdt__span done, crdt_buf *out)
{
    const crdt__blocks *blocks = &doc->clients[done.client].blocks;
    const crdt__item *it = crdt__item_at(
        doc, crdt__blocks_item(&doc->objects, crdt__blocks_last(&doc->objects, blocks)));
    if (it->kind != CRDT__STRING || it->deleted || it->halves || done.clock <= it->clock)
        return false;
    crdt_bytes text = text_from(doc, it, done.clock - it->clock);
    uint8_t head[NUMBERS_MAX * CRDT__VARUINT_LEN_MAX];
    uint8_t *at = put_number(put_number(head, 1), 1);
    at = put_unit(doc, at, done.client, done.clock);
    *at++ = (uint8_t)(CRDT__STRING | CRDT__INFO_ORIGIN | (it->right_client ? CRDT__INFO_RIGHT : 0));
    at = put_unit(doc, at, done.client, done.clock - 1);
    if (it->right_client)
        at = put_unit(doc, at, it->right_client, it->right_clock);
    at = put_number(at, text.len);

    crdt__writer w = crdt__writer_on(out);
    if (!crdt__writer_room(&w, (size_t)(at - head) + text.len + 1))
        return false;
    crdt__write_bytes(&w, head, (size_t)(at - head));
    crdt__write_bytes(&w, text.data, text.len);
    crdt__write_u8(&w, 0);
    return crdt__writer_finish(&w) == CRDT_OK;
}

bool crdt__brief_deleted(const crdt_doc *doc, crdt__span done, crdt_buf *out)
{
    uint8_t head[NUMBERS_MAX * CRDT__VARUINT_LEN_MAX];
    uint8_t *at = put_number(put_number(head, 0), 1);
    at = put_number(put_number(at, doc->clients[done.client].id), 1);
    at = put_number(put_number(at, done.clock), done.len);
    crdt__writer w = crdt__writer_on(out);
    crdt__write_bytes(&w, head, (size_t)(at - head));
    return crdt__writer_finish(&w) == CRDT_OK;
}
