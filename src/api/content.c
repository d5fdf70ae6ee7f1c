/* GET /docs/{doc}/content/{root}.
 *
 * The happy path. Of the present: one read of the room. Of the past (`at=`): the id is looked up
 * (moment.h), the document as it was is made and read in the pool (past/past.h). */
#include <stdlib.h>

#include "api/moment.h"
#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "api/shown.h"
#include "base/must.h"
#include "base/utf8.h"
#include "room/content.h"

static void respond_content(http_exchange *ex, content_as as, shown what)
{
    static const slice types[] = {[CONTENT_JSON] = {"application/json", 16},
                                  [CONTENT_TEXT] = {"text/plain; charset=utf-8", 25},
                                  [CONTENT_DELTA] = {"application/json", 16},
                                  [CONTENT_MAP] = {"application/json", 16},
                                  [CONTENT_ARRAY] = {"application/json", 16},
                                  [CONTENT_XML] = {"application/xml; charset=utf-8", 30}};
    what.type = types[as];
    what.asked = (uint64_t)as;
    respond_shown(ex, &what);
}

/* ---- the present ---- */

static void respond_present(read_call *c, http_exchange *ex)
{
    respond_content(ex, c->read.as, (shown){.id = c->read.facts.head, .bytes = c->read.bytes});
}

/* Takes `root`. */
static void start_present(api *a, http_exchange *ex, content_as as, frame *root)
{
    read_call c = {.read = {.kind = ROOM_READ_CONTENT, .as = as}, .respond = respond_present};
    c.root = root;
    read_call_start(a, ex, &c);
}

/* ---- the past ---- */

typedef struct content_at {
    moment moment;
    past_read read;
    content_as as;
    frame *root;
    frame *bytes;
} content_at;

static void content_at_free(content_at *c)
{
    frame_unref(c->root);
    frame_unref(c->bytes);
    free(c);
}

static void drop(moment *m)
{
    content_at_free(container_of(m, content_at, moment));
}

/* In the pool. */
static err read_past(past_read *r, crdt_doc *doc)
{
    content_at *c = container_of(r, content_at, read);
    return content_read(doc, frame_slice(c->root), c->as, &c->bytes);
}

static void read_done(past_read *r, err result)
{
    content_at *c = container_of(r, content_at, read);
    http_exchange *ex = c->moment.call.ex;
    if (ex != NULL && result == ERR_OK)
        respond_content(ex, c->as,
                        (shown){.id = c->moment.id, .bytes = c->bytes, .fixed = c->moment.fixed});
    else if (ex != NULL)
        api_respond_err(ex, result);
    content_at_free(c);
}

static void read_moment(moment *m, http_exchange *ex)
{
    content_at *c = container_of(m, content_at, moment);
    c->read =
        (past_read){.number = m->number, .seq = m->id.seq, .use = read_past, .done = read_done};
    if (past_read_start(m->call.api->past, &c->read) == ERR_OK)
        return;
    api_respond_err(ex, ERR_OVERLOADED);
    content_at_free(c);
}

/* Takes `root`. */
static void start_past(api *a, http_exchange *ex, event_id at, content_as as, frame *root)
{
    content_at *c = calloc(1, sizeof(*c));
    must(c != NULL);
    c->moment = (moment){.id = at, .found = read_moment, .drop = drop};
    c->as = as;
    c->root = root;
    if (name_of_exchange(ex, &c->moment.name))
        moment_start(&c->moment, a, ex);
    else
        content_at_free(c);
}

/* ---- the question ---- */

/* False: 400 has been answered. */
static bool read_as(http_exchange *ex, content_as *out)
{
    static const char *const names[] = {
        [CONTENT_JSON] = "json", [CONTENT_TEXT] = "text",   [CONTENT_DELTA] = "delta",
        [CONTENT_MAP] = "map",   [CONTENT_ARRAY] = "array", [CONTENT_XML] = "xml"};
    slice as = http_query(ex, "as");
    *out = CONTENT_JSON;
    if (as.data == NULL)
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(as, slice_of(names[i]))) {
            *out = (content_as)i;
            return true;
        }
    }
    api_respond_bad(ex, "as is json, text, delta, map, array or xml");
    return false;
}

static bool is_utf8(slice text)
{
    while (text.len > 0) {
        uint32_t c;
        size_t len = utf8_decode(text, &c);
        if (len == 0)
            return false;
        text = (slice){text.data + len, text.len - len};
    }
    return true;
}

/* Returns owned the root's name; NULL: 400 has been answered. */
static frame *read_root_name(http_exchange *ex)
{
    slice encoded = http_request_of(ex)->params[1];
    frame *root = frame_new(encoded.len);
    must(root != NULL);
    if (http_percent_decode(encoded, root->data, &root->len) && is_utf8(frame_slice(root)))
        return root;
    frame_unref(root);
    api_respond_bad(ex, "the root's name is percent-encoded UTF-8, one segment of the path");
    return NULL;
}

void api_get_content(void *ctx, http_exchange *ex)
{
    content_as as;
    event_id at;
    query_result wants_past;
    if (!read_as(ex, &as) || (wants_past = moment_query(ex, &at)) == QUERY_ANSWERED)
        return;
    frame *root = read_root_name(ex);
    if (root == NULL)
        return;
    if (wants_past == QUERY_OK)
        start_past(ctx, ex, at, as, root);
    else
        start_present(ctx, ex, as, root);
}
