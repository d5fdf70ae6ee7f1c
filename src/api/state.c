/* GET /docs/{doc}/state and /docs/{doc}/state-vector.
 *
 * The happy path. Of the present: one read of the room. Of the past (`at=`): the id is looked up
 * (moment.h), the document as it was is made and encoded in the pool (past/past.h), and `shown`
 * answers. */
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "api/moment.h"
#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "base/must.h"
#include "past/errs.h"

/* Two quotes, an event id, a hyphen, 32 hex digits, and the end. */
#define ETAG_LEN_MAX (EVENT_ID_TEXT_MAX + 36)

/* Bytes to be shown, and what they answer. */
typedef struct shown {
    event_id id;
    crdt_encoding encoding;
    slice sv;
    slice bytes;
    bool fixed; /* will never be other ones */
} shown;

/* The tag is made from the bytes: a document's encoding may change when it is loaded anew, though
 * what it says does not. */
static size_t print_etag(const shown *what, const char *id, char out[ETAG_LEN_MAX])
{
    uint64_t asked = what->encoding;
    if (what->sv.len > 0)
        asked += XXH3_128bits(what->sv.data, what->sv.len).low64;
    XXH128_hash_t hash = XXH3_128bits_withSeed(what->bytes.data, what->bytes.len, asked);
    int len = snprintf(out, ETAG_LEN_MAX, "\"%s-%016llx%016llx\"", id,
                       (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return (size_t)len;
}

static void respond(http_exchange *ex, const shown *what)
{
    char id[EVENT_ID_TEXT_MAX], tag[ETAG_LEN_MAX];
    slice id_text = {id, event_id_print(what->id, id)};
    slice etag = {tag, print_etag(what, id, tag)};
    slice cache = what->fixed ? SLICE_LITERAL("private, max-age=31536000, immutable")
                              : SLICE_LITERAL("no-cache");
    http_field fields[] = {
        {SLICE_LITERAL("Event-Id"), id_text},
        {SLICE_LITERAL("ETag"), etag},
        {SLICE_LITERAL("Cache-Control"), cache},
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/octet-stream")},
    };
    if (http_etag_matches(http_header(ex, "if-none-match"), etag))
        http_respond(ex, 304, fields, 3, (slice){0});
    else
        http_respond(ex, 200, fields, 4, what->bytes);
}

/* ---- the present ---- */

static void respond_present(read_call *c, http_exchange *ex)
{
    shown what = {.id = c->read.facts.head,
                  .encoding = c->read.encoding == ROOM_V2 ? CRDT_V2 : CRDT_V1,
                  .sv = c->read.sv,
                  .bytes = frame_slice(c->read.bytes)};
    respond(ex, &what);
}

/* ---- the past ---- */

typedef struct state_at {
    moment moment;
    past_read read;
    crdt_encoding encoding;
    frame *sv; /* NULL: everything */
    frame *bytes;
} state_at;

static void state_at_free(state_at *s)
{
    frame_unref(s->sv);
    frame_unref(s->bytes);
    free(s);
}

static void drop(moment *m)
{
    state_at_free(container_of(m, state_at, moment));
}

/* In the pool. */
static err encode(past_read *r, crdt_doc *doc)
{
    state_at *s = container_of(r, state_at, read);
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

static void read_done(past_read *r, err result)
{
    state_at *s = container_of(r, state_at, read);
    http_exchange *ex = s->moment.call.ex;
    if (ex != NULL && result == ERR_OK) {
        shown what = {.id = s->moment.id,
                      .encoding = s->encoding,
                      .sv = s->sv == NULL ? (slice){0} : frame_slice(s->sv),
                      .bytes = frame_slice(s->bytes),
                      .fixed = s->moment.fixed};
        respond(ex, &what);
    } else if (ex != NULL) {
        api_respond_err(ex, result);
    }
    state_at_free(s);
}

static void read_moment(moment *m, http_exchange *ex)
{
    state_at *s = container_of(m, state_at, moment);
    s->read = (past_read){.number = m->number, .seq = m->id.seq, .use = encode, .done = read_done};
    if (past_read_start(m->call.api->past, &s->read) == ERR_OK)
        return;
    api_respond_err(ex, ERR_OVERLOADED);
    state_at_free(s);
}

/* Takes `sv`. */
static void start_at(api *a, http_exchange *ex, event_id at, crdt_encoding encoding, frame *sv)
{
    state_at *s = calloc(1, sizeof(*s));
    must(s != NULL);
    s->moment = (moment){.id = at, .found = read_moment, .drop = drop};
    s->encoding = encoding;
    s->sv = sv;
    if (name_of_exchange(ex, &s->moment.name))
        moment_start(&s->moment, a, ex);
    else
        state_at_free(s);
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
