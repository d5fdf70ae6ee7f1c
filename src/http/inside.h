/* What the files of http/ share: the connection with its one exchange. For src/http only. */
#ifndef WEFT_HTTP_INSIDE_H
#define WEFT_HTTP_INSIDE_H

#include "base/buf.h"
#include "base/list.h"
#include "http/http1.h"
#include "http/router.h"

/* A connection's life. It goes round once per request:
 *
 *     IDLE --first byte--> HEAD --complete--> HELD --> BODY --complete--> HANDLING
 *     --http_respond--> WRITING --taken--> IDLE
 *
 * (from HANDLING to IDLE at once where the answer is owed, owed.c: until none is owed any more,
 * other requests are HELD)
 * (from IDLE to HANDLING at once where a wait ends, waiting.c)
 * with SENDING between HANDLING and WRITING where the answer's body comes in pieces
 * (http_respond_begin), and from each state to CLOSED, in `conn_close` alone, or as a stream. */
typedef enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_HELD,
    CONN_BODY,
    CONN_HANDLING,
    CONN_SENDING,
    CONN_WRITING,
    CONN_CLOSED
} conn_state;

/* Lists by deadline: what is in one list has waited for the same time. */
typedef enum conn_timeout {
    CONN_TIMEOUT_IDLE,
    CONN_TIMEOUT_HEAD,
    CONN_TIMEOUT_BODY,
    CONN_TIMEOUT_WRITE,
    CONN_TIMEOUT_ENDED,
    CONN_TIMEOUTS
} conn_timeout;

struct http_server {
    loop *loop;
    http_options options;
    router router;
    list conns;
    size_t conn_count; /* waits are counted as well, here and as busy */
    size_t busy_count; /* of them, those with a request being read or answered */
    list timeouts[CONN_TIMEOUTS];
    list waits;       /* http_wait */
    list ended_waits; /* of them, those whose peer has ended its side, by deadline */
    uv_timer_t *sweep;
    char date[32]; /* of this second, for Date */
    bool draining;
    uint64_t drain_until_ms; /* for bodies */
    void (*drained)(void *arg);
    void *drained_arg;
    loop_task tell_drained;
};

/* Repeated fields as one value; it lives as long as the exchange. */
typedef struct joined_value {
    struct joined_value *next;
    char text[];
} joined_value;

/* A connection; its exchange is the same struct. */
struct http_exchange {
    http_server *server;
    stream *stream;
    list_node link;         /* in server->conns; if it is owed, in creditor->owed */
    list_node timeout_link; /* in one of server->timeouts */
    uint64_t deadline_ms;
    loop_task go_on; /* with what is ahead, or the answer's next piece, in a turn's end */
    llhttp_t parser;
    buf head;           /* of the present request; its slices point into it */
    buf body;           /* of the present request */
    buf ahead;          /* received; not yet looked at from `ahead_at` on */
    size_t ahead_at;    /* 0 when nothing is ahead */
    size_t searched;    /* of what is ahead, for the end of the head */
    buf out;            /* the answer, or its head */
    size_t unsent;      /* bytes of it that were pending when it was last looked */
    uint64_t body_left; /* bytes of the answer's body that are still to come (SENDING) */
    http_request request;
    const http_route *route;
    size_t body_len_max;
    http_exchange *creditor; /* if this is an answer that is owed: the connection that waits for it;
                                of all else that belongs to a connection it has nothing */
    list owed;               /* of a connection: answers that come before its own */
    size_t owed_count;
    loop_task pay; /* what is due of them, at the turn's end */
    http_field *fields;
    size_t field_count;
    size_t field_max; /* there is room for so many, HTTP_FIELDS_MAX at most */
    joined_value *joined;
    size_t trailer_len; /* bytes of chunk extensions, and of fields behind a chunked body */
    void (*on_abort)(void *arg);
    void *abort_arg;
    void (*on_room)(void *arg);
    void *room_arg;
    uint8_t state;      /* conn_state */
    bool reading_ahead; /* `conn_advance` is at work further up the stack */
    bool keep_alive;    /* the request allows it */
    bool body_wanted;
    bool body_complete;
    bool too_many_fields;
    bool body_too_large;
    bool peer_ended;
    bool paying; /* answers that were owed are pending */
    bool beyond; /* one connection more than there is room for */
};

/* What has been received and not been looked at. */
static inline slice conn_ahead(const http_exchange *conn)
{
    if (conn->ahead.len == 0)
        return (slice){NULL, 0};
    return (slice){conn->ahead.data + conn->ahead_at, conn->ahead.len - conn->ahead_at};
}

/* ---- message.c ---- */

/* Adds a field to those of the request. False: they are HTTP_FIELDS_MAX already. */
bool exchange_add_field(http_exchange *ex, http_field field);

/* ---- http1.c ---- */

/* The answer is in conn->out: sends it, and goes on with the next request or ends the connection.
 * No other request is handled before it returns. */
void conn_answered(http_exchange *conn);
/* The answer's head is in conn->out, and `body_left` bytes of body follow. */
void conn_begin_body(http_exchange *conn, uint64_t body_left);
/* Answers for the last time on this connection. */
void conn_refuse(http_exchange *conn, int status, const char *code, const char *detail);
/* Ends the connection, whatever its state. The memory goes at the end of the turn. */
void conn_close(http_exchange *conn);
/* Gives the stream away: the connection is gone. */
stream *conn_hand_over(http_exchange *conn);

/* A connection whose request is being handled, whose answer is all that is missing. Takes `ahead`.
 */
http_exchange *conn_take_back(http_server *server, stream *s, buf ahead);
/* Something that was being read or answered has ended without a connection's knowing. */
void conn_less_busy(http_server *server);

/* The request has been taken, and its answer is owed: the next one may come. */
void conn_go_on(http_exchange *conn);
/* Less is owed than before, or nothing any more, and nothing is pending. */
void conn_paid(http_exchange *conn);

/* ---- owed.c ---- */

/* Answers that one connection may be owed. */
#define HTTP_OWED_MAX 64

/* Writes what is due. */
void owed_pay(loop_task *pay);
/* An answer that is owed is complete, in ex->out. */
void owed_answered(http_exchange *ex);
/* No answer is to follow this one, as far as anybody knows. */
bool owed_is_last(const http_exchange *ex);
/* The connection goes: tells the handlers of all that is owed. */
void owed_forget(http_exchange *conn);

/* ---- waiting.c ---- */

/* Ends those that have waited too long after their peer's end. */
void waits_sweep(http_server *server, uint64_t now_ms);
/* Ends all, telling on_gone. */
void waits_close(http_server *server);

/* ---- parse.c ---- */

void parse_begin(http_exchange *conn);
/* Parses conn->head into the request. NULL, or why it is not acceptable; `too_many_fields` and
 * `body_complete` may be set. */
const char *parse_head(http_exchange *conn);
/* Parses bytes of the body, and returns how many belong to it. `body_complete`, `body_too_large` or
 * `too_many_fields` may be set, or llhttp_get_errno tells of an error. */
size_t parse_body(http_exchange *conn, slice bytes);

/* ---- timeouts.c ---- */

/* Puts the connection into that list, and out of the one it was in. */
void conn_expect(http_exchange *conn, conn_timeout which);
/* What happens once a second: the date, and whatever has waited too long. */
void http_server_sweep(http_server *server);

/* ---- respond.c ---- */

/* Answers 404, 405 or OPTIONS for what no route serves, or a file. */
void respond_unrouted(http_exchange *ex, route_match match);

/* ---- cors.c ---- */

/* The origin that the request's answer may be shown to, as it is in the options, or NULL. */
const char *cors_origin(const http_exchange *ex);
/* Adds the fields that the request's origin is due. */
void cors_append(http_exchange *ex, buf *out);
/* Answers a preflight (204); false if the request is none. */
bool cors_preflight(http_exchange *ex);

/* ---- static.c and static_path.c ---- */

/* Bytes of a path as it is sent. */
#define STATIC_PATH_LEN_MAX 1024
#define STATIC_INDEX        "index.html"

/* The file below the directory that a request's path names, as a relative path; for a directory its
 * index. False if it can name none: badly encoded, hidden, or on its way out. */
bool static_path(slice path, char out[STATIC_PATH_LEN_MAX + sizeof(STATIC_INDEX)]);
/* The Content-Type of a file, by the end of its name. */
slice static_type(const char *path);

/* Answers with a file of the static directory, or 404. */
void static_respond(http_exchange *ex);

#endif
