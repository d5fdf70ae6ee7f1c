/* The happy path: the socket is watched (`on_readable`), and what knocks is accepted and handed on.
 *
 * Failure. Without room for more a connection is taken to be told so; without room for that either,
 * and when the system has none, nothing is accepted for a while (`rest`).
 *
 *     listener_open -> (watched) --no room--> (resting) --resume--> (watched)
 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"

#define HOST_LEN_MAX 64

/* What is amiss is logged so often at most. */
#define LISTENER_WARN_MS 60000

struct listener {
    uv_poll_t poll;
    uv_timer_t rest; /* while nothing is accepted */
    loop *loop;
    tcp_streams *all;
    listener_take take;
    void *taker;
    int fd;
    int port;
    size_t connections_max;
    size_t beyond_max; /* more, that are told that there is no room */
    uint64_t warned_ms;
};

/* ---- addresses ---- */

static bool parse_port(const char *text, int *out)
{
    int port = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (*text - '0');
        if (port > 65535)
            return false;
    }
    *out = port;
    return true;
}

bool listener_parse(const char *address, struct sockaddr_storage *out)
{
    char host[HOST_LEN_MAX];
    int port;
    const char *colon = strrchr(address, ':');
    if (colon == NULL || !parse_port(colon + 1, &port))
        return false;
    size_t len = (size_t)(colon - address);
    bool bracketed = len >= 2 && address[0] == '[' && address[len - 1] == ']';
    if (bracketed) {
        address++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    memset(out, 0, sizeof(*out));
    if (bracketed)
        return uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0;
}

bool listener_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    uint32_t host = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
    return host >> 24 == 127;
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void resume(uv_timer_t *timer)
{
    listener *ls = container_of(timer, listener, rest);
    must(uv_poll_start(&ls->poll, UV_READABLE, on_readable) == 0);
}

/* Who knocks is left waiting: to try again at once would be all that is done. */
static void rest(listener *ls)
{
    uv_poll_stop(&ls->poll);
    must(uv_timer_start(&ls->rest, resume, LISTENER_REST_MS, 0) == 0);
}

static void warn(listener *ls, const char *what)
{
    uint64_t now_ms = loop_now_ms(ls->loop);
    if (ls->warned_ms != 0 && now_ms - ls->warned_ms < LISTENER_WARN_MS)
        return;
    ls->warned_ms = now_ms;
    log_warn("%s; %zu connections are open", what, tcp_streams_count(ls->all));
}

static void take(listener *ls, int fd)
{
    stream *s = tcp_adopt(ls->all, fd);
    if (s == NULL)
        return;
    bool beyond = tcp_streams_count(ls->all) > ls->connections_max;
    if (beyond)
        warn(ls, "connections are refused, since there is no room for more");
    ls->take(ls->taker, s, beyond);
}

/* What cannot be mended by trying again now. */
static bool is_lasting(int failed)
{
    return failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status; /* accept4 tells */
    (void)events;
    listener *ls = container_of(poll, listener, poll);
    for (size_t i = 0; i < LISTENER_ACCEPTS_PER_TURN; i++) {
        if (tcp_streams_count(ls->all) >= ls->connections_max + ls->beyond_max) {
            rest(ls);
            return;
        }
        int fd = accept4(ls->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(ls, fd);
        } else if (is_lasting(errno)) {
            warn(ls, uv_strerror(-errno));
            rest(ls);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else one went before it was accepted */
    }
}

/* ---- limits ---- */

/* Each connection is an open file, and what a login allows at first (often 1,024) is far below what
 * it may ask for. Returns what it came to. */
static size_t raise_open_files(void)
{
    struct rlimit files;
    must(getrlimit(RLIMIT_NOFILE, &files) == 0);
    rlim_t before = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (before == files.rlim_max || setrlimit(RLIMIT_NOFILE, &files) == 0)
        return (size_t)files.rlim_max;
    log_warn("the limit on open files could not be raised");
    return (size_t)before;
}

static size_t at_most(size_t value, size_t max)
{
    return value < max ? value : max;
}

/* Where few files may be open, connections get half of those that are left. */
static void share_files(listener *ls)
{
    size_t files = raise_open_files();
    size_t open = (size_t)ls->fd + 1; /* the lowest free number is given out */
    size_t left = files > open ? files - open : 0;
    size_t others = at_most(LISTENER_FILES_LEFT, left / 4);
    ls->beyond_max = at_most(LISTENER_BEYOND_MAX, left / 4);
    ls->connections_max = at_most(LISTENER_CONNECTIONS_MAX, left - others - ls->beyond_max);
    log_info("up to %zu connections: %zu files may be open", ls->connections_max, files);
}

/* ---- opening ---- */

/* 0, or errno. */
static int bind_and_listen(listener *ls, const struct sockaddr_storage *address)
{
    int on = 1;
    socklen_t len =
        address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof(bound);
    ls->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ls->fd < 0 || setsockopt(ls->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(ls->fd, (const struct sockaddr *)address, len) != 0 ||
        listen(ls->fd, LISTENER_BACKLOG) != 0 ||
        getsockname(ls->fd, (struct sockaddr *)&bound, &bound_len) != 0)
        return errno;
    ls->port = ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&bound)->sin6_port
                                                 : ((const struct sockaddr_in *)&bound)->sin_port);
    return 0;
}

listener *listener_open(loop *l, tcp_streams *all, const char *address, listener_take take_one,
                        void *taker, const char **error)
{
    struct sockaddr_storage parsed;
    if (!listener_parse(address, &parsed)) {
        *error = "not an address of the form 127.0.0.1:8080 or [::1]:8080";
        return NULL;
    }
    listener *ls = calloc(1, sizeof(*ls));
    must(ls != NULL);
    *ls = (listener){.loop = l, .all = all, .take = take_one, .taker = taker};
    int failed = bind_and_listen(ls, &parsed);
    if (failed != 0) {
        *error = uv_strerror(-failed);
        if (ls->fd >= 0)
            close(ls->fd);
        free(ls);
        return NULL;
    }
    share_files(ls);
    must(uv_timer_init(loop_uv(l), &ls->rest) == 0);
    must(uv_poll_init_socket(loop_uv(l), &ls->poll, ls->fd) == 0);
    resume(&ls->rest);
    return ls;
}

int listener_port(const listener *ls)
{
    return ls->port;
}

size_t listener_connections_max(const listener *ls)
{
    return ls->connections_max;
}

static void on_closed(uv_handle_t *handle)
{
    listener *ls = container_of((uv_timer_t *)handle, listener, rest);
    close(ls->fd);
    free(ls);
}

static void on_poll_closed(uv_handle_t *handle)
{
    listener *ls = container_of((uv_poll_t *)handle, listener, poll);
    uv_close((uv_handle_t *)&ls->rest, on_closed);
}

void listener_close(listener *ls)
{
    uv_timer_stop(&ls->rest);
    uv_close((uv_handle_t *)&ls->poll, on_poll_closed);
}
