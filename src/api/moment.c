/* The happy path: the name is looked up in the pool (`look_up`), since that may wait for the disk;
 * `looked_up` holds the id against what was found, and hands over. */
#include "api/moment.h"

#include "api/routes.h"
#include "base/must.h"
#include "past/known.h"

bool moment_parse(http_exchange *ex, slice text, event_id *out)
{
    if (event_id_parse(text, out))
        return true;
    api_respond_bad(ex, "at is an event id, like 42.9f3c1a07, or 0");
    return false;
}

query_result moment_query(http_exchange *ex, event_id *out)
{
    frame *text;
    query_result found = query_text(ex, "at", &text);
    if (found != QUERY_OK)
        return found;
    bool parsed = moment_parse(ex, frame_slice(text), out);
    frame_unref(text);
    return parsed ? QUERY_OK : QUERY_ANSWERED;
}

/* ---- in the pool ---- */

static void look_up(uv_work_t *work)
{
    moment *m = container_of(work, moment, work);
    store_bytes name = {m->name.bytes, m->name.len};
    m->failed = store_find(m->call.api->store, name, &m->doc);
}

/* ---- on the loop ---- */

static err resolve(moment *m)
{
    err failed = known_event(&m->id, m->failed, &m->doc);
    bool exists = m->failed == STORE_OK;
    m->number = exists ? m->doc.number : 0;
    m->fixed = exists && m->id.has_epoch;
    if (exists)
        m->id.epoch = m->doc.epoch;
    m->id.has_epoch = exists;
    return failed;
}

static void looked_up(uv_work_t *work, int status)
{
    must(status == 0);
    moment *m = container_of(work, moment, work);
    http_exchange *ex = m->call.ex;
    m->call.api->jobs--;
    err failed = resolve(m);
    if (ex != NULL && failed == ERR_OK) {
        m->found(m, ex);
        return;
    }
    if (ex != NULL)
        api_respond_err(ex, failed);
    m->drop(m);
}

void moment_start(moment *m, api *a, http_exchange *ex)
{
    api_call_begin(&m->call, a, ex);
    a->jobs++;
    must(uv_queue_work(loop_uv(a->loop), &m->work, look_up, looked_up) == 0);
}
