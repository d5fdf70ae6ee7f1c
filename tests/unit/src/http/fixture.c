#include "fixture.h"

/* ---- the routes ---- */

static void handle_echo(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    f->echoed++;
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

static void handle_owed(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    f->owed[f->owed_count] = http_owe(ex);
    http_on_abort(f->owed[f->owed_count++], note_abort, f);
}

static void note_gone(void *arg)
{
    fixture *f = arg;
    f->aborted++;
    f->wait = NULL;
}

static void handle_wait(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    f->wait = http_wait_begin(ex, note_gone, f);
}

static void give_piece(void *arg)
{
    static const char piece[PIECE_LEN];
    fixture *f = arg;
    f->rooms++;
    http_respond_piece(f->waiting, (slice){piece, sizeof(piece)});
}

static void handle_pieces(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    http_on_abort(ex, note_abort, f);
    if (http_respond_begin(ex, 200, NULL, 0, PIECES_LEN, give_piece, f))
        f->waiting = ex;
}

size_t chunk_len(int i)
{
    return i % 3 == 0 ? 1 : (size_t)i * 997 % 100000 + 1;
}

char chunk_letter(int i)
{
    return (char)('a' + i % 26);
}

static void give_chunk(void *arg)
{
    fixture *f = arg;
    if (f->rooms == CHUNKS) {
        http_respond_end(f->waiting);
        f->waiting = NULL;
        return;
    }
    static char piece[100001];
    memset(piece, chunk_letter(f->rooms), chunk_len(f->rooms));
    http_respond_piece(f->waiting, (slice){piece, chunk_len(f->rooms++)});
}

static void handle_chunks(void *ctx, http_exchange *ex)
{
    fixture *f = ctx;
    http_on_abort(ex, note_abort, f);
    f->rooms = 0;
    if (http_respond_begin(ex, 200, NULL, 0, HTTP_LEN_UNKNOWN, give_chunk, f))
        f->waiting = ex;
}

static void handle_header(void *ctx, http_exchange *ex)
{
    (void)ctx;
    slice first = http_header(ex, "x-list");
    slice second = http_header(ex, "x-list");
    assert_true(slice_equal(first, second));
    http_respond(ex, 200, NULL, 0, first);
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

static const stream_owner_ops stream_ops = {stream_read_ignored, stream_ended, stream_ended,
                                            stream_ended};

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

static const char *const origins[] = {"https://other.example", "https://app.example"};

static const http_route routes[] = {
    {.method = HTTP_POST, .pattern = "/echo", .body = HTTP_BODY_WANTED, .handle = handle_echo},
    {.method = HTTP_POST,
     .pattern = "/small",
     .body = HTTP_BODY_WANTED,
     .check = check_small,
     .handle = handle_echo},
    {.method = HTTP_GET, .pattern = "/later", .handle = handle_later},
    {.method = HTTP_POST, .pattern = "/later", .handle = handle_later},
    {.method = HTTP_POST, .pattern = "/owed", .body = HTTP_BODY_TAKEN, .handle = handle_owed},
    {.method = HTTP_GET, .pattern = "/wait", .handle = handle_wait},
    {.method = HTTP_GET, .pattern = "/pieces", .handle = handle_pieces},
    {.method = HTTP_GET, .pattern = "/chunks", .handle = handle_chunks},
    {.method = HTTP_GET, .pattern = "/header", .handle = handle_header},
    {.method = HTTP_GET, .pattern = "/stream", .handle = handle_stream},
    {.method = HTTP_GET, .pattern = "/alive", .handle = handle_echo, .while_draining = true},
};

/* ---- the client ---- */

static void client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char bytes[65536];
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

static void set_up(fixture *f, const char *static_dir)
{
    f->loop = loop_new();
    f->streams = tcp_streams_new(f->loop);
    http_options options = {.routes = routes,
                            .route_count = sizeof(routes) / sizeof(routes[0]),
                            .ctx = f,
                            .cors = origins,
                            .cors_count = sizeof(origins) / sizeof(origins[0]),
                            .static_dir = static_dir,
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

void begin(fixture *f, const char *request, size_t piece)
{
    *f = (fixture){.to_send = request, .piece = piece};
    set_up(f, NULL);
}

void begin_static(fixture *f, const char *request, const char *static_dir)
{
    *f = (fixture){.to_send = request, .piece = strlen(request)};
    set_up(f, static_dir);
}

void turn(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

void turn_at_once(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

http_exchange *connection(fixture *f)
{
    while (list_is_empty(&f->server->conns))
        turn(f);
    return container_of(list_first(&f->server->conns), http_exchange, link);
}

void send_more(fixture *f, const char *text)
{
    f->to_send = text;
    send_piece(&f->write, 0);
}

void send_end(fixture *f)
{
    assert_int_equal(uv_shutdown(&f->shutdown, (uv_stream_t *)&f->client, NULL), 0);
}

void read_stop(fixture *f)
{
    uv_read_stop((uv_stream_t *)&f->client);
}

void read_start(fixture *f)
{
    uv_read_start((uv_stream_t *)&f->client, client_alloc, client_read);
}

void let_pass(fixture *f, uint64_t ms)
{
    loop_skip_ms(f->loop, ms);
    http_server_sweep(f->server);
}

bool has_received(const fixture *f, const char *text)
{
    return f->received.len > 0 &&
           memmem(f->received.data, f->received.len, text, strlen(text)) != NULL;
}

size_t answers(const fixture *f)
{
    size_t count = 0;
    for (size_t i = 0; i + 9 <= f->received.len; i++)
        count += memcmp(f->received.data + i, "HTTP/1.1 ", 9) == 0;
    return count;
}

void end(fixture *f)
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

void expect_last_answer(const char *request, const char *status)
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
