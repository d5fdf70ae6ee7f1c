/* Connections over a real socket pair of the loop: what a client sends, in pieces of any size, and
 * what it gets back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "http/http1.h"
#include "net/listener.h"

typedef struct fixture {
    loop *loop;
    tcp_streams *streams;
    http_server *server;
    listener *listener;
    http_exchange *waiting; /* what /later has not answered yet */
    int aborted;
    stream *handed_over;
    bool drained;

    uv_tcp_t client;
    uv_connect_t connect;
    uv_write_t write;
    buf received;
    bool client_ended;
    const char *to_send;
    size_t piece; /* bytes sent at once */
} fixture;

/* ---- the routes ---- */

static void handle_echo(void *ctx, http_exchange *ex)
{
    (void)ctx;
    http_respond(ex, 200, NULL, 0, http_request_of(ex)->body);
}

static void note_abort(void *arg)
{
    fixture *f = arg;
    f->aborted++;
    f->waiting = NULL;
}

static void handle_later(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    f->waiting = ex;
    http_on_abort(ex, note_abort, f);
}

static void stream_read_ignored(void *owner, slice bytes)
{
    (void)owner;
    (void)bytes;
}

static void stream_ended(void *owner)
{
    fixture *f = owner;
    stream_close(f->handed_over);
    f->handed_over = NULL;
}

static const stream_owner_ops stream_ops = {stream_read_ignored, stream_ended, stream_ended};

static void handle_stream(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    f->handed_over = http_stream_begin(ex, NULL, 0);
    stream_set_owner(f->handed_over, &stream_ops, f);
    assert_int_equal(stream_write(f->handed_over, SLICE_LITERAL("streamed"), NULL, NULL),
                     STREAM_WRITTEN);
    stream_close(f->handed_over);
    f->handed_over = NULL;
}

static bool check_small(void *ctx, http_exchange *ex)
{
    (void)ctx;
    http_body_limit(ex, 4);
    return true;
}

static const http_route routes[] = {
    {.method = HTTP_POST, .pattern = "/echo", .body = HTTP_BODY_WANTED, .handle = handle_echo},
    {.method = HTTP_POST,
     .pattern = "/small",
     .body = HTTP_BODY_WANTED,
     .check = check_small,
     .handle = handle_echo},
    {.method = HTTP_GET, .pattern = "/later", .handle = handle_later},
    {.method = HTTP_GET, .pattern = "/stream", .handle = handle_stream},
    {.method = HTTP_GET, .pattern = "/alive", .handle = handle_echo, .while_draining = true},
};

/* ---- the client ---- */

static void client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char bytes[4096];
    (void)handle;
    (void)suggested;
    *out = uv_buf_init(bytes, sizeof(bytes));
}

static void client_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *bytes)
{
    fixture *f = handle->data;
    if (n > 0)
        buf_append(&f->received, (slice){bytes->base, (size_t)n});
    else if (n < 0)
        f->client_ended = true;
}

static void send_piece(uv_write_t *req, int status)
{
    fixture *f = req->data;
    assert_int_equal(status, 0);
    size_t left = strlen(f->to_send);
    if (left == 0)
        return;
    size_t len = left < f->piece ? left : f->piece;
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)f->to_send, (unsigned)len);
    f->to_send += len;
    assert_int_equal(uv_write(&f->write, (uv_stream_t *)&f->client, &bytes, 1, send_piece), 0);
}

static void client_connected(uv_connect_t *req, int status)
{
    fixture *f = req->data;
    assert_int_equal(status, 0);
    uv_tcp_nodelay(&f->client, 1);
    uv_read_start((uv_stream_t *)&f->client, client_alloc, client_read);
    send_piece(&f->write, 0);
}

static void begin(fixture *f, const char *request, size_t piece)
{
    *f = (fixture){.to_send = request, .piece = piece};
    f->loop = loop_new();
    f->streams = tcp_streams_new(f->loop);
    http_options options = {.routes = routes,
                            .route_count = sizeof(routes) / sizeof(routes[0]),
                            .ctx = f,
                            .body_len_max = 1000};
    f->server = http_server_new(f->loop, &options);
    const char *error = NULL;
    f->listener =
        listener_open(f->loop, f->streams, "127.0.0.1:0", http_server_take, f->server, &error);
    assert_non_null(f->listener);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", listener_port(f->listener), &address);
    uv_tcp_init(loop_uv(f->loop), &f->client);
    f->client.data = f->connect.data = f->write.data = f;
    uv_tcp_connect(&f->connect, &f->client, (const struct sockaddr *)&address, client_connected);
}

static void turn(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

static bool has_received(const fixture *f, const char *text)
{
    return f->received.len > 0 &&
           memmem(f->received.data, f->received.len, text, strlen(text)) != NULL;
}

static size_t answers(const fixture *f)
{
    size_t count = 0;
    for (size_t i = 0; i + 9 <= f->received.len; i++)
        count += memcmp(f->received.data + i, "HTTP/1.1 ", 9) == 0;
    return count;
}

static void end(fixture *f)
{
    uv_close((uv_handle_t *)&f->client, NULL);
    listener_close(f->listener);
    http_server_close(f->server);
    while (tcp_streams_count(f->streams) > 0)
        turn(f);
    http_server_free(f->server);
    tcp_streams_free(f->streams);
    loop_free(f->loop);
    buf_free(&f->received);
}

/* ---- tests ---- */

static void pipelined_requests_are_answered_in_order_however_they_are_cut(void **state)
{
    (void)state;
    static const char requests[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
        "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        "Content-Length: 5\r\n\r\nthird";
    for (size_t piece = 1; piece < sizeof(requests); piece += piece < 8 ? 1 : 17) {
        fixture f;
        begin(&f, requests, piece);
        while (!f.client_ended)
            turn(&f);
        assert_int_equal(answers(&f), 3);
        const char *first = memmem(f.received.data, f.received.len, "first", 5);
        const char *second = memmem(f.received.data, f.received.len, "second", 6);
        const char *third = memmem(f.received.data, f.received.len, "third", 5);
        assert_true(first != NULL && second > first && third > second);
        end(&f);
    }
}

/* Sends a request, waits until the connection ends, and looks for the status. */
static void expect_last_answer(const char *request, const char *status)
{
    fixture f;
    begin(&f, request, 4096);
    while (!f.client_ended)
        turn(&f);
    if (!has_received(&f, status))
        fail_msg("no %s for: %s\nbut: %.*s", status, request, (int)f.received.len,
                 f.received.data ? f.received.data : "");
    assert_true(has_received(&f, "Connection: close\r\n"));
    assert_int_equal(answers(&f), 1);
    end(&f);
}

static void abuse_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       "Content-Length: 2\r\n\r\nxx",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("GET /alive HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400");
    expect_last_answer("GET alive HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400");
    expect_last_answer("GET /alive HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 400");
    expect_last_answer("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
                       "HTTP/1.1 413");
    expect_last_answer("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\n12345\r\n0\r\n\r\n",
                       "HTTP/1.1 413");
    expect_last_answer("GET /alive HTTP/1.0\r\n\r\n", "HTTP/1.1 200");
}

static void a_head_that_is_too_long_is_431(void **state)
{
    (void)state;
    char *request = malloc(20100);
    strcpy(request, "GET /alive HTTP/1.1\r\nHost: a\r\nX: ");
    size_t len = strlen(request);
    memset(request + len, 'x', 20000);
    request[len + 20000] = '\0';
    expect_last_answer(request, "HTTP/1.1 431");
    free(request);
}

static void continue_is_sent_only_for_a_body_that_is_wanted(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
          4096);
    while (!has_received(&f, "\r\n\r\n"))
        turn(&f);
    assert_true(has_received(&f, "HTTP/1.1 100 Continue\r\n\r\n"));
    f.to_send = "ok";
    send_piece(&f.write, 0);
    while (!has_received(&f, "ok"))
        turn(&f);
    end(&f);
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 5000\r\n\r\n",
                       "HTTP/1.1 413");
}

static void a_handler_may_answer_later(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    assert_int_equal(f.received.len, 0);
    http_respond(f.waiting, 204, NULL, 0, (slice){NULL, 0});
    while (answers(&f) < 2)
        turn(&f);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void a_handler_is_told_when_the_server_ends_its_connection(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    http_server_close(f.server);
    assert_int_equal(f.aborted, 1);
    end(&f);
}

static void a_stream_is_handed_over(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "\r\n\r\nstreamed"));
    assert_false(has_received(&f, "Content-Length"));
    assert_int_equal(http_server_count(f.server), 0);
    end(&f);
}

static void note_drained(void *arg)
{
    fixture *f = arg;
    f->drained = true;
}

static void draining_finishes_what_is_in_hand_and_refuses_the_rest(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
          4096);
    while (f.waiting == NULL)
        turn(&f);
    http_server_drain(f.server, note_drained, &f);
    turn(&f);
    assert_false(f.drained);
    http_respond(f.waiting, 200, NULL, 0, SLICE_LITERAL("done"));
    while (!f.client_ended || !f.drained)
        turn(&f);
    assert_int_equal(answers(&f), 3);
    assert_true(has_received(&f, "done"));
    assert_true(has_received(&f, "HTTP/1.1 503"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order_however_they_are_cut),
        cmocka_unit_test(abuse_is_refused_and_ends_the_connection),
        cmocka_unit_test(a_head_that_is_too_long_is_431),
        cmocka_unit_test(continue_is_sent_only_for_a_body_that_is_wanted),
        cmocka_unit_test(a_handler_may_answer_later),
        cmocka_unit_test(a_handler_is_told_when_the_server_ends_its_connection),
        cmocka_unit_test(a_stream_is_handed_over),
        cmocka_unit_test(draining_finishes_what_is_in_hand_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
