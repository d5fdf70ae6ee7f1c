/* The sync protocol: two sides tell each other what they know, and send what the other lacks
 * (y-protocols/sync.js).
 *
 *     message:  varuint kind, varbytes payload
 */
#include "core/doc.h"

crdt_err crdt_sync_parse(crdt_bytes message, crdt_sync_kind *kind, crdt_bytes *payload)
{
    crdt__reader r = crdt__reader_of(message);
    uint64_t told = crdt__read_varuint(&r);
    crdt_bytes bytes = crdt__read_varbytes(&r);
    if (!r.ok || told > CRDT_SYNC_UPDATE)
        return CRDT_MALFORMED;
    *kind = (crdt_sync_kind)told;
    *payload = bytes;
    return CRDT_OK;
}

crdt_err crdt_sync_write(crdt_sync_kind kind, crdt_bytes payload, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, kind);
    crdt__write_varbytes(&w, payload);
    return crdt__writer_finish(&w);
}

/* ---- messages of a document ---- */

/* Puts the length of what the buffer holds from `at` on in front of it. */
static crdt_err put_length(crdt_buf *buf, size_t at)
{
    const size_t len = buf->len - at;
    crdt__writer w = crdt__writer_on(buf);
    crdt__write_varuint(&w, len); /* behind it first: the buffer grows, and the bytes are there */
    crdt_err err = crdt__writer_finish(&w);
    if (err != CRDT_OK)
        return err;
    uint8_t head[CRDT__VARUINT_LEN_MAX];
    const size_t head_len = buf->len - at - len;
    memcpy(head, buf->data + at + len, head_len);
    memmove(buf->data + at + head_len, buf->data + at, len);
    memcpy(buf->data + at, head, head_len);
    return CRDT_OK;
}

/* Writes a message whose payload is written by one of the two calls of the document: its state
 * vector, or what `sv` lacks. Made in place, since a state may be large. */
static crdt_err write_from_doc(crdt_doc *doc, crdt_sync_kind kind, const crdt_bytes *sv,
                               crdt_buf *out)
{
    const size_t start = out->len;
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, kind);
    crdt_err err = crdt__writer_finish(&w);
    const size_t at = out->len;
    if (err == CRDT_OK)
        err = sv ? crdt_doc_encode_state(doc, CRDT_V1, *sv, out)
                 : crdt_doc_encode_state_vector(doc, out);
    if (err == CRDT_OK)
        err = put_length(out, at);
    if (err != CRDT_OK)
        out->len = start;
    return err;
}

crdt_err crdt_sync_write_step1(crdt_doc *doc, crdt_buf *out)
{
    return write_from_doc(doc, CRDT_SYNC_STEP1, NULL, out);
}

crdt_err crdt_sync_receive(crdt_doc *doc, crdt_bytes message, crdt_buf *reply,
                           crdt_applied *applied, crdt_buf *event)
{
    crdt_sync_kind kind;
    crdt_bytes payload;
    crdt_err err = crdt_sync_parse(message, &kind, &payload);
    if (err != CRDT_OK)
        return err;
    if (kind != CRDT_SYNC_STEP1)
        return crdt_doc_apply_event(doc, CRDT_V1, payload, applied, event);
    if (payload.len == 0) /* no state vector is this short; crdt_doc_encode_state would take it */
        return CRDT_MALFORMED;
    err = write_from_doc(doc, CRDT_SYNC_STEP2, &payload, reply);
    if (err == CRDT_OK && applied)
        *applied = (crdt_applied){.pending = crdt_doc_pending(doc)};
    return err;
}
