/* The table of routes, and the one mapping from errors to answers. */
#ifndef WEFT_API_ROUTES_H
#define WEFT_API_ROUTES_H

#include "api/api.h"
#include "base/err.h"

/* An awareness update says who is there, not what is written. */
#define AWARENESS_BYTES_MAX ((size_t)64 << 10)

/* Served with an `api` as context. */
extern const http_route api_routes[];
extern const size_t api_route_count;

/* Answers with the problem that belongs to `code`, which is not ERR_OK. */
void api_respond_err(http_exchange *ex, err code);

/* The same, with a sentence of its own. */
void api_respond_err_with(http_exchange *ex, err code, const char *detail);

/* What closes a socket: the code, and its reason, at most 123 bytes. */
typedef struct api_close {
    uint16_t code;
    const char *reason;
} api_close;

/* What belongs to `code`, which is not ERR_OK. */
api_close api_close_of(err code);

/* 400 bad_request. */
void api_respond_bad(http_exchange *ex, const char *detail);

/* ---- checks, made before the body is read: each answers and returns false, or returns true ----
 */

/* The body is bytes (application/octet-stream, not encoded), and `encoding` as below. */
bool api_check_bytes(void *ctx, http_exchange *ex);
/* The body is JSON, not encoded; the second: and no more than names an event. */
bool api_check_json(void *ctx, http_exchange *ex);
bool api_check_event(void *ctx, http_exchange *ex);
/* The body is bytes, and not more than an awareness update may have. */
bool api_check_awareness(void *ctx, http_exchange *ex);
/* The body is bytes, or (as far as the head tells) there is none; and `encoding` as below. */
bool api_check_seed(void *ctx, http_exchange *ex);

/* The body is said to be bytes, and not to be encoded. */
bool api_check_media(http_exchange *ex);
/* `?encoding=` is absent, `v1` or `v2`. */
bool api_check_encoding(http_exchange *ex);
/* `?encoding=` is absent or `v1`. */
bool api_check_v1(http_exchange *ex);

/* The server drains: ends the histories that go on for as long as there are events. */
void api_end_histories(api *a);
/* It has drained for long: cuts pages as well, or refuses them if they have not begun. */
void api_cut_histories(api *a);

/* ---- handlers ---- */

void api_list_documents(void *ctx, http_exchange *ex);
void api_get_document(void *ctx, http_exchange *ex);
void api_put_document(void *ctx, http_exchange *ex);
void api_delete_document(void *ctx, http_exchange *ex);
void api_post_update(void *ctx, http_exchange *ex);
void api_post_restore(void *ctx, http_exchange *ex);
void api_post_edits(void *ctx, http_exchange *ex);
void api_get_updates(void *ctx, http_exchange *ex);
void api_get_events(void *ctx, http_exchange *ex);
void api_post_awareness(void *ctx, http_exchange *ex);
void api_get_awareness(void *ctx, http_exchange *ex);
void api_get_content(void *ctx, http_exchange *ex);
void api_get_history(void *ctx, http_exchange *ex);
void api_get_socket(void *ctx, http_exchange *ex);
void api_get_state(void *ctx, http_exchange *ex);
void api_get_state_vector(void *ctx, http_exchange *ex);
void api_get_healthz(void *ctx, http_exchange *ex);
void api_get_readyz(void *ctx, http_exchange *ex);
void api_get_metrics(void *ctx, http_exchange *ex);

#endif
