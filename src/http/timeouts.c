/* What happens when nothing happens: one timer looks, once a second, at the fronts of a few lists.
 *
 * All of a list have waited for the same time from when they were put in, so its front is due
 * first, and a connection costs nothing while it waits.
 */
#include <time.h>

#include "http/inside.h"

static const uint32_t timeout_ms[CONN_TIMEOUTS] = {
    [CONN_TIMEOUT_IDLE] = HTTP_IDLE_TIMEOUT_MS,   [CONN_TIMEOUT_HEAD] = HTTP_HEAD_TIMEOUT_MS,
    [CONN_TIMEOUT_BODY] = HTTP_BODY_TIMEOUT_MS,   [CONN_TIMEOUT_WRITE] = HTTP_WRITE_TIMEOUT_MS,
    [CONN_TIMEOUT_ENDED] = HTTP_ENDED_TIMEOUT_MS,
};

void conn_expect(http_exchange *conn, conn_timeout which)
{
    list_remove(&conn->timeout_link);
    conn->deadline_ms = loop_now_ms(conn->server->loop) + timeout_ms[which];
    list_push(&conn->server->timeouts[which], &conn->timeout_link);
}

/* An answer may take long, as long as it gets shorter. */
static void look_at_answer(http_exchange *conn)
{
    size_t unsent = stream_pending_bytes(conn->stream);
    if (unsent < conn->unsent) {
        conn->unsent = unsent;
        conn_expect(conn, CONN_TIMEOUT_WRITE);
    } else {
        stream_abort(conn->stream);
        conn_close(conn);
    }
}

static void timed_out(http_exchange *conn, conn_timeout which)
{
    switch (which) {
    case CONN_TIMEOUT_HEAD:
        if (conn->state == CONN_IDLE) /* a new connection on which nothing came */
            conn_close(conn);
        else
            conn_refuse(conn, 408, "request_timeout",
                        "The request's head did not arrive in time; send it again.");
        return;
    case CONN_TIMEOUT_BODY:
        conn_refuse(conn, 408, "request_timeout",
                    "The request's body did not arrive in time; send it again.");
        return;
    case CONN_TIMEOUT_WRITE:
        look_at_answer(conn);
        return;
    case CONN_TIMEOUT_IDLE:
    case CONN_TIMEOUT_ENDED:
    case CONN_TIMEOUTS:
        conn_close(conn);
        return;
    }
}

static void sweep_list(http_server *server, conn_timeout which)
{
    uint64_t now_ms = loop_now_ms(server->loop);
    list *waiting = &server->timeouts[which];
    bool drained =
        which == CONN_TIMEOUT_BODY && server->draining && now_ms >= server->drain_until_ms;
    while (!list_is_empty(waiting)) {
        http_exchange *conn = container_of(list_first(waiting), http_exchange, timeout_link);
        if (conn->deadline_ms > now_ms && !drained)
            return;
        timed_out(conn, which);
    }
}

static void note_date(http_server *server)
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

void http_server_sweep(http_server *server)
{
    note_date(server);
    for (int i = 0; i < CONN_TIMEOUTS; i++)
        sweep_list(server, (conn_timeout)i);
    waits_sweep(server, loop_now_ms(server->loop));
}
