/* The happy path, in order: on_read puts bytes behind what is ahead; conn_advance takes a head from
 * it (take_head: found, checked raw, parsed), finds the route (begin_request), takes the body
 * (take_body), and calls the handler. The handler answers, at once or later: conn_answered writes,
 * and when it is written the next request is looked at; if the answer came later, at the end of the
 * turn, so that nobody who answers finds a handler running inside. An answer in pieces is asked for
 * piece by piece (go_on, http_respond_piece) as the peer takes them. One that is long in coming is
 * waited for by something smaller (waiting.c); one that is owed does not keep the next request from
 * being handled (owed.c).
 *
 * Failure. What is wrong with a request is answered where it is seen, with the connection's end. A
 * peer that goes away while its request is being handled is told to the handler (on_abort).
 * Time-outs are in timeouts.c.
 *
 * Close. conn_close in any state: the exchange is aborted if a handler has it, the stream is closed
 * (what is written is still sent), the memory goes at the end of the turn.
 */
#include "http/http1.h"

#include <stdio.h>
#include <strings.h>

#include "http/head.h"
#include "http/inside.h"

#define SWEEP_MS 1000

/* A request is being read or answered: what draining waits for. */
static bool is_busy(conn_state state)
{
    return state >= CONN_BODY && state <= CONN_WRITING;
}

static void look_whether_drained(http_server *server)
{
    if (server->draining && server->busy_count == 0)
        loop_at_turn_end(server->loop, &server->tell_drained);
}

static void set_state(http_exchange *conn, conn_state to)
{
    static const unsigned next[] = {
        [CONN_IDLE] = 1u << CONN_HEAD | 1u << CONN_HANDLING | 1u << CONN_CLOSED,
        [CONN_HEAD] = 1u << CONN_HELD | 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_HELD] = 1u << CONN_BODY | 1u << CONN_CLOSED,
        [CONN_BODY] = 1u << CONN_HANDLING | 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_HANDLING] =
            1u << CONN_IDLE | 1u << CONN_SENDING | 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_SENDING] = 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_WRITING] = 1u << CONN_IDLE | 1u << CONN_CLOSED,
        [CONN_CLOSED] = 0,
    };
    must(next[conn->state] & 1u << to);
    http_server *server = conn->server;
    server->busy_count += is_busy(to);
    server->busy_count -= is_busy((conn_state)conn->state);
    conn->state = (uint8_t)to;
    look_whether_drained(server);
}

void conn_less_busy(http_server *server)
{
    server->busy_count--;
    look_whether_drained(server);
}

void conn_refuse(http_exchange *conn, int status, const char *code, const char *detail)
{
    conn->keep_alive = false;
    http_respond_problem(conn, status, code, detail);
}

static void on_sweep(uv_timer_t *timer)
{
    http_server_sweep(timer->data);
}

/* ---- the head ---- */

static void begin_message(http_exchange *conn)
{
    set_state(conn, CONN_HEAD);
    parse_begin(conn);
    conn->head.len = conn->body.len = conn->out.len = 0;
    conn->route = NULL;
    conn->body_len_max = conn->server->options.body_len_max;
    conn->trailer_len = 0;
    conn->on_abort = NULL;
    conn->keep_alive = conn->body_wanted = conn->body_complete = false;
    conn->too_many_fields = conn->body_too_large = false;
}

static void drop_ahead(http_exchange *conn, size_t len)
{
    conn->ahead_at += len;
    conn->searched = 0;
    if (conn->ahead_at == conn->ahead.len)
        conn->ahead_at = conn->ahead.len = 0;
}

static void add_ahead(http_exchange *conn, slice bytes)
{
    slice rest = conn_ahead(conn);
    if (conn->ahead_at > 0) {
        memmove(conn->ahead.data, rest.data, rest.len);
        conn->ahead.len = rest.len;
        conn->ahead_at = 0;
    }
    buf_append(&conn->ahead, bytes);
}

static void too_many_fields(http_exchange *conn)
{
    conn_refuse(conn, 431, "headers_too_large", "The request has too many header fields.");
}

/* Takes the head, if it is whole, out of what is ahead, and parses it. False: not yet, or it has
 * been refused. */
static bool take_head(http_exchange *conn)
{
    slice ahead = conn_ahead(conn);
    size_t len = head_len(ahead, conn->searched);
    if (len == 0 && ahead.len <= HTTP_HEAD_LEN_MAX) {
        conn->searched = ahead.len;
        return false;
    }
    if (len == 0 || len > HTTP_HEAD_LEN_MAX) {
        conn_refuse(conn, 431, "headers_too_large",
                    "The request's head is over 16 KiB; send less in it.");
        return false;
    }
    buf_append(&conn->head, (slice){ahead.data, len});
    drop_ahead(conn, len);
    const char *wrong = parse_head(conn);
    if (conn->too_many_fields)
        too_many_fields(conn);
    if (conn->too_many_fields || wrong == NULL)
        return !conn->too_many_fields;
    char detail[160];
    int n = snprintf(detail, sizeof(detail), "The request is not well-formed HTTP: %s", wrong);
    must(n > 0);
    conn_refuse(conn, 400, "bad_request", detail);
    return false;
}

/* ---- the request ---- */

/* Content-Length, as llhttp has checked it; 0 for a chunked body. */
static bool announces_too_much(const http_exchange *conn)
{
    return conn->parser.content_length > conn->body_len_max;
}

static void too_large(http_exchange *conn)
{
    conn_refuse(conn, 413, "too_large",
                "The body is larger than is taken here; send less at once.");
}

static bool expects(const http_exchange *conn)
{
    return http_header(conn, "expect").data != NULL && !conn->request.http_1_0;
}

/* An expectation that is kept, or refused (RFC 9110, section 10.1.1). */
static bool meet_expectation(http_exchange *conn)
{
    if (!expects(conn))
        return true;
    slice expect = http_header(conn, "expect");
    if (expect.len != 12 || strncasecmp(expect.data, "100-continue", 12) != 0) {
        conn_refuse(conn, 417, "bad_request", "The only expectation that is met is 100-continue.");
        return false;
    }
    if (!conn->body_complete && conn->body_wanted && conn->ahead.len == 0)
        stream_write_copy(conn->stream, SLICE_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"));
    return true;
}

static void handle(http_exchange *conn)
{
    list_remove(&conn->timeout_link);
    set_state(conn, CONN_HANDLING);
    conn->request.body = buf_slice(&conn->body);
    route_match match = ROUTE_FOUND;
    if (conn->route == NULL) {
        slice params[HTTP_PARAMS_MAX];
        const http_route *route;
        match = router_find(&conn->server->router, conn->request.method, conn->request.path, &route,
                            params);
        respond_unrouted(conn, match);
        return;
    }
    conn->route->handle(conn->server->options.ctx, conn);
}

/* Answers that the server is ending, or has too many connections, where the route does not go on
 * answering. */
static bool is_refused(http_exchange *conn)
{
    if (conn->route != NULL && conn->route->while_draining)
        return false;
    http_field retry = {SLICE_LITERAL("Retry-After"), SLICE_LITERAL(HTTP_BEYOND_RETRY_S)};
    if (conn->server->draining) {
        conn_refuse(conn, 503, "draining", "The server is ending; connect again for another one.");
    } else if (conn->beyond) {
        conn->keep_alive = false;
        http_respond_problem_with(conn, 503, "overloaded",
                                  "The server has as many connections as it may; try again later.",
                                  &retry, 1);
    }
    return conn->server->draining || conn->beyond;
}

/* The head is there: who is to answer? */
static void find_route(http_exchange *conn)
{
    const http_route *route = NULL;
    if (router_find(&conn->server->router, conn->request.method, conn->request.path, &route,
                    conn->request.params) == ROUTE_FOUND)
        conn->route = route;
    set_state(conn, CONN_HELD);
    list_remove(&conn->timeout_link);
}

/* The request must wait until the answers before its own have been written. */
static bool is_held(const http_exchange *conn)
{
    if (list_is_empty(&conn->owed))
        return false;
    return conn->route == NULL || conn->route->body != HTTP_BODY_TAKEN || !conn->keep_alive ||
           conn->request.http_1_0 || expects(conn) || conn->owed_count == HTTP_OWED_MAX;
}

/* May the body come? */
static void begin_request(http_exchange *conn)
{
    const http_route *route = conn->route;
    set_state(conn, CONN_BODY);
    conn_expect(conn, CONN_TIMEOUT_BODY);
    conn->body_wanted = route != NULL && route->body != HTTP_BODY_NONE;
    if (!conn->body_wanted)
        conn->body_len_max = HTTP_BODY_IGNORED_MAX;
    if (is_refused(conn))
        return;
    if (route != NULL && route->check != NULL && !route->check(conn->server->options.ctx, conn))
        return;
    if (announces_too_much(conn) && route != NULL) {
        too_large(conn);
        return;
    }
    if (!meet_expectation(conn))
        return;
    /* A body that nobody wants is not asked for, and not waited for when it is long. */
    if (conn->body_complete || (!conn->body_wanted && (expects(conn) || announces_too_much(conn))))
        handle(conn);
}

/* Feeds what is ahead to the parser as body. */
static void take_body(http_exchange *conn)
{
    slice ahead = conn_ahead(conn);
    if (ahead.len == 0)
        return;
    conn_expect(conn, CONN_TIMEOUT_BODY);
    drop_ahead(conn, parse_body(conn, ahead));
    if (conn->body_complete)
        handle(conn);
    else if (conn->too_many_fields)
        too_many_fields(conn);
    else if (conn->body_too_large)
        too_large(conn);
    else if (llhttp_get_errno(&conn->parser) != HPE_OK)
        conn_refuse(conn, 400, "bad_request", "The body is not framed as HTTP frames it.");
}

/* ---- the connection ---- */

static void free_joined(http_exchange *conn)
{
    while (conn->joined != NULL) {
        joined_value *joined = conn->joined;
        conn->joined = joined->next;
        free(joined);
    }
}

/* A request may follow, and all answers have gone. */
static void rest(http_exchange *conn)
{
    http_server *server = conn->server;
    if (!conn->keep_alive || (conn->peer_ended && conn->ahead.len == 0) ||
        (server->draining && conn->ahead.len == 0)) {
        conn_close(conn);
        return;
    }
    buf *kept[] = {&conn->head, &conn->body, &conn->out, &conn->ahead};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (kept[i]->cap > HTTP_KEPT_LEN_MAX && (kept[i] != &conn->ahead || conn->ahead.len == 0))
            buf_free(kept[i]);
    conn_expect(conn, CONN_TIMEOUT_IDLE);
}

static void become_idle(http_exchange *conn)
{
    set_state(conn, CONN_IDLE);
    free_joined(conn);
    rest(conn);
}

/* Does one step with what is ahead. */
static void step(http_exchange *conn)
{
    if (conn->state == CONN_IDLE) {
        drop_ahead(conn, head_leading_lines(conn_ahead(conn)));
        slice ahead = conn_ahead(conn);
        if (ahead.len == 0 || (ahead.len == 1 && ahead.data[0] == '\r'))
            return;
        begin_message(conn);
        conn_expect(conn, CONN_TIMEOUT_HEAD);
    } else if (conn->state == CONN_HEAD) {
        if (take_head(conn))
            find_route(conn);
    } else if (conn->state == CONN_HELD) {
        if (!is_held(conn))
            begin_request(conn);
    } else if (conn->state == CONN_BODY) {
        take_body(conn);
    }
}

/* Goes as far as what is ahead leads. Answers given on the way come back here through
 * conn_answered, which then does not begin again. */
static void conn_advance(http_exchange *conn)
{
    conn->reading_ahead = true;
    while (!conn->paying) {
        conn_state before = (conn_state)conn->state;
        size_t len = conn_ahead(conn).len;
        step(conn);
        if (conn->state == CONN_CLOSED)
            return;
        if ((conn->state == before && conn_ahead(conn).len == len) || conn->state > CONN_BODY)
            break;
    }
    conn->reading_ahead = false;
    if (conn->peer_ended && conn->state < CONN_HANDLING && list_is_empty(&conn->owed)) {
        conn_close(conn);
        return;
    }
    bool waits = conn->state >= CONN_HANDLING || conn->state == CONN_HELD || conn->paying;
    if (conn_ahead(conn).len >= HTTP_AHEAD_LEN_MAX && waits)
        stream_read_stop(conn->stream);
    else
        stream_read_start(conn->stream);
}

static void on_read(void *owner, slice bytes)
{
    http_exchange *conn = owner;
    add_ahead(conn, bytes);
    conn_advance(conn);
}

/* A later turn's end: the answer has room for its next piece, or the next request is ahead. */
static void go_on(loop_task *task)
{
    http_exchange *conn = container_of(task, http_exchange, go_on);
    if (conn->state == CONN_SENDING)
        conn->on_room(conn->room_arg);
    else
        conn_advance(conn);
}

static void on_end(void *owner)
{
    http_exchange *conn = owner;
    conn->peer_ended = true;
    bool nothing_owed = conn->state < CONN_HANDLING && list_is_empty(&conn->owed);
    if (nothing_owed || stream_is_broken(conn->stream))
        conn_close(conn);
    else if (conn->state == CONN_HANDLING && conn->on_abort != NULL &&
             (conn->request.method == HTTP_GET || conn->request.method == HTTP_HEAD))
        conn_expect(conn, CONN_TIMEOUT_ENDED);
}

/* ---- answers ---- */

/* What is pending when the connection has gone is still sent, and freed then. */
static void free_sent(void *arg)
{
    free(arg);
}

/* All that was written so far has been taken. */
static void taken(http_exchange *conn)
{
    conn->out.len = 0;
    if (conn->state == CONN_SENDING && conn->body_left > 0) {
        loop_at_turn_end(conn->server->loop, &conn->go_on);
        return;
    }
    if (conn->state == CONN_SENDING)
        set_state(conn, CONN_WRITING);
    become_idle(conn);
}

static void written(http_exchange *conn, stream_written how)
{
    switch (how) {
    case STREAM_WRITTEN:
        taken(conn);
        return;
    case STREAM_PENDING:
        conn->unsent = stream_pending_bytes(conn->stream);
        return;
    case STREAM_BROKEN:
        if (conn->state == CONN_WRITING)
            conn_close(conn);
        return; /* while it is sent in pieces, on_end follows, and the handler is told then */
    }
}

static void send_out(http_exchange *conn)
{
    stream_written how =
        stream_write(conn->stream, buf_slice(&conn->out), free_sent, conn->out.data);
    if (how == STREAM_PENDING)
        conn->out = (buf){0};
    written(conn, how);
}

/* Waits again for what was waited for before answers were pending. */
static void expect_again(http_exchange *conn)
{
    list_remove(&conn->timeout_link);
    if (conn->state == CONN_HEAD)
        conn_expect(conn, CONN_TIMEOUT_HEAD);
    else if (conn->state == CONN_BODY)
        conn_expect(conn, CONN_TIMEOUT_BODY);
    else if (conn->state == CONN_WRITING)
        conn_expect(conn, CONN_TIMEOUT_WRITE);
}

/* Something may be ahead that could not be looked at before. */
static void look_again_later(http_exchange *conn)
{
    bool ahead = conn->ahead.len > 0 || conn->state == CONN_HELD || conn->peer_ended;
    if (ahead && conn->state < CONN_HANDLING)
        loop_at_turn_end(conn->server->loop, &conn->go_on);
}

/* Answers that were owed have been taken. */
static void on_paid(http_exchange *conn)
{
    conn->paying = false;
    expect_again(conn);
    loop_at_turn_end(conn->server->loop, &conn->pay);
    conn_paid(conn);
}

/* What was written before has been taken: a 100 Continue, an answer, or a piece of one. */
static void on_drain(void *owner)
{
    http_exchange *conn = owner;
    if (conn->paying) {
        on_paid(conn);
        return;
    }
    if (conn->state < CONN_SENDING)
        return;
    if (conn->out.len > 0)
        send_out(conn);
    else
        taken(conn);
    if (conn->state == CONN_IDLE)
        conn_advance(conn);
}

static const stream_owner_ops owner_ops = {
    .on_read = on_read, .on_end = on_end, .on_drain = on_drain};

/* The answer is complete, unless it is pending. */
static void look_ahead_later(http_exchange *conn)
{
    if (conn->state == CONN_IDLE && !conn->reading_ahead && conn->ahead.len > 0)
        loop_at_turn_end(conn->server->loop, &conn->go_on);
}

void conn_go_on(http_exchange *conn)
{
    set_state(conn, CONN_IDLE);
}

void conn_paid(http_exchange *conn)
{
    bool all = list_is_empty(&conn->owed);
    if (all && conn->state == CONN_WRITING)
        send_out(conn);
    else if (all && conn->state == CONN_IDLE)
        rest(conn);
    look_again_later(conn);
}

void conn_answered(http_exchange *conn)
{
    if (conn->creditor != NULL) {
        owed_answered(conn);
        return;
    }
    set_state(conn, CONN_WRITING);
    conn_expect(conn, CONN_TIMEOUT_WRITE);
    conn->on_abort = NULL;
    conn->unsent = SIZE_MAX;
    if (stream_is_pending(conn->stream) || !list_is_empty(&conn->owed))
        return; /* behind a 100 Continue, or answers that are owed */
    send_out(conn);
    look_ahead_later(conn);
}

void conn_begin_body(http_exchange *conn, uint64_t body_left)
{
    set_state(conn, CONN_SENDING);
    conn_expect(conn, CONN_TIMEOUT_WRITE);
    conn->unsent = SIZE_MAX;
    conn->body_left = body_left;
    if (!stream_is_pending(conn->stream))
        send_out(conn);
}

/* The exchange ends with this when nothing is left, whatever becomes of the connection. */
static void go_on_with_body(http_exchange *conn, uint64_t body_left)
{
    conn_expect(conn, CONN_TIMEOUT_WRITE);
    conn->body_left = body_left;
    if (body_left == 0)
        conn->on_abort = NULL;
}

/* One chunk (RFC 9112, section 7.1), or for HTTP/1.0 the piece as it is. */
static void append_piece(http_exchange *conn, slice piece)
{
    char size[20];
    int size_len = snprintf(size, sizeof(size), "%zx\r\n", piece.len);
    must(size_len > 0);
    if (!conn->request.http_1_0)
        buf_append(&conn->out, (slice){size, (size_t)size_len});
    buf_append(&conn->out, piece);
    if (!conn->request.http_1_0)
        buf_append(&conn->out, SLICE_LITERAL("\r\n"));
}

void http_respond_piece(http_exchange *conn, slice piece)
{
    must(conn->state == CONN_SENDING && piece.len > 0 && piece.len <= conn->body_left);
    if (conn->body_left == HTTP_LEN_UNKNOWN) {
        go_on_with_body(conn, HTTP_LEN_UNKNOWN);
        append_piece(conn, piece);
        send_out(conn);
        return;
    }
    go_on_with_body(conn, conn->body_left - piece.len);
    written(conn, stream_write_copy(conn->stream, piece));
    look_ahead_later(conn);
}

void http_respond_end(http_exchange *conn)
{
    must(conn->state == CONN_SENDING && conn->body_left == HTTP_LEN_UNKNOWN);
    go_on_with_body(conn, 0);
    if (conn->request.http_1_0) {
        taken(conn);
        return;
    }
    buf_append(&conn->out, SLICE_LITERAL("0\r\n\r\n"));
    send_out(conn);
    look_ahead_later(conn);
}

void http_respond_cut(http_exchange *conn)
{
    must(conn->state == CONN_SENDING);
    conn->on_abort = NULL;
    stream_abort(conn->stream);
    conn_close(conn);
}

/* Takes the connection from all lists. Its memory, and what its request's slices point to, goes at
 * the end of the turn. */
static void forget(http_exchange *conn)
{
    http_server *server = conn->server;
    set_state(conn, CONN_CLOSED);
    list_remove(&conn->link);
    list_remove(&conn->timeout_link);
    loop_forget(&conn->go_on);
    loop_forget(&conn->pay);
    server->conn_count--;
    for (joined_value *joined = conn->joined; joined != NULL; joined = joined->next)
        loop_free_later(server->loop, joined);
    loop_free_later(server->loop, conn->head.data);
    loop_free_later(server->loop, conn->body.data);
    loop_free_later(server->loop, conn->ahead.data);
    loop_free_later(server->loop, conn->out.data);
    loop_free_later(server->loop, conn->fields);
    loop_free_later(server->loop, conn);
}

void conn_close(http_exchange *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    bool handling = conn->state == CONN_HANDLING || conn->state == CONN_SENDING;
    forget(conn);
    stream_close(conn->stream);
    owed_forget(conn);
    if (handling && conn->on_abort != NULL)
        conn->on_abort(conn->abort_arg);
}

stream *conn_hand_over(http_exchange *conn)
{
    forget(conn);
    stream_read_start(conn->stream);
    return conn->stream;
}

/* ---- the server ---- */

static void tell_drained(loop_task *task)
{
    http_server *server = container_of(task, http_server, tell_drained);
    void (*drained)(void *arg) = server->drained;
    server->drained = NULL;
    if (drained != NULL)
        drained(server->drained_arg);
}

http_server *http_server_new(loop *l, const http_options *options)
{
    http_server *server = calloc(1, sizeof(*server));
    must(server != NULL);
    server->loop = l;
    server->options = *options;
    server->router = (router){options->routes, options->route_count};
    list_init(&server->conns);
    list_init(&server->waits);
    list_init(&server->ended_waits);
    for (int i = 0; i < CONN_TIMEOUTS; i++)
        list_init(&server->timeouts[i]);
    loop_task_init(&server->tell_drained, tell_drained);
    server->sweep = malloc(sizeof(*server->sweep));
    must(server->sweep != NULL && uv_timer_init(loop_uv(l), server->sweep) == 0);
    server->sweep->data = server;
    must(uv_timer_start(server->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    uv_unref((uv_handle_t *)server->sweep);
    http_server_sweep(server);
    return server;
}

static http_exchange *conn_new(http_server *server, stream *s)
{
    http_exchange *conn = calloc(1, sizeof(*conn));
    must(conn != NULL);
    conn->server = server;
    conn->stream = s;
    loop_task_init(&conn->go_on, go_on);
    loop_task_init(&conn->pay, owed_pay);
    list_init(&conn->owed);
    list_push(&server->conns, &conn->link);
    server->conn_count++;
    stream_set_owner(s, &owner_ops, conn);
    stream_read_start(s);
    return conn;
}

void http_server_take(void *server, stream *s, bool beyond)
{
    http_exchange *conn = conn_new(server, s);
    conn->beyond = beyond;
    conn_expect(conn, beyond ? CONN_TIMEOUT_ENDED : CONN_TIMEOUT_HEAD);
}

http_exchange *conn_take_back(http_server *server, stream *s, buf ahead)
{
    http_exchange *conn = conn_new(server, s);
    conn->ahead = ahead;
    conn->body_complete = true;
    set_state(conn, CONN_HANDLING);
    return conn;
}

void http_server_drain(http_server *server, void (*drained)(void *arg), void *arg)
{
    server->draining = true;
    server->drain_until_ms = loop_now_ms(server->loop) + HTTP_DRAIN_BODY_MS;
    server->drained = drained;
    server->drained_arg = arg;
    for (list_node *n = list_first(&server->conns), *after; n != NULL; n = after) {
        after = list_next(&server->conns, n);
        http_exchange *conn = container_of(n, http_exchange, link);
        if (conn->state == CONN_IDLE && conn->ahead.len == 0 && list_is_empty(&conn->owed))
            conn_close(conn);
    }
    look_whether_drained(server);
}

void http_server_close(http_server *server)
{
    while (!list_is_empty(&server->conns))
        conn_close(container_of(list_first(&server->conns), http_exchange, link));
    waits_close(server);
}

size_t http_server_count(const http_server *server)
{
    return server->conn_count;
}

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

void http_server_free(http_server *server)
{
    must(server->conn_count == 0);
    loop_forget(&server->tell_drained);
    uv_close((uv_handle_t *)server->sweep, free_timer);
    free(server);
}
