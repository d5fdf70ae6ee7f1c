/* The floor: what it takes to tell many readers something, when nothing else is done. A bare libuv
 * program that writes one frame to all its readers; no document, no disk, no position, no memory of
 * what was. It speaks as much of weft's interface as fan does: POST an update, GET an event stream.
 *
 *     floor        prints the line that weft prints */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "b64.h"

#define READERS_MAX 20000
#define IN_LEN      65536
#define BACKLOG     4096

typedef struct peer {
    uv_tcp_t tcp;
    size_t place; /* among the readers; READERS_MAX: it is none */
    size_t in_len;
    char in[4096];
} peer;

/* The state of the program. */
static struct {
    peer *readers[READERS_MAX];
    size_t reader_count;
    unsigned long events;
    char in[IN_LEN];
} all;

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "floor: %s\n", what);
        exit(1);
    }
}

static void send_all(peer *p, const char *text, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)text, (unsigned)len);
    must(uv_try_write((uv_stream_t *)&p->tcp, &buf, 1) == (int)len, "a peer does not read");
}

static void tell_everyone(const char *update, size_t len)
{
    static char frame[16384];
    char *text = b64_encode((crdt_bytes){(const uint8_t *)update, len});
    int frame_len = snprintf(frame, sizeof(frame), "event: update\nid: %lu.00000000\ndata: %s\n\n",
                             ++all.events, text);
    free(text);
    for (size_t i = 0; i < all.reader_count; i++)
        send_all(all.readers[i], frame, (size_t)frame_len);
}

static void follow(peer *p)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Cache-Control: no-store\r\n\r\nevent: sync\nid: 0\ndata: AAA=\n\n";
    must(all.reader_count < READERS_MAX, "too many readers");
    p->place = all.reader_count;
    all.readers[all.reader_count++] = p;
    send_all(p, head, sizeof(head) - 1);
}

static void acknowledge(peer *p)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    send_all(p, answer, sizeof(answer) - 1);
}

/* A request, once it is whole. */
static void take(peer *p)
{
    p->in[p->in_len] = '\0';
    char *end = strstr(p->in, "\r\n\r\n"), *length = strstr(p->in, "Content-Length: ");
    size_t body_len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    if (end == NULL || (size_t)(p->in + p->in_len - end) < 4 + body_len)
        return;
    p->in_len = 0;
    if (strncmp(p->in, "POST", 4) == 0) {
        acknowledge(p);
        tell_everyone(end + 4, body_len);
    } else {
        follow(p);
    }
}

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void forget(peer *p)
{
    if (p->place < READERS_MAX) {
        all.readers[p->place] = all.readers[--all.reader_count];
        all.readers[p->place]->place = p->place;
    }
    uv_close((uv_handle_t *)&p->tcp, closed);
}

static void lend(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    (void)size;
    *buf = uv_buf_init(all.in, sizeof(all.in));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    peer *p = stream->data;
    if (got < 0) {
        forget(p);
        return;
    }
    must(p->in_len + (size_t)got < sizeof(p->in), "a request is too long");
    memcpy(p->in + p->in_len, buf->base, (size_t)got);
    p->in_len += (size_t)got;
    take(p);
}

static void on_connection(uv_stream_t *server, int status)
{
    peer *p = malloc(sizeof(*p));
    must(status == 0 && p != NULL, "cannot accept");
    p->place = READERS_MAX;
    p->in_len = 0;
    uv_tcp_init(server->loop, &p->tcp);
    p->tcp.data = p;
    must(uv_accept(server, (uv_stream_t *)&p->tcp) == 0, "cannot accept");
    uv_tcp_nodelay(&p->tcp, 1);
    uv_read_start((uv_stream_t *)&p->tcp, lend, on_read);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    struct sockaddr_in at;
    int at_len = sizeof(at);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(loop, &server);
    uv_tcp_bind(&server, (struct sockaddr *)&at, 0);
    must(uv_listen((uv_stream_t *)&server, BACKLOG, on_connection) == 0, "cannot listen");
    uv_tcp_getsockname(&server, (struct sockaddr *)&at, &at_len);
    printf("floor: listening on http://127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
