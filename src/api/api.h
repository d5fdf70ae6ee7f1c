/* What the handlers of this folder share: the parts of the server they use, and how an answer that
 * takes time is waited for. */
#ifndef WEFT_API_API_H
#define WEFT_API_API_H

#include "api/polls.h"
#include "http/message.h"
#include "net/tcp.h"
#include "past/past.h"
#include "room/registry.h"
#include "sse/sse.h"
#include "ws/ws.h"

/* Texts of histories that are made at the same time, for all who ask. */
#define HISTORY_JOBS_MAX 2

/* Everything a handler may use; its `ctx`. */
typedef struct api api;
struct api {
    loop *loop;
    store *store;
    persist *persist;
    registry *rooms;
    sse *streams;
    polls *polls;
    ws *sockets;
    const tcp_streams *connections;
    size_t update_bytes_max;
    past *past;
    size_t jobs;         /* of handlers, in the pool */
    list histories;      /* all that are being answered (history.c) */
    list history_queue;  /* of them, those whose next text is to be made */
    size_t history_jobs; /* texts being made, in the pool */
    bool draining;
    bool late; /* draining, and pages of history are not waited for any more */
};

/* One exchange that waits for something; first member of what a handler allocates for it. */
typedef struct api_call {
    api *api;
    http_exchange *ex; /* NULL: the peer has gone, nobody waits for the answer */
} api_call;

/* What sockets tell (sockets.c). */
extern const ws_owner_ops api_socket_ops;

/* Begins to wait: from now on `call->ex` becomes NULL if the peer goes. `call` is to be freed by
 * whoever is called back. */
void api_call_begin(api_call *call, api *a, http_exchange *ex);

#endif
