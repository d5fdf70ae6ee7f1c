/* The happy path: the parts are built from the bottom up, the program says where it listens, and
 * the loop runs. A signal begins the drain: event streams, sockets and polls end, new requests are
 * refused (http), rooms finish what they have in hand and unload. Once nothing is in hand the
 * listener and the connections are closed, then the parts are taken down from the top.
 *
 * Failure. What cannot be built is logged, and what was built before it is taken down. Peers that
 * do not let go of their connections, and jobs that take longer, are left behind when
 * SERVER_DRAIN_MS are over: the process ends then.
 *
 *     server_run -> SERVING --on_signal--> DRAINING --nothing in hand--> CLOSING --no connection
 * left, or too late--> (end)
 */
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/routes.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/must.h"
#include "base/pool.h"
#include "http/http1.h"
#include "net/listener.h"
#include "persist/packer.h"
#include "room/codec.h"

/* From the signal to the end, at most. */
#define SERVER_DRAIN_MS 9000
/* So long pages of history may be on their way. */
#define SERVER_PAGES_MS 3000
/* While it ends, this often it is looked whether all is done. */
#define SERVER_LOOK_MS 10

_Static_assert(PAST_JOBS_MAX + HISTORY_JOBS_MAX + POOL_THREADS_QUICK <= POOL_THREADS,
               "looks at the past leave room for what is soon done");

typedef enum server_state { SERVER_SERVING, SERVER_DRAINING, SERVER_CLOSING } server_state;

typedef struct server {
    api api;
    packer *packer;
    tcp_streams *connections;
    http_server *http;
    listener *listener;
    uv_signal_t on_term;
    uv_signal_t on_int;
    uv_timer_t look;
    server_state state;
    uint64_t signal_ms;
    bool http_drained;
} server;

/* ---- ending ---- */

static bool is_done(const server *s)
{
    return s->http_drained && registry_get_stats(s->api.rooms).rooms == 0 &&
           persist_waiting(s->api.persist) == 0 && !packer_busy(s->packer) &&
           !past_busy(s->api.past) && s->api.jobs == 0 && s->api.history_jobs == 0;
}

static void begin_closing(server *s)
{
    s->state = SERVER_CLOSING;
    listener_close(s->listener);
    http_server_close(s->http);
}

static void on_look(uv_timer_t *timer)
{
    server *s = container_of(timer, server, look);
    if (s->state == SERVER_DRAINING && is_done(s))
        begin_closing(s);
    bool closed = s->state == SERVER_CLOSING && tcp_streams_count(s->connections) == 0;
    uint64_t drained_ms = loop_now_ms(s->api.loop) - s->signal_ms;
    if (drained_ms >= SERVER_PAGES_MS && !s->api.late)
        api_cut_histories(&s->api);
    if (closed || drained_ms >= SERVER_DRAIN_MS)
        loop_stop(s->api.loop);
}

static void on_http_drained(void *arg)
{
    server *s = arg;
    s->http_drained = true;
}

static void begin_draining(server *s)
{
    s->state = SERVER_DRAINING;
    s->signal_ms = loop_now_ms(s->api.loop);
    s->api.draining = true;
    packer_stop(s->packer);
    /* First, so that answers given from here on say that the connection ends. */
    http_server_drain(s->http, on_http_drained, s);
    ws_drain(s->api.sockets);
    registry_drain(s->api.rooms);
    api_end_histories(&s->api);
    past_drain(s->api.past);
    must(uv_timer_start(&s->look, on_look, 0, SERVER_LOOK_MS) == 0);
}

static void on_signal(uv_signal_t *signal, int number)
{
    server *s = signal->data;
    if (s->state != SERVER_SERVING)
        return;
    log_info("ending, told by signal %d", number);
    begin_draining(s);
}

/* ---- building ---- */

static void watch_signal(server *s, uv_signal_t *signal, int number)
{
    must(uv_signal_init(loop_uv(s->api.loop), signal) == 0);
    signal->data = s;
    must(uv_signal_start(signal, on_signal, number) == 0);
}

static void build(server *s, const config *settings, store *opened)
{
    api *a = &s->api;
    a->store = opened;
    a->update_bytes_max = settings->update_bytes_max;
    a->loop = loop_new();
    a->persist = persist_new(a->loop, a->store);
    s->packer = packer_new(a->loop, a->store, a->persist);
    registry_options rooms = {.pending_bytes_max = settings->update_bytes_max};
    a->rooms = registry_new(a->loop, a->store, a->persist, &rooms);
    a->past = past_new(a->loop, a->store, settings->update_bytes_max);
    a->streams = sse_new(a->loop);
    a->polls = polls_new(a);
    a->sockets = ws_new(a->loop, &api_socket_ops, settings->update_bytes_max);
    list_init(&a->histories);
    list_init(&a->history_queue);
    a->connections = s->connections = tcp_streams_new(a->loop);
    http_options http = {.routes = api_routes,
                         .route_count = api_route_count,
                         .ctx = a,
                         .cors = settings->cors,
                         .cors_count = settings->cors_count,
                         .static_dir = settings->static_dir,
                         .body_len_max = settings->update_bytes_max};
    s->http = http_server_new(a->loop, &http);
    must(uv_timer_init(loop_uv(a->loop), &s->look) == 0);
    watch_signal(s, &s->on_term, SIGTERM);
    watch_signal(s, &s->on_int, SIGINT);
}

static void take_down(server *s)
{
    uv_close((uv_handle_t *)&s->on_term, NULL);
    uv_close((uv_handle_t *)&s->on_int, NULL);
    uv_close((uv_handle_t *)&s->look, NULL);
    http_server_free(s->http);
    tcp_streams_free(s->connections);
    sse_free(s->api.streams);
    polls_free(s->api.polls);
    ws_free(s->api.sockets);
    past_free(s->api.past);
    registry_free(s->api.rooms);
    packer_free(s->packer);
    persist_free(s->api.persist);
    loop_free(s->api.loop);
}

/* ---- running ---- */

/* The address as it was given, with the port as it has become. */
static void say_where(const server *s, const char *address)
{
    int host_len = (int)(strrchr(address, ':') - address);
    printf("weft: listening on http://%.*s:%d\n", host_len, address, listener_port(s->listener));
    fflush(stdout);
}

static bool listen_and_run(server *s, const config *settings)
{
    const char *error = NULL;
    s->listener = listener_open(s->api.loop, s->connections, settings->listen, http_server_take,
                                s->http, &error);
    if (s->listener == NULL) {
        log_error("cannot listen on %s: %s", settings->listen, error);
        return false;
    }
    say_where(s, settings->listen);
    loop_run(s->api.loop);
    return true;
}

/* All that was acknowledged is on disk. Not by exit: libuv would wait there for what the pool is
 * at, which may be a long replay. */
static void leave_behind(const server *s)
{
    log_warn("%zu connections did not end in time", tcp_streams_count(s->connections));
    _exit(EXIT_SUCCESS);
}

/* They do not stop the others. */
static void warn_of_damage(store *opened)
{
    store_stats stats;
    if (store_get_stats(opened, &stats) == STORE_OK && stats.damaged > 0)
        log_warn("%" PRIu64 " of the documents can be neither read nor written, since their events "
                 "are damaged; weft verify tells which",
                 stats.damaged);
}

/* What is mistyped would answer 404 for ever. */
static bool can_serve_files(const char *dir)
{
    DIR *opened = opendir(dir);
    if (opened == NULL) {
        log_error("cannot serve files of %s: %s", dir, strerror(errno));
        return false;
    }
    closedir(opened);
    return true;
}

bool server_run(const config *settings)
{
    if (settings->static_dir != NULL && !can_serve_files(settings->static_dir))
        return false;
    char detail[512];
    store *opened;
    store_options options = {.codec = &room_codec};
    store_err failed = store_open(settings->data, &options, &opened, detail, sizeof(detail));
    if (failed != STORE_OK) {
        log_error("cannot serve %s%s", detail,
                  failed == STORE_CORRUPT ? "; weft verify tells more, and weft restore makes a "
                                            "directory of a backup"
                                          : "");
        return false;
    }
    warn_of_damage(opened);
    server s = {.state = SERVER_SERVING};
    signal(SIGPIPE, SIG_IGN);
    heap_return_large();
    pool_set_size();
    build(&s, settings, opened);
    bool served = listen_and_run(&s, settings);
    if (served && !(is_done(&s) && tcp_streams_count(s.connections) == 0))
        leave_behind(&s);
    if (!served)
        registry_drain(s.api.rooms);
    take_down(&s);
    store_close(opened);
    return served;
}
