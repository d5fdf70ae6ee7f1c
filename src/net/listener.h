/* A listening socket: connections come out of it, each handed to its taker, a few in each turn of
 * the loop. How many may be open follows from the limit on open files. Loop thread only. */
#ifndef WEFT_NET_LISTENER_H
#define WEFT_NET_LISTENER_H

#include "net/tcp.h"

/* Connections waiting to be accepted. */
#define LISTENER_BACKLOG 4096
/* Connections open at once; fewer where fewer files may be open. */
#define LISTENER_CONNECTIONS_MAX 100000
/* Connections beyond that are taken only to be told so, so many at once; more wait. */
#define LISTENER_BEYOND_MAX 64
/* Open files that are left to others: what is served, the storage, the log. */
#define LISTENER_FILES_LEFT 64
/* Accepted in one turn of the loop, so that those who are there are served in between. */
#define LISTENER_ACCEPTS_PER_TURN 64
/* When no more can be accepted it is tried again after this. */
#define LISTENER_REST_MS 50

typedef struct listener listener;

/* Takes a new connection: sets its owner, starts reading. `beyond`: there is no room for it; it is
 * to be told so, and ended soon. */
typedef void (*listener_take)(void *taker, stream *s, bool beyond);

/* Binds `address` ("127.0.0.1:8080", "[::1]:0", "localhost:80" is not resolved) and begins to
 * accept. Raises the process's limit on open files as far as it may, and logs what that comes to.
 * `all` is kept. On failure
 * returns NULL and sets *error to a sentence's words (static). */
listener *listener_open(loop *l, tcp_streams *all, const char *address, listener_take take,
                        void *taker, const char **error);

/* The port it really has. */
int listener_port(const listener *ls);

/* Connections that may be open at once. */
size_t listener_connections_max(const listener *ls);

/* Ends it; the memory goes some turns later. */
void listener_close(listener *ls);

/* Takes an address apart. False if it is not HOST:PORT with a numeric host. */
bool listener_parse(const char *address, struct sockaddr_storage *out);
/* True for addresses that only this machine can reach. */
bool listener_is_loopback(const struct sockaddr_storage *address);

#endif
