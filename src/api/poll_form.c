/* The happy path: a frame is an event's facts and its update behind them. poll_respond sends the
 * update as it is; one that is too large to be told in format v2 on the loop goes through the pool
 * first, and if the peer goes meanwhile nobody is answered.
 *
 *     poll_respond -> respond
 *          +--------> do_convert (pool) -> converted -> respond
 */
#include "api/poll_form.h"

#include <stdlib.h>

#include "api/routes.h"
#include "api/shared_body.h"
#include "base/must.h"
#include "past/errs.h"

/* ---- frames ---- */

static frame *form(const sink_event *event, slice update, bool is_v1)
{
    static const char nothing[] = {0, 0};
    poll_event facts = {.kind = event->kind,
                        .id = event->id,
                        .is_empty = slice_equal(event->data, (slice){nothing, sizeof(nothing)}),
                        .is_v1 = is_v1};
    frame *f = frame_new(sizeof(facts) + update.len);
    if (f == NULL)
        return NULL;
    memcpy(f->data, &facts, sizeof(facts));
    if (update.len > 0)
        memcpy(f->data + sizeof(facts), update.data, update.len);
    return f;
}

poll_event poll_form_event(const frame *f)
{
    poll_event facts;
    must(f->len >= sizeof(facts));
    memcpy(&facts, f->data, sizeof(facts));
    return facts;
}

static slice update_of(const frame *f)
{
    return (slice){f->data + sizeof(poll_event), f->len - sizeof(poll_event)};
}

frame *poll_form_v1(const sink_event *event)
{
    return form(event, event->data, true);
}

/* `out` is to be freed, also on failure. */
static err to_v2(slice v1, crdt_buf *out)
{
    crdt_bytes update = {(const uint8_t *)v1.data, v1.len};
    return err_of_crdt(crdt_update_convert(CRDT_V1, update, CRDT_V2, out));
}

frame *poll_form_v2(const sink_event *event)
{
    bool is_update = event->kind == SINK_SYNC || event->kind == SINK_UPDATE;
    if (!is_update || event->data.len > POLL_CONVERT_HERE_MAX)
        return form(event, event->data, true);
    crdt_buf v2 = {0};
    frame *f = NULL;
    if (to_v2(event->data, &v2) == ERR_OK)
        f = form(event, (slice){(const char *)v2.data, v2.len}, false);
    crdt_buf_free(&v2);
    return f;
}

/* ---- answers ---- */

static void respond(http_exchange *ex, event_id id, slice reset, frame *body, size_t at)
{
    char text[EVENT_ID_TEXT_MAX];
    http_field fields[] = {
        {SLICE_LITERAL("Event-Id"), {text, event_id_print(id, text)}},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")},
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/octet-stream")},
        {SLICE_LITERAL("Event-Reset"), reset},
    };
    respond_shared(ex, fields, reset.data == NULL ? 3 : 4, body, at);
}

void poll_respond_none(http_exchange *ex, event_id id)
{
    char text[EVENT_ID_TEXT_MAX];
    http_field fields[] = {
        {SLICE_LITERAL("Event-Id"), {text, event_id_print(id, text)}},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-store")},
    };
    http_respond(ex, 204, fields, 2, (slice){0});
}

/* ---- large ones in format v2 ---- */

typedef struct telling {
    api_call call;
    uv_work_t work;
    frame *from;
    frame *reset; /* or NULL */
    frame *v2;    /* made; NULL: it failed */
} telling;

static void do_convert(uv_work_t *work)
{
    telling *t = container_of(work, telling, work);
    crdt_buf v2 = {0};
    if (to_v2(update_of(t->from), &v2) == ERR_OK)
        t->v2 = frame_copy((slice){(const char *)v2.data, v2.len});
    crdt_buf_free(&v2);
}

static slice word_of(const frame *reset)
{
    return reset == NULL ? (slice){0} : update_of(reset);
}

static void converted(uv_work_t *work, int status)
{
    must(status == 0);
    telling *t = container_of(work, telling, work);
    t->call.api->jobs--;
    if (t->call.ex != NULL && t->v2 != NULL)
        respond(t->call.ex, poll_form_event(t->from).id, word_of(t->reset), t->v2, 0);
    else if (t->call.ex != NULL)
        api_respond_err(t->call.ex, ERR_NO_MEMORY);
    frame_unref(t->from);
    frame_unref(t->reset);
    frame_unref(t->v2);
    free(t);
}

static void convert_and_respond(api *a, http_exchange *ex, frame *f, const frame *reset)
{
    telling *t = calloc(1, sizeof(*t));
    must(t != NULL);
    t->from = frame_ref(f);
    t->reset = reset == NULL ? NULL : frame_copy(frame_slice(reset));
    must(reset == NULL || t->reset != NULL);
    api_call_begin(&t->call, a, ex);
    a->jobs++;
    must(uv_queue_work(loop_uv(a->loop), &t->work, do_convert, converted) == 0);
}

void poll_respond(api *a, http_exchange *ex, sink_wire wire, frame *f, const frame *reset)
{
    poll_event facts = poll_form_event(f);
    if (wire == SINK_WIRE_POLL_V2 && facts.is_v1)
        convert_and_respond(a, ex, f, reset);
    else
        respond(ex, facts.id, word_of(reset), f, sizeof(facts));
}
