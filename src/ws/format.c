/* The framing is wslay's; the messages are few and short, and written here (y-websocket,
 * y-protocols/sync.js). */
#include "ws/format.h"

#include <wslay/wslay.h>

#include "base/must.h"
#include "base/varuint.h"
#include "ws/codes.h"

/* Kinds of messages. */
enum { MESSAGE_SYNC = 0, MESSAGE_AWARENESS = 1 };
/* Kinds of sync messages. */
enum { SYNC_STEP1 = 0, SYNC_STEP2 = 1, SYNC_UPDATE = 2 };

/* A kind of each, and a length. */
#define HEAD_LEN_MAX (2 + VARUINT_LEN_MAX)

/* ---- frames ---- */

/* Bytes in front of a payload that is not masked. */
static size_t frame_head_len(size_t payload_len)
{
    if (payload_len < 126)
        return 2;
    return payload_len <= UINT16_MAX ? 4 : 10;
}

typedef struct writer {
    frame *out;
    size_t at;
} writer;

static ssize_t write_bytes(const uint8_t *data, size_t len, int flags, void *arg)
{
    (void)flags;
    writer *w = arg;
    memcpy(w->out->data + w->at, data, len);
    w->at += len;
    return (ssize_t)len;
}

/* One frame whose payload is `head`, then `body`. */
static frame *make_frame(uint8_t opcode, slice head, slice body)
{
    const struct wslay_frame_callbacks callbacks = {.send_callback = write_bytes};
    const size_t len = head.len + body.len;
    writer w = {.out = frame_new(frame_head_len(len) + len)};
    wslay_frame_context_ptr frames;
    if (w.out == NULL || wslay_frame_context_init(&frames, &callbacks, &w) != 0) {
        frame_unref(w.out);
        return NULL;
    }
    struct wslay_frame_iocb part = {.fin = 1,
                                    .opcode = opcode,
                                    .payload_length = len,
                                    .data = (const uint8_t *)head.data,
                                    .data_length = head.len};
    ssize_t written = wslay_frame_send(frames, &part);
    if (written >= 0 && body.len > 0) {
        part.data = (const uint8_t *)body.data;
        part.data_length = body.len;
        written = wslay_frame_send(frames, &part);
    }
    wslay_frame_context_free(frames);
    must(written >= 0 && w.at == w.out->len);
    return w.out;
}

/* ---- messages ---- */

/* The kinds, the length of what follows, and that. */
static frame *make_message(slice kinds, slice data)
{
    char head[HEAD_LEN_MAX];
    memcpy(head, kinds.data, kinds.len);
    size_t len = kinds.len + varuint_write(data.len, head + kinds.len);
    return make_frame(WSLAY_BINARY_FRAME, (slice){head, len}, data);
}

static frame *make_sync(char kind, slice data)
{
    const char kinds[] = {MESSAGE_SYNC, kind};
    return make_message((slice){kinds, sizeof(kinds)}, data);
}

static frame *make_awareness(slice states)
{
    static const char kind = MESSAGE_AWARENESS;
    static const char nobody = 0;
    return make_message((slice){&kind, 1}, states.len == 0 ? (slice){&nobody, 1} : states);
}

frame *ws_format(const sink_event *event)
{
    switch (event->kind) {
    case SINK_SYNC:
        return make_sync(SYNC_STEP2, event->data);
    case SINK_UPDATE:
        return make_sync(SYNC_UPDATE, event->data);
    case SINK_AWARENESS:
        return make_awareness(event->data);
    case SINK_DELETED:
        return ws_format_close(WS_CODE_DELETED, SLICE_LITERAL("the document was deleted"));
    case SINK_RESET:
        break; /* of positions, which sockets have not */
    }
    return NULL;
}

frame *ws_format_step1(slice sv)
{
    return make_sync(SYNC_STEP1, sv);
}

/* ---- control frames ---- */

frame *ws_format_ping(void)
{
    return make_frame(WSLAY_PING, (slice){0}, (slice){0});
}

frame *ws_format_pong(slice payload)
{
    return make_frame(WSLAY_PONG, payload, (slice){0});
}

frame *ws_format_close(uint16_t code, slice reason)
{
    const char big_endian[] = {(char)(code >> 8), (char)(code & 0xff)};
    size_t len = code == 0 ? 0 : sizeof(big_endian);
    return make_frame(WSLAY_CONNECTION_CLOSE, (slice){big_endian, len}, reason);
}

bool ws_format_is_close(const frame *f)
{
    return f->len > 0 && ((uint8_t)f->data[0] & 0x0f) == WSLAY_CONNECTION_CLOSE;
}
