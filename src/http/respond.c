/* Writing answers: the head, the problem, the stream's beginning. */
#include <jansson.h>

#include "http/inside.h"

/* Reason phrases, and the titles of problems (RFC 9110, section 15). */
static slice reason_of(int status)
{
    switch (status) {
    case 101:
        return SLICE_LITERAL("Switching Protocols");
    case 200:
        return SLICE_LITERAL("OK");
    case 201:
        return SLICE_LITERAL("Created");
    case 204:
        return SLICE_LITERAL("No Content");
    case 301:
        return SLICE_LITERAL("Moved Permanently");
    case 304:
        return SLICE_LITERAL("Not Modified");
    case 400:
        return SLICE_LITERAL("Bad Request");
    case 403:
        return SLICE_LITERAL("Forbidden");
    case 404:
        return SLICE_LITERAL("Not Found");
    case 405:
        return SLICE_LITERAL("Method Not Allowed");
    case 406:
        return SLICE_LITERAL("Not Acceptable");
    case 408:
        return SLICE_LITERAL("Request Timeout");
    case 409:
        return SLICE_LITERAL("Conflict");
    case 410:
        return SLICE_LITERAL("Gone");
    case 412:
        return SLICE_LITERAL("Precondition Failed");
    case 413:
        return SLICE_LITERAL("Content Too Large");
    case 415:
        return SLICE_LITERAL("Unsupported Media Type");
    case 417:
        return SLICE_LITERAL("Expectation Failed");
    case 422:
        return SLICE_LITERAL("Unprocessable Content");
    case 426:
        return SLICE_LITERAL("Upgrade Required");
    case 431:
        return SLICE_LITERAL("Request Header Fields Too Large");
    case 500:
        return SLICE_LITERAL("Internal Server Error");
    case 503:
        return SLICE_LITERAL("Service Unavailable");
    case 507:
        return SLICE_LITERAL("Insufficient Storage");
    default:
        return SLICE_LITERAL("Unknown");
    }
}

static void append_field(buf *out, slice name, slice value)
{
    buf_append(out, name);
    buf_append(out, SLICE_LITERAL(": "));
    buf_append(out, value);
    buf_append(out, SLICE_LITERAL("\r\n"));
}

/* Bytes of most answers: their buffer is made large enough at once. */
#define ANSWER_LEN_USUAL 256

/* Everything up to the framing fields, which differ between answers and streams. */
static void append_head(http_exchange *ex, int status, const http_field *fields, size_t count)
{
    buf *out = &ex->out;
    out->len = 0;
    buf_reserve(out, ANSWER_LEN_USUAL);
    buf_append(out, SLICE_LITERAL("HTTP/1.1 "));
    buf_append_uint(out, (uint64_t)status);
    buf_append(out, SLICE_LITERAL(" "));
    buf_append(out, reason_of(status));
    buf_append(out, SLICE_LITERAL("\r\n"));
    append_field(out, SLICE_LITERAL("Date"), slice_of(ex->server->date));
    for (size_t i = 0; i < count; i++)
        append_field(out, fields[i].name, fields[i].value);
    cors_append(ex, out);
}

/* How the connection goes on: HTTP/1.1 says only when it ends, HTTP/1.0 only when it stays. */
static void append_connection(http_exchange *ex)
{
    bool last = ex->creditor != NULL ? owed_is_last(ex) : ex->ahead.len == 0;
    if (!ex->body_complete || ex->beyond || (ex->server->draining && last))
        ex->keep_alive = false;
    if (!ex->keep_alive)
        append_field(&ex->out, SLICE_LITERAL("Connection"), SLICE_LITERAL("close"));
    else if (ex->request.http_1_0)
        append_field(&ex->out, SLICE_LITERAL("Connection"), SLICE_LITERAL("keep-alive"));
}

/* How the end of the body is found. */
static void append_framing(http_exchange *ex, uint64_t body_len)
{
    if (body_len != HTTP_LEN_UNKNOWN) {
        buf_append(&ex->out, SLICE_LITERAL("Content-Length: "));
        buf_append_uint(&ex->out, body_len);
        buf_append(&ex->out, SLICE_LITERAL("\r\n"));
    } else if (!ex->request.http_1_0) {
        append_field(&ex->out, SLICE_LITERAL("Transfer-Encoding"), SLICE_LITERAL("chunked"));
    }
}

/* The whole head of an answer whose body is so long. */
static void append_answer_head(http_exchange *ex, int status, const http_field *fields,
                               size_t field_count, uint64_t body_len)
{
    append_head(ex, status, fields, field_count);
    if (body_len == HTTP_LEN_UNKNOWN && ex->request.http_1_0 && ex->request.method != HTTP_HEAD)
        ex->keep_alive = false;
    append_connection(ex);
    if (status != 204 && status != 304)
        append_framing(ex, body_len);
    buf_append(&ex->out, SLICE_LITERAL("\r\n"));
}

void http_respond(http_exchange *ex, int status, const http_field *fields, size_t field_count,
                  slice body)
{
    append_answer_head(ex, status, fields, field_count, body.len);
    if (status != 204 && status != 304 && ex->request.method != HTTP_HEAD)
        buf_append(&ex->out, body);
    conn_answered(ex);
}

bool http_respond_begin(http_exchange *ex, int status, const http_field *fields, size_t field_count,
                        uint64_t body_len, void (*on_room)(void *arg), void *arg)
{
    append_answer_head(ex, status, fields, field_count, body_len);
    if (body_len == 0 || ex->request.method == HTTP_HEAD) {
        conn_answered(ex);
        return false;
    }
    ex->on_room = on_room;
    ex->room_arg = arg;
    conn_begin_body(ex, body_len);
    return true;
}

void http_respond_head(http_exchange *ex, int status, const http_field *fields, size_t field_count)
{
    append_head(ex, status, fields, field_count);
    append_connection(ex);
    buf_append(&ex->out, SLICE_LITERAL("\r\n"));
    conn_answered(ex);
}

#define PROBLEM_FIELDS_OWN 2
#define PROBLEM_FIELDS_MAX 4

/* Nothing that is refused stays so: without being told, browsers keep a 410 for good (RFC 9111,
 * section 4.2.2). */
void http_respond_problem_with(http_exchange *ex, int status, const char *code, const char *detail,
                               const http_field *fields, size_t field_count)
{
    json_t *problem =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
                  reason_of(status).data, "status", status, "detail", detail, "code", code);
    char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
    must(text != NULL && field_count <= PROBLEM_FIELDS_MAX - PROBLEM_FIELDS_OWN);
    http_field all[PROBLEM_FIELDS_MAX] = {
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/problem+json")},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")}};
    for (size_t i = 0; i < field_count; i++)
        all[PROBLEM_FIELDS_OWN + i] = fields[i];
    http_respond(ex, status, all, PROBLEM_FIELDS_OWN + field_count, slice_of(text));
    free(text);
    json_decref(problem);
}

void http_respond_problem(http_exchange *ex, int status, const char *code, const char *detail)
{
    http_respond_problem_with(ex, status, code, detail, NULL, 0);
}

/* Hands the connection over, with the head in front of what it is written to first; NULL if the
 * peer has gone already. */
static stream *hand_over(http_exchange *ex, slice *behind)
{
    buf_append(&ex->out, SLICE_LITERAL("\r\n"));
    if (stream_is_broken(ex->stream) || ex->peer_ended || stream_is_pending(ex->stream)) {
        ex->on_abort = NULL;
        conn_close(ex);
        return NULL;
    }
    stream_write_soon(ex->stream, buf_slice(&ex->out));
    *behind = conn_ahead(ex);
    return conn_hand_over(ex);
}

stream *http_stream_begin(http_exchange *ex, const http_field *fields, size_t field_count)
{
    append_head(ex, 200, fields, field_count);
    append_field(&ex->out, SLICE_LITERAL("Connection"), SLICE_LITERAL("close"));
    slice ignored;
    return hand_over(ex, &ignored);
}

stream *http_upgrade(http_exchange *ex, const http_field *fields, size_t field_count, slice *behind)
{
    append_head(ex, 101, fields, field_count);
    append_field(&ex->out, SLICE_LITERAL("Connection"), SLICE_LITERAL("Upgrade"));
    return hand_over(ex, behind);
}

bool http_may_upgrade(const http_exchange *ex)
{
    return ex->request.method == HTTP_GET && !ex->request.http_1_0 && ex->body_complete &&
           ex->body.len == 0 && ex->parser.content_length == 0;
}

/* ---- what no route serves ---- */

static void respond_options(http_exchange *ex, slice allow)
{
    http_field field = {SLICE_LITERAL("Allow"), allow};
    http_respond(ex, 204, &field, 1, (slice){NULL, 0});
}

void respond_unrouted(http_exchange *ex, route_match match)
{
    const http_request *request = &ex->request;
    if (cors_preflight(ex))
        return;
    if (request->method == HTTP_OPTIONS && slice_equal(request->path, SLICE_LITERAL("*"))) {
        respond_options(ex, SLICE_LITERAL("GET, HEAD, POST, PUT, DELETE, OPTIONS"));
        return;
    }
    if (match == ROUTE_NONE && ex->server->options.static_dir != NULL) {
        static_respond(ex);
        return;
    }
    if (match == ROUTE_NONE) {
        http_respond_problem(ex, 404, "not_found", "There is nothing at this path.");
        return;
    }
    char methods[ROUTER_ALLOW_LEN_MAX];
    slice allow = {methods, router_allow(&ex->server->router, request->path, methods)};
    if (request->method == HTTP_OPTIONS) {
        respond_options(ex, allow);
        return;
    }
    http_field field = {SLICE_LITERAL("Allow"), allow};
    http_respond_problem_with(ex, 405, "method_not_allowed",
                              "This path does not have this method; Allow says which it has.",
                              &field, 1);
}
