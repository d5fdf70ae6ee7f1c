/* wslay takes frames apart: heads in their shortest form, masks, bounds of control frames. What is
 * here are the rules between frames: which may follow which (section 5.4), what may be in a control
 * frame (section 5.5), and what this server takes at all. */
#include "ws/reader.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "base/must.h"
#include "base/utf8.h"
#include "ws/codes.h"

/* Of a control frame. (RFC 6455, section 5.5) */
#define CONTROL_LEN_MAX 125

struct ws_reader {
    wslay_frame_context_ptr frames;
    size_t message_len_max;
    slice in;      /* given; `frames` has not taken it yet */
    bool borrowed; /* `in` is not in `kept` */
    buf kept;
    uint64_t unsettled; /* bytes that `frames` has taken of what is no whole frame yet */

    bool in_frame;
    bool fin;
    uint8_t opcode;
    uint64_t left; /* of the frame's payload */
    uint8_t control_len;
    char control[CONTROL_LEN_MAX];

    bool in_message; /* its last frame has not come */
    buf message;
    slice told;  /* of `message`: the last event; {0} if that was another */
    slice again; /* of `message`: the next event */
};

/* ---- bytes ---- */

static ssize_t take_bytes(uint8_t *out, size_t len, int flags, void *arg)
{
    (void)flags;
    ws_reader *r = arg;
    if (len > r->in.len)
        len = r->in.len;
    if (len == 0)
        return -1;
    memcpy(out, r->in.data, len);
    r->in.data += len;
    r->in.len -= len;
    r->unsettled += len;
    return (ssize_t)len;
}

ws_reader *ws_reader_new(size_t message_len_max)
{
    const struct wslay_frame_callbacks callbacks = {.recv_callback = take_bytes};
    ws_reader *r = calloc(1, sizeof(*r));
    must(r != NULL && wslay_frame_context_init(&r->frames, &callbacks, r) == 0);
    r->message_len_max = message_len_max;
    return r;
}

void ws_reader_free(ws_reader *r)
{
    if (r == NULL)
        return;
    wslay_frame_context_free(r->frames);
    buf_free(&r->kept);
    buf_free(&r->message);
    free(r);
}

void ws_reader_give(ws_reader *r, slice bytes)
{
    if (r->in.len == 0) {
        r->in = bytes;
        r->borrowed = true;
        return;
    }
    ws_reader_keep(r);
    buf_append(&r->kept, bytes);
    r->in = buf_slice(&r->kept);
}

void ws_reader_keep(ws_reader *r)
{
    if (!r->borrowed)
        return;
    r->borrowed = false;
    buf rest = {0};
    buf_append(&rest, r->in);
    buf_free(&r->kept);
    r->kept = rest;
    r->in = buf_slice(&r->kept);
}

bool ws_reader_is_clean(const ws_reader *r)
{
    return r->in.len == 0 && r->unsettled == 0 && !r->in_message && r->again.len == 0;
}

void ws_reader_hold(ws_reader *r, size_t used)
{
    must(used < r->told.len);
    r->again = (slice){r->told.data + used, r->told.len - used};
}

/* ---- events ---- */

static ws_event failed(uint16_t code)
{
    return (ws_event){.kind = WS_FAILED, .code = code};
}

/* Codes that a peer may send (RFC 6455, section 7.4; 1012 to 1014 were registered later). */
static bool is_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static bool is_utf8(slice text)
{
    while (text.len > 0) {
        uint32_t c;
        size_t len = utf8_decode(text, &c);
        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

static ws_event take_close(slice payload)
{
    if (payload.len == 0)
        return (ws_event){.kind = WS_CLOSE, .code = WS_CODE_NONE};
    if (payload.len == 1)
        return failed(WS_CODE_PROTOCOL);
    uint16_t code = (uint16_t)((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1]);
    if (!is_code(code))
        return failed(WS_CODE_PROTOCOL);
    if (!is_utf8((slice){payload.data + 2, payload.len - 2}))
        return failed(WS_CODE_NOT_UTF8);
    return (ws_event){.kind = WS_CLOSE, .code = code};
}

/* ---- frames ---- */

/* Whether a frame of data may come now: 0, or the code to fail with. */
static uint16_t check_data(ws_reader *r, const struct wslay_frame_iocb *part)
{
    if ((part->opcode == WSLAY_CONTINUATION_FRAME) != r->in_message)
        return WS_CODE_PROTOCOL;
    if (part->opcode == WSLAY_TEXT_FRAME)
        return WS_CODE_NOT_BINARY;
    if (part->payload_length > r->message_len_max - r->message.len)
        return WS_CODE_TOO_LARGE;
    r->in_message = true;
    return 0;
}

/* The first part of a frame has come: 0, or the code to fail with. */
static uint16_t begin_frame(ws_reader *r, const struct wslay_frame_iocb *part)
{
    if (part->rsv != WSLAY_RSV_NONE || !part->mask)
        return WS_CODE_PROTOCOL;
    r->in_frame = true;
    r->fin = part->fin;
    r->opcode = part->opcode;
    r->left = part->payload_length;
    r->control_len = 0;
    switch (part->opcode) {
    case WSLAY_CONTINUATION_FRAME:
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        return check_data(r, part);
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return 0;
    default:
        return WS_CODE_PROTOCOL;
    }
}

static void take_payload(ws_reader *r, slice bytes)
{
    r->left -= bytes.len;
    if (!wslay_is_ctrl_frame(r->opcode)) {
        buf_append(&r->message, bytes);
        return;
    }
    must(bytes.len <= (size_t)(CONTROL_LEN_MAX - r->control_len));
    memcpy(r->control + r->control_len, bytes.data, bytes.len);
    r->control_len = (uint8_t)(r->control_len + bytes.len);
}

/* Bytes of a masked frame, as wslay has made sure that it was sent. */
static uint64_t frame_len(uint64_t payload_len)
{
    uint64_t extended = payload_len < 126 ? 0 : payload_len <= UINT16_MAX ? 2 : 8;
    return 2 + extended + 4 + payload_len;
}

static ws_event tell_message(ws_reader *r, slice message)
{
    r->told = message;
    return (ws_event){.kind = WS_MESSAGE, .data = message};
}

static ws_event end_frame(ws_reader *r)
{
    slice control = {r->control, r->control_len};
    switch (r->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        return take_close(control);
    case WSLAY_PING:
        return (ws_event){.kind = WS_PING, .data = control};
    case WSLAY_PONG:
        return (ws_event){.kind = WS_PONG, .data = control};
    default:
        break;
    }
    if (!r->fin)
        return (ws_event){.kind = WS_NOTHING};
    r->in_message = false;
    return tell_message(r, buf_slice(&r->message));
}

/* One part of a frame; WS_NOTHING if it ends nothing. */
static ws_event take_part(ws_reader *r, const struct wslay_frame_iocb *part)
{
    uint16_t wrong = r->in_frame ? 0 : begin_frame(r, part);
    if (wrong != 0)
        return failed(wrong);
    take_payload(r, (slice){(const char *)part->data, part->data_length});
    if (r->left > 0)
        return (ws_event){.kind = WS_NOTHING};
    r->in_frame = false;
    r->unsettled -= frame_len(part->payload_length);
    return end_frame(r);
}

ws_event ws_reader_next(ws_reader *r)
{
    slice again = r->again;
    r->again = (slice){0};
    if (again.len > 0)
        return tell_message(r, again);
    if (!r->in_message)
        r->message.len = 0;
    r->told = (slice){0};
    for (;;) {
        struct wslay_frame_iocb part = {0};
        ssize_t n = wslay_frame_recv(r->frames, &part);
        if (n == WSLAY_ERR_WANT_READ)
            return (ws_event){.kind = WS_NOTHING};
        if (n < 0)
            return failed(WS_CODE_PROTOCOL);
        ws_event event = take_part(r, &part);
        if (event.kind != WS_NOTHING)
            return event;
    }
}
