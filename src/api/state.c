/* GET /docs/{doc}/state and /docs/{doc}/state-vector.
 *
 * The happy path. Of the present: one read of the room. Of the past (`at=`): the id is looked up,
 * the document as it was is made and encoded, all in one job of the pool (moment.h). */
#include <stdlib.h>
#include <xxhash.h>

#include "api/moment.h"
#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "api/shown.h"
#include "base/must.h"
#include "past/errs.h"

static uint64_t asked_of(crdt_encoding encoding, slice sv)
{
    return (uint64_t)encoding + (sv.len > 0 ? XXH3_128bits(sv.data, sv.len).low64 : 0);
}

static void respond(http_exchange *ex, crdt_encoding encoding, slice sv, shown what)
{
    what.type = SLICE_LITERAL("application/octet-stream");
    what.asked = asked_of(encoding, sv);
    respond_shown(ex, &what);
}

/* ---- the present ---- */

static void respond_present(read_call *c, http_exchange *ex)
{
    respond(ex, c->read.encoding == ROOM_V2 ? CRDT_V2 : CRDT_V1, c->read.sv,
            (shown){.id = c->read.facts.head, .bytes = c->read.bytes});
}

/* ---- the past ---- */

typedef struct state_at {
    moment moment;
    crdt_encoding encoding;
    frame *sv; /* NULL: everything */
    frame *bytes;
} state_at;

static void drop(moment *m)
{
    state_at *s = container_of(m, state_at, moment);
    frame_unref(s->sv);
    frame_unref(s->bytes);
    free(s);
}

/* In the pool. */
static err encode(past_read *r, crdt_doc *doc)
{
    state_at *s = container_of(moment_of(r), state_at, moment);
    crdt_bytes sv = {0};
    crdt_buf out = {0};
    if (s->sv != NULL)
        sv = (crdt_bytes){(const uint8_t *)s->sv->data, s->sv->len};
    err failed = err_of_crdt(crdt_doc_encode_state(doc, s->encoding, sv, &out));
    if (failed == ERR_OK)
        s->bytes = frame_copy((slice){(const char *)out.data, out.len});
    crdt_buf_free(&out);
    if (failed == ERR_MALFORMED_UPDATE)
        return ERR_MALFORMED_STATE_VECTOR;
    return failed == ERR_OK && s->bytes == NULL ? ERR_NO_MEMORY : failed;
}

static void show(moment *m, http_exchange *ex)
{
    state_at *s = container_of(m, state_at, moment);
    respond(ex, s->encoding, s->sv == NULL ? (slice){0} : frame_slice(s->sv),
            (shown){.id = m->id, .bytes = s->bytes, .fixed = m->fixed});
    drop(m);
}

/* Takes `sv`. */
static void start_at(api *a, http_exchange *ex, event_id at, crdt_encoding encoding, frame *sv)
{
    state_at *s = calloc(1, sizeof(*s));
    must(s != NULL);
    s->moment = (moment){.id = at, .read.use = encode, .shown = show, .drop = drop};
    s->encoding = encoding;
    s->sv = sv;
    if (name_of_exchange(ex, &s->moment.name))
        moment_start(&s->moment, a, ex);
    else
        drop(&s->moment);
}

/* ---- requests ---- */

void api_get_state(void *ctx, http_exchange *ex)
{
    event_id at;
    crdt_encoding encoding;
    read_call c = {.read.kind = ROOM_READ_STATE, .respond = respond_present};
    query_result wants_past = moment_query(ex, &at);
    if (wants_past == QUERY_ANSWERED || query_encoding(ex, &encoding) == QUERY_ANSWERED ||
        query_state_vector(ex, &c.sv) == QUERY_ANSWERED)
        return;
    c.read.encoding = encoding == CRDT_V2 ? ROOM_V2 : ROOM_V1;
    if (wants_past == QUERY_OK)
        start_at(ctx, ex, at, encoding, c.sv);
    else
        read_call_start(ctx, ex, &c);
}

void api_get_state_vector(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_STATE_VECTOR, .respond = respond_present};
    read_call_start(ctx, ex, &c);
}
