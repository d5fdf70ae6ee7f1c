/* Many clients at once that say random things, cut at random, and go at random: no exchange is
 * forgotten, none is ended twice, and in the end nothing is left.
 *
 *     http_random [SEED]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "http/inside.h"
#include "net/listener.h"
#include "rng.h"

#define CLIENTS          24
#define STEPS            6000
#define SETTLE_TURNS_MAX 100000
#define PIECE_LEN        ((size_t)64 * 1024)
#define PIECES_LEN       (40 * (uint64_t)PIECE_LEN)

/* Exchanges that their handler has not answered. */
typedef struct call {
    struct server *server;
    http_exchange *ex;
    bool in_pieces;
    bool has_room;
    uint64_t left;
} call;

typedef struct server {
    call calls[CLIENTS * HTTP_OWED_MAX / 4];
    int begun, answered, aborted;
    rng random;
} server;

typedef struct client {
    int fd; /* -1: none */
    buf to_send;
    size_t sent;
} client;

static uint64_t seed = 1;

/* ---- the server ---- */

static call *new_call(server *s, http_exchange *ex)
{
    for (size_t i = 0; i < sizeof(s->calls) / sizeof(s->calls[0]); i++) {
        if (s->calls[i].ex != NULL)
            continue;
        s->begun++;
        s->calls[i] = (call){.server = s, .ex = ex};
        return &s->calls[i];
    }
    fail_msg("seed %llu: exchanges are forgotten", (unsigned long long)seed);
    return NULL;
}

static void on_abort(void *arg)
{
    call *c = arg;
    assert_non_null(c->ex);
    c->ex = NULL;
    c->server->aborted++;
}

static void on_room(void *arg)
{
    call *c = arg;
    assert_non_null(c->ex);
    assert_false(c->has_room);
    c->has_room = true;
}

static void handle_later(void *ctx, http_exchange *ex)
{
    call *c = new_call(ctx, ex);
    http_on_abort(ex, on_abort, c);
}

static void handle_owed(void *ctx, http_exchange *ex)
{
    handle_later(ctx, http_owe(ex));
}

static void handle_pieces(void *ctx, http_exchange *ex)
{
    call *c = new_call(ctx, ex);
    http_on_abort(ex, on_abort, c);
    c->in_pieces = http_respond_begin(ex, 200, NULL, 0, PIECES_LEN, on_room, c);
    c->left = PIECES_LEN;
    if (c->in_pieces)
        return;
    c->ex = NULL;
    c->server->answered++;
}

static void handle_echo(void *ctx, http_exchange *ex)
{
    (void)ctx;
    http_respond(ex, 200, NULL, 0, http_request_of(ex)->body);
}

static bool check_some(void *ctx, http_exchange *ex)
{
    server *s = ctx;
    if (rng_chance(&s->random, 80))
        return true;
    http_respond_problem(ex, 415, "unsupported_media_type", "Not today.");
    return false;
}

static const http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/later", .handle = handle_later},
    {.method = HTTP_POST, .pattern = "/later", .body = HTTP_BODY_WANTED, .handle = handle_later},
    {.method = HTTP_POST, .pattern = "/owed", .body = HTTP_BODY_TAKEN, .handle = handle_owed},
    {.method = HTTP_GET, .pattern = "/pieces", .handle = handle_pieces},
    {.method = HTTP_POST,
     .pattern = "/echo",
     .body = HTTP_BODY_WANTED,
     .check = check_some,
     .handle = handle_echo},
};

static void answer(call *c)
{
    static const char piece[PIECE_LEN];
    server *s = c->server;
    http_exchange *ex = c->ex;
    if (c->in_pieces && !c->has_room)
        return;
    c->has_room = false;
    c->left -= c->in_pieces ? PIECE_LEN : 0;
    if (!c->in_pieces || c->left == 0) {
        c->ex = NULL;
        s->answered++;
    }
    if (!c->in_pieces)
        http_respond(ex, 200, NULL, 0, SLICE_LITERAL("late"));
    else
        http_respond_piece(ex, (slice){piece, PIECE_LEN});
}

/* ---- the clients ---- */

static const char chunked[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                              "chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT:x\r\n\r\n";

static const char *const requests[] = {
    "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    chunked,
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nab",
    "BREW /echo HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\nConnection: close\r\n\r\n",
};

static void mutate(rng *r, buf *text, size_t from)
{
    for (uint64_t i = rng_below(r, 3); i > 0 && text->len > from; i--)
        text->data[from + rng_below(r, text->len - from)] = (char)rng_next(r);
}

static void write_requests(rng *r, buf *out)
{
    for (uint64_t count = 1 + rng_below(r, 6); count > 0; count--) {
        size_t from = out->len;
        buf_append(out, slice_of(requests[rng_below(r, sizeof(requests) / sizeof(requests[0]))]));
        if (rng_chance(r, 20))
            mutate(r, out, from);
    }
}

static void connect_client(client *c, int port, rng *r)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    c->to_send.len = c->sent = 0;
    write_requests(r, &c->to_send);
}

static void leave(client *c, rng *r)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (rng_chance(r, 30))
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(c->fd);
    c->fd = -1;
}

static void step_client(client *c, int port, rng *r)
{
    static char bytes[65536];
    static const size_t cuts[] = {1, 7, 100, 100000};
    if (c->fd < 0) {
        connect_client(c, port, r);
        return;
    }
    size_t left = c->to_send.len - c->sent;
    size_t cut = cuts[rng_below(r, 4)];
    if (left > 0 && rng_chance(r, 50)) {
        ssize_t n = send(c->fd, c->to_send.data + c->sent, left < cut ? left : cut, MSG_NOSIGNAL);
        c->sent += n > 0 ? (size_t)n : 0;
    }
    ssize_t read = rng_chance(r, 60) ? recv(c->fd, bytes, sizeof(bytes), 0) : -1;
    if (rng_chance(r, 1))
        shutdown(c->fd, SHUT_WR);
    if (read == 0 || rng_chance(r, 2))
        leave(c, r);
}

/* ---- the test ---- */

static void every_exchange_ends_once_and_nothing_is_left(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    rng r = {seed};
    server *s = calloc(1, sizeof(*s));
    s->random.state = seed + 1;
    loop *l = loop_new();
    tcp_streams *streams = tcp_streams_new(l);
    http_options options = {.routes = routes,
                            .route_count = sizeof(routes) / sizeof(routes[0]),
                            .ctx = s,
                            .body_len_max = 1000};
    http_server *http = http_server_new(l, &options);
    const char *error = NULL;
    listener *ls = listener_open(l, streams, "127.0.0.1:0", http_server_take, http, &error);
    assert_non_null(ls);

    client clients[CLIENTS] = {{0}};
    for (int i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    for (int i = 0; i < STEPS; i++) {
        step_client(&clients[rng_below(&r, CLIENTS)], listener_port(ls), &r);
        call *c = &s->calls[rng_below(&r, sizeof(s->calls) / sizeof(s->calls[0]))];
        if (c->ex != NULL)
            answer(c);
        if (rng_chance(&r, 60))
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0)
            close(clients[i].fd);
        buf_free(&clients[i].to_send);
    }
    /* The clients have gone: what is answered now finds that out, and every connection ends. */
    for (int i = 0; i < SETTLE_TURNS_MAX && http_server_count(http) > 0; i++) {
        for (size_t j = 0; j < sizeof(s->calls) / sizeof(s->calls[0]); j++)
            if (s->calls[j].ex != NULL)
                answer(&s->calls[j]);
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
    if (http_server_count(http) > 0)
        fail_msg("seed %llu: %zu connections do not end", (unsigned long long)seed,
                 http_server_count(http));
    listener_close(ls);
    while (tcp_streams_count(streams) > 0)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    if (s->begun != s->answered + s->aborted)
        fail_msg("seed %llu: of %d exchanges %d were answered and %d aborted",
                 (unsigned long long)seed, s->begun, s->answered, s->aborted);
    assert_true(s->answered > 0 && s->aborted > 0);
    http_server_free(http);
    tcp_streams_free(streams);
    loop_free(l);
    free(s);
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t last = argc > 1 ? first : 8;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exchange_ends_once_and_nothing_is_left)};
    for (seed = first; seed <= last; seed++)
        if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
            return 1;
    return 0;
}
