/* One connection to the server on 127.0.0.1, without blocking. */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

/* Opens a connection, and returns its descriptor. Port numbers run out at about 28,000 from one
 * address; `index` picks the address to come from. */
int connection_open(uint16_t port, unsigned index);

/* The same, but returns while it is still being opened: it can be written to when it is open. */
int connection_begin(uint16_t port, unsigned index);

/* Sends all of it; the kernel must take it at once. */
void connection_send(int fd, const void *data, size_t len);

/* One of the server's own numbers, as GET /metrics tells it. */
uint64_t server_metric(uint16_t port, const char *name);

#endif
