/* Writers: requests to weft or nchan, one connection each; or messages on a socket, which is told
 * of its own events as the readers are: that is their receipt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "b64.h"
#include "connection.h"
#include "crowd.h"
#include "http.h"
#include "runtime.h"
#include "transport.h"

static write_way way_of(const crowd *c)
{
    return c->options.post ? WRITE_POST : c->options.transport->way;
}

static void read_answer(crowd *c, watch *of, uint32_t events)
{
    (void)events;
    writer *w = (writer *)of;
    ssize_t got = recv(of->fd, w->in + w->in_len, sizeof(w->in) - w->in_len, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("the server ended a writer's connection");
    w->in_len += (size_t)got;
    http_head head;
    if (!http_read_head(w->in, w->in_len, &head) || w->in_len < head.len + head.body_len)
        return;
    if (head.status < 200 || head.status > 202)
        http_refuse(&head, "a write was not accepted");
    w->in_len = 0;
    writer_is_told(c, w, 1);
}

static void post(crowd *c, writer *w, const char *path, const char *more, const void *body,
                 size_t body_len)
{
    int head_len = snprintf((char *)c->out, 512,
                            "POST %s%s%s HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n",
                            path, book_name(&c->book, w->document), more, body_len);
    memcpy(c->out + head_len, body, body_len);
    connection_send(w->watch.fd, c->out, (size_t)head_len + body_len);
}

void crowd_write(crowd *c, writer *w)
{
    w->in_flight++;
    size_t len = book_write(&c->book, w->document, w->index, c->update);
    switch (way_of(c)) {
    case WRITE_POST:
        post(c, w, "/docs/", "/updates", c->update, len);
        break;
    case WRITE_NCHAN:
        if (c->options.transport->form == BOOK_BASE64) {
            char *text = b64_encode((crdt_bytes){c->update, len});
            post(c, w, "/pub/", "", text, strlen(text));
            free(text);
        } else {
            post(c, w, "/pub/", "", c->update, len);
        }
        break;
    case WRITE_SOCKET:
        len = c->options.transport->wrap(c, &w->listener, c->update, len, c->out);
        socket_send(c, &w->listener, c->out, len);
        break;
    }
}

void writer_is_told(crowd *c, writer *w, unsigned events)
{
    w->in_flight -= events;
    c->acknowledged += events;
    while (c->writing && w->in_flight < c->options.depth)
        crowd_write(c, w);
}

writer *crowd_free_writer(crowd *c)
{
    for (unsigned i = 0; i < c->writer_count; i++) {
        /* They take turns. */
        writer *w = &c->writers[(c->book.events + i) % c->writer_count];
        if (w->in_flight < c->options.depth)
            return w;
    }
    return NULL;
}

void writer_open_all(crowd *c)
{
    bool sockets = way_of(c) == WRITE_SOCKET;
    unsigned live = c->live;
    for (unsigned i = 0; i < c->writer_count; i++) {
        writer *w = &c->writers[i];
        w->document = i % c->options.documents;
        w->index = i / c->options.documents;
        if (!sockets) {
            w->watch =
                (watch){connection_open(c->options.port, c->options.readers + i), read_answer};
            crowd_watch(c, &w->watch, EPOLL_CTL_ADD, EPOLLIN);
            continue;
        }
        w->listener = (reader){.how = c->options.transport, .writer = w};
        book_enter(&c->book, &w->listener.entry, w->document, false);
        reader_come(c, &w->listener, c->options.readers + i);
    }
    while (sockets && c->live < live + c->writer_count)
        crowd_turn(c, UINT64_MAX);
    c->live = live;
}
