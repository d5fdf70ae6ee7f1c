#include "api/routes.h"

#include <strings.h>

#include "api/query.h"

/* An object with one event id. */
#define EVENT_BYTES_MAX ((size_t)4 << 10)

const http_route api_routes[] = {
    {HTTP_GET, "/docs", HTTP_BODY_NONE, NULL, api_list_documents, false},
    {HTTP_GET, "/docs/{doc}", HTTP_BODY_NONE, NULL, api_get_document, false},
    {HTTP_PUT, "/docs/{doc}", HTTP_BODY_WANTED, api_check_seed, api_put_document, false},
    {HTTP_DELETE, "/docs/{doc}", HTTP_BODY_NONE, NULL, api_delete_document, false},
    {HTTP_GET, "/docs/{doc}/updates", HTTP_BODY_NONE, NULL, api_get_updates, false},
    {HTTP_POST, "/docs/{doc}/updates", HTTP_BODY_TAKEN, api_check_bytes, api_post_update, false},
    {HTTP_POST, "/docs/{doc}/edits", HTTP_BODY_WANTED, api_check_json, api_post_edits, false},
    {HTTP_POST, "/docs/{doc}/restore", HTTP_BODY_WANTED, api_check_event, api_post_restore, false},
    {HTTP_GET, "/docs/{doc}/events", HTTP_BODY_NONE, NULL, api_get_events, false},
    {HTTP_POST, "/docs/{doc}/awareness", HTTP_BODY_WANTED, api_check_awareness, api_post_awareness,
     false},
    {HTTP_GET, "/docs/{doc}/awareness", HTTP_BODY_NONE, NULL, api_get_awareness, false},
    {HTTP_GET, "/docs/{doc}/state", HTTP_BODY_NONE, NULL, api_get_state, false},
    {HTTP_GET, "/docs/{doc}/state-vector", HTTP_BODY_NONE, NULL, api_get_state_vector, false},
    {HTTP_GET, "/docs/{doc}/content/{root}", HTTP_BODY_NONE, NULL, api_get_content, false},
    {HTTP_GET, "/docs/{doc}/content/", HTTP_BODY_NONE, NULL, api_get_content, false},
    {HTTP_GET, "/docs/{doc}/history", HTTP_BODY_NONE, NULL, api_get_history, false},
    {HTTP_GET, "/ws/{doc*}", HTTP_BODY_NONE, NULL, api_get_socket, false},
    {HTTP_GET, "/healthz", HTTP_BODY_NONE, NULL, api_get_healthz, true},
    {HTTP_GET, "/readyz", HTTP_BODY_NONE, NULL, api_get_readyz, true},
    {HTTP_GET, "/metrics", HTTP_BODY_NONE, NULL, api_get_metrics, true},
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

/* ---- errors ---- */

typedef struct problem {
    int status;
    const char *code;
    bool retry; /* Retry-After */
} problem;

static problem problem_of(err code)
{
    switch (code) {
    case ERR_OK:
        break;
    case ERR_MALFORMED_UPDATE:
        return (problem){400, "malformed_update", false};
    case ERR_MALFORMED_AWARENESS:
        return (problem){400, "malformed_awareness", false};
    case ERR_MALFORMED_STATE_VECTOR:
        return (problem){400, "bad_request", false};
    case ERR_PENDING_LIMIT:
    case ERR_UPDATE_LIMIT:
        return (problem){413, "too_large", false};
    case ERR_AWARENESS_LIMIT:
        return (problem){503, "overloaded", true};
    case ERR_DELETED:
        return (problem){410, "document_deleted", false};
    case ERR_EXISTS:
        return (problem){412, "document_exists", false};
    case ERR_EPOCH_CHANGED:
        return (problem){409, "epoch_changed", false};
    case ERR_STORAGE_FULL:
        return (problem){507, "storage_full", false};
    case ERR_STORAGE:
        return (problem){503, "storage_failed", true};
    case ERR_OVERLOADED:
        return (problem){503, "overloaded", true};
    case ERR_DRAINING:
        return (problem){503, "draining", false};
    case ERR_CONTENT_LIMIT:
        return (problem){413, "too_large", false};
    case ERR_EVENT_GONE:
        return (problem){410, "event_gone", false};
    case ERR_EVENT_UNKNOWN:
        return (problem){404, "event_unknown", false};
    case ERR_NOT_JSON:
        return (problem){400, "bad_request", false};
    case ERR_INVALID_EDIT:
        return (problem){422, "invalid_edit", false};
    case ERR_NO_MEMORY:
        return (problem){503, "overloaded", true};
    }
    return (problem){500, "internal", false};
}

void api_respond_err(http_exchange *ex, err code)
{
    api_respond_err_with(ex, code, err_text(code));
}

void api_respond_err_with(http_exchange *ex, err code, const char *detail)
{
    problem p = problem_of(code);
    http_field retry = {SLICE_LITERAL("Retry-After"), SLICE_LITERAL("1")};
    http_respond_problem_with(ex, p.status, p.code, detail, &retry, p.retry ? 1 : 0);
}

void api_respond_bad(http_exchange *ex, const char *detail)
{
    http_respond_problem(ex, 400, "bad_request", detail);
}

api_close api_close_of(err code)
{
    switch (code) {
    case ERR_OK:
        break;
    case ERR_MALFORMED_UPDATE:
        return (api_close){WS_CODE_MALFORMED, "a message, or the update in it, is malformed"};
    case ERR_MALFORMED_AWARENESS:
        return (api_close){WS_CODE_MALFORMED, "an awareness update is malformed"};
    case ERR_MALFORMED_STATE_VECTOR:
        return (api_close){WS_CODE_MALFORMED, "a state vector is malformed"};
    case ERR_PENDING_LIMIT:
        return (api_close){WS_CODE_TOO_LARGE,
                           "too much of this document waits for updates that have not come"};
    case ERR_UPDATE_LIMIT:
    case ERR_CONTENT_LIMIT:
        return (api_close){WS_CODE_TOO_LARGE, "the message is larger than is taken here"};
    case ERR_DELETED:
        return (api_close){WS_CODE_DELETED, "the document was deleted"};
    case ERR_DRAINING:
        return (api_close){WS_CODE_GOING_AWAY, "the server is ending"};
    case ERR_STORAGE_FULL:
        return (api_close){WS_CODE_COME_AGAIN, "no space is left to store this"};
    case ERR_AWARENESS_LIMIT:
    case ERR_STORAGE:
    case ERR_OVERLOADED:
    case ERR_NO_MEMORY:
        return (api_close){WS_CODE_COME_AGAIN, "try again later"};
    case ERR_EXISTS: /* of requests that sockets do not make */
    case ERR_EPOCH_CHANGED:
    case ERR_EVENT_GONE:
    case ERR_EVENT_UNKNOWN:
    case ERR_NOT_JSON:
    case ERR_INVALID_EDIT:
        break;
    }
    return (api_close){WS_CODE_INTERNAL, "internal"};
}

/* ---- calls ---- */

static void on_abort(void *arg)
{
    api_call *call = arg;
    call->ex = NULL;
}

void api_call_begin(api_call *call, api *a, http_exchange *ex)
{
    call->api = a;
    call->ex = ex;
    http_on_abort(ex, on_abort, call);
}

/* ---- checks ---- */

/* `wanted`, perhaps with parameters. */
static bool is_type(slice type, slice wanted)
{
    size_t len = wanted.len;
    if (type.len < len || strncasecmp(type.data, wanted.data, len) != 0)
        return false;
    return type.len == len || type.data[len] == ';' || type.data[len] == ' ' ||
           type.data[len] == '\t';
}

static bool refuse_media(http_exchange *ex, const char *detail)
{
    http_respond_problem(ex, 415, "unsupported_media_type", detail);
    return false;
}

bool api_check_media(http_exchange *ex)
{
    if (http_header(ex, "content-encoding").data != NULL)
        return refuse_media(ex, "send the body as it is, without a Content-Encoding");
    if (!is_type(http_header(ex, "content-type"), SLICE_LITERAL("application/octet-stream")))
        return refuse_media(ex, "send the body with Content-Type: application/octet-stream");
    return true;
}

bool api_check_json(void *ctx, http_exchange *ex)
{
    (void)ctx;
    if (http_header(ex, "content-encoding").data != NULL)
        return refuse_media(ex, "send the body as it is, without a Content-Encoding");
    if (!is_type(http_header(ex, "content-type"), SLICE_LITERAL("application/json")))
        return refuse_media(ex, "send the body with Content-Type: application/json");
    return true;
}

bool api_check_event(void *ctx, http_exchange *ex)
{
    http_body_limit(ex, EVENT_BYTES_MAX);
    return api_check_json(ctx, ex);
}

bool api_check_bytes(void *ctx, http_exchange *ex)
{
    (void)ctx;
    return api_check_media(ex) && api_check_encoding(ex);
}

bool api_check_seed(void *ctx, http_exchange *ex)
{
    (void)ctx;
    slice length = http_header(ex, "content-length");
    bool filled = length.data != NULL && !slice_equal(length, SLICE_LITERAL("0"));
    return (!filled || api_check_media(ex)) && api_check_encoding(ex);
}

bool api_check_awareness(void *ctx, http_exchange *ex)
{
    (void)ctx;
    http_body_limit(ex, AWARENESS_BYTES_MAX);
    return api_check_media(ex);
}

bool api_check_encoding(http_exchange *ex)
{
    crdt_encoding encoding;
    return query_encoding(ex, &encoding) != QUERY_ANSWERED;
}

bool api_check_v1(http_exchange *ex)
{
    slice encoding = http_query(ex, "encoding");
    if (encoding.data == NULL || slice_equal(encoding, SLICE_LITERAL("v1")))
        return true;
    api_respond_bad(ex, "event streams hold updates in format v1; leave encoding out");
    return false;
}
