/* GET /docs/{doc}/history.
 *
 * The happy path. What is wanted is read from the request, and a thread of the pool makes the first
 * text (past/history.h). If that is all, it is the answer; else the answer begins with it, without
 * saying how long it will be, and is sent in pieces as the peer takes them; when a text has been
 * sent the next is made. So an answer costs the memory of one text whatever its length and however
 * slow its reader. HISTORY_JOBS_MAX texts are made at a time, so that the pool stays free for
 * others; who asks next waits in a queue.
 *
 * Failure. What goes wrong before the answer begins is a problem; later the connection is cut, so
 * that the peer sees it. If the peer goes first (peer_gone), a text that is being made is made for
 * nobody.
 *
 *     api_get_history -> QUEUED <--------------------------+
 *                          |start_next                     |next_text
 *                          v                               |
 *                        READING --made--> (answered) or SENDING --proceed--> (end)
 *
 * Close. `finish` is the one place where the memory goes. When the server drains, answers without
 * an end in sight are ended: those that wait for their peer at once (api_end_histories), the others
 * with their text. Pages have some time to come to their end; then they are cut, too
 * (api_cut_histories).
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/names.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/must.h"
#include "http/accept.h"
#include "past/history.h"

/* Events of one page. */
#define HISTORY_LIMIT_DEFAULT 100
#define HISTORY_LIMIT_MAX     1000
/* Bytes of a text that are sent at once. */
#define HISTORY_PIECE_LEN ((size_t)64 * 1024)

/* A hyphen or quote between each, an epoch, three numbers, a word. */
#define ETAG_LEN_MAX 96

typedef enum history_state { HISTORY_QUEUED, HISTORY_READING, HISTORY_SENDING } history_state;

typedef struct history_call {
    api_call call;
    list_node link;  /* in api.histories */
    list_node queue; /* in api.history_queue */
    uv_work_t work;
    history_state state;
    doc_name name;
    history history;
    bool begun; /* the answer */
    bool fixed; /* it will never be another one */
    err failed;
    size_t sent; /* of the text */
} history_call;

/* ---- in the pool ---- */

static void do_make(uv_work_t *work)
{
    history_call *h = container_of(work, history_call, work);
    h->failed = ERR_OK;
    if (!h->begun)
        h->failed = history_open(&h->history, h->call.api->store, name_slice(&h->name));
    if (h->failed == ERR_OK)
        h->failed = history_next(&h->history);
}

/* ---- on the loop ---- */

static void finish(history_call *h)
{
    list_remove(&h->link);
    list_remove(&h->queue);
    history_free(&h->history);
    free(h);
}

static void made(uv_work_t *work, int status);

static void start_next(api *a)
{
    while (a->history_jobs < HISTORY_JOBS_MAX && !list_is_empty(&a->history_queue)) {
        history_call *h = container_of(list_pop(&a->history_queue), history_call, queue);
        h->state = HISTORY_READING;
        a->history_jobs++;
        must(uv_queue_work(loop_uv(a->loop), &h->work, do_make, made) == 0);
    }
}

static void next_text(history_call *h)
{
    h->state = HISTORY_QUEUED;
    h->sent = 0;
    list_push(&h->call.api->history_queue, &h->queue);
    start_next(h->call.api);
}

static void peer_gone(void *arg)
{
    history_call *h = arg;
    h->call.ex = NULL;
    if (h->state != HISTORY_READING)
        finish(h);
}

static void cut(history_call *h)
{
    http_respond_cut(h->call.ex);
    finish(h);
}

static void end(history_call *h)
{
    http_respond_end(h->call.ex);
    finish(h);
}

/* It goes on for as long as there are events. */
static bool is_endless(const history_call *h)
{
    return h->history.format != HISTORY_JSON;
}

/* The peer has room, and there is a text: sends of it, or sees what comes after it. */
static void proceed(history_call *h)
{
    size_t left = h->history.text.len - h->sent;
    size_t len = left < HISTORY_PIECE_LEN ? left : HISTORY_PIECE_LEN;
    bool draining = h->call.api->draining && is_endless(h);
    if (h->call.api->late) {
        cut(h);
    } else if (len > 0) {
        slice piece = {h->history.text.data + h->sent, len};
        h->sent += len;
        http_respond_piece(h->call.ex, piece);
    } else if (h->history.ended) {
        end(h);
    } else if (draining && h->history.format == HISTORY_STREAM && h->history.whole) {
        end(h); /* the client comes back with the last id */
    } else if (draining) {
        cut(h);
    } else {
        next_text(h);
    }
}

static void on_room(void *arg)
{
    proceed(arg);
}

/* ---- the answer's beginning ---- */

static const slice types[] = {
    [HISTORY_JSON] = {"application/json", 16},
    [HISTORY_LINES] = {"application/x-ndjson", 20},
    [HISTORY_STREAM] = {"text/event-stream", 17},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static const http_field vary = {SLICE_LITERAL("Vary"), SLICE_LITERAL("Accept")};

/* The same question has the same answer while there are no other events, and the same tag. */
static size_t print_etag(const history_call *h, char out[ETAG_LEN_MAX])
{
    const history *what = &h->history;
    int len =
        snprintf(out, ETAG_LEN_MAX, "\"%08lx-%llu-%llu-%llu-%d%d\"", (unsigned long)what->epoch,
                 (unsigned long long)what->after.seq, (unsigned long long)what->until_seq,
                 (unsigned long long)what->limit, (int)what->format, (int)what->form);
    must(len > 0 && len < ETAG_LEN_MAX);
    return (size_t)len;
}

#define FIELDS_MAX 4

static size_t fields_of(const history_call *h, slice etag, http_field out[FIELDS_MAX])
{
    out[0] = vary;
    out[1].name = SLICE_LITERAL("Cache-Control");
    if (h->history.format == HISTORY_STREAM) {
        out[1].value = SLICE_LITERAL("no-store, no-transform");
        out[2] = (http_field){SLICE_LITERAL("X-Accel-Buffering"), SLICE_LITERAL("no")};
    } else {
        out[1].value = h->fixed ? SLICE_LITERAL("private, max-age=31536000, immutable")
                                : SLICE_LITERAL("no-cache");
        out[2] = (http_field){SLICE_LITERAL("ETag"), etag};
    }
    out[3] = (http_field){SLICE_LITERAL("Content-Type"), types[h->history.format]};
    return FIELDS_MAX;
}

/* Nothing is left, which stops an EventSource. */
static bool has_nothing_to_stream(const history_call *h)
{
    const history *what = &h->history;
    return what->format == HISTORY_STREAM && what->ended && what->events == 0;
}

/* True: the answer needs more. */
static bool respond(history_call *h, http_exchange *ex)
{
    char tag[ETAG_LEN_MAX];
    slice etag = {tag, print_etag(h, tag)};
    http_field fields[FIELDS_MAX];
    size_t count = fields_of(h, etag, fields);
    if (has_nothing_to_stream(h)) {
        http_respond(ex, 204, fields, count - 1, (slice){0});
        return false;
    }
    if (h->history.format != HISTORY_STREAM &&
        http_etag_matches(http_header(ex, "if-none-match"), etag)) {
        http_respond(ex, 304, fields, count - 1, (slice){0});
        return false;
    }
    if (!h->history.ended)
        return http_respond_begin(ex, 200, fields, count, HTTP_LEN_UNKNOWN, on_room, h);
    http_respond(ex, 200, fields, count, buf_slice(&h->history.text));
    return false;
}

static void begin(history_call *h)
{
    h->begun = true;
    h->state = HISTORY_SENDING;
    if (h->failed != ERR_OK)
        api_respond_err(h->call.ex, h->failed);
    else if (respond(h, h->call.ex))
        return;
    finish(h);
}

static void go_on(history_call *h)
{
    h->state = HISTORY_SENDING;
    if (h->failed == ERR_OK) {
        proceed(h);
        return;
    }
    cut(h);
}

static void made(uv_work_t *work, int status)
{
    must(status == 0);
    history_call *h = container_of(work, history_call, work);
    api *a = h->call.api;
    a->history_jobs--;
    if (h->failed == ERR_STORAGE && h->history.number > 0)
        log_error("the history of a document cannot be read after event %llu: %s",
                  (unsigned long long)h->history.seq, err_text(h->failed));
    if (h->call.ex == NULL)
        finish(h);
    else if (h->begun)
        go_on(h);
    else
        begin(h);
    start_next(a);
}

void api_end_histories(api *a)
{
    for (list_node *n = list_first(&a->histories), *after; n != NULL; n = after) {
        after = list_next(&a->histories, n);
        history_call *h = container_of(n, history_call, link);
        if (is_endless(h) && h->begun && h->state != HISTORY_READING)
            cut(h);
    }
}

/* Those whose text is being made follow with it. */
void api_cut_histories(api *a)
{
    a->late = true;
    for (list_node *n = list_first(&a->histories), *after; n != NULL; n = after) {
        after = list_next(&a->histories, n);
        history_call *h = container_of(n, history_call, link);
        if (h->state == HISTORY_READING)
            continue;
        if (h->begun) {
            cut(h);
        } else {
            api_respond_err(h->call.ex, ERR_DRAINING);
            finish(h);
        }
    }
}

/* ---- the question: each answers 400 or 406 and returns false, or returns true ---- */

static bool read_format(history_call *h, http_exchange *ex)
{
    size_t chosen = http_accept(http_header(ex, "accept"), types, TYPES);
    h->history.format = (history_format)chosen;
    if (chosen < TYPES)
        return true;
    http_respond_problem_with(ex, 406, "not_acceptable",
                              "history comes as application/json, application/x-ndjson or "
                              "text/event-stream; accept one of them",
                              &vary, 1);
    return false;
}

static bool read_id(http_exchange *ex, const char *name, event_id *out, bool *given)
{
    frame *text;
    query_result found = query_text(ex, name, &text);
    if (found != QUERY_OK)
        return found == QUERY_ABSENT;
    *given = event_id_parse(frame_slice(text), out);
    frame_unref(text);
    if (!*given)
        api_respond_bad(ex, "after and until are event ids, like 42.9f3c1a07, or 0");
    return *given;
}

/* What an EventSource has seen counts for more than where it first began. */
static bool read_last_id(history_call *h, http_exchange *ex)
{
    slice last = http_header(ex, "last-event-id");
    if (h->history.format != HISTORY_STREAM || last.len == 0 ||
        event_id_parse(last, &h->history.after))
        return true;
    api_respond_bad(ex, "Last-Event-ID is an event id, like 42.9f3c1a07, or 0");
    return false;
}

static bool read_range(history_call *h, http_exchange *ex)
{
    history *what = &h->history;
    bool after_given = false;
    if (!read_id(ex, "after", &what->after, &after_given) || !read_last_id(h, ex) ||
        !read_id(ex, "until", &what->until, &what->has_until))
        return false;
    h->fixed = what->has_until && what->until.has_epoch;
    return true;
}

static bool read_limit(history_call *h, http_exchange *ex)
{
    bool pages = h->history.format == HISTORY_JSON;
    uint64_t *limit = &h->history.limit;
    *limit = pages ? HISTORY_LIMIT_DEFAULT : UINT64_MAX;
    if (query_number(ex, "limit", UINT64_MAX, limit) == QUERY_ANSWERED)
        return false;
    if (*limit == 0) {
        api_respond_bad(ex, "limit is a number from 1 to 1000");
        return false;
    }
    if (pages && *limit > HISTORY_LIMIT_MAX)
        *limit = HISTORY_LIMIT_MAX;
    return true;
}

static bool read_form(history_call *h, http_exchange *ex)
{
    crdt_encoding encoding;
    slice updates = http_query(ex, "updates");
    if (query_encoding(ex, &encoding) == QUERY_ANSWERED)
        return false;
    h->history.form = encoding == CRDT_V2 ? EVENT_V2 : EVENT_RECORDED;
    if (updates.data == NULL || slice_equal(updates, SLICE_LITERAL("true")))
        return true;
    if (!slice_equal(updates, SLICE_LITERAL("false")) || h->history.format == HISTORY_STREAM) {
        api_respond_bad(ex, "updates is true or false, and true for an event stream");
        return false;
    }
    h->history.form = EVENT_BARE;
    return true;
}

void api_get_history(void *ctx, http_exchange *ex)
{
    api *a = ctx;
    history_call *h = calloc(1, sizeof(*h));
    must(h != NULL);
    if (!name_of_exchange(ex, &h->name) || !read_format(h, ex) || !read_range(h, ex) ||
        !read_limit(h, ex) || !read_form(h, ex)) {
        free(h);
        return;
    }
    h->call = (api_call){a, ex};
    http_on_abort(ex, peer_gone, h);
    list_push(&a->histories, &h->link);
    next_text(h);
}
