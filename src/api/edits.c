/* POST /docs/{doc}/edits: edits told as JSON.
 *
 * The happy path: the body is given to the document's room as an edit; the room calls `make` when
 * its turn comes, in the pool if there is much to do, and `edits_done` answers once the event is on
 * disk. If the peer goes first the write goes on, and nobody is answered. */
#include <stdlib.h>

#include "api/answer.h"
#include "api/names.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/must.h"
#include "edit/edits.h"

typedef struct posted {
    api_call call;
    frame *body;
    edits_detail detail;
    room_write write;
} posted;

static void posted_free(posted *p)
{
    frame_unref(p->write.update);
    frame_unref(p->write.missing);
    frame_unref(p->body);
    free(p);
}

static err make(room_write *w, crdt_doc *doc)
{
    posted *p = container_of(w, posted, write);
    return edits_make(doc, frame_slice(p->body), &p->detail);
}

static void respond(posted *p, err result)
{
    if (result == ERR_OK)
        answer_respond(p->call.ex, &p->write);
    else if (result == ERR_NOT_JSON || result == ERR_INVALID_EDIT)
        api_respond_err_with(p->call.ex, result, p->detail.text);
    else
        api_respond_err(p->call.ex, result);
}

static void edits_done(room_write *w, err result)
{
    posted *p = container_of(w, posted, write);
    if (p->call.ex != NULL)
        respond(p, result);
    posted_free(p);
}

void api_post_edits(void *ctx, http_exchange *ex)
{
    api *a = ctx;
    doc_name name;
    uint32_t epoch = 0;
    if (!name_of_exchange(ex, &name))
        return;
    query_result given = query_epoch(ex, "epoch", &epoch);
    if (given == QUERY_ANSWERED)
        return;
    posted *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->body = frame_copy(http_request_of(ex)->body);
    room *r = registry_find(a->rooms, name_slice(&name));
    p->write = (room_write){.kind = ROOM_EDIT,
                            .if_epoch = given == QUERY_OK,
                            .epoch = epoch,
                            .edit = make,
                            .weight = http_request_of(ex)->body.len,
                            .done = edits_done};
    if (p->body == NULL || r == NULL || room_write_start(r, &p->write) != ERR_OK) {
        api_respond_err(ex, ERR_OVERLOADED);
        posted_free(p);
        return;
    }
    api_call_begin(&p->call, a, ex);
}
