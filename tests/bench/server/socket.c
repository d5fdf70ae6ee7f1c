#include "socket.h"

#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "runtime.h"

#define HEAD_END_LEN 4

int socket_reader_open(uint16_t port, unsigned index, unsigned document)
{
    static const char step1[] = {0, 0, 1, 0}; /* that has nothing */
    char request[256];
    int len = snprintf(request, sizeof(request),
                       "GET /ws/bench-%u HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       document);
    len += (int)frame_head((uint8_t *)request + len, FRAME_BINARY, sizeof(step1));
    memcpy(request + len, step1, sizeof(step1));
    int fd = connection_open(port, index);
    connection_send(fd, request, (size_t)len + sizeof(step1));
    return fd;
}

/* The bytes that are the answer's head. */
static size_t skip_head(socket_reader *r, const char *in, size_t len)
{
    size_t at = 0;
    while (at < len && r->head_end < HEAD_END_LEN) {
        char c = in[at++];
        if (c == "\r\n\r\n"[r->head_end])
            r->head_end++;
        else
            r->head_end = c == '\r';
    }
    return at;
}

static void take_frame(socket_reader *r, socket_messages *came)
{
    if (r->kind == FRAME_CLOSE)
        load_fail("the server closed a socket");
    if (r->kind == FRAME_BINARY && r->first[0] == 0) {
        came->syncs += r->first[1] == 1;
        came->updates += r->first[1] == 2;
    }
    r->head_len = r->first_len = 0;
}

/* One byte of a frame's head. */
static void take_head(socket_reader *r, char c, socket_messages *came)
{
    frame f;
    r->head[r->head_len++] = (uint8_t)c;
    if (!frame_read_head(r->head, r->head_len, &f))
        return;
    r->kind = f.kind;
    r->left = f.len;
    if (r->left == 0)
        take_frame(r, came);
}

static size_t take_payload(socket_reader *r, const char *in, size_t len, socket_messages *came)
{
    size_t used = r->left < len ? (size_t)r->left : len;
    for (size_t i = 0; i < used && r->first_len < sizeof(r->first); i++)
        r->first[r->first_len++] = (uint8_t)in[i];
    r->left -= used;
    if (r->left == 0)
        take_frame(r, came);
    return used;
}

socket_messages socket_reader_take(socket_reader *r, const char *in, size_t len)
{
    socket_messages came = {0};
    size_t at = skip_head(r, in, len);
    while (at < len) {
        if (r->left > 0)
            at += take_payload(r, in + at, len - at, &came);
        else
            take_head(r, in[at++], &came);
    }
    return came;
}
