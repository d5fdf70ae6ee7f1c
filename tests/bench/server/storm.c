/* A storm: readers of one document are cut off together, miss some events, and come back all at
 * once, while one writer goes on. How long until each has what it missed. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "load.h"
#include "posting.h"
#include "process.h"
#include "runtime.h"

#define EVENTS_MAX 256
#define ID_LEN_MAX 32
#define GIVE_UP_NS 60000000000ull

/* Of each line that comes only the beginning is kept: ids are in it. */
typedef struct returning {
    int fd;
    bool asked;
    bool is_back;
    char line[48];
    size_t line_len;
} returning;

typedef struct storm {
    const load_options *options;
    int epoll;
    returning *readers;
    writer writer;
    char (*ids)[ID_LEN_MAX]; /* of the events: the first is what all have seen */
    uint64_t missed_until;
    unsigned back; /* readers that have everything */
    uint64_t bytes;
    bool first; /* they come for the first time, and have seen nothing */
    atomic_bool over;
    uint64_t writes; /* meanwhile */
    uint64_t slowest_write_ns;
} storm;

static void *zeroed(size_t count, size_t size)
{
    void *made = calloc(count, size);
    if (made == NULL)
        load_fail("out of memory");
    return made;
}

/* ---- the writer ---- */

static uint64_t write_and_wait(writer *w)
{
    uint64_t sent_ns;
    writer_post(w, 1);
    do {
        struct pollfd answer = {.fd = w->fd, .events = POLLIN};
        if (poll(&answer, 1, -1) < 0)
            load_fail("poll");
        writer_read(w);
        sent_ns = writer_take(w);
    } while (sent_ns == 0);
    return load_now_ns() - sent_ns;
}

static void miss_one(storm *s, char id[ID_LEN_MAX])
{
    write_and_wait(&s->writer);
    snprintf(id, ID_LEN_MAX, "%s", s->writer.id);
    s->missed_until = strtoull(id, NULL, 10);
}

/* A thread of its own: how long a write takes is not to depend on what the readers do here. */
static void *write_on(void *arg)
{
    storm *s = arg;
    while (!atomic_load(&s->over)) {
        uint64_t took_ns = write_and_wait(&s->writer);
        if (took_ns > s->slowest_write_ns)
            s->slowest_write_ns = took_ns;
        s->writes++;
    }
    return NULL;
}

/* ---- readers ---- */

static void watch(storm *s, int fd, void *what, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(s->epoll, operation, fd, &event) != 0)
        load_fail("epoll_ctl");
}

static void connect_reader(storm *s, returning *r)
{
    *r = (returning){.fd = connection_begin(s->options->port, (unsigned)(r - s->readers))};
    watch(s, r->fd, r, EPOLLOUT, EPOLL_CTL_ADD);
}

/* A reader asks for what came after an event; if they differ, each after another one. */
static void ask(storm *s, returning *r)
{
    static const char nothing[] = "0";
    size_t index = s->options->differ ? (size_t)(r - s->readers) % s->options->events : 0;
    char request[192];
    int len = snprintf(request, sizeof(request),
                       s->options->polls ? "GET /docs/bench-0/updates?wait=60&since=%s HTTP/1.1\r\n"
                                           "Host: localhost\r\n\r\n"
                                         : "GET /docs/bench-0/events?since=%s HTTP/1.1\r\n"
                                           "Host: localhost\r\n\r\n",
                       s->first ? nothing : s->ids[index]);
    connection_send(r->fd, request, (size_t)len);
    r->asked = true;
    watch(s, r->fd, r, EPOLLIN, EPOLL_CTL_MOD);
}

static void take_line(storm *s, returning *r)
{
    r->line[r->line_len] = '\0';
    unsigned long long seq;
    bool is_id = sscanf(r->line, s->options->polls ? "Event-Id: %llu" : "id: %llu", &seq) == 1;
    if (strncmp(r->line, "HTTP/1.1 ", 9) == 0 && strncmp(r->line + 9, "200", 3) != 0)
        load_fail(r->line);
    r->line_len = 0;
    if (!is_id || r->is_back)
        return;
    if (seq < s->missed_until)
        load_fail("an answer that leaves something out");
    r->is_back = true;
    s->back++;
}

static void take(storm *s, returning *r)
{
    char in[65536];
    ssize_t got = recv(r->fd, in, sizeof(in), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("the server cut a reader off");
    s->bytes += (uint64_t)got;
    for (ssize_t i = 0; i < got; i++) {
        if (in[i] == '\n')
            take_line(s, r);
        else if (r->line_len < sizeof(r->line) - 1)
            r->line[r->line_len++] = in[i];
    }
}

static void turn(storm *s)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(s->epoll, events, EVENTS_MAX, 100);
    for (int i = 0; i < count; i++) {
        returning *r = events[i].data.ptr;
        if (!r->asked)
            ask(s, r);
        else
            take(s, r);
    }
}

/* All connect at once, and each is waited for until it has everything. */
static uint64_t come_back(storm *s)
{
    uint64_t begin_ns = load_now_ns();
    s->back = 0;
    s->bytes = 0;
    for (unsigned i = 0; i < s->options->readers; i++)
        connect_reader(s, &s->readers[i]);
    while (s->back < s->options->readers) {
        if (load_now_ns() - begin_ns > GIVE_UP_NS)
            load_fail("a reader did not hear everything");
        turn(s);
    }
    return load_now_ns() - begin_ns;
}

static void cut(storm *s)
{
    for (unsigned i = 0; i < s->options->readers; i++)
        close(s->readers[i].fd);
}

void load_storm(const load_options *options)
{
    storm s = {.options = options,
               .epoll = epoll_create1(EPOLL_CLOEXEC),
               .readers = zeroed(options->readers, sizeof(returning)),
               .ids = zeroed(options->events + 1, ID_LEN_MAX)};
    if (s.epoll < 0)
        load_fail("epoll_create1");
    writer_open(&s.writer, options->port, options->readers, 0);
    miss_one(&s, s.ids[0]);
    s.first = true;
    uint64_t first_ns = come_back(&s);
    s.first = false;
    cut(&s);
    for (unsigned i = 0; i < options->events; i++)
        miss_one(&s, s.ids[i + 1]);
    uint64_t cpu_us = options->pid ? process_cpu_us(options->pid) : 0;
    pthread_t writing;
    if (pthread_create(&writing, NULL, write_on, &s) != 0)
        load_fail("pthread_create");
    uint64_t took_ns = come_back(&s);
    atomic_store(&s.over, true);
    pthread_join(writing, NULL);
    cpu_us = options->pid ? process_cpu_us(options->pid) - cpu_us : 0;
    printf("storm %s=%u events=%u ids=%s opened_s=%.3f caught_up_s=%.3f server_cpu_s=%.3f "
           "bytes_per_reader=%.0f writes_meanwhile=%llu slowest_write_ms=%.1f\n",
           options->polls ? "polls" : "streams", options->readers, options->events,
           options->differ ? "different" : "equal", (double)first_ns / 1e9, (double)took_ns / 1e9,
           (double)cpu_us / 1e6, (double)s.bytes / options->readers, (unsigned long long)s.writes,
           (double)s.slowest_write_ns / 1e6);
    cut(&s);
    free(s.readers);
    free(s.ids);
}
