/* Sockets: connections that speak RFC 6455, and what is sent through them as y-websocket expects it
 * (format.h).
 *
 * A socket is a sink: its feed decides which events are sent. Beside them it sends what its owner
 * gives it, answers pings, and keeps itself alive; never more than one write is on its way. What
 * the peer sends comes to the owner message by message, as fast as the owner takes it. An idle
 * socket holds no buffer. Loop thread only.
 */
#ifndef WEFT_WS_WS_H
#define WEFT_WS_WS_H

#include "base/loop.h"
#include "base/sink.h"
#include "net/held.h"
#include "ws/codes.h"
#include "ws/reader.h"

/* A peer that sends nothing, not even a pong, is taken to be gone after so many visits
 * (net/held.h): a minute. It is pinged before. */
#define WS_SILENT_VISITS 12
/* Likewise one that has begun a message and does not go on with it: 30 s. */
#define WS_MESSAGE_VISITS 6
/* How long the peer may take to answer the frame that closes. */
#define WS_CLOSE_MS 3000

/* All sockets of a server. */
typedef struct ws ws;
typedef struct ws_socket ws_socket;

/* What a socket tells its owner. */
typedef struct ws_owner_ops {
    /* A whole message (borrowed). Returns how many of its bytes are done with: if not all, the rest
     * comes again after ws_resume, and until then nothing is read. It may call what is below. */
    size_t (*on_message)(ws_socket *s, slice message);
    /* The socket is closing, not by ws_close: the last call. Its feed has forgotten it, or does so
     * before the turn ends. */
    void (*on_gone)(ws_socket *s);
} ws_owner_ops;

/* To be embedded by its owner as the first member of memory from malloc, which ws frees when the
 * socket has ended. Members are for src/ws only, but for `sink`. */
struct ws_socket {
    sink sink;
    held held;
    ws *all;
    ws_reader *reader; /* NULL: nothing of what came is unfinished */
    frame *own;        /* not the feed's; waits for what is pending */
    list_node link;    /* among those to go on, that are closing, or that are gone */
    uint64_t close_ms; /* closing: until then the peer may answer */
    uint8_t state;
    uint8_t silent;  /* visits since something came */
    bool waits;      /* the owner has not taken the whole last message */
    bool close_sent; /* or in `own` */
    bool peer_done;  /* nothing more is expected of the peer */
};

/* `l` and `ops` are kept until ws_free; a message may have so many bytes. Returns owned. */
ws *ws_new(loop *l, const ws_owner_ops *ops, size_t message_len_max);
/* No socket may be open. The memory goes some turns later. */
void ws_free(ws *all);

size_t ws_count(const ws *all);

/* From now on those whom their feed ends are told that the server goes away, else to come again. */
void ws_drain(ws *all);

/* Does what is due by now, as the timers do: a test need not wait for them. */
void ws_sweep(ws *all);

/* Makes `s`, whose head has been given to it, a socket in `socket` (zeroed). Its sink is to be
 * given to a feed, then it is to be started. */
void ws_open(ws *all, ws_socket *socket, stream *s);
/* Begins. `behind` (borrowed): bytes that came behind the head. */
void ws_start(ws_socket *s, slice behind);

/* Whether it has not begun to close. */
bool ws_is_open(const ws_socket *s);

/* Sends a frame (format.h) of the owner's, as soon as nothing is pending. Takes `f`. Until it has
 * gone nothing is read, so that a peer that does not
 * read its answers cannot ask for more. */
void ws_send(ws_socket *s, frame *f);
/* Goes on with the rest of a message that was not taken whole; no effect on others. */
void ws_resume(ws_socket *s);
/* Closes with a code (codes.h) and its reason, at most 123 bytes. The owner gets no further call.
 */
void ws_close(ws_socket *s, uint16_t code, const char *reason);

#endif
