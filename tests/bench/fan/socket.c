/* WebSockets: the y-websocket protocol (weft, @y/websocket-server), that of Hocuspocus, which puts
 * the document's name before each message, and nchan's, whose messages are what was published. */
#include <stdio.h>
#include <string.h>

#include "frame.h"
#include "http.h"
#include "runtime.h"
#include "transport.h"
#include "varuint.h"

/* y-websocket 3.1.0, src/y-websocket.js; y-protocols 1.0.7, sync.js. */
enum { MESSAGE_SYNC = 0, MESSAGE_AUTH = 2 };
enum { SYNC_STEP_1 = 0, SYNC_STEP_2 = 1, SYNC_UPDATE = 2 };
/* @hocuspocus/common 4.7, auth.ts. */
enum { AUTH_TOKEN = 0, AUTH_PERMISSION_DENIED = 1, AUTH_AUTHENTICATED = 2 };

#define STATE_VECTOR_LEN_MAX (16 * 4096 + 16)

void socket_send(crowd *c, reader *r, const uint8_t *message, size_t len)
{
    uint8_t head[FRAME_HEAD_LEN_MAX];
    reader_send(c, r, head, frame_head(head, FRAME_BINARY, len), message, len);
}

static void upgrade(crowd *c, reader *r, const char *path, const char *name)
{
    char line[128];
    snprintf(line, sizeof(line), "GET %s%s", path, name);
    reader_request(c, r, line,
                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}

static void take_frame(crowd *c, reader *r, const frame *f, const uint8_t *payload)
{
    uint8_t pong[FRAME_HEAD_LEN_MAX];
    switch (f->kind) {
    case FRAME_TEXT:
    case FRAME_BINARY:
        r->how->message(c, r, payload, f->len);
        break;
    case FRAME_PING:
        reader_send(c, r, pong, frame_head(pong, FRAME_PONG, f->len), payload, f->len);
        break;
    case FRAME_PONG:
        break;
    case FRAME_CONTINUATION:
    case FRAME_CLOSE:
        fprintf(stderr, "close %u\n", f->len >= 2 ? payload[0] << 8 | payload[1] : 0);
        load_fail("the server closed a socket");
    }
}

static size_t take(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    if (!r->upgraded) {
        http_head head;
        if (!http_read_head(data, len, &head))
            return 0;
        if (head.status != 101)
            http_refuse(&head, "no WebSocket");
        r->upgraded = true;
        if (r->how->greet != NULL)
            r->how->greet(c, r);
        else
            reader_is_live(c, r);
        return head.len;
    }
    frame f;
    if (!frame_read_head(data, len, &f) || len - f.head_len < f.len)
        return 0;
    take_frame(c, r, &f, data + f.head_len);
    return f.head_len + f.len;
}

/* ---- y-websocket ---- */

/* Bytes behind their length; NULL: they are not all there. */
static const uint8_t *read_bytes(const uint8_t *at, const uint8_t *end, const uint8_t **bytes,
                                 uint64_t *len)
{
    at = at != NULL ? varuint_read(at, end, len) : NULL;
    if (at == NULL || *len > (uint64_t)(end - at))
        return NULL;
    *bytes = at;
    return at + *len;
}

static void take_sync(crowd *c, reader *r, const uint8_t *at, const uint8_t *end)
{
    uint64_t kind, len;
    const uint8_t *update;
    at = varuint_read(at, end, &kind);
    if (read_bytes(at, end, &update, &len) == NULL)
        load_fail("a sync message that is cut off");
    if (kind == SYNC_STEP_1)
        return;
    reader_hear(c, r, update, (size_t)len);
    if (kind == SYNC_STEP_2)
        reader_is_live(c, r);
}

static void message_y(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    uint64_t type;
    const uint8_t *end = data + len, *at = varuint_read(data, end, &type);
    if (at != NULL && type == MESSAGE_SYNC)
        take_sync(c, r, at, end);
}

static void ask_y(crowd *c, reader *r)
{
    upgrade(c, r, "/ws/", book_name(&c->book, r->entry.document));
}

/* Sends sync step 1, after `at`, where the message begins. */
static void send_step_1(crowd *c, reader *r, const uint8_t *prefix, size_t prefix_len)
{
    static uint8_t message[STATE_VECTOR_LEN_MAX + 128], vector[STATE_VECTOR_LEN_MAX];
    size_t vector_len = book_state_vector(&c->book, &r->entry, vector);
    memcpy(message, prefix, prefix_len);
    uint8_t *at = message + prefix_len;
    *at++ = MESSAGE_SYNC;
    *at++ = SYNC_STEP_1;
    at = varuint_put(at, vector_len);
    memcpy(at, vector, vector_len);
    socket_send(c, r, message, (size_t)(at - message) + vector_len);
}

static void greet_y(crowd *c, reader *r)
{
    send_step_1(c, r, (const uint8_t *)"", 0);
}

static size_t put_update(uint8_t *begin, uint8_t *at, const uint8_t *update, size_t len)
{
    *at++ = MESSAGE_SYNC;
    *at++ = SYNC_UPDATE;
    at = varuint_put(at, len);
    memcpy(at, update, len);
    return (size_t)(at - begin) + len;
}

static size_t wrap_y(const crowd *c, const reader *r, const uint8_t *update, size_t len,
                     uint8_t *out)
{
    (void)c;
    (void)r;
    return put_update(out, out, update, len);
}

/* ---- Hocuspocus ---- */

/* The document's name, which begins each message; returns its length. */
static size_t put_name(const crowd *c, const reader *r, uint8_t *out)
{
    const char *name = book_name(&c->book, r->entry.document);
    size_t len = strlen(name);
    uint8_t *at = varuint_put(out, len);
    memcpy(at, name, len);
    return (size_t)(at - out) + len;
}

static void ask_hocuspocus(crowd *c, reader *r)
{
    upgrade(c, r, "/", "");
}

static void greet_hocuspocus(crowd *c, reader *r)
{
    uint8_t message[128];
    size_t len = put_name(c, r, message);
    message[len++] = MESSAGE_AUTH;
    message[len++] = AUTH_TOKEN;
    message[len++] = 1; /* a token of one character; nobody looks at it */
    message[len++] = 't';
    socket_send(c, r, message, len);
}

static void message_hocuspocus(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len, *name;
    uint64_t name_len, type, kind;
    const uint8_t *at = read_bytes(data, end, &name, &name_len);
    at = at != NULL ? varuint_read(at, end, &type) : NULL;
    if (at == NULL)
        load_fail("a message without a type");
    if (type == MESSAGE_SYNC) {
        take_sync(c, r, at, end);
    } else if (type == MESSAGE_AUTH) {
        if (varuint_read(at, end, &kind) == NULL || kind == AUTH_PERMISSION_DENIED)
            load_fail("the server lets nobody in");
        uint8_t prefix[64];
        if (kind == AUTH_AUTHENTICATED)
            send_step_1(c, r, prefix, put_name(c, r, prefix));
    }
}

static size_t wrap_hocuspocus(const crowd *c, const reader *r, const uint8_t *update, size_t len,
                              uint8_t *out)
{
    return put_update(out, out + put_name(c, r, out), update, len);
}

/* ---- nchan ---- */

static void ask_nchan(crowd *c, reader *r)
{
    upgrade(c, r, "/sub/", book_name(&c->book, r->entry.document));
}

static void message_nchan(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    reader_hear(c, r, data, len);
}

const transport socket_y = {.name = "websocket",
                            .form = BOOK_BYTES,
                            .way = WRITE_SOCKET,
                            .ask = ask_y,
                            .take = take,
                            .greet = greet_y,
                            .message = message_y,
                            .wrap = wrap_y};
const transport socket_hocuspocus = {.name = "hocuspocus",
                                     .form = BOOK_BYTES,
                                     .way = WRITE_SOCKET,
                                     .ask = ask_hocuspocus,
                                     .take = take,
                                     .greet = greet_hocuspocus,
                                     .message = message_hocuspocus,
                                     .wrap = wrap_hocuspocus};
const transport socket_nchan = {.name = "nchan-websocket",
                                .form = BOOK_BYTES,
                                .way = WRITE_NCHAN,
                                .ask = ask_nchan,
                                .take = take,
                                .message = message_nchan};
