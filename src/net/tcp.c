/* The happy path: tcp_adopt; bytes go up through on_read, down through stream_write, which tries
 * at once and keeps a request only for the rest (what stream_write_soon has kept goes first, in the
 * same call, or in `flush`); stream_close sends what is pending, ends the
 * sending side, drops what the peer still sends until it ends too, and closes the handle; the
 * memory goes in the close callback.
 *
 * Failure. A read or write that fails marks the stream broken and tells the owner (on_end), in a
 * later turn if a call of the owner found it out. A peer that neither takes nor sends anything
 * while the connection ends, or sends too much, or for too long, is cut off.
 *
 *     OPEN --stream_close--> FLUSHING --nothing pending--> DRAINING --peer ended, too much, too
 * late--> CLOSED
 *       \----------------------- stream_abort, or the peer has ended already
 * ------------------------>/
 */
#include "net/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/cells.h"
#include "base/must.h"

typedef enum stream_state {
    STREAM_OPEN,
    STREAM_FLUSHING, /* closing: a write is pending */
    STREAM_DRAINING, /* closing: the sending side has ended */
    STREAM_CLOSED    /* the handle is closing, or has closed */
} stream_state;

/* What the kernel did not take at once, or is to get soon. */
typedef struct pending_write {
    uv_write_t req;
    stream_release release;
    void *arg;
    size_t copy_len;
    char copy[];
} pending_write;

struct stream {
    uv_tcp_t tcp; /* its `data` are the tcp_streams */
    pending_write *pending;
    list_node link; /* OPEN: among those with something kept, or the broken; FLUSHING, DRAINING:
                       among those that linger */
    union {
        struct { /* OPEN */
            const stream_owner_ops *ops;
            void *owner;
        };
        struct { /* later */
            uint32_t linger_until_s;
            uint32_t drain_until_s;
            uint32_t drained_len;
        };
    };
    uint8_t state; /* stream_state */
    bool kept;     /* `pending` is not on its way: stream_write_soon */
    bool ended;    /* nothing more will be read: the peer has ended, or the connection broke */
    bool broken;   /* nothing more can be written */
    bool reading;
};

_Static_assert(sizeof(stream) <= sizeof(uv_tcp_t) + 48,
               "thousands of idle readers cost little more than their handles");

struct tcp_streams {
    loop *loop;
    size_t count;
    cells cells;    /* the streams */
    list keeping;   /* what they keep goes at the end of the next turn */
    list broken;    /* their owners are told at the end of the turn */
    list lingering; /* by deadline */
    loop_task flush;
    loop_task tell_broken;
    uv_timer_t *linger_timer;
    char read_buffer[TCP_READ_LEN_MAX];
};

static tcp_streams *all_of(const stream *s)
{
    return s->tcp.data;
}

static void set_state(stream *s, stream_state to)
{
    must(to > (stream_state)s->state);
    s->state = (uint8_t)to;
}

/* ---- ending ---- */

static void on_closed(uv_handle_t *handle)
{
    stream *s = container_of((uv_tcp_t *)handle, stream, tcp);
    must(s->pending == NULL);
    all_of(s)->count--;
    cells_free(&all_of(s)->cells, s);
}

/* What is kept, if something is. */
static pending_write *take_kept(stream *s)
{
    pending_write *kept = s->kept ? s->pending : NULL;
    if (kept != NULL) {
        s->pending = NULL;
        s->kept = false;
        list_remove(&s->link);
    }
    return kept;
}

static void close_handle(stream *s)
{
    if (s->state == STREAM_CLOSED)
        return;
    set_state(s, STREAM_CLOSED);
    free(take_kept(s));
    list_remove(&s->link);
    uv_close((uv_handle_t *)&s->tcp, on_closed);
}

static uint32_t now_s(const tcp_streams *all)
{
    return (uint32_t)(loop_now_ms(all->loop) / 1000);
}

static void on_linger_timer(uv_timer_t *timer)
{
    tcp_streams *all = timer->data;
    while (!list_is_empty(&all->lingering)) {
        stream *s = container_of(list_first(&all->lingering), stream, link);
        if (s->linger_until_s > now_s(all))
            return;
        close_handle(s);
    }
    uv_timer_stop(timer);
}

static void linger(stream *s)
{
    tcp_streams *all = all_of(s);
    list_remove(&s->link);
    s->linger_until_s = now_s(all) + STREAM_LINGER_MS / 1000 + 1;
    list_push(&all->lingering, &s->link);
    if (!uv_is_active((uv_handle_t *)all->linger_timer))
        uv_timer_start(all->linger_timer, on_linger_timer, 1000, 1000);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *read);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    stream *s = container_of((uv_tcp_t *)handle, stream, tcp);
    *out = uv_buf_init(all_of(s)->read_buffer, TCP_READ_LEN_MAX);
}

static void begin_reading(stream *s)
{
    if (s->reading || s->ended)
        return;
    s->reading = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) == 0;
}

/* Ends the sending side; what the peer still sends is dropped, since closing on unread bytes would
 * reset the connection and could take our last answer with it (RFC 9112, section 9.6). */
static void begin_draining(stream *s)
{
    uv_os_fd_t fd;
    set_state(s, STREAM_DRAINING);
    s->drained_len = 0;
    s->drain_until_s = now_s(all_of(s)) + STREAM_DRAIN_MS / 1000;
    if (s->ended || uv_fileno((uv_handle_t *)&s->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        close_handle(s);
        return;
    }
    begin_reading(s);
}

static stream_written write_kept(stream *s);

void stream_close(stream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    if (s->kept)
        write_kept(s);
    linger(s);
    if (s->pending && !s->broken) {
        set_state(s, STREAM_FLUSHING);
        return;
    }
    begin_draining(s);
}

void stream_abort(stream *s)
{
    close_handle(s);
}

/* ---- reading ---- */

static void reading_ended(stream *s)
{
    s->ended = true;
    uv_read_stop((uv_stream_t *)&s->tcp);
    s->reading = false;
    if (s->state == STREAM_OPEN) {
        list_remove(&s->link); /* told now, whatever else found it out */
        s->ops->on_end(s->owner);
    } else if (s->state == STREAM_DRAINING || s->broken) {
        close_handle(s); /* in FLUSHING the peer may still take what is pending */
    }
}

/* It goes on only as long as the peer does. */
static void drop(stream *s, size_t len)
{
    s->drained_len += (uint32_t)len;
    if (s->drained_len > STREAM_DRAIN_LEN_MAX || now_s(all_of(s)) > s->drain_until_s)
        close_handle(s);
    else
        linger(s);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *read)
{
    stream *s = container_of((uv_tcp_t *)handle, stream, tcp);
    if (n == 0)
        return;
    if (n < 0) {
        s->broken = s->broken || n != UV_EOF;
        reading_ended(s);
        return;
    }
    if (s->state == STREAM_OPEN) {
        s->ops->on_read(s->owner, (slice){read->base, (size_t)n});
        return;
    }
    if (s->state == STREAM_DRAINING)
        drop(s, (size_t)n);
}

void stream_read_stop(stream *s)
{
    if (s->reading && s->state == STREAM_OPEN) {
        uv_read_stop((uv_stream_t *)&s->tcp);
        s->reading = false;
    }
}

void stream_read_start(stream *s)
{
    if (s->state == STREAM_OPEN)
        begin_reading(s);
}

/* ---- writing ---- */

static void tell_broken(loop_task *task)
{
    tcp_streams *all = container_of(task, tcp_streams, tell_broken);
    while (!list_is_empty(&all->broken)) {
        stream *s = container_of(list_pop(&all->broken), stream, link);
        reading_ended(s);
    }
}

static stream_written broken(stream *s)
{
    if (!s->broken && s->state == STREAM_OPEN) {
        s->broken = true;
        list_push(&all_of(s)->broken, &s->link);
        loop_at_turn_end(all_of(s)->loop, &all_of(s)->tell_broken);
    }
    return STREAM_BROKEN;
}

static void on_written(uv_write_t *req, int status)
{
    pending_write *w = container_of(req, pending_write, req);
    stream *s = container_of((uv_tcp_t *)req->handle, stream, tcp);
    s->pending = NULL;
    if (w->release)
        w->release(w->arg);
    free(w);
    if (s->state == STREAM_FLUSHING) {
        begin_draining(s);
    } else if (s->state == STREAM_OPEN) {
        if (status == 0)
            s->ops->on_drain(s->owner);
        else if (!s->broken)
            broken(s);
    }
}

/* The bytes of both that the kernel takes now, or -1. */
static ssize_t try_write(stream *s, slice first, slice second)
{
    must(s->pending == NULL && s->state == STREAM_OPEN);
    if (s->broken)
        return -1;
    uv_buf_t now[] = {uv_buf_init((char *)(uintptr_t)first.data, (unsigned)first.len),
                      uv_buf_init((char *)(uintptr_t)second.data, (unsigned)second.len)};
    unsigned begin = first.len > 0 ? 0 : 1;
    int n = uv_try_write((uv_stream_t *)&s->tcp, now + begin, 2 - begin);
    if (n == UV_EAGAIN)
        return 0;
    return n < 0 ? -1 : n;
}

static pending_write *pending_new(slice first, slice second)
{
    pending_write *w = malloc(sizeof(*w) + first.len + second.len);
    must(w != NULL);
    *w = (pending_write){.copy_len = first.len + second.len};
    if (first.len > 0)
        memcpy(w->copy, first.data, first.len);
    if (second.len > 0)
        memcpy(w->copy + first.len, second.data, second.len);
    return w;
}

static slice copy_in(const pending_write *w)
{
    return w == NULL ? (slice){0} : (slice){w->copy, w->copy_len};
}

static stream_written write_rest(stream *s, pending_write *w, slice rest)
{
    uv_buf_t later = uv_buf_init((char *)(uintptr_t)rest.data, (unsigned)rest.len);
    if (uv_write(&w->req, (uv_stream_t *)&s->tcp, &later, 1, on_written) != 0) {
        free(w);
        return broken(s);
    }
    s->pending = w;
    return STREAM_PENDING;
}

/* What is left of bytes of which so many have been taken. */
static slice behind(slice bytes, size_t taken)
{
    return taken < bytes.len ? (slice){bytes.data + taken, bytes.len - taken} : (slice){0};
}

/* Writes what is kept, and `bytes`; of those a copy is made if they must wait and `borrowed`, or if
 * something before them must. */
static stream_written write_all(stream *s, slice bytes, bool borrowed, stream_release release,
                                void *arg)
{
    pending_write *kept = take_kept(s);
    slice first = copy_in(kept);
    ssize_t n = try_write(s, first, bytes);
    stream_written written = STREAM_WRITTEN;
    if (n < 0) {
        written = broken(s);
    } else if ((size_t)n < first.len + bytes.len) {
        slice rest = behind(bytes, (size_t)n > first.len ? (size_t)n - first.len : 0);
        bool copied = borrowed || (size_t)n < first.len;
        pending_write *w = pending_new(behind(first, (size_t)n), copied ? rest : (slice){0});
        w->release = release;
        w->arg = arg;
        written = write_rest(s, w, copied ? copy_in(w) : rest);
    }
    free(kept);
    return written;
}

stream_written stream_write(stream *s, slice bytes, stream_release release, void *arg)
{
    return write_all(s, bytes, false, release, arg);
}

stream_written stream_write_copy(stream *s, slice bytes)
{
    return write_all(s, bytes, true, NULL, NULL);
}

/* ---- soon ---- */

static stream_written write_kept(stream *s)
{
    return write_all(s, (slice){0}, true, NULL, NULL);
}

static void flush(loop_task *task)
{
    tcp_streams *all = container_of(task, tcp_streams, flush);
    while (!list_is_empty(&all->keeping)) {
        stream *s = container_of(list_first(&all->keeping), stream, link);
        if (write_kept(s) == STREAM_PENDING)
            s->ops->on_pending(s->owner);
    }
}

void stream_write_soon(stream *s, slice bytes)
{
    must(s->state == STREAM_OPEN && !stream_is_pending(s));
    if (s->broken)
        return;
    pending_write *before = take_kept(s);
    s->pending = pending_new(copy_in(before), bytes);
    s->kept = true;
    free(before);
    list_push(&all_of(s)->keeping, &s->link);
    loop_at_next_turn(all_of(s)->loop, &all_of(s)->flush);
}

bool stream_is_broken(const stream *s)
{
    return s->broken;
}

bool stream_is_pending(const stream *s)
{
    return s->pending != NULL && !s->kept;
}

size_t stream_pending_bytes(const stream *s)
{
    return !stream_is_pending(s) ? 0 : uv_stream_get_write_queue_size((const uv_stream_t *)&s->tcp);
}

void stream_set_send_buffer(stream *s, int bytes)
{
    uv_send_buffer_size((uv_handle_t *)&s->tcp, &bytes);
}

/* ---- owners ---- */

void stream_set_owner(stream *s, const stream_owner_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

/* ---- all of them ---- */

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

tcp_streams *tcp_streams_new(loop *l)
{
    tcp_streams *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->loop = l;
    cells_init(&all->cells, sizeof(stream));
    list_init(&all->keeping);
    list_init(&all->broken);
    list_init(&all->lingering);
    loop_task_init(&all->flush, flush);
    loop_task_init(&all->tell_broken, tell_broken);
    all->linger_timer = malloc(sizeof(*all->linger_timer));
    must(all->linger_timer != NULL);
    must(uv_timer_init(loop_uv(l), all->linger_timer) == 0);
    all->linger_timer->data = all;
    return all;
}

void tcp_streams_free(tcp_streams *all)
{
    must(all->count == 0);
    cells_deinit(&all->cells);
    loop_forget(&all->flush);
    loop_forget(&all->tell_broken);
    uv_close((uv_handle_t *)all->linger_timer, free_timer);
    free(all);
}

size_t tcp_streams_count(const tcp_streams *all)
{
    return all->count;
}

stream *tcp_adopt(tcp_streams *all, int fd)
{
    stream *s = cells_new(&all->cells);
    must(uv_tcp_init(loop_uv(all->loop), &s->tcp) == 0);
    s->tcp.data = all;
    all->count++;
    if (uv_tcp_open(&s->tcp, fd) != 0) {
        close(fd);
        close_handle(s);
        return NULL;
    }
    uv_tcp_nodelay(&s->tcp, 1);
    return s;
}
