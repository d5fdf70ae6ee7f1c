/* Readers, by event streams or sockets: what it costs to tell many of them, and what those cost
 * that hear nothing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "connection.h"
#include "load.h"
#include "posting.h"
#include "runtime.h"
#include "process.h"
#include "socket.h"

#define EVENTS_MAX   256
#define DRAIN_NS_MAX 30000000000ull
#define QUIET_NS     500000000ull

/* A stream, read line by line; of each line only the beginning is kept. */
typedef struct reader {
    int fd;
    char line[32];
    size_t line_len;
    bool synced;
    unsigned document;
    uint64_t seq; /* of the last id */
    socket_reader frames;
} reader;

typedef struct run {
    int epoll;
    reader *readers;
    writer *writers;
    unsigned writer_count;
    unsigned reader_count;
    unsigned synced;
    uint64_t frames; /* update events that came, at all readers */
    uint64_t bytes;
    uint64_t writes; /* answered */
    uint64_t posts;
    uint64_t *heads; /* of each document */
    unsigned rate;
    bool writing;
    bool sockets;
    uint64_t last_ns; /* when something came at a reader */
} run;

static void add(run *r, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        load_fail("epoll_ctl");
}

static void open_reader(run *r, const load_options *options, unsigned index)
{
    reader *reading = &r->readers[index];
    char request[128];
    int len = snprintf(request, sizeof(request),
                       "GET /docs/bench-%u/events?since=latest HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       index % options->documents);
    reading->fd = connection_open(options->port, index);
    connection_send(reading->fd, request, (size_t)len);
    add(r, reading->fd, reading);
}

static void open_poll(run *r, const load_options *options, unsigned index)
{
    char request[160];
    int len = snprintf(request, sizeof(request),
                       "GET /docs/bench-%u/updates?since=latest&wait=60 HTTP/1.1\r\n"
                       "Host: localhost\r\n\r\n",
                       index % options->documents);
    r->readers[index].fd = connection_open(options->port, index);
    connection_send(r->readers[index].fd, request, (size_t)len);
}

static void open_socket(run *r, const load_options *options, unsigned index)
{
    reader *reading = &r->readers[index];
    reading->fd = socket_reader_open(options->port, index, index % options->documents);
    add(r, reading->fd, reading);
}

static void take_line(run *r, reader *reading)
{
    reading->line[reading->line_len] = '\0';
    if (strcmp(reading->line, "event: update") == 0) {
        r->frames++;
    } else if (strcmp(reading->line, "event: sync") == 0 && !reading->synced) {
        reading->synced = true;
        r->synced++;
    } else if (strncmp(reading->line, "id: ", 4) == 0) {
        reading->seq = strtoull(reading->line + 4, NULL, 10);
    }
    reading->line_len = 0;
}

static void take_messages(run *r, reader *reading, const char *in, size_t len)
{
    socket_messages came = socket_reader_take(&reading->frames, in, len);
    r->frames += came.updates;
    if (came.syncs > 0 && !reading->synced) {
        reading->synced = true;
        r->synced++;
    }
}

static void read_stream(run *r, reader *reading)
{
    char in[65536];
    ssize_t got = recv(reading->fd, in, sizeof(in), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("the server ended a stream");
    r->bytes += (uint64_t)got;
    r->last_ns = load_now_ns();
    if (r->sockets) {
        take_messages(r, reading, in, (size_t)got);
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (in[i] == '\n')
            take_line(r, reading);
        else if (reading->line_len < sizeof(reading->line) - 1)
            reading->line[reading->line_len++] = in[i];
    }
}

static void post(run *r, writer *w, unsigned count)
{
    r->posts += count;
    writer_post(w, count);
}

static void read_answers(run *r, writer *w)
{
    unsigned answered = 0;
    for (writer_read(w); writer_take(w) > 0; answered++)
        if (w->seq > r->heads[w->document])
            r->heads[w->document] = w->seq;
    r->writes += answered;
    if (r->writing && r->rate == 0 && answered > 0)
        post(r, w, answered);
}

/* Takes what has come, waiting for it for at most `wait_ms`. */
static void turn(run *r, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(r->epoll, events, EVENTS_MAX, wait_ms);
    for (int i = 0; i < count; i++) {
        writer *w = events[i].data.ptr;
        if (w >= r->writers && w < r->writers + r->writer_count)
            read_answers(r, w);
        else
            read_stream(r, events[i].data.ptr);
    }
}

static run open_run(const load_options *options, unsigned writers)
{
    run r = {.epoll = epoll_create1(EPOLL_CLOEXEC),
             .readers = calloc(options->readers, sizeof(reader)),
             .writers = calloc(writers + 1, sizeof(writer)),
             .heads = calloc(options->documents, sizeof(uint64_t)),
             .rate = options->rate,
             .writer_count = writers,
             .reader_count = options->readers,
             .sockets = options->sockets};
    if (r.epoll < 0 || r.readers == NULL || r.writers == NULL || r.heads == NULL)
        load_fail("out of memory");
    return r;
}

static void open_readers(run *r, const load_options *options, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        r->readers[i].document = i % options->documents;
        (options->sockets ? open_socket : open_reader)(r, options, i);
        while (r->synced < i + 1)
            turn(r, 1000);
    }
}

/* They say nothing while they wait: the server tells how many do. A hundred at a time, so that what
 * their requests take is not measured as what their waiting does. */
static void open_polls(run *r, const load_options *options, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        open_poll(r, options, i);
        bool look = i + 1 == to || i % 100 == 0;
        while (look && server_metric(options->port, "weft_polls_waiting") < i + 1)
            continue;
    }
}

/* Messages of sockets have no ids: they are taken to have come when none comes any more. */
static bool all_have_read(const run *r)
{
    if (r->writes < r->posts)
        return false;
    if (r->sockets)
        return load_now_ns() - r->last_ns > QUIET_NS;
    for (unsigned i = 0; i < r->reader_count; i++)
        if (r->readers[i].seq < r->heads[r->readers[i].document])
            return false;
    return true;
}

static void close_run(run *r)
{
    free(r->readers);
    free(r->writers);
    free(r->heads);
}

static uint64_t cpu_us(const load_options *options)
{
    return options->pid ? process_cpu_us(options->pid) : 0;
}

/* Events answered, each counted for every reader of its document. */
static double deliveries(const run *r, const load_options *options)
{
    double events = 0;
    for (unsigned i = 0; i < r->writer_count; i++) {
        const writer *w = &r->writers[i];
        unsigned readers = options->readers / options->documents +
                           (w->document < options->readers % options->documents);
        events += (double)w->answered * readers;
    }
    return events;
}

static void open_writers(run *r, const load_options *options)
{
    for (unsigned i = 0; i < r->writer_count; i++) {
        writer_open(&r->writers[i], options->port, options->readers + i, i % options->documents);
        add(r, r->writers[i].fd, &r->writers[i]);
        if (r->rate == 0)
            post(r, &r->writers[i], options->in_flight);
    }
}

/* Posts what is due after so long at the rate that was asked for, each writer in turn. */
static void keep_pace(run *r, uint64_t passed_ns, unsigned in_flight_max)
{
    while (r->posts < passed_ns * r->rate / 1000000000u) {
        writer *w = &r->writers[r->posts % r->writer_count];
        if (w->in_flight == in_flight_max)
            return;
        post(r, w, 1);
    }
}

/* Waits until every reader has heard of everything. */
static void drain(run *r)
{
    r->writing = false;
    for (uint64_t give_up_ns = load_now_ns() + DRAIN_NS_MAX; !all_have_read(r);) {
        if (load_now_ns() > give_up_ns)
            load_fail("a reader did not hear everything");
        turn(r, 100);
    }
}

void load_fanout(const load_options *options)
{
    run r = open_run(options, options->connections);
    open_readers(&r, options, 0, options->readers);
    r.frames = r.bytes = 0;
    r.writing = true;
    uint64_t cpu_before_us = cpu_us(options);
    uint64_t begin_ns = load_now_ns();
    open_writers(&r, options);
    for (uint64_t passed_ns = 0; passed_ns < options->seconds * 1000000000ull;
         passed_ns = load_now_ns() - begin_ns) {
        keep_pace(&r, passed_ns, options->in_flight);
        turn(&r, r.rate > 0 ? 1 : 100);
    }
    drain(&r);
    double seconds = (double)(r.last_ns - begin_ns) / 1e9;
    double cpu = (double)(cpu_us(options) - cpu_before_us);
    double events = deliveries(&r, options);
    printf("fanout %s=%u writers=%u documents=%u in_flight=%u writes_per_s=%.0f "
           "events_delivered_per_s=%.0f frames_per_s=%.0f bytes_per_event=%.1f "
           "cpu_us_per_frame=%.2f cpu_us_per_event=%.2f\n",
           options->sockets ? "sockets" : "readers", r.reader_count, options->connections,
           options->documents, options->in_flight, (double)r.writes / seconds, events / seconds,
           (double)r.frames / seconds, (double)r.bytes / events, cpu / (double)r.frames,
           cpu / events);
    close_run(&r);
}

void load_idle(const load_options *options)
{
    if (options->pid == 0)
        load_fail("idle needs --pid");
    run r = open_run(options, 0);
    /* What any connection at all makes the server allocate is not a reader's. */
    unsigned first = options->documents < options->readers ? options->documents : 1;
    void (*open_some)(run * r, const load_options *options, unsigned from, unsigned to) =
        options->polls ? open_polls : open_readers;
    open_some(&r, options, 0, first);
    uint64_t before = process_own_bytes(options->pid);
    open_some(&r, options, first, options->readers);
    uint64_t after = process_own_bytes(options->pid);
    const char *kind = options->polls ? "polls" : options->sockets ? "sockets" : "readers";
    printf("idle %s=%u documents=%u own_bytes_before=%" PRIu64 " own_bytes_after=%" PRIu64
           " bytes_per_reader=%.0f\n",
           kind, options->readers, options->documents, before, after,
           ((double)after - (double)before) / (options->readers - first));
    close_run(&r);
}
