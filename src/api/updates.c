/* POST /docs/{doc}/updates, and the other two ways to write: PUT and DELETE /docs/{doc}.
 *
 * The happy path: the write is given to the document's room; `write_done` answers once it is on
 * disk. If the peer goes first the write goes on, and nobody is answered. */
#include <stdlib.h>

#include "api/answer.h"
#include "api/names.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/must.h"

typedef struct posted {
    api_call call;
    room_write write;
} posted;

static void respond_json(http_exchange *ex, int status, slice location, const frame *json)
{
    http_field fields[] = {
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json")},
        {SLICE_LITERAL("Location"), location},
    };
    http_respond(ex, status, fields, location.data == NULL ? 1 : 2, frame_slice(json));
}

static void respond_write(http_exchange *ex, const room_write *w)
{
    bool created = w->kind == ROOM_CREATE;
    if (w->kind == ROOM_DELETE) {
        http_respond(ex, 204, NULL, 0, (slice){0});
        return;
    }
    frame *json = answer_of_write(w, created ? &w->id.epoch : NULL);
    respond_json(ex, created ? 201 : 200, created ? http_request_of(ex)->path : (slice){0}, json);
    frame_unref(json);
}

static void write_done(room_write *w, err result)
{
    posted *p = container_of(w, posted, write);
    if (p->call.ex != NULL) {
        if (result == ERR_OK)
            respond_write(p->call.ex, w);
        else
            api_respond_err(p->call.ex, result);
    }
    frame_unref(w->update);
    frame_unref(w->missing);
    free(p);
}

/* Gives the write to the room of `name`. Takes `update` (NULL: none). */
static void start(api *a, http_exchange *ex, const doc_name *name, const room_write *what)
{
    room *r = registry_find(a->rooms, name_slice(name));
    posted *p = malloc(sizeof(*p));
    must(p != NULL);
    p->write = *what;
    p->write.done = write_done;
    if (r == NULL || room_write_start(r, &p->write) != ERR_OK) {
        api_respond_err(ex, ERR_OVERLOADED);
        frame_unref(p->write.update);
        free(p);
        return;
    }
    api_call_begin(&p->call, a, ex);
}

/* The body as a frame of its own, since the write may outlive the request. */
static frame *body_of(http_exchange *ex)
{
    frame *body = frame_copy(http_request_of(ex)->body);
    if (body == NULL)
        api_respond_err(ex, ERR_NO_MEMORY);
    return body;
}

void api_post_update(void *ctx, http_exchange *ex)
{
    doc_name name;
    room_write w = {.kind = ROOM_UPDATE};
    if (!name_of_exchange(ex, &name))
        return;
    query_result epoch = query_epoch(ex, "epoch", &w.epoch);
    if (epoch == QUERY_ANSWERED)
        return;
    w.if_epoch = epoch == QUERY_OK;
    w.update = body_of(ex);
    if (w.update != NULL)
        start(ctx, ex, &name, &w);
}

void api_put_document(void *ctx, http_exchange *ex)
{
    doc_name name;
    room_write w = {.kind = ROOM_CREATE};
    if (!name_of_exchange(ex, &name))
        return;
    bool empty = http_request_of(ex)->body.len == 0;
    if (!empty && !api_check_media(ex))
        return;
    if (!empty)
        w.update = body_of(ex);
    if (empty || w.update != NULL)
        start(ctx, ex, &name, &w);
}

void api_delete_document(void *ctx, http_exchange *ex)
{
    doc_name name;
    room_write w = {.kind = ROOM_DELETE};
    if (name_of_exchange(ex, &name))
        start(ctx, ex, &name, &w);
}
