/* Requests and responses as handlers see them, whatever the version of HTTP on the wire.
 *
 * An exchange is one request and its one answer. The connection reads the head, finds the route,
 * reads the body (bounded by the route's limit), and calls the route's handler once, on the loop
 * thread. The handler answers exactly once: at once or later, with http_respond*, or with
 * http_stream_begin, which gives it the connection itself. If the peer goes away first, `on_abort`
 * tells, once, and the exchange is gone after it returns. RFC 9110, RFC 9112.
 */
#ifndef WEFT_HTTP_MESSAGE_H
#define WEFT_HTTP_MESSAGE_H

#include <llhttp.h>

#include "base/slice.h"
#include "net/stream.h"

/* The request line and all header fields; more is 431. */
#define HTTP_HEAD_LEN_MAX ((size_t)16 * 1024)
/* Header fields of one request; more is 431. */
#define HTTP_FIELDS_MAX 64
/* Bytes of a body that nobody wants, read and dropped so that the connection can go on. */
#define HTTP_BODY_IGNORED_MAX ((size_t)64 * 1024)
/* A method that no route may have. */
#define HTTP_METHOD_OTHER HTTP_TRACE
/* {placeholders} of one route. */
#define HTTP_PARAMS_MAX 4

typedef struct http_exchange http_exchange;

/* What came. All slices are borrowed until the exchange ends. */
typedef struct http_request {
    llhttp_method_t method;        /* HEAD arrives as HTTP_HEAD at the GET route's handler; what
                                      llhttp has no name for, as HTTP_METHOD_OTHER */
    slice path;                    /* as sent: percent-encoded, begins with '/' */
    slice query;                   /* as sent, without '?'; empty if absent */
    slice body;                    /* whole; empty if there is none */
    slice params[HTTP_PARAMS_MAX]; /* the route's {placeholders}, in order, still percent-encoded */
    bool http_1_0;
} http_request;

const http_request *http_request_of(const http_exchange *ex);

/* The value of a header (`name` in lower case), or a slice with data NULL if absent. Repeated ones
 * are joined with ", ". */
slice http_header(const http_exchange *ex, const char *name);

/* The raw value of a query parameter, still percent-encoded; data NULL if absent. The first of
 * several counts. */
slice http_query(const http_exchange *ex, const char *name);

/* Refuses a body longer than this for this request (413 too_large); the server's own limit holds
 * besides. To be called in the route's check. */
void http_body_limit(http_exchange *ex, size_t bytes);

/* Whether `tag` is in the value of If-None-Match, compared weakly (RFC 9110, section 13.1.2); false
 * for an absent one. */
bool http_etag_matches(slice if_none_match, slice tag);

/* Decodes %XX (and nothing else) into `out`, which has room for in.len bytes; false on a bad
 * escape. */
bool http_percent_decode(slice in, char *out, size_t *out_len);

/* ---- answering: each ends the exchange, which must not be touched afterwards ---- */

typedef struct http_field {
    slice name; /* in the case it is sent in */
    slice value;
} http_field;

/* Borrows everything. Content-Length, Date, Connection and CORS fields are added by the connection.
 * A HEAD request gets the head alone. `status` as in RFC 9110; 204 and 304 have no body. */
void http_respond(http_exchange *ex, int status, const http_field *fields, size_t field_count,
                  slice body);

/* Answers with application/problem+json (RFC 9457): type, title, status, detail, code. */
void http_respond_problem(http_exchange *ex, int status, const char *code, const char *detail);

/* The same, with further header fields (Allow, Retry-After, ...). */
void http_respond_problem_with(http_exchange *ex, int status, const char *code, const char *detail,
                               const http_field *fields, size_t field_count);

/* Hands the connection to the caller, with a 200 head with these fields in front of what is written
 * to it first (stream_write_soon), without Content-Length and without chunking (the end of the
 * connection is the end of the body): parser and buffers of the request are given back. Returns the
 * stream, whose owner the caller now is (stream_set_owner), or NULL if the peer has already gone
 * (the exchange has ended either way). A HEAD request must be answered with http_respond_head
 * instead. */
stream *http_stream_begin(http_exchange *ex, const http_field *fields, size_t field_count);

/* Whether the connection may change its protocol after this request: HTTP/1.1, GET, without a body.
 */
bool http_may_upgrade(const http_exchange *ex);

/* Hands the connection over as http_stream_begin does, with a 101 head with these fields and
 * `Connection: Upgrade`. *behind: what came behind the request already, borrowed until the end of
 * the turn. (RFC 9110, section 7.8) */
stream *http_upgrade(http_exchange *ex, const http_field *fields, size_t field_count,
                     slice *behind);

/* Whether the page that asks, if any, is one of this server's own: there is no Origin, or it names
 * the host that was asked for, or it is one that may read answers across sites. */
bool http_origin_is_known(const http_exchange *ex);

/* Answers with a head only, for HEAD requests to streams: no Content-Length is invented. */
void http_respond_head(http_exchange *ex, int status, const http_field *fields, size_t field_count);

/* ---- an answer in pieces, for bodies that are not to be in memory as a whole ---- */

/* The length of a body that only its end tells: it is sent chunked, or to HTTP/1.0 until the
 * connection's end (RFC 9112, section 6). */
#define HTTP_LEN_UNKNOWN UINT64_MAX

/* Begins the answer: the head says Content-Length: `body_len`. `on_room(arg)` is called, in a later
 * turn, whenever the next piece may be written; the exchange ends when all has been, or with
 * http_respond_end. A HEAD request, or an empty body, ends it at once: false, and no call comes. */
bool http_respond_begin(http_exchange *ex, int status, const http_field *fields, size_t field_count,
                        uint64_t body_len, void (*on_room)(void *arg), void *arg);
/* The next piece, not empty and not past the end; borrowed. Once after each on_room. */
void http_respond_piece(http_exchange *ex, slice piece);
/* Ends a body of unknown length. In place of a piece. */
void http_respond_end(http_exchange *ex);
/* The rest cannot come: cuts the connection, so that the peer sees it. */
void http_respond_cut(http_exchange *ex);

/* ---- while waiting ---- */

/* `on_abort(arg)` will be called if the peer goes away or the server stops before the answer is
 * complete. One per exchange. */
void http_on_abort(http_exchange *ex, void (*on_abort)(void *arg), void *arg);

/* The handler has taken all that it needs of the request, and the next one may be handled before
 * this one is answered. Returns the exchange to answer in place of `ex`, with http_respond or
 * http_respond_problem, in any order; the peer gets the answers in order. Perhaps `ex` itself. For
 * routes with HTTP_BODY_TAKEN. */
http_exchange *http_owe(http_exchange *ex);

/* ---- waiting long ---- */

/* An exchange of which nothing is left but what its answer needs: very many may wait at once. */
typedef struct http_wait http_wait;

/* Gives back what the request holds (its slices are gone, and so is `ex`), until the answer is
 * known. `on_gone(arg)` is called in place of the exchange's on_abort, and the wait is gone after
 * it returns. Returns owned (http_wait_end). Only before anything of the answer has been given. */
http_wait *http_wait_begin(http_exchange *ex, void (*on_gone)(void *arg), void *arg);

/* Returns the exchange, to be answered. Of its request the method and the version are known, and
 * for whom the answer is (CORS); all else is empty. It has no on_abort. */
http_exchange *http_wait_end(http_wait *w);

/* ---- routes ---- */

typedef enum http_body {
    HTTP_BODY_NONE,   /* a body is read up to HTTP_BODY_IGNORED_MAX and dropped */
    HTTP_BODY_WANTED, /* collected for the handler */
    HTTP_BODY_TAKEN   /* the same; requests in a pipeline need not wait for each other (http_owe) */
} http_body;

typedef struct http_route {
    llhttp_method_t method; /* a GET route serves HEAD as well */
    const char *
        pattern; /* "/docs/{doc}/updates"; {x} matches one non-empty segment, {x*} the whole rest */
    http_body body;
    /* Called as soon as the head is there, before the body: may answer (and so refuse) at once, by
     * responding; returns false if it did. NULL: nothing to check. */
    bool (*check)(void *ctx, http_exchange *ex);
    void (*handle)(void *ctx, http_exchange *ex);
    bool while_draining; /* answers on while the server ends */
} http_route;

#endif
