/* HTTP/1.0 and 1.1 on streams: reads requests one after the other, gives each to its route, writes
 * its answer (RFC 9112).
 *
 * A server is what connections share: routes, settings, time-outs. Loop thread only.
 */
#ifndef WEFT_HTTP_HTTP1_H
#define WEFT_HTTP_HTTP1_H

#include "base/loop.h"
#include "http/message.h"

/* The head must be complete so long after its first byte, and the first head of a connection must
 * have begun. */
#define HTTP_HEAD_TIMEOUT_MS 10000
/* A body must make progress at least so often. */
#define HTTP_BODY_TIMEOUT_MS 30000
/* A connection between requests is closed after this. */
#define HTTP_IDLE_TIMEOUT_MS 75000
/* Of an answer something must be taken at least so often. */
#define HTTP_WRITE_TIMEOUT_MS 60000
/* A peer that ends its sending side while a handler has its GET has mostly gone, and cannot be told
 * from one that still reads: it gets its answer if that comes within this time. */
#define HTTP_ENDED_TIMEOUT_MS 5000
/* While the server drains, a body may still take this long. */
#define HTTP_DRAIN_BODY_MS 8000
/* What a connection is told for which there is no room (Retry-After). */
#define HTTP_BEYOND_RETRY_S "5"
/* Bytes of following requests that are kept while one is being answered. */
#define HTTP_AHEAD_LEN_MAX ((size_t)64 * 1024)
/* Bytes of buffers that a connection keeps from one request to the next. */
#define HTTP_KEPT_LEN_MAX ((size_t)16 * 1024)

typedef struct http_server http_server;

/* Everything is kept until http_server_free. */
typedef struct http_options {
    const http_route *routes;
    size_t route_count;
    void *ctx;               /* given to every handler */
    const char *const *cors; /* origins that may read answers across sites */
    size_t cors_count;
    const char *static_dir; /* where files are served from that no route matches; NULL: nowhere */
    size_t body_len_max;
} http_options;

/* Returns owned (http_server_free). `l` is kept. Aborts when out of memory. */
http_server *http_server_new(loop *l, const http_options *options);

/* Takes a new connection: a listener_take, with the server as taker. `beyond`: its first request is
 * answered 503 overloaded (but for routes that answer while the server drains), and it ends. */
void http_server_take(void *server, stream *s, bool beyond);

/* From now on new requests are answered 503 draining, but for routes that say otherwise; idle
 * connections are closed. `drained` is called once, in a later turn, when no request is being read
 * or answered. */
void http_server_drain(http_server *server, void (*drained)(void *arg), void *arg);

/* Ends every connection that it still has, telling the exchanges' on_abort. */
void http_server_close(http_server *server);

/* Connections that it has; those handed over as streams are not counted. */
size_t http_server_count(const http_server *server);

/* There must be no connection left. The memory goes some turns later. */
void http_server_free(http_server *server);

#endif
