#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime.h"

#define CONNECTIONS_PER_ADDRESS 20000u
#define METRICS_LEN_MAX         16384

static struct sockaddr_in loopback(uint32_t host, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host)};
}

static int make_socket(unsigned index)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = loopback(index / CONNECTIONS_PER_ADDRESS, 0);
    int on = 1;
    /* The port is chosen when the other end is known: otherwise each would be taken for all. */
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        load_fail("cannot make a socket");
    return fd;
}

static void connect_socket(int fd, uint16_t port)
{
    struct sockaddr_in to = loopback(0, port);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        load_fail("cannot connect");
}

static void do_not_block(int fd)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        load_fail("cannot set up a connection");
}

int connection_open(uint16_t port, unsigned index)
{
    int fd = make_socket(index);
    connect_socket(fd, port);
    do_not_block(fd);
    return fd;
}

int connection_begin(uint16_t port, unsigned index)
{
    int fd = make_socket(index);
    do_not_block(fd);
    connect_socket(fd, port);
    return fd;
}

void connection_send(int fd, const void *data, size_t len)
{
    if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        load_fail("cannot send");
}

uint64_t server_metric(uint16_t port, const char *name)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char text[METRICS_LEN_MAX];
    char line[64];
    size_t len = 0;
    int fd = connection_open(port, 0);
    connection_send(fd, request, sizeof(request) - 1);
    if (fcntl(fd, F_SETFL, 0) != 0)
        load_fail("cannot set up a connection");
    for (ssize_t got = 1; got > 0 && len < sizeof(text) - 1; len += (size_t)got)
        if ((got = recv(fd, text + len, sizeof(text) - 1 - len, 0)) < 0)
            load_fail("cannot read the server's numbers");
    close(fd);
    text[len] = '\0';
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(text, line);
    if (found == NULL)
        load_fail("the server does not tell that number");
    return strtoull(found + strlen(line), NULL, 10);
}
