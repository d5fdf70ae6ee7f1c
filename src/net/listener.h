/* A listening socket: connections come out of it, each handed to its taker. Loop thread only. */
#ifndef WEFT_NET_LISTENER_H
#define WEFT_NET_LISTENER_H

#include "net/tcp.h"

/* Connections waiting to be accepted. */
#define LISTENER_BACKLOG 4096
/* Connections open at once; more are closed as they come. */
#define LISTENER_CONNECTIONS_MAX 100000

typedef struct listener listener;

/* Takes a new connection: sets its owner, starts reading. */
typedef void (*listener_take)(void *taker, stream *s);

/* Binds `address` ("127.0.0.1:8080", "[::1]:0", "localhost:80" is not resolved) and begins to
 * accept. Raises the process's limit on open files as far as it may. `all` is kept. On failure
 * returns NULL and sets *error to a sentence's words (static). */
listener *listener_open(loop *l, tcp_streams *all, const char *address, listener_take take,
                        void *taker, const char **error);

/* The port it really has. */
int listener_port(const listener *ls);

/* Ends it; the memory goes some turns later. */
void listener_close(listener *ls);

/* Takes an address apart. False if it is not HOST:PORT with a numeric host. */
bool listener_parse(const char *address, struct sockaddr_storage *out);
/* True for addresses that only this machine can reach. */
bool listener_is_loopback(const struct sockaddr_storage *address);

#endif
