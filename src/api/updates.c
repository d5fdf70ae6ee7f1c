/* POST /docs/{doc}/updates, and the other two ways to write: PUT and DELETE /docs/{doc}.
 *
 * The happy path: the body is told in format v1 if it is not (a large one in the pool); the write
 * is given to the document's room; `write_done` answers once it is on disk. If the peer goes first
 * the write goes on, and nobody is answered.
 *
 *     post -> submit -------------------------------------> (the room) -> write_done
 *      +----> do_convert (pool) -> converted -> submit ---------^
 */
#include <stdlib.h>

#include "api/answer.h"
#include "api/format.h"
#include "api/names.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/must.h"

/* Bodies in format v2 up to this many bytes are told anew on the loop. */
#define UPDATES_CONVERT_HERE_MAX ((size_t)16 << 10)

typedef struct posted {
    api_call call;
    room_write write;
    doc_name name;
    uv_work_t work;
    frame *v1; /* converted */
    err failed;
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

static void posted_free(posted *p)
{
    frame_unref(p->write.update);
    frame_unref(p->write.missing);
    free(p);
}

static void refuse(posted *p, err cause)
{
    if (p->call.ex != NULL)
        api_respond_err(p->call.ex, cause);
    posted_free(p);
}

static void write_done(room_write *w, err result)
{
    posted *p = container_of(w, posted, write);
    if (result != ERR_OK) {
        refuse(p, result);
        return;
    }
    if (p->call.ex != NULL)
        respond_write(p->call.ex, w);
    posted_free(p);
}

/* Gives the write to its room. */
static void submit(posted *p)
{
    room *r = registry_find(p->call.api->rooms, name_slice(&p->name));
    if (r == NULL || room_write_start(r, &p->write) != ERR_OK)
        refuse(p, ERR_OVERLOADED);
}

/* ---- bodies in format v2 ---- */

static void convert(posted *p)
{
    p->failed = format_to_v1(frame_slice(p->write.update), p->call.api->update_bytes_max, &p->v1);
}

static void take_converted(posted *p)
{
    if (p->failed != ERR_OK) {
        refuse(p, p->failed);
        return;
    }
    frame_unref(p->write.update);
    p->write.update = p->v1;
    submit(p);
}

static void do_convert(uv_work_t *work)
{
    convert(container_of(work, posted, work));
}

static void converted(uv_work_t *work, int status)
{
    must(status == 0);
    posted *p = container_of(work, posted, work);
    p->call.api->jobs--;
    take_converted(p);
}

static void convert_and_submit(posted *p)
{
    if (p->write.update->len <= UPDATES_CONVERT_HERE_MAX) {
        convert(p);
        take_converted(p);
        return;
    }
    p->call.api->jobs++;
    must(uv_queue_work(loop_uv(p->call.api->loop), &p->work, do_convert, converted) == 0);
}

/* ---- requests ---- */

/* Begins the write `what` to the document in the path, with the body if there is one, in the format
 * that `encoding` says. */
static void post(api *a, http_exchange *ex, const room_write *what)
{
    doc_name name;
    crdt_encoding encoding;
    slice body = http_request_of(ex)->body;
    if (!name_of_exchange(ex, &name) || query_encoding(ex, &encoding) == QUERY_ANSWERED)
        return;
    posted *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->name = name;
    p->write = *what;
    p->write.done = write_done;
    bool wanted = what->kind == ROOM_UPDATE || (what->kind == ROOM_CREATE && body.len > 0);
    /* A frame of its own, since the write may outlive the request. */
    if (wanted)
        p->write.update = frame_copy(body);
    api_call_begin(&p->call, a, what->kind == ROOM_UPDATE ? http_owe(ex) : ex);
    if (wanted && p->write.update == NULL)
        refuse(p, ERR_NO_MEMORY);
    else if (wanted && encoding == CRDT_V2)
        convert_and_submit(p);
    else
        submit(p);
}

void api_post_update(void *ctx, http_exchange *ex)
{
    room_write w = {.kind = ROOM_UPDATE};
    query_result epoch = query_epoch(ex, "epoch", &w.epoch);
    w.if_epoch = epoch == QUERY_OK;
    if (epoch != QUERY_ANSWERED)
        post(ctx, ex, &w);
}

void api_put_document(void *ctx, http_exchange *ex)
{
    room_write w = {.kind = ROOM_CREATE};
    bool empty = http_request_of(ex)->body.len == 0;
    if (empty || api_check_media(ex))
        post(ctx, ex, &w);
}

void api_delete_document(void *ctx, http_exchange *ex)
{
    room_write w = {.kind = ROOM_DELETE};
    post(ctx, ex, &w);
}
