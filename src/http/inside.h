/* What the files of http/ share: the connection with its one exchange. For src/http only. */
#ifndef WEFT_HTTP_INSIDE_H
#define WEFT_HTTP_INSIDE_H

#include "base/buf.h"
#include "base/list.h"
#include "http/http1.h"
#include "http/router.h"

/* A connection's life. It goes round once per request:
 *
 *     IDLE --first byte--> HEAD --complete--> BODY --complete--> HANDLING --http_respond--> WRITING
 * --taken--> IDLE
 *
 * and from each state to CLOSED, in `conn_close` alone. */
typedef enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_HANDLING,
    CONN_WRITING,
    CONN_CLOSED
} conn_state;

/* Lists by deadline: what is in one list has waited for the same time. */
typedef enum conn_timeout {
    CONN_TIMEOUT_IDLE,
    CONN_TIMEOUT_HEAD,
    CONN_TIMEOUT_BODY,
    CONN_TIMEOUT_WRITE,
    CONN_TIMEOUTS
} conn_timeout;

struct http_server {
    loop *loop;
    http_options options;
    router router;
    list conns;
    size_t conn_count;
    size_t busy_count; /* of them, those with a request being read or answered */
    list timeouts[CONN_TIMEOUTS];
    uv_timer_t *sweep;
    char date[32]; /* of this second, for Date */
    bool draining;
    uint64_t drain_until_ms; /* for bodies */
    void (*drained)(void *arg);
    void *drained_arg;
    loop_task tell_drained;
};

/* A connection; its exchange is the same struct. */
struct http_exchange {
    http_server *server;
    stream *stream;
    list_node link;         /* in server->conns */
    list_node timeout_link; /* in one of server->timeouts */
    uint64_t deadline_ms;
    llhttp_t parser;
    buf head;        /* of the present request; its slices point into it */
    buf body;        /* of the present request */
    buf ahead;       /* received, not yet looked at */
    buf out;         /* the answer */
    size_t searched; /* of `ahead`, for the end of the head */
    http_request request;
    const http_route *route;
    size_t body_len_max;
    http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
    size_t trailer_len; /* bytes of fields behind a chunked body */
    void (*on_abort)(void *arg);
    void *abort_arg;
    uint8_t state;      /* conn_state */
    bool reading_ahead; /* `conn_advance` is at work further up the stack */
    bool keep_alive;    /* the request allows it */
    bool body_wanted;
    bool body_complete;
    bool too_many_fields;
    bool peer_ended;
};

/* ---- http1.c ---- */

/* The answer is in conn->out: sends it, and goes on with the next request or ends the connection.
 */
void conn_answered(http_exchange *conn);
/* Ends the connection, whatever its state. The memory goes at the end of the turn. */
void conn_close(http_exchange *conn);
/* Gives the stream away: the connection is gone. */
stream *conn_hand_over(http_exchange *conn);

/* ---- respond.c ---- */

/* Answers 404, 405 or OPTIONS for what no route serves, or a file. */
void respond_unrouted(http_exchange *ex, route_match match);

/* ---- cors.c ---- */

/* Adds the fields that the request's origin is due. */
void cors_append(http_exchange *ex, buf *out);
/* Answers a preflight (204); false if the request is none. */
bool cors_preflight(http_exchange *ex);

/* ---- static.c ---- */

/* Answers with a file of the static directory, or 404. */
void static_respond(http_exchange *ex);

#endif
