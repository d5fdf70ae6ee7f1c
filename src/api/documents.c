/* GET /docs and GET /docs/{doc}. */
#include <jansson.h>
#include <stdlib.h>
#include <uv.h>

#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "base/must.h"
#include "base/rfc3339.h"

#define LIST_LIMIT_DEFAULT 100
#define LIST_LIMIT_MAX     1000

/* Answers with `json` (taken). */
static void respond_json(http_exchange *ex, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    must(text != NULL);
    http_field fields[] = {
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json")},
        {SLICE_LITERAL("Cache-Control"), SLICE_LITERAL("no-cache")},
    };
    http_respond(ex, 200, fields, 2, slice_of(text));
    free(text);
}

/* ---- one document ---- */

static json_t *json_time(int64_t unix_ms)
{
    char text[RFC3339_TEXT_MAX];
    return json_stringn(text, rfc3339_print(unix_ms, text));
}

static json_t *json_id(event_id id)
{
    char text[EVENT_ID_TEXT_MAX];
    return json_stringn(text, event_id_print(id, text));
}

static json_t *json_epoch(uint32_t epoch)
{
    char text[9];
    event_id_print_epoch(epoch, text);
    return json_string(text);
}

static json_t *json_of_facts(slice name, const room_facts *facts, size_t state_bytes)
{
    bool alive = facts->life == ROOM_ALIVE;
    return json_pack(
        "{so so so sI sI sI so so sI}", "name", json_stringn(name.data, name.len), "head",
        json_id(facts->head), "epoch", alive ? json_epoch(facts->head.epoch) : json_null(),
        "events", (json_int_t)facts->events, "state_bytes", (json_int_t)state_bytes, "log_bytes",
        (json_int_t)facts->log_bytes, "created", alive ? json_time(facts->created_ms) : json_null(),
        "updated", alive ? json_time(facts->updated_ms) : json_null(), "readers",
        (json_int_t)facts->readers);
}

static void respond_facts(read_call *c, http_exchange *ex)
{
    doc_name name;
    must(name_decode(http_request_of(ex)->params[0], &name));
    respond_json(ex, json_of_facts(name_slice(&name), &c->read.facts, c->read.bytes->len));
}

void api_get_document(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_STATE, .respond = respond_facts};
    read_call_start(ctx, ex, &c);
}

/* ---- many ---- */

/* One listing: read in the pool, answered on the loop. */
typedef struct listing {
    api_call call;
    uv_work_t work;
    frame *prefix;
    frame *after;
    uint64_t limit;
    json_t *names; /* one more than asked for, if there is one more */
    store_err failed;
} listing;

static bool add_name(void *arg, store_bytes name)
{
    listing *l = arg;
    json_array_append_new(l->names, json_stringn(name.data, name.len));
    return json_array_size(l->names) <= l->limit;
}

static store_bytes bytes_of(const frame *f)
{
    return f == NULL ? (store_bytes){"", 0} : (store_bytes){f->data, f->len};
}

static void do_list(uv_work_t *work)
{
    listing *l = container_of(work, listing, work);
    l->failed =
        store_list(l->call.api->store, bytes_of(l->prefix), bytes_of(l->after), add_name, l);
}

static void respond_names(listing *l)
{
    json_t *next = json_null();
    if (json_array_size(l->names) > l->limit) {
        json_array_remove(l->names, (size_t)l->limit);
        next = json_incref(json_array_get(l->names, (size_t)l->limit - 1));
    }
    respond_json(l->call.ex, json_pack("{sO so}", "docs", l->names, "next", next));
}

static void listing_free(listing *l)
{
    frame_unref(l->prefix);
    frame_unref(l->after);
    json_decref(l->names);
    free(l);
}

static void after_list(uv_work_t *work, int status)
{
    must(status == 0);
    listing *l = container_of(work, listing, work);
    l->call.api->jobs--;
    if (l->call.ex != NULL) {
        if (l->failed == STORE_OK)
            respond_names(l);
        else
            api_respond_err(l->call.ex, persist_err(l->failed));
    }
    listing_free(l);
}

/* False: it has been answered. */
static bool read_query(listing *l, http_exchange *ex)
{
    l->limit = LIST_LIMIT_DEFAULT;
    if (query_number(ex, "limit", UINT64_MAX, &l->limit) == QUERY_ANSWERED ||
        query_text(ex, "prefix", &l->prefix) == QUERY_ANSWERED ||
        query_text(ex, "after", &l->after) == QUERY_ANSWERED)
        return false;
    if (l->limit == 0) {
        api_respond_bad(ex, "limit is a number from 1 to 1000");
        return false;
    }
    if (l->limit > LIST_LIMIT_MAX)
        l->limit = LIST_LIMIT_MAX;
    return true;
}

void api_list_documents(void *ctx, http_exchange *ex)
{
    api *a = ctx;
    listing *l = calloc(1, sizeof(*l));
    must(l != NULL);
    l->names = json_array();
    must(l->names != NULL);
    if (!read_query(l, ex)) {
        listing_free(l);
        return;
    }
    api_call_begin(&l->call, a, ex);
    a->jobs++;
    must(uv_queue_work(loop_uv(a->loop), &l->work, do_list, after_list) == 0);
}
