/* Exchanges whose answer is long in coming.
 *
 * The happy path. http_wait_begin takes the stream from the connection, whose memory goes; what the
 * peer sends meanwhile is kept (`on_read`). http_wait_end makes a connection of it again, as it was
 * when its request was handed on, and the answer goes the usual way.
 *
 * Failure. A peer whose connection breaks is gone at once (`gone`). One that ends its sending side
 * has mostly gone too: it is waited for as long as any handler would (`on_end`, `waits_sweep`).
 *
 * Close. `unlink_wait` takes it from its list, whoever ends it: its owner, the peer, or the server.
 *
 *     http_wait_begin -> WAITING --on_end--> (peer_ended) --waits_sweep--> gone
 *                          \------------- http_wait_end -------------> (a connection)
 */
#include <stdlib.h>

#include "base/must.h"
#include "http/inside.h"

struct http_wait {
    http_server *server;
    stream *stream;
    list_node link; /* in server->waits, or server->ended_waits */
    buf ahead;      /* what came of the next request */
    void (*on_gone)(void *arg);
    void *arg;
    const char *origin;  /* as cors_origin had it */
    uint32_t deadline_s; /* among the ended */
    bool is_head;
    bool http_1_0;
    bool keep_alive;
    bool peer_ended;
};

_Static_assert(sizeof(http_wait) <= 88, "thousands of waits cost little more than their handles");

static void unlink_wait(http_wait *w)
{
    list_remove(&w->link);
    w->server->conn_count--;
}

/* The peer has gone, or must. */
static void gone(http_wait *w)
{
    unlink_wait(w);
    stream_close(w->stream);
    buf_free(&w->ahead);
    w->on_gone(w->arg);
    conn_less_busy(w->server);
    free(w);
}

static void note_end(http_wait *w)
{
    uint64_t deadline_ms = loop_now_ms(w->server->loop) + HTTP_ENDED_TIMEOUT_MS;
    w->peer_ended = true;
    w->deadline_s = (uint32_t)(deadline_ms / 1000) + 1;
    list_remove(&w->link);
    list_push(&w->server->ended_waits, &w->link);
}

/* ---- the stream's events ---- */

static void on_read(void *owner, slice bytes)
{
    http_wait *w = owner;
    buf_append(&w->ahead, bytes);
    if (w->ahead.len >= HTTP_AHEAD_LEN_MAX)
        stream_read_stop(w->stream);
}

static void on_end(void *owner)
{
    http_wait *w = owner;
    if (stream_is_broken(w->stream))
        gone(w);
    else
        note_end(w);
}

static void on_drain(void *owner)
{
    (void)owner; /* the answer looks whether anything is still pending */
}

static const stream_owner_ops owner_ops = {
    .on_read = on_read, .on_end = on_end, .on_drain = on_drain};

/* ---- from a connection to a wait, and back ---- */

http_wait *http_wait_begin(http_exchange *ex, void (*on_gone)(void *arg), void *arg)
{
    http_server *server = ex->server;
    http_wait *w = calloc(1, sizeof(*w));
    must(w != NULL && ex->state == CONN_HANDLING);
    w->server = server;
    w->on_gone = on_gone;
    w->arg = arg;
    w->origin = cors_origin(ex);
    w->is_head = ex->request.method == HTTP_HEAD;
    w->http_1_0 = ex->request.http_1_0;
    w->keep_alive = ex->keep_alive && ex->body_complete;
    if (conn_ahead(ex).len > 0)
        buf_append(&w->ahead, conn_ahead(ex));
    list_push(&server->waits, &w->link);
    if (ex->peer_ended)
        note_end(w);
    /* Before the connection goes, so that a server that drains does not find itself idle. */
    server->busy_count++;
    server->conn_count++;
    w->stream = conn_hand_over(ex);
    stream_set_owner(w->stream, &owner_ops, w);
    return w;
}

http_exchange *http_wait_end(http_wait *w)
{
    unlink_wait(w);
    http_exchange *ex = conn_take_back(w->server, w->stream, w->ahead);
    ex->request.method = w->is_head ? HTTP_HEAD : HTTP_GET;
    ex->request.http_1_0 = w->http_1_0;
    ex->keep_alive = w->keep_alive;
    ex->peer_ended = w->peer_ended;
    if (w->origin != NULL)
        exchange_add_field(ex, (http_field){SLICE_LITERAL("origin"), slice_of(w->origin)});
    conn_less_busy(w->server);
    free(w);
    return ex;
}

/* ---- all of them ---- */

void waits_sweep(http_server *server, uint64_t now_ms)
{
    while (!list_is_empty(&server->ended_waits)) {
        http_wait *w = container_of(list_first(&server->ended_waits), http_wait, link);
        if (w->deadline_s > now_ms / 1000)
            return;
        gone(w);
    }
}

void waits_close(http_server *server)
{
    list *all[] = {&server->waits, &server->ended_waits};
    for (size_t i = 0; i < 2; i++)
        while (!list_is_empty(all[i]))
            gone(container_of(list_first(all[i]), http_wait, link));
}
