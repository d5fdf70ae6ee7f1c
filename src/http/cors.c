/* Answers that pages of other sites may read: for the origins that the server was told of, and no
 * others (Fetch, section 3.2). */
#include <strings.h>

#include "http/inside.h"

const char *cors_origin(const http_exchange *ex)
{
    const http_options *options = &ex->server->options;
    slice origin = http_header(ex, "origin");
    for (size_t i = 0; i < options->cors_count; i++)
        if (slice_equal(origin, slice_of(options->cors[i])))
            return options->cors[i];
    return NULL;
}

void cors_append(http_exchange *ex, buf *out)
{
    if (ex->server->options.cors_count == 0)
        return;
    buf_append(out, SLICE_LITERAL("Vary: Origin\r\n"));
    const char *origin = cors_origin(ex);
    if (origin == NULL)
        return;
    buf_append(out, SLICE_LITERAL("Access-Control-Allow-Origin: "));
    buf_append(out, slice_of(origin));
    buf_append(out, SLICE_LITERAL("\r\nAccess-Control-Expose-Headers: "
                                  "Event-Id, Event-Reset, ETag, Retry-After\r\n"));
}

bool cors_preflight(http_exchange *ex)
{
    if (ex->request.method != HTTP_OPTIONS ||
        http_header(ex, "access-control-request-method").data == NULL || cors_origin(ex) == NULL)
        return false;
    /* All that is asked for: who authenticates in front of this server needs headers that it does
     * not know, and `*` would leave out Authorization. */
    slice headers = http_header(ex, "access-control-request-headers");
    if (headers.len == 0)
        headers =
            SLICE_LITERAL("Content-Type, Last-Event-ID, If-None-Match, Cache-Control, Accept");
    const http_field fields[] = {
        {SLICE_LITERAL("Access-Control-Allow-Methods"),
         SLICE_LITERAL("GET, HEAD, POST, PUT, DELETE")},
        {SLICE_LITERAL("Access-Control-Allow-Headers"), headers},
        {SLICE_LITERAL("Access-Control-Max-Age"), SLICE_LITERAL("7200")},
    };
    http_respond(ex, 204, fields, sizeof(fields) / sizeof(fields[0]), (slice){NULL, 0});
    return true;
}

/* What follows the scheme: a proxy may have taken TLS off, so that this server cannot know it. */
static slice authority_of(slice origin)
{
    const char *mark = memmem(origin.data, origin.len, "://", 3);
    if (mark == NULL)
        return (slice){NULL, 0};
    return (slice){mark + 3, origin.len - (size_t)(mark + 3 - origin.data)};
}

bool http_origin_is_known(const http_exchange *ex)
{
    slice origin = http_header(ex, "origin");
    if (origin.data == NULL || cors_origin(ex) != NULL)
        return true;
    slice own = authority_of(origin);
    slice host = http_header(ex, "host");
    return own.len > 0 && own.len == host.len && strncasecmp(own.data, host.data, own.len) == 0;
}
