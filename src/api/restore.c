/* POST /docs/{doc}/restore: the content of another moment, as edits.
 *
 * The happy path: the id in the body is looked up, the document as it was is made in the pool and
 * kept (moment.h), and an edit is given to the room that makes the document of the present like it
 * (crdt_doc_restore); `written` answers once the event is on disk. What others
 * write meanwhile is there when the edit is made, and is undone with the rest.
 *
 * Failure. If the document has been deleted and made again in between, the edit is refused: it is
 * meant for the life that the id belongs to. If the peer goes before the edit was given to the
 * room, nothing is written. */
#include <jansson.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/moment.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/must.h"
#include "past/errs.h"

/* What a waiting document of the past counts in its room at most: however large, one may wait. */
#define RESTORE_WEIGHT_MAX ((size_t)32 << 20)

typedef struct restore {
    moment moment;
    crdt_doc *then; /* the document of the past */
    room_write write;
} restore;

static void restore_free(restore *r)
{
    crdt_doc_free(r->then);
    frame_unref(r->write.update);
    frame_unref(r->write.missing);
    free(r);
}

static void drop(moment *m)
{
    restore_free(container_of(m, restore, moment));
}

static void refuse(restore *r, err cause)
{
    if (r->moment.call.ex != NULL)
        api_respond_err(r->moment.call.ex, cause);
    restore_free(r);
}

/* ---- the edit ---- */

static err make(room_write *w, crdt_doc *doc)
{
    restore *r = container_of(w, restore, write);
    return err_of_crdt(crdt_doc_restore(doc, r->then));
}

static void written(room_write *w, err result)
{
    restore *r = container_of(w, restore, write);
    if (r->moment.call.ex != NULL && result == ERR_OK)
        answer_respond(r->moment.call.ex, w);
    else if (r->moment.call.ex != NULL)
        api_respond_err(r->moment.call.ex, result);
    restore_free(r);
}

static size_t weight_of(const crdt_doc *doc)
{
    size_t bytes = crdt_doc_memory_bytes(doc);
    return bytes < RESTORE_WEIGHT_MAX ? bytes : RESTORE_WEIGHT_MAX;
}

/* ---- the past ---- */

/* In the pool. */
static err keep(past_read *read, crdt_doc *doc)
{
    restore *r = container_of(moment_of(read), restore, moment);
    r->then = doc;
    read->kept = true;
    return ERR_OK;
}

static void begin_edit(moment *m, http_exchange *ex)
{
    restore *r = container_of(m, restore, moment);
    (void)ex;
    if (r->write.if_epoch && (!m->exists || r->write.epoch != m->id.epoch)) {
        refuse(r, ERR_EPOCH_CHANGED);
        return;
    }
    if (m->exists) {
        r->write.if_epoch = true;
        r->write.epoch = m->id.epoch;
    }
    room *found = registry_find(m->call.api->rooms, name_slice(&m->name));
    r->write.weight = weight_of(r->then);
    if (found == NULL || room_write_start(found, &r->write) != ERR_OK)
        refuse(r, ERR_OVERLOADED);
}

/* ---- the request ---- */

/* The id in {"at":ID}. False: 400 has been answered. */
static bool parse_body(http_exchange *ex, event_id *out)
{
    slice body = http_request_of(ex)->body;
    json_t *json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *at = json_object_get(json, "at");
    bool good = json_is_string(at) && json_object_size(json) == 1;
    if (!good)
        api_respond_bad(ex,
                        "the body is an object with at, an event id or \"0\", and nothing else");
    slice id = {json_string_value(at), json_string_length(at)};
    good = good && moment_parse(ex, id, out);
    json_decref(json);
    return good;
}

void api_post_restore(void *ctx, http_exchange *ex)
{
    doc_name name;
    event_id id;
    uint32_t epoch = 0;
    if (!name_of_exchange(ex, &name) || !parse_body(ex, &id))
        return;
    query_result given = query_epoch(ex, "epoch", &epoch);
    if (given == QUERY_ANSWERED)
        return;
    restore *r = calloc(1, sizeof(*r));
    must(r != NULL);
    r->moment.name = name;
    r->moment.id = id;
    r->moment.read.use = keep;
    r->moment.shown = begin_edit;
    r->moment.drop = drop;
    r->write = (room_write){.kind = ROOM_EDIT,
                            .if_epoch = given == QUERY_OK,
                            .epoch = epoch,
                            .edit = make,
                            .done = written};
    moment_start(&r->moment, ctx, ex);
}
