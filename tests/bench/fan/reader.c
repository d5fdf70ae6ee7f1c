#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "connection.h"
#include "crowd.h"
#include "http.h"
#include "runtime.h"
#include "transport.h"

#define IN_LEN (256u * 1024)

/* ---- sending ---- */

void reader_send(crowd *c, reader *r, const void *head, size_t head_len, const void *data,
                 size_t len)
{
    struct iovec parts[] = {{(void *)head, head_len}, {(void *)data, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(r->watch.fd, &message, MSG_NOSIGNAL) != (ssize_t)(head_len + len))
        load_fail("cannot send");
    if (r->writer == NULL)
        c->traffic.bytes_out += head_len + len;
}

void reader_request(crowd *c, reader *r, const char *line, const char *fields)
{
    char request[2048];
    int len = snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: localhost\r\n%s%s", line,
                       c->options.browser_fields ? http_browser_fields : "", fields);
    if (len < 0 || (size_t)len >= sizeof(request))
        load_fail("a request is too long");
    reader_send(c, r, request, (size_t)len, "", 0);
    if (r->writer == NULL)
        c->traffic.requests++;
}

/* ---- receiving ---- */

/* What comes behind bytes that are kept must lie behind them; else the common buffer will do. */
static uint8_t *room_for_more(crowd *c, reader *r, size_t *room)
{
    if (r->rest_len == 0) {
        if (c->in == NULL)
            c->in = load_grow(NULL, IN_LEN);
        *room = IN_LEN;
        return c->in;
    }
    if (r->rest_cap - r->rest_len < IN_LEN / 4) {
        r->rest_cap = 2 * r->rest_cap + IN_LEN / 4;
        r->rest = load_grow(r->rest, r->rest_cap);
    }
    *room = r->rest_cap - r->rest_len;
    return r->rest + r->rest_len;
}

static void keep(reader *r, const uint8_t *data, size_t len)
{
    if (len == 0) {
        free(r->rest);
        r->rest = NULL;
        r->rest_cap = 0;
    } else if (r->rest == NULL) {
        r->rest = load_grow(NULL, len);
        r->rest_cap = len;
        memcpy(r->rest, data, len);
    } else {
        memmove(r->rest, data, len);
    }
    r->rest_len = len;
}

void reader_receive(crowd *c, reader *r)
{
    size_t room, used = 0, taken;
    uint8_t *to = room_for_more(c, r, &room);
    ssize_t got = recv(r->watch.fd, to, room, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("the server ended a reader's connection");
    if (r->writer == NULL) {
        c->traffic.bytes_in += (uint64_t)got;
        c->traffic.wake_ups++;
    }
    const uint8_t *data = to - r->rest_len;
    size_t len = r->rest_len + (size_t)got;
    while (used < len && (taken = r->how->take(c, r, data + used, len - used)) > 0)
        used += taken;
    keep(r, data + used, len - used);
}

void reader_hear(crowd *c, reader *r, const void *update, size_t len)
{
    writer *w = r->writer;
    uint32_t before = w != NULL ? r->entry.heard[w->index] : 0;
    book_hear(&c->book, &r->entry, update, len, r->how->form);
    if (w != NULL && r->entry.heard[w->index] > before)
        writer_is_told(c, w, r->entry.heard[w->index] - before);
}

void reader_is_live(crowd *c, reader *r)
{
    if (r->state != READER_ASKED)
        return;
    r->state = READER_LIVE;
    c->live++;
}

/* ---- coming ---- */

/* Where the way takes time, what arrives is taken later, and then is waited for again. */
static uint32_t interest(const crowd *c, const reader *r)
{
    return c->options.transit_ns > 0 && r->writer == NULL ? EPOLLIN | EPOLLONESHOT : EPOLLIN;
}

static void on_ready(crowd *c, watch *w, uint32_t events)
{
    reader *r = (reader *)w;
    if (r->state != READER_CONNECTING) {
        reader_receive(c, r);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        load_fail("the server does not let a reader connect");
    } else {
        r->state = READER_ASKED;
        crowd_watch(c, w, EPOLL_CTL_MOD, interest(c, r));
        r->how->ask(c, r);
    }
}

void reader_come(crowd *c, reader *r, unsigned index)
{
    r->watch = (watch){connection_begin(c->options.port, index), on_ready};
    r->state = READER_CONNECTING;
    r->upgraded = false;
    r->searched = 0;
    crowd_watch(c, &r->watch, EPOLL_CTL_ADD, EPOLLOUT);
}
