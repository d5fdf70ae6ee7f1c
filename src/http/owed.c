/* Answers that are owed: given later, while the connection goes on with the requests behind.
 *
 * The happy path. http_owe leaves an exchange of its own for the answer, last in conn->owed, and
 * frees the connection for the next request. Whoever answers it does so as ever, in any order
 * (`owed_answered`); at the end of the turn `pay` writes all answers that are due, the oldest
 * first, in one write. A request whose answer cannot be owed is held (http1.c) until none is.
 *
 * Failure. While the peer does not take what is paid, no further request is looked at. If it goes,
 * every handler that owes an answer is told (`owed_forget`).
 *
 * Close. After an answer that ends the connection, and when nothing is owed any more to a peer that
 * has ended its side (`conn_paid`).
 *
 *     http_owe -> OWED --http_respond--> ANSWERED --pay--> (gone)
 */
#include <stdlib.h>

#include "http/inside.h"

static bool is_answered(const http_exchange *ex)
{
    return ex->state == CONN_WRITING;
}

http_exchange *http_owe(http_exchange *conn)
{
    must(conn->state == CONN_HANDLING);
    if (!conn->keep_alive || !conn->body_complete || conn->request.http_1_0)
        return conn;
    http_exchange *ex = calloc(1, sizeof(*ex));
    must(ex != NULL);
    ex->server = conn->server;
    ex->creditor = conn;
    ex->state = CONN_HANDLING;
    ex->request.method = conn->request.method;
    ex->keep_alive = ex->body_complete = true;
    const char *origin = cors_origin(conn);
    if (origin != NULL)
        exchange_add_field(ex, (http_field){SLICE_LITERAL("origin"), slice_of(origin)});
    list_push(&conn->owed, &ex->link);
    conn->owed_count++;
    conn->server->busy_count++;
    conn_go_on(conn);
    return ex;
}

static http_exchange *pop(http_exchange *conn)
{
    conn->owed_count--;
    return container_of(list_pop(&conn->owed), http_exchange, link);
}

/* Moves the answers that are due to `out`. True if the connection ends with them. */
static bool gather(http_exchange *conn, buf *out)
{
    bool last = false;
    while (!last && !list_is_empty(&conn->owed)) {
        http_exchange *ex = container_of(list_first(&conn->owed), http_exchange, link);
        if (!is_answered(ex))
            break;
        pop(conn);
        last = !ex->keep_alive;
        if (out->data == NULL) {
            *out = ex->out;
        } else {
            buf_append(out, buf_slice(&ex->out));
            buf_free(&ex->out);
        }
        free(ex->fields);
        free(ex);
        conn_less_busy(conn->server);
    }
    return last;
}

static void free_paid(void *data)
{
    free(data);
}

void owed_pay(loop_task *task)
{
    http_exchange *conn = container_of(task, http_exchange, pay);
    buf out = {0};
    if (stream_is_pending(conn->stream))
        return;
    bool last = gather(conn, &out);
    if (out.data == NULL)
        return;
    stream_written how = stream_write(conn->stream, buf_slice(&out), free_paid, out.data);
    if (how != STREAM_PENDING)
        buf_free(&out);
    conn->paying = how == STREAM_PENDING;
    conn->unsent = stream_pending_bytes(conn->stream);
    if (last || how == STREAM_BROKEN)
        conn_close(conn);
    else if (conn->paying)
        conn_expect(conn, CONN_TIMEOUT_WRITE);
    else
        conn_paid(conn);
}

void owed_answered(http_exchange *ex)
{
    ex->state = CONN_WRITING;
    ex->on_abort = NULL;
    loop_at_turn_end(ex->server->loop, &ex->creditor->pay);
}

bool owed_is_last(const http_exchange *ex)
{
    const http_exchange *conn = ex->creditor;
    return conn->state == CONN_IDLE && conn->ahead.len == 0 &&
           list_next(&conn->owed, &ex->link) == NULL;
}

void owed_forget(http_exchange *conn)
{
    while (!list_is_empty(&conn->owed)) {
        http_exchange *ex = pop(conn);
        conn_less_busy(conn->server);
        if (ex->on_abort != NULL)
            ex->on_abort(ex->abort_arg);
        loop_free_later(conn->server->loop, ex->out.data);
        loop_free_later(conn->server->loop, ex->fields);
        loop_free_later(conn->server->loop, ex);
    }
}
