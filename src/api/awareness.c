/* GET and POST /docs/{doc}/awareness. */
#include "api/read_call.h"
#include "api/routes.h"

static void respond_states(read_call *c, http_exchange *ex)
{
    frame *states = room_awareness(c->room);
    if (states == NULL) {
        api_respond_err(ex, ERR_NO_MEMORY);
        return;
    }
    http_field fields[] = {
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/octet-stream")},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")},
    };
    http_respond(ex, 200, fields, 2, frame_slice(states));
    frame_unref(states);
}

static void apply_and_respond(read_call *c, http_exchange *ex)
{
    err failed = room_awareness_apply(c->room, http_request_of(ex)->body);
    if (failed != ERR_OK)
        api_respond_err(ex, failed);
    else
        http_respond(ex, 204, NULL, 0, (slice){0});
}

void api_get_awareness(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_FACTS, .respond = respond_states};
    read_call_start(ctx, ex, &c);
}

void api_post_awareness(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_FACTS, .respond = apply_and_respond};
    read_call_start(ctx, ex, &c);
}
