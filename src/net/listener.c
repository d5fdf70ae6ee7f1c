#include "net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/must.h"

#define HOST_LEN_MAX 64

struct listener {
    uv_tcp_t tcp;
    tcp_streams *all;
    listener_take take;
    void *taker;
    int port;
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

static void on_connection(uv_stream_t *listening, int status)
{
    listener *ls = container_of((uv_tcp_t *)listening, listener, tcp);
    if (status != 0) {
        log_warn("a connection could not be accepted: %s", uv_strerror(status));
        return;
    }
    stream *s = tcp_accept(ls->all, listening);
    if (s == NULL)
        return;
    if (tcp_streams_count(ls->all) > LISTENER_CONNECTIONS_MAX)
        stream_abort(s);
    else
        ls->take(ls->taker, s);
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_tcp_t *)handle, listener, tcp));
}

/* Each connection is an open file, and what a login allows at first (often 1,024) is far below what
 * it may ask for. */
static void raise_open_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_warn("the limit on open files could not be raised");
}

static int bind_and_listen(listener *ls, const struct sockaddr_storage *address)
{
    int failed = uv_tcp_bind(&ls->tcp, (const struct sockaddr *)address, 0);
    if (failed == 0)
        failed = uv_listen((uv_stream_t *)&ls->tcp, LISTENER_BACKLOG, on_connection);
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    if (failed == 0)
        failed = uv_tcp_getsockname(&ls->tcp, (struct sockaddr *)&bound, &len);
    if (failed == 0)
        ls->port =
            ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((const struct sockaddr_in *)&bound)->sin_port);
    return failed;
}

listener *listener_open(loop *l, tcp_streams *all, const char *address, listener_take take,
                        void *taker, const char **error)
{
    struct sockaddr_storage parsed;
    if (!listener_parse(address, &parsed)) {
        *error = "not an address of the form 127.0.0.1:8080 or [::1]:8080";
        return NULL;
    }
    raise_open_files();
    listener *ls = calloc(1, sizeof(*ls));
    must(ls != NULL);
    ls->all = all;
    ls->take = take;
    ls->taker = taker;
    must(uv_tcp_init(loop_uv(l), &ls->tcp) == 0);
    int failed = bind_and_listen(ls, &parsed);
    if (failed != 0) {
        *error = uv_strerror(failed);
        listener_close(ls);
        return NULL;
    }
    return ls;
}

int listener_port(const listener *ls)
{
    return ls->port;
}

void listener_close(listener *ls)
{
    uv_close((uv_handle_t *)&ls->tcp, on_closed);
}
