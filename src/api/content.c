/* GET /docs/{doc}/content/{root}.
 *
 * The happy path. Of the present: one read of the room. Of the past (`at=`): the id is looked up,
 * the document as it was is made and read, all in one job of the pool (moment.h). */
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
    content_as as;
    frame *root;
    frame *bytes;
} content_at;

static void drop(moment *m)
{
    content_at *c = container_of(m, content_at, moment);
    frame_unref(c->root);
    frame_unref(c->bytes);
    free(c);
}

/* In the pool. */
static err read_past(past_read *r, crdt_doc *doc)
{
    content_at *c = container_of(moment_of(r), content_at, moment);
    return content_read(doc, frame_slice(c->root), c->as, &c->bytes);
}

static void show(moment *m, http_exchange *ex)
{
    content_at *c = container_of(m, content_at, moment);
    respond_content(ex, c->as, (shown){.id = m->id, .bytes = c->bytes, .fixed = m->fixed});
    drop(m);
}

/* Takes `root`. */
static void start_past(api *a, http_exchange *ex, event_id at, content_as as, frame *root)
{
    content_at *c = calloc(1, sizeof(*c));
    must(c != NULL);
    c->moment = (moment){.id = at, .read.use = read_past, .shown = show, .drop = drop};
    c->as = as;
    c->root = root;
    if (name_of_exchange(ex, &c->moment.name))
        moment_start(&c->moment, a, ex);
    else
        drop(&c->moment);
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
