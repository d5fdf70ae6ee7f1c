#include "api/shown.h"

#include <stdio.h>
#include <xxhash.h>

#include "api/shared_body.h"

/* Two quotes, an event id, a hyphen, 32 hex digits, and the end. */
#define ETAG_LEN_MAX (EVENT_ID_TEXT_MAX + 36)

/* The tag is made from the bytes: a document's encoding may change when it is loaded anew, though
 * what it says does not. */
static size_t print_etag(const shown *what, const char *id, char out[ETAG_LEN_MAX])
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(what->bytes->data, what->bytes->len, what->asked);
    int len = snprintf(out, ETAG_LEN_MAX, "\"%s-%016llx%016llx\"", id,
                       (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return (size_t)len;
}

void respond_shown(http_exchange *ex, const shown *what)
{
    char id[EVENT_ID_TEXT_MAX], tag[ETAG_LEN_MAX];
    slice id_text = {id, event_id_print(what->id, id)};
    slice etag = {tag, print_etag(what, id, tag)};
    slice cache = what->fixed ? SLICE_LITERAL("private, max-age=31536000, immutable")
                              : SLICE_LITERAL("no-cache");
    http_field fields[] = {
        {SLICE_LITERAL("Event-Id"), id_text},
        {SLICE_LITERAL("ETag"), etag},
        {SLICE_LITERAL("Cache-Control"), cache},
        {SLICE_LITERAL("Content-Type"), what->type},
        /* Anybody may have written it, and XML may be a page: no script in it may run as if it
         * were one of this server's. */
        {SLICE_LITERAL("Content-Security-Policy"), SLICE_LITERAL("default-src 'none'; sandbox")},
        {SLICE_LITERAL("X-Content-Type-Options"), SLICE_LITERAL("nosniff")},
    };
    if (http_etag_matches(http_header(ex, "if-none-match"), etag))
        http_respond(ex, 304, fields, 3, (slice){0});
    else
        respond_shared(ex, fields, sizeof(fields) / sizeof(fields[0]), what->bytes, 0);
}
