/* The happy path: one look at the past (past/past.h), which in the pool finds the document by its
 * name and holds the id against what was found (`find`), and goes on with the handler's own `use`;
 * `looked` hands over. */
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

static err find(past_read *r, store *s)
{
    moment *m = moment_of(r);
    store_doc doc;
    store_bytes name = {m->name.bytes, m->name.len};
    store_err found = store_find(s, name, &doc);
    err failed = known_event(&m->id, found, &doc);
    if (failed != ERR_OK)
        return failed;
    m->exists = found == STORE_OK;
    m->fixed = m->exists && m->id.has_epoch;
    if (m->exists)
        m->id.epoch = doc.epoch;
    m->id.has_epoch = m->exists;
    r->number = m->exists ? doc.number : 0;
    r->seq = m->id.seq;
    return ERR_OK;
}

/* ---- on the loop ---- */

static void looked(past_read *r, err result)
{
    moment *m = moment_of(r);
    http_exchange *ex = m->call.ex;
    if (ex != NULL && result == ERR_OK) {
        m->shown(m, ex);
        return;
    }
    if (ex != NULL)
        api_respond_err(ex, result);
    m->drop(m);
}

void moment_start(moment *m, api *a, http_exchange *ex)
{
    m->read.find = find;
    m->read.done = looked;
    if (past_read_start(a->past, &m->read) != ERR_OK) {
        api_respond_err(ex, ERR_OVERLOADED);
        m->drop(m);
        return;
    }
    api_call_begin(&m->call, a, ex);
}
