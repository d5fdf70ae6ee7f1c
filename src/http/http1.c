/* The happy path, in order: on_read puts bytes behind what is ahead; conn_advance takes a head from
 * it (take_head: found, checked raw, parsed), finds the route (begin_request), takes the body
 * (take_body), and calls the handler. The handler answers, at once or later: conn_answered writes,
 * and when it is written the next request is looked at.
 *
 * Failure. What is wrong with a request is answered where it is seen, with the connection's end. A
 * peer that goes away while its request is being handled is told to the handler (on_abort).
 * Time-outs are found by one timer that looks at the heads of four lists once a second.
 *
 * Close. conn_close in any state: the exchange is aborted if a handler has it, the stream is closed
 * (what is written is still sent), the memory goes at the end of the turn.
 */
#include "http/http1.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "http/head.h"
#include "http/inside.h"

#define SWEEP_MS 1000

static int on_url(llhttp_t *parser, const char *at, size_t len);
static int on_field(llhttp_t *parser, const char *at, size_t len);
static int on_value(llhttp_t *parser, const char *at, size_t len);
static int on_headers_complete(llhttp_t *parser);
static int on_body(llhttp_t *parser, const char *at, size_t len);
static int on_message_complete(llhttp_t *parser);

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* A request is being read or answered: what draining waits for. */
static bool is_busy(conn_state state)
{
    return state == CONN_BODY || state == CONN_HANDLING || state == CONN_WRITING;
}

static void set_state(http_exchange *conn, conn_state to)
{
    static const unsigned next[] = {
        [CONN_IDLE] = 1u << CONN_HEAD | 1u << CONN_CLOSED,
        [CONN_HEAD] = 1u << CONN_BODY | 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_BODY] = 1u << CONN_HANDLING | 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_HANDLING] = 1u << CONN_WRITING | 1u << CONN_CLOSED,
        [CONN_WRITING] = 1u << CONN_IDLE | 1u << CONN_CLOSED,
        [CONN_CLOSED] = 0,
    };
    must(next[conn->state] & 1u << to);
    http_server *server = conn->server;
    server->busy_count += is_busy(to);
    server->busy_count -= is_busy((conn_state)conn->state);
    conn->state = (uint8_t)to;
    if (server->draining && server->busy_count == 0)
        loop_at_turn_end(server->loop, &server->tell_drained);
}

/* ---- time-outs ---- */

static const uint32_t timeout_ms[CONN_TIMEOUTS] = {
    [CONN_TIMEOUT_IDLE] = HTTP_IDLE_TIMEOUT_MS,
    [CONN_TIMEOUT_HEAD] = HTTP_HEAD_TIMEOUT_MS,
    [CONN_TIMEOUT_BODY] = HTTP_BODY_TIMEOUT_MS,
    [CONN_TIMEOUT_WRITE] = HTTP_WRITE_TIMEOUT_MS,
};

static void expect_soon(http_exchange *conn, conn_timeout which)
{
    list_remove(&conn->timeout_link);
    conn->deadline_ms = loop_now_ms(conn->server->loop) + timeout_ms[which];
    list_push(&conn->server->timeouts[which], &conn->timeout_link);
}

/* Answers for the last time on this connection. */
static void refuse(http_exchange *conn, int status, const char *code, const char *detail)
{
    conn->keep_alive = false;
    http_respond_problem(conn, status, code, detail);
}

static void timed_out(http_exchange *conn, conn_timeout which)
{
    switch (which) {
    case CONN_TIMEOUT_HEAD:
        if (conn->state == CONN_IDLE) { /* a new connection on which nothing came */
            conn_close(conn);
            return;
        }
        refuse(conn, 408, "request_timeout",
               "The request's head did not arrive in time; send it again.");
        return;
    case CONN_TIMEOUT_BODY:
        refuse(conn, 408, "request_timeout",
               "The request's body did not arrive in time; send it again.");
        return;
    case CONN_TIMEOUT_IDLE:
    case CONN_TIMEOUT_WRITE:
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

static void on_sweep(uv_timer_t *timer)
{
    http_server *server = timer->data;
    note_date(server);
    for (int i = 0; i < CONN_TIMEOUTS; i++)
        sweep_list(server, (conn_timeout)i);
}

/* ---- parsing ---- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    conn->request.path = (slice){at, len};
    return HPE_OK;
}

/* Fields behind a chunked body are read and dropped: nothing here knows what to do with them, and
 * RFC 9110 (section 6.5.1) forbids treating them as the head's. They may be as long as a head. */
static int pass_trailer(http_exchange *conn, size_t len)
{
    conn->trailer_len += len;
    conn->too_many_fields = conn->trailer_len > HTTP_HEAD_LEN_MAX;
    return conn->too_many_fields ? HPE_USER : HPE_OK;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (conn->state != CONN_HEAD)
        return pass_trailer(conn, len);
    if (conn->field_count == HTTP_FIELDS_MAX) {
        conn->too_many_fields = true;
        return HPE_USER;
    }
    conn->fields[conn->field_count++] = (http_field){{at, len}, {at + len, 0}};
    return HPE_OK;
}

/* The head is parsed in one piece, so each value comes in one piece. */
static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (conn->state != CONN_HEAD)
        return pass_trailer(conn, len);
    conn->fields[conn->field_count - 1].value = (slice){at, len};
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *parser)
{
    http_exchange *conn = parser->data;
    conn->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (len > conn->body_len_max - conn->body.len)
        return HPE_USER;
    buf_append(&conn->body, (slice){at, len});
    return HPE_OK;
}

static int on_message_complete(llhttp_t *parser)
{
    http_exchange *conn = parser->data;
    conn->body_complete = true;
    return HPE_PAUSED;
}

/* ---- the head ---- */

static void begin_message(http_exchange *conn)
{
    set_state(conn, CONN_HEAD);
    llhttp_init(&conn->parser, HTTP_REQUEST, &settings);
    conn->parser.data = conn;
    conn->head.len = conn->body.len = conn->out.len = 0;
    conn->request = (http_request){0};
    conn->route = NULL;
    conn->body_len_max = conn->server->options.body_len_max;
    conn->field_count = conn->trailer_len = 0;
    conn->on_abort = NULL;
    conn->keep_alive = conn->body_wanted = conn->body_complete = conn->too_many_fields = false;
}

static void drop_ahead(http_exchange *conn, size_t len)
{
    conn->ahead.len -= len;
    memmove(conn->ahead.data, conn->ahead.data + len, conn->ahead.len);
    conn->searched = 0;
}

static void too_many_fields(http_exchange *conn)
{
    refuse(conn, 431, "headers_too_large", "The request has too many header fields.");
}

/* Path and query of the target: in origin form, or in absolute form for a proxy's sake (RFC 9112,
 * section 3.2). */
static bool split_target(http_request *request)
{
    slice target = request->path;
    if (target.len >= 7 && memcmp(target.data, "http://", 7) == 0) {
        const char *slash = memchr(target.data + 7, '/', target.len - 7);
        if (slash == NULL)
            return false;
        target = (slice){slash, target.len - (size_t)(slash - target.data)};
    }
    bool asterisk = request->method == HTTP_OPTIONS && slice_equal(target, SLICE_LITERAL("*"));
    if (!asterisk && (target.len == 0 || target.data[0] != '/'))
        return false;
    const char *mark = memchr(target.data, '?', target.len);
    request->path = target;
    if (mark != NULL) {
        request->path.len = (size_t)(mark - target.data);
        request->query = (slice){mark + 1, target.len - request->path.len - 1};
    }
    return true;
}

/* Why the parsed head is not acceptable, or NULL. */
static const char *check_parsed(http_exchange *conn)
{
    const llhttp_t *p = &conn->parser;
    if (p->http_major != 1 || p->http_minor > 1)
        return "The HTTP version is not 1.0 or 1.1.";
    slice coding = http_header(conn, "transfer-encoding");
    if (coding.data != NULL &&
        (p->http_minor == 0 || http_header(conn, "content-length").data != NULL ||
         !(coding.len == 7 && strncasecmp(coding.data, "chunked", 7) == 0)))
        return "Transfer-Encoding must be chunked, alone, and without Content-Length.";
    conn->request.method = (llhttp_method_t)p->method;
    conn->request.http_1_0 = p->http_minor == 0;
    if (p->method == HTTP_CONNECT || !split_target(&conn->request))
        return "The request target must begin with a slash.";
    return NULL;
}

/* Takes the head, if it is whole, out of what is ahead, and parses it. False: not yet, or it has
 * been refused. */
static bool take_head(http_exchange *conn)
{
    size_t len = head_len(buf_slice(&conn->ahead), conn->searched);
    if (len == 0 && conn->ahead.len <= HTTP_HEAD_LEN_MAX) {
        conn->searched = conn->ahead.len;
        return false;
    }
    if (len == 0 || len > HTTP_HEAD_LEN_MAX) {
        refuse(conn, 431, "headers_too_large",
               "The request's head is over 16 KiB; send less in it.");
        return false;
    }
    buf_append(&conn->head, (slice){conn->ahead.data, len});
    drop_ahead(conn, len);
    const char *wrong = head_check(buf_slice(&conn->head));
    if (wrong == NULL) {
        llhttp_errno_t e = llhttp_execute(&conn->parser, conn->head.data, conn->head.len);
        if (conn->too_many_fields) {
            too_many_fields(conn);
            return false;
        }
        if (e != HPE_OK && e != HPE_PAUSED && e != HPE_PAUSED_UPGRADE)
            wrong = llhttp_get_error_reason(&conn->parser);
        else
            wrong = check_parsed(conn);
    }
    if (wrong == NULL)
        return true;
    char detail[160];
    int n = snprintf(detail, sizeof(detail), "The request is not well-formed HTTP: %s", wrong);
    must(n > 0);
    refuse(conn, 400, "bad_request", detail);
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
    refuse(conn, 413, "too_large", "The body is larger than is taken here; send less at once.");
}

/* An expectation that is kept, or refused (RFC 9110, section 10.1.1). */
static bool meet_expectation(http_exchange *conn)
{
    slice expect = http_header(conn, "expect");
    if (expect.data == NULL || conn->request.http_1_0)
        return true;
    if (expect.len != 12 || strncasecmp(expect.data, "100-continue", 12) != 0) {
        refuse(conn, 417, "bad_request", "The only expectation that is met is 100-continue.");
        return false;
    }
    if (!conn->body_complete && conn->ahead.len == 0)
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

/* Answers that the server is ending, where the route does not go on answering. */
static bool is_refused_for_draining(http_exchange *conn)
{
    if (!conn->server->draining || (conn->route != NULL && conn->route->while_draining))
        return false;
    refuse(conn, 503, "draining", "The server is ending; connect again for another one.");
    return true;
}

/* The head is there: who is to answer, and may the body come? */
static void begin_request(http_exchange *conn)
{
    set_state(conn, CONN_BODY);
    expect_soon(conn, CONN_TIMEOUT_BODY);
    const http_route *route = NULL;
    if (router_find(&conn->server->router, conn->request.method, conn->request.path, &route,
                    conn->request.params) == ROUTE_FOUND)
        conn->route = route;
    conn->body_wanted = route != NULL && route->body == HTTP_BODY_WANTED;
    if (!conn->body_wanted)
        conn->body_len_max = HTTP_BODY_IGNORED_MAX;
    if (is_refused_for_draining(conn))
        return;
    if (route != NULL && route->check != NULL && !route->check(conn->server->options.ctx, conn))
        return;
    if (announces_too_much(conn)) {
        too_large(conn);
        return;
    }
    if (meet_expectation(conn) && conn->body_complete)
        handle(conn);
}

/* Feeds what is ahead to the parser as body. */
static void take_body(http_exchange *conn)
{
    if (conn->ahead.len == 0)
        return;
    expect_soon(conn, CONN_TIMEOUT_BODY);
    llhttp_errno_t e = llhttp_execute(&conn->parser, conn->ahead.data, conn->ahead.len);
    if (e == HPE_OK) {
        conn->ahead.len = 0;
        conn->searched = 0;
    } else if (conn->body_complete) {
        drop_ahead(conn, (size_t)(llhttp_get_error_pos(&conn->parser) - conn->ahead.data));
        handle(conn);
    } else if (e == HPE_USER && conn->too_many_fields) {
        too_many_fields(conn);
    } else if (e == HPE_USER) {
        too_large(conn);
    } else {
        refuse(conn, 400, "bad_request", "The body is not framed as HTTP frames it.");
    }
}

/* ---- the connection ---- */

/* A request may follow, and the answer to the last one has gone. */
static void become_idle(http_exchange *conn)
{
    http_server *server = conn->server;
    set_state(conn, CONN_IDLE);
    if (!conn->keep_alive || (conn->peer_ended && conn->ahead.len == 0) ||
        (server->draining && conn->ahead.len == 0)) {
        conn_close(conn);
        return;
    }
    buf *kept[] = {&conn->head, &conn->body, &conn->out};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (kept[i]->cap > HTTP_KEPT_LEN_MAX)
            buf_free(kept[i]);
    expect_soon(conn, CONN_TIMEOUT_IDLE);
}

/* Does one step with what is ahead. */
static void step(http_exchange *conn)
{
    if (conn->state == CONN_IDLE) {
        drop_ahead(conn, head_leading_lines(buf_slice(&conn->ahead)));
        bool half_a_line = conn->ahead.len == 1 && conn->ahead.data[0] == '\r';
        if (conn->ahead.len == 0 || half_a_line)
            return;
        begin_message(conn);
        expect_soon(conn, CONN_TIMEOUT_HEAD);
    } else if (conn->state == CONN_HEAD) {
        if (take_head(conn))
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
    for (;;) {
        conn_state before = (conn_state)conn->state;
        size_t len = conn->ahead.len;
        step(conn);
        if (conn->state == CONN_CLOSED)
            return;
        if ((conn->state == before && conn->ahead.len == len) || conn->state > CONN_BODY)
            break;
    }
    conn->reading_ahead = false;
    if (conn->peer_ended && conn->state < CONN_HANDLING) {
        conn_close(conn);
        return;
    }
    if (conn->ahead.len >= HTTP_AHEAD_LEN_MAX && conn->state >= CONN_HANDLING)
        stream_read_stop(conn->stream);
    else
        stream_read_start(conn->stream);
}

static void on_read(void *owner, slice bytes)
{
    http_exchange *conn = owner;
    buf_append(&conn->ahead, bytes);
    conn_advance(conn);
}

static void on_end(void *owner)
{
    http_exchange *conn = owner;
    conn->peer_ended = true;
    if (conn->state < CONN_HANDLING || stream_is_broken(conn->stream))
        conn_close(conn);
}

/* What is pending when the connection has gone is still sent, and freed then. */
static void free_sent(void *arg)
{
    free(arg);
}

static void send_answer(http_exchange *conn)
{
    switch (stream_write(conn->stream, buf_slice(&conn->out), free_sent, conn->out.data)) {
    case STREAM_WRITTEN:
        become_idle(conn);
        return;
    case STREAM_PENDING:
        conn->out = (buf){0};
        return;
    case STREAM_BROKEN:
        conn_close(conn);
        return;
    }
}

/* What was written before has been taken: a 100 Continue, or an answer. */
static void on_drain(void *owner)
{
    http_exchange *conn = owner;
    if (conn->state != CONN_WRITING)
        return;
    if (conn->out.len > 0)
        send_answer(conn);
    else
        become_idle(conn);
    if (conn->state == CONN_IDLE)
        conn_advance(conn);
}

static const stream_owner_ops owner_ops = {on_read, on_end, on_drain};

void conn_answered(http_exchange *conn)
{
    set_state(conn, CONN_WRITING);
    expect_soon(conn, CONN_TIMEOUT_WRITE);
    conn->on_abort = NULL;
    if (stream_is_pending(conn->stream))
        return; /* behind a 100 Continue */
    send_answer(conn);
    if (conn->state == CONN_IDLE && !conn->reading_ahead)
        conn_advance(conn);
}

/* Takes the connection from all lists. Its memory, and what its request's slices point to, goes at
 * the end of the turn. */
static void forget(http_exchange *conn)
{
    http_server *server = conn->server;
    set_state(conn, CONN_CLOSED);
    list_remove(&conn->link);
    list_remove(&conn->timeout_link);
    server->conn_count--;
    loop_free_later(server->loop, conn->head.data);
    loop_free_later(server->loop, conn->body.data);
    loop_free_later(server->loop, conn->ahead.data);
    loop_free_later(server->loop, conn->out.data);
    loop_free_later(server->loop, conn);
}

void conn_close(http_exchange *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    bool handling = conn->state == CONN_HANDLING;
    forget(conn);
    stream_close(conn->stream);
    if (handling && conn->on_abort != NULL)
        conn->on_abort(conn->abort_arg);
}

stream *conn_hand_over(http_exchange *conn)
{
    forget(conn);
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
    for (int i = 0; i < CONN_TIMEOUTS; i++)
        list_init(&server->timeouts[i]);
    loop_task_init(&server->tell_drained, tell_drained);
    server->sweep = malloc(sizeof(*server->sweep));
    must(server->sweep != NULL && uv_timer_init(loop_uv(l), server->sweep) == 0);
    server->sweep->data = server;
    must(uv_timer_start(server->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    uv_unref((uv_handle_t *)server->sweep);
    note_date(server);
    return server;
}

void http_server_take(void *taker, stream *s)
{
    http_server *server = taker;
    http_exchange *conn = calloc(1, sizeof(*conn));
    must(conn != NULL);
    conn->server = server;
    conn->stream = s;
    list_push(&server->conns, &conn->link);
    server->conn_count++;
    stream_set_owner(s, &owner_ops, conn);
    expect_soon(conn, CONN_TIMEOUT_HEAD);
    stream_read_start(s);
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
        if (conn->state == CONN_IDLE)
            conn_close(conn);
    }
    if (server->busy_count == 0)
        loop_at_turn_end(server->loop, &server->tell_drained);
}

void http_server_close(http_server *server)
{
    while (!list_is_empty(&server->conns))
        conn_close(container_of(list_first(&server->conns), http_exchange, link));
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
