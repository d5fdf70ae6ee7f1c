/* Streams over TCP. What all connections of a loop share: one read buffer, the list of those that
 * are ending. */
#ifndef WEFT_NET_TCP_H
#define WEFT_NET_TCP_H

#include <uv.h>

#include "base/loop.h"
#include "net/stream.h"

/* Bytes read at once; one buffer serves every connection, since what is read is used before the
 * next is. */
#define TCP_READ_LEN_MAX ((size_t)64 * 1024)
/* A connection that ends is cut off when nothing more is taken or comes for so long. */
#define STREAM_LINGER_MS 2000
/* What a peer still sends meanwhile is dropped, so that one that sends a large body to its end
 * before it reads finds the answer that refused it: up to so many bytes, for so long. */
#define STREAM_DRAIN_LEN_MAX ((size_t)64 * 1024 * 1024)
#define STREAM_DRAIN_MS      30000

typedef struct tcp_streams tcp_streams;

/* Returns owned (tcp_streams_free). `l` is kept. Aborts when out of memory. */
tcp_streams *tcp_streams_new(loop *l);
/* Every stream must have ended (tcp_streams_count). */
void tcp_streams_free(tcp_streams *all);
/* Streams whose memory has not gone yet. */
size_t tcp_streams_count(const tcp_streams *all);

/* Takes a connected socket that does not block; NULL (and it is closed) if nothing can be made of
 * it. Its owner is to be set before the turn ends, and reading to be started. */
stream *tcp_adopt(tcp_streams *all, int fd);

#endif
