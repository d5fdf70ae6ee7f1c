#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

#define PENDING_BYTES_MAX ((size_t)1 << 16)

static void open_rooms(fixture *f)
{
    registry_options options = {.pending_bytes_max = PENDING_BYTES_MAX};
    f->rooms = registry_new(f->loop, f->store, f->persist, &options);
}

static int set_up(void **state, const store_options *options)
{
    fixture *f = calloc(1, sizeof(*f));
    must(f != NULL);
    strcpy(f->dir, "/tmp/weft-room-XXXXXX");
    must(mkdtemp(f->dir) != NULL);
    char detail[256];
    store_err failed = store_open(f->dir, options, &f->store, detail, sizeof(detail));
    if (failed != STORE_OK)
        fail_msg("store_open: %s", detail);
    f->loop = loop_new();
    f->persist = persist_new(f->loop, f->store);
    open_rooms(f);
    *state = f;
    return 0;
}

int fixture_setup(void **state)
{
    return set_up(state, NULL);
}

int fixture_setup_small(void **state)
{
    store_options options = {.map_size_max = 1 << 20};
    return set_up(state, &options);
}

static void close_rooms(fixture *f)
{
    registry_drain(f->rooms);
    while (registry_get_stats(f->rooms).rooms > 0)
        turn_loop(f);
    registry_free(f->rooms);
}

void fixture_restart(fixture *f)
{
    close_rooms(f);
    open_rooms(f);
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    close_rooms(f);
    while (persist_waiting(f->persist) > 0)
        turn_loop(f);
    persist_free(f->persist);
    loop_run(f->loop);
    loop_free(f->loop);
    store_close(f->store);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    must(system(command) == 0);
    free(f);
    return 0;
}

void turn_loop(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

static void on_no_wait(uv_idle_t *idle)
{
    (void)idle;
}

/* One turn that does not wait. */
static void turn_now(fixture *f)
{
    uv_idle_t idle;
    uv_idle_init(loop_uv(f->loop), &idle);
    uv_idle_start(&idle, on_no_wait);
    uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
    uv_close((uv_handle_t *)&idle, NULL);
    uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

room *find_room(fixture *f, const char *name)
{
    room *r = registry_find(f->rooms, slice_of(name));
    assert_non_null(r);
    return r;
}

/* ---- updates ---- */

frame *typed(uint64_t client, uint64_t clock, const char *text)
{
    crdt_buf u = {0};
    wm_id before = {client, clock - 1};
    wm_item item = {.kind = WM_STRING, .text = text};
    if (clock > 0)
        item.origin = &before;
    else
        item.root = "t";
    crdt_bytes bytes = wm_one(&u, (wm_id){client, clock}, &item);
    frame *f = frame_copy((slice){(const char *)bytes.data, bytes.len});
    must(f != NULL);
    crdt_buf_free(&u);
    return f;
}

frame *deleted(uint64_t client, uint64_t clock, uint64_t len)
{
    crdt_buf u = {0};
    crdt_bytes bytes = wm_delete(&u, (wm_id){client, clock}, len);
    frame *f = frame_copy((slice){(const char *)bytes.data, bytes.len});
    must(f != NULL);
    crdt_buf_free(&u);
    return f;
}

/* ---- writes ---- */

static void write_done(room_write *w, err result)
{
    written *mine = container_of(w, written, w);
    assert_false(mine->done);
    mine->done = true;
    mine->result = result;
}

void write_start(fixture *f, written *w, const char *doc, room_write_kind kind, frame *update)
{
    w->done = false;
    w->w.kind = kind;
    w->w.update = update;
    w->w.done = write_done;
    assert_int_equal(room_write_start(find_room(f, doc), &w->w), ERR_OK);
    assert_false(w->done);
}

void write_wait(fixture *f, written *w)
{
    while (!w->done)
        turn_loop(f);
}

void written_free(written *w)
{
    frame_unref(w->w.update);
    frame_unref(w->w.missing);
}

uint64_t write_ok(fixture *f, const char *doc, room_write_kind kind, frame *update)
{
    written w = {0};
    write_start(f, &w, doc, kind, update);
    write_wait(f, &w);
    assert_int_equal(w.result, ERR_OK);
    written_free(&w);
    return w.w.id.seq;
}

err write_err(fixture *f, const char *doc, room_write_kind kind, frame *update)
{
    written w = {0};
    write_start(f, &w, doc, kind, update);
    write_wait(f, &w);
    written_free(&w);
    return w.result;
}

/* ---- reads ---- */

typedef struct asked {
    room_read read;
    bool done;
    err result;
} asked;

static void read_done(room_read *read, err result)
{
    asked *a = container_of(read, asked, read);
    a->done = true;
    a->result = result;
}

static void ask(fixture *f, const char *doc, asked *a)
{
    a->read.done = read_done;
    assert_int_equal(room_read_start(find_room(f, doc), &a->read), ERR_OK);
    while (!a->done)
        turn_loop(f);
    assert_int_equal(a->result, ERR_OK);
}

room_facts facts_of(fixture *f, const char *doc)
{
    asked a = {.read.kind = ROOM_READ_FACTS};
    ask(f, doc, &a);
    return a.read.facts;
}

frame *state_of(fixture *f, const char *doc)
{
    asked a = {.read.kind = ROOM_READ_STATE};
    ask(f, doc, &a);
    return a.read.bytes;
}

/* ---- readers ---- */

static reader *of_sink(sink *s)
{
    return container_of(s, reader, sink);
}

static size_t encoded;

size_t frames_encoded(void)
{
    return encoded;
}

static frame *encode(const sink_event *event)
{
    encoded++;
    static const char *const names[] = {"reset", "sync", "update", "awareness", "deleted"};
    char text[64];
    int len = event->kind == SINK_SYNC || event->kind == SINK_UPDATE
                  ? snprintf(text, sizeof(text), "%s:%llu", names[event->kind],
                             (unsigned long long)event->id.seq)
              : event->kind == SINK_RESET ? snprintf(text, sizeof(text), "reset:%.*s",
                                                     (int)event->data.len, event->data.data)
                                          : snprintf(text, sizeof(text), "%s", names[event->kind]);
    frame *f = frame_new((size_t)len + 1 + event->data.len);
    memcpy(f->data, text, (size_t)len + 1);
    if (event->data.len > 0)
        memcpy(f->data + len + 1, event->data.data, event->data.len);
    return f;
}

static sink_sent send_to(sink *s, frame *f)
{
    reader *r = of_sink(s);
    r->sends++;
    if (r->log[0] != '\0')
        strcat(r->log, " ");
    strcat(r->log, f->data);
    size_t header_len = strlen(f->data) + 1;
    r->last = (slice){r->data, f->len - header_len};
    must(r->last.len <= sizeof(r->data));
    memcpy(r->data, f->data + header_len, r->last.len);
    return r->answer;
}

static void on_ended(sink *s)
{
    reader *r = of_sink(s);
    strcat(r->log, r->log[0] == '\0' ? "end" : " end");
    r->ended = true;
}

static const sink_ops ops = {
    .wire = SINK_WIRE_SSE, .encode = encode, .send = send_to, .end = on_ended};

void reader_join(fixture *f, reader *r, const char *doc, room_position position)
{
    uint64_t client = r->sink.client;
    sink_sent answer = r->answer;
    *r = (reader){.f = f, .answer = answer};
    r->sink.ops = &ops;
    r->sink.client = client == 0 ? SINK_NO_CLIENT : client;
    facts_of(f, doc);
    room_join(find_room(f, doc), &r->sink, &position);
    assert_string_equal(r->log, "");
}

void reader_expect(reader *r, const char *log)
{
    for (int turns = 0; turns < 1000 && strcmp(r->log, log) != 0; turns++)
        turn_loop(r->f);
    assert_string_equal(r->log, log);
}

void reader_drain(reader *r)
{
    r->answer = SINK_SENT;
    r->sink.feed->ops->on_writable(&r->sink);
}

void reader_leave(reader *r)
{
    if (!r->ended)
        r->sink.feed->ops->on_gone(&r->sink);
    r->ended = true;
}

void settle(fixture *f)
{
    for (int i = 0; i < 4; i++)
        turn_now(f);
}
