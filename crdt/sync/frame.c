/* The frames of y-websocket: one message in each binary message of the socket
 * (y-websocket/src/y-websocket.js).
 *
 *     frame:  varuint kind, then the message, which is told differently for each kind
 */
#include "base/bytes.h"

/* Steps over the sync message that `r` stands at, and returns its bytes. */
static crdt_bytes read_sync(crdt__reader *r)
{
    const uint8_t *start = r->pos;
    if (crdt__read_varuint(r) > CRDT_SYNC_UPDATE)
        crdt__reader_fail(r);
    (void)crdt__read_varbytes(r);
    return r->ok ? (crdt_bytes){start, (size_t)(r->pos - start)} : (crdt_bytes){0};
}

static crdt_bytes read_body(crdt__reader *r, uint64_t kind)
{
    switch (kind) {
    case CRDT_FRAME_SYNC:
        return read_sync(r);
    case CRDT_FRAME_AWARENESS:
        return crdt__read_varbytes(r);
    case CRDT_FRAME_AUTH:
        return crdt__read_bytes(r, crdt__reader_left(r));
    case CRDT_FRAME_QUERY_AWARENESS:
        return (crdt_bytes){r->pos, 0};
    default:
        crdt__reader_fail(r);
        return (crdt_bytes){0};
    }
}

crdt_err crdt_frame_parse(crdt_bytes frame, crdt_frame_kind *kind, crdt_bytes *body, size_t *used)
{
    crdt__reader r = crdt__reader_of(frame);
    uint64_t told = crdt__read_varuint(&r);
    if (!r.ok)
        return CRDT_MALFORMED;
    crdt_bytes found = read_body(&r, told);
    if (!r.ok)
        return CRDT_MALFORMED;
    *kind = (crdt_frame_kind)told;
    *body = found;
    if (used)
        *used = (size_t)(r.pos - frame.data);
    return CRDT_OK;
}

crdt_err crdt_frame_write(crdt_frame_kind kind, crdt_bytes body, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, kind);
    if (kind == CRDT_FRAME_AWARENESS)
        crdt__write_varbytes(&w, body);
    else
        crdt__write_bytes(&w, body.data, body.len);
    return crdt__writer_finish(&w);
}
