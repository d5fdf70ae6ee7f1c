/* GET /docs/{doc}/state and /docs/{doc}/state-vector. */
#include <stdio.h>
#include <xxhash.h>

#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"

/* Two quotes, an event id, a hyphen, 32 hex digits, and the end. */
#define ETAG_LEN_MAX (EVENT_ID_TEXT_MAX + 36)

/* The tag is made from the bytes: a document's encoding may change when it is loaded anew, though
 * what it says does not. */
static size_t print_etag(const read_call *c, const char *id, char out[ETAG_LEN_MAX])
{
    slice sv = c->read.sv;
    XXH128_hash_t asked = XXH3_128bits(sv.data, sv.len);
    XXH128_hash_t hash = XXH3_128bits_withSeed(c->read.bytes->data, c->read.bytes->len,
                                               sv.len == 0 ? 0 : asked.low64);
    int len = snprintf(out, ETAG_LEN_MAX, "\"%s-%016llx%016llx\"", id,
                       (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return (size_t)len;
}

static void respond(read_call *c, http_exchange *ex)
{
    char id[EVENT_ID_TEXT_MAX], tag[ETAG_LEN_MAX];
    slice id_text = {id, event_id_print(c->read.facts.head, id)};
    slice etag = {tag, print_etag(c, id, tag)};
    http_field fields[] = {
        {SLICE_LITERAL("Event-Id"), id_text},
        {SLICE_LITERAL("ETag"), etag},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-cache")},
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/octet-stream")},
    };
    if (http_etag_matches(http_header(ex, "if-none-match"), etag))
        http_respond(ex, 304, fields, 3, (slice){0});
    else
        http_respond(ex, 200, fields, 4, frame_slice(c->read.bytes));
}

/* False: it has been answered. */
static bool asks_for_the_present(http_exchange *ex)
{
    if (http_query(ex, "at").data == NULL)
        return true;
    http_respond_problem(ex, 406, "not_acceptable",
                         "this server shows documents as they are now only; leave at out");
    return false;
}

void api_get_state(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_STATE, .respond = respond};
    if (!api_check_encoding(ex) || !asks_for_the_present(ex))
        return;
    if (query_state_vector(ex, &c.sv) != QUERY_ANSWERED)
        read_call_start(ctx, ex, &c);
}

void api_get_state_vector(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_STATE_VECTOR, .respond = respond};
    read_call_start(ctx, ex, &c);
}
