/* GET /ws/{doc}: the y-websocket protocol.
 *
 * The happy path: the request is checked; the room is asked for the document's state vector (it may
 * have to load); then the connection becomes a socket, which tells the state vector (sync step 1),
 * and a reader of the room that does not say yet where it stands (`open_socket`). The client's
 * first sync step 1 says so; what the reader lacks is its sync step 2. What else the client sends
 * is taken message by message (`on_message`): updates become writes, several at once; a sync step 1
 * that is not the first is answered with a read of its own; awareness is applied.
 *
 * Failure. What cannot be taken closes the socket with a code that says why (`fail`).
 *
 * Close. `forget` takes the socket from what is still out for it, whoever closed it; that comes
 * back, and frees itself.
 */
#include <stdlib.h>

#include "api/read_call.h"
#include "api/routes.h"
#include "base/must.h"
#include "base/varuint.h"
#include "ws/format.h"
#include "ws/handshake.h"

/* Writes of one socket that may be under way, and their bytes; beyond that its messages wait. A
 * single one may be larger. */
#define SOCKET_WRITES_MAX      256
#define SOCKET_WRITE_BYTES_MAX ((size_t)1 << 20)

typedef struct resync resync;

/* One socket of one document. There may be very many. */
typedef struct doc_socket {
    ws_socket ws; /* first: freed by ws */
    room *room;
    list writes; /* under way */
    size_t write_bytes;
    room_clients clients; /* whose awareness it brought */
    resync *resync;       /* under way, or NULL */
    uint32_t write_count;
    bool placed;     /* the room knows where it stands */
    bool introduced; /* it has said who is there */
} doc_socket;

static doc_socket *of_ws(ws_socket *s)
{
    return container_of(s, doc_socket, ws);
}

/* ---- closing ---- */

/* One update that was sent. */
typedef struct socket_write {
    room_write write;
    doc_socket *socket; /* NULL: it has gone */
    list_node link;     /* in its `writes` */
} socket_write;

/* A state that was asked for again. */
struct resync {
    room_read read;
    doc_socket *socket; /* NULL: it has gone */
    char sv[];
};

static void forget(doc_socket *s)
{
    while (!list_is_empty(&s->writes))
        container_of(list_pop(&s->writes), socket_write, link)->socket = NULL;
    if (s->resync != NULL)
        s->resync->socket = NULL;
    room_awareness_leave(s->room, &s->clients);
}

static void fail(doc_socket *s, err cause)
{
    api_close close = api_close_of(cause);
    forget(s);
    ws_close(&s->ws, close.code, close.reason);
}

/* Takes `f`; NULL: memory was short. */
static void send_or_fail(doc_socket *s, frame *f)
{
    if (f != NULL)
        ws_send(&s->ws, f);
    else
        fail(s, ERR_NO_MEMORY);
}

/* ---- what the client sends: each returns false if it must wait ---- */

static bool says_nothing(slice update)
{
    return update.len == 2 && update.data[0] == 0 && update.data[1] == 0;
}

static void write_done(room_write *write, err result)
{
    socket_write *w = container_of(write, socket_write, write);
    doc_socket *s = w->socket;
    size_t len = write->update->len;
    list_remove(&w->link);
    frame_unref(write->update);
    frame_unref(write->missing);
    free(w);
    if (s == NULL)
        return;
    s->write_count--;
    s->write_bytes -= len;
    if (result == ERR_OK)
        ws_resume(&s->ws);
    else
        fail(s, result);
}

static bool take_update(doc_socket *s, slice update)
{
    if (says_nothing(update))
        return true;
    if (s->write_count > 0 && (s->write_count == SOCKET_WRITES_MAX ||
                               s->write_bytes + update.len > SOCKET_WRITE_BYTES_MAX))
        return false;
    socket_write *w = calloc(1, sizeof(*w));
    must(w != NULL);
    w->socket = s;
    w->write = (room_write){.kind = ROOM_UPDATE, .update = frame_copy(update), .done = write_done};
    err failed = w->write.update == NULL ? ERR_NO_MEMORY : room_write_start(s->room, &w->write);
    if (failed != ERR_OK) {
        frame_unref(w->write.update);
        free(w);
        fail(s, failed);
        return true;
    }
    list_push(&s->writes, &w->link);
    s->write_count++;
    s->write_bytes += update.len;
    return true;
}

static void resync_done(room_read *read, err result)
{
    resync *again = container_of(read, resync, read);
    doc_socket *s = again->socket;
    if (s != NULL) {
        s->resync = NULL;
        if (result != ERR_OK) {
            fail(s, result);
        } else {
            sink_event event = {.kind = SINK_SYNC, .data = frame_slice(read->bytes)};
            send_or_fail(s, ws_format(&event));
            ws_resume(&s->ws);
        }
    }
    frame_unref(read->bytes);
    free(again);
}

static void ask_again(doc_socket *s, slice sv)
{
    resync *again = calloc(1, sizeof(*again) + sv.len);
    must(again != NULL);
    memcpy(again->sv, sv.data, sv.len);
    again->socket = s;
    again->read =
        (room_read){.kind = ROOM_READ_STATE, .sv = {again->sv, sv.len}, .done = resync_done};
    err failed = room_read_start(s->room, &again->read);
    if (failed == ERR_OK) {
        s->resync = again;
        return;
    }
    free(again);
    fail(s, failed);
}

/* One who has nothing is sent what is made once for all of them. */
static room_position position_of(slice sv)
{
    static const char nothing[] = {0};
    if (slice_equal(sv, (slice){nothing, sizeof(nothing)}))
        return (room_position){.from = ROOM_FROM_NOTHING};
    return (room_position){.from = ROOM_FROM_STATE_VECTOR, .sv = sv};
}

static bool take_step1(doc_socket *s, slice sv)
{
    if (crdt_state_vector_validate((crdt_bytes){(const uint8_t *)sv.data, sv.len}) != CRDT_OK) {
        fail(s, ERR_MALFORMED_STATE_VECTOR);
        return true;
    }
    if (s->resync != NULL)
        return false;
    if (s->placed) {
        ask_again(s, sv);
        return true;
    }
    room_position position = position_of(sv);
    s->placed = true;
    room_place(s->room, &s->ws.sink, &position);
    return true;
}

static bool take_sync(doc_socket *s, crdt_bytes body)
{
    crdt_sync_kind kind;
    crdt_bytes payload;
    if (crdt_sync_parse(body, &kind, &payload) != CRDT_OK) {
        fail(s, ERR_MALFORMED_UPDATE);
        return true;
    }
    slice bytes = {(const char *)payload.data, payload.len};
    return kind == CRDT_SYNC_STEP1 ? take_step1(s, bytes) : take_update(s, bytes);
}

/* Providers begin with their own state, and later send back what they hear of others, too. */
static err apply_awareness(doc_socket *s, slice update)
{
    bool first = !s->introduced;
    s->introduced = true;
    return first ? room_awareness_introduce(s->room, update, &s->clients)
                 : room_awareness_bring(s->room, update, &s->clients);
}

static void take_awareness(doc_socket *s, crdt_bytes body)
{
    slice update = {(const char *)body.data, body.len};
    err failed = body.len > AWARENESS_BYTES_MAX ? ERR_UPDATE_LIMIT : apply_awareness(s, update);
    if (failed != ERR_OK)
        fail(s, failed);
}

static void tell_awareness(doc_socket *s)
{
    frame *states = room_awareness(s->room);
    frame *answer = NULL;
    if (states != NULL)
        answer = ws_format(&(sink_event){.kind = SINK_AWARENESS, .data = frame_slice(states)});
    frame_unref(states);
    send_or_fail(s, answer);
}

static bool take_one(doc_socket *s, crdt_frame_kind kind, crdt_bytes body)
{
    switch (kind) {
    case CRDT_FRAME_SYNC:
        return take_sync(s, body);
    case CRDT_FRAME_AWARENESS:
        take_awareness(s, body);
        return true;
    case CRDT_FRAME_QUERY_AWARENESS:
        tell_awareness(s);
        return true;
    case CRDT_FRAME_AUTH:
        return true;
    }
    return true;
}

/* A kind that nobody here knows; what follows it cannot be found. */
static bool is_unknown(slice message)
{
    uint64_t kind;
    return varuint_read(message, &kind) > 0 && kind > CRDT_FRAME_QUERY_AWARENESS;
}

/* A message is mostly one of the protocol's; there may be several, one after the other. */
static size_t on_message(ws_socket *socket, slice message)
{
    doc_socket *s = of_ws(socket);
    slice rest = message;
    do {
        crdt_frame_kind kind;
        crdt_bytes body;
        size_t used;
        if (is_unknown(rest))
            return message.len;
        crdt_bytes bytes = {(const uint8_t *)rest.data, rest.len};
        if (crdt_frame_parse(bytes, &kind, &body, &used) != CRDT_OK) {
            fail(s, ERR_MALFORMED_UPDATE);
            return message.len;
        }
        if (!take_one(s, kind, body))
            return message.len - rest.len;
        rest = (slice){rest.data + used, rest.len - used};
    } while (rest.len > 0 && ws_is_open(socket));
    return message.len;
}

static void on_gone(ws_socket *socket)
{
    forget(of_ws(socket));
}

const ws_owner_ops api_socket_ops = {.on_message = on_message, .on_gone = on_gone};

/* ---- opening ---- */

/* NULL: the peer has gone. */
static doc_socket *open_socket(read_call *c, http_exchange *ex, slice *behind)
{
    stream *connection = handshake_answer(ex, behind);
    if (connection == NULL)
        return NULL;
    doc_socket *s = calloc(1, sizeof(*s));
    must(s != NULL);
    s->room = c->room;
    list_init(&s->writes);
    ws_open(c->call.api->sockets, &s->ws, connection);
    return s;
}

static void respond(read_call *c, http_exchange *ex)
{
    const room_position later = {.from = ROOM_FROM_LATER};
    if (c->call.api->draining) {
        api_respond_err(ex, ERR_DRAINING);
        return;
    }
    slice behind;
    doc_socket *s = open_socket(c, ex, &behind);
    if (s == NULL)
        return;
    room_join(s->room, &s->ws.sink, &later);
    ws_start(&s->ws, behind);
    send_or_fail(s, ws_format_step1(frame_slice(c->read.bytes)));
}

/* The stock provider stays away when a socket tells it so, not when there is none. */
static void respond_deleted(read_call *c, http_exchange *ex)
{
    slice behind;
    doc_socket *s = open_socket(c, ex, &behind);
    if (s == NULL)
        return;
    ws_start(&s->ws, behind);
    fail(s, ERR_DELETED);
}

void api_get_socket(void *ctx, http_exchange *ex)
{
    read_call c = {.read.kind = ROOM_READ_STATE_VECTOR,
                   .respond = respond,
                   .respond_deleted = respond_deleted};
    if (handshake_check(ex))
        read_call_start(ctx, ex, &c);
}
