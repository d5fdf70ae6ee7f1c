/* GET /docs/{doc}/events.
 *
 * The happy path: the position is read from the request; the room is asked what it has (it may have
 * to load); then the head is written, the connection becomes an event stream, and the stream a
 * reader of the room. */
#include <stdlib.h>

#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "base/must.h"

/* Yjs' client numbers are integers up to 2^53-1. */
#define CLIENT_MAX ((UINT64_C(1) << 53) - 1)

static const http_field head[] = {
    {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("text/event-stream; charset=utf-8")},
    {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store, no-transform")},
    {SLICE_LITERAL("X-Accel-Buffering"), SLICE_LITERAL("no")},
};
#define HEAD_FIELDS (sizeof(head) / sizeof(head[0]))

static void begin_stream(read_call *c, http_exchange *ex)
{
    room_position *position = c->arg;
    if (c->sv != NULL)
        position->sv = frame_slice(c->sv);
    stream *s = http_stream_begin(ex, head, HEAD_FIELDS);
    if (s == NULL)
        return;
    sink *reader = sse_open(c->call.api->streams, s, c->number);
    room_join(c->room, reader, position);
    sse_start(reader);
}

static void respond(read_call *c, http_exchange *ex)
{
    if (http_request_of(ex)->method == HTTP_HEAD)
        http_respond_head(ex, 200, head, HEAD_FIELDS);
    else
        begin_stream(c, ex);
}

/* An EventSource stops at 204; not for good, if the name comes back. */
static void respond_deleted(read_call *c, http_exchange *ex)
{
    (void)c;
    http_field field = {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")};
    http_respond(ex, 204, &field, 1, (slice){0});
}

/* Last-Event-ID, then `since`, then `sv`. What is malformed in the query is refused even if it is
 * not needed; in the header an error would stop an EventSource for good, so it gets everything.
 * False: it has been answered. */
static bool read_position(http_exchange *ex, room_position *out, frame **sv)
{
    query_result since = query_since(ex, out);
    if (since == QUERY_ANSWERED)
        return false;
    query_result vector = query_state_vector(ex, sv);
    if (vector == QUERY_ANSWERED)
        return false;
    slice last = http_header(ex, "last-event-id");
    if (last.data != NULL)
        out->from = event_id_parse(last, &out->id) ? ROOM_FROM_ID : ROOM_FROM_NOTHING;
    else if (since == QUERY_ABSENT && vector == QUERY_OK)
        out->from = ROOM_FROM_STATE_VECTOR;
    return true;
}

void api_get_events(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_FACTS,
                   .respond = respond,
                   .respond_deleted = respond_deleted,
                   .number = SINK_NO_CLIENT};
    room_position position = {.from = ROOM_FROM_NOTHING};
    if (!api_check_v1(ex) || query_number(ex, "client", CLIENT_MAX, &c.number) == QUERY_ANSWERED ||
        !read_position(ex, &position, &c.sv))
        return;
    c.arg = malloc(sizeof(position));
    must(c.arg != NULL);
    memcpy(c.arg, &position, sizeof(position));
    read_call_start(ctx, ex, &c);
}
