#include "works.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "process.h"
#include "runtime.h"
#include "transport.h"

#define WARM_UP_EVENTS 50
#define COME_AT_ONCE   200
#define SECOND_NS      1000000000ull
#define SAMPLE_NS      50000000ull

static double seconds_since(uint64_t begin_ns)
{
    return (double)(load_now_ns() - begin_ns) / (double)SECOND_NS;
}

static double per(double what, double count)
{
    return count > 0 ? what / count : 0;
}

static uint64_t server_bytes(int pid)
{
    return pid ? process_own_bytes(pid) + process_shared_bytes(pid) : 0;
}

static double server_seconds(int pid)
{
    return pid ? (double)process_cpu_us(pid) / 1e6 : 0;
}

/* Writes events at their times, as long as some writer is free for them, until `end_ns` or until
 * there are `events`. */
static void write_at_rate(crowd *c, uint64_t interval_ns, uint64_t end_ns, uint64_t events,
                          void (*sample)(void *), void *what)
{
    uint64_t next_ns = load_now_ns(), sample_ns = next_ns;
    while (load_now_ns() < end_ns && c->book.events < events) {
        uint64_t now_ns = load_now_ns();
        writer *w = now_ns >= next_ns ? crowd_free_writer(c) : NULL;
        if (w != NULL) {
            crowd_write(c, w);
            next_ns += interval_ns;
        }
        if (sample != NULL && now_ns >= sample_ns) {
            sample(what);
            sample_ns = now_ns + SAMPLE_NS;
        }
        crowd_turn(c, next_ns);
    }
}

/* Some events that do not count: everything that is made on first use is made. */
static void warm_up(crowd *c)
{
    write_at_rate(c, SECOND_NS / 200, UINT64_MAX, WARM_UP_EVENTS, NULL, NULL);
    crowd_drain(c);
    crowd_settle(c);
    book_turn_page(&c->book);
    c->acknowledged = 0;
    c->traffic = (crowd_traffic){0};
}

/* A few at a time: this is no storm. */
static void come_gently(crowd *c, unsigned to)
{
    for (unsigned i = c->live; i < to; i += COME_AT_ONCE)
        crowd_come(c, i + COME_AT_ONCE < to ? i + COME_AT_ONCE : to);
    crowd_settle(c);
}

static void begin(crowd *c, const fan_options *o)
{
    crowd_open(c, &o->crowd);
    come_gently(c, o->crowd.readers);
}

static void print_latencies(const book *b)
{
    printf(" p50_us=%" PRIu64 " p99_us=%" PRIu64 " max_us=%" PRIu64,
           hist_value(&b->latency_us, 500), hist_value(&b->latency_us, 990), b->latency_us.highest);
}

void work_steady(const fan_options *o)
{
    crowd c;
    begin(&c, o);
    warm_up(&c);
    double cpu = server_seconds(o->pid);
    uint64_t begin_ns = load_now_ns();
    write_at_rate(&c, SECOND_NS * 1000 / o->permille_per_s, begin_ns + o->seconds * SECOND_NS,
                  UINT64_MAX, NULL, NULL);
    crowd_drain(&c);
    cpu = server_seconds(o->pid) - cpu;
    double deliveries = (double)c.book.deliveries;
    printf("steady transport=%s readers=%u events=%" PRIu64 " deliveries=%" PRIu64
           " repeated=%" PRIu64,
           o->crowd.transport->name, o->crowd.readers, c.book.events, c.book.deliveries,
           c.book.repeated);
    print_latencies(&c.book);
    printf(" cpu_s_per_million=%.2f bytes_in_per_event=%.1f bytes_out_per_event=%.1f "
           "requests_per_event=%.3f empty_share=%.3f seconds=%.2f\n",
           per(cpu, deliveries) * 1e6, per((double)c.traffic.bytes_in, deliveries),
           per((double)c.traffic.bytes_out, deliveries),
           per((double)c.traffic.requests, deliveries),
           per((double)c.traffic.empty, (double)c.traffic.requests), seconds_since(begin_ns));
    crowd_close(&c);
}

void work_saturate(const fan_options *o)
{
    crowd c;
    begin(&c, o);
    warm_up(&c);
    double cpu = server_seconds(o->pid);
    uint64_t begin_ns = load_now_ns(), end_ns = begin_ns + o->seconds * SECOND_NS;
    c.writing = true;
    for (unsigned i = 0; i < c.writer_count; i++)
        for (unsigned d = 0; d < o->crowd.depth; d++)
            crowd_write(&c, &c.writers[i]);
    while (load_now_ns() < end_ns)
        crowd_turn(&c, end_ns);
    c.writing = false;
    crowd_drain(&c);
    double seconds = seconds_since(begin_ns);
    cpu = server_seconds(o->pid) - cpu;
    printf("saturate transport=%s readers=%u documents=%u in_flight=%u writes_per_s=%.0f "
           "deliveries_per_s=%.0f events_per_wake_up=%.1f",
           o->crowd.transport->name, o->crowd.readers, o->crowd.documents,
           c.writer_count * o->crowd.depth, (double)c.acknowledged / seconds,
           (double)c.book.deliveries / seconds,
           per((double)c.book.deliveries, (double)c.traffic.wake_ups));
    print_latencies(&c.book);
    printf(" cpu_s_per_million=%.2f server_busy=%.2f\n", per(cpu, (double)c.book.deliveries) * 1e6,
           cpu / seconds);
    crowd_close(&c);
}

void work_idle(const fan_options *o)
{
    crowd c;
    crowd_open(&c, &o->crowd);
    /* What any connection at all makes the server allocate is not a reader's. */
    unsigned first = o->crowd.readers / 10;
    come_gently(&c, first);
    uint64_t before = server_bytes(o->pid);
    come_gently(&c, o->crowd.readers);
    uint64_t after = server_bytes(o->pid);
    c.traffic = (crowd_traffic){0};
    double cpu = server_seconds(o->pid);
    uint64_t begin_ns = load_now_ns(), end_ns = begin_ns + o->seconds * SECOND_NS;
    while (load_now_ns() < end_ns)
        crowd_turn(&c, end_ns);
    double minutes = seconds_since(begin_ns) / 60;
    printf("idle transport=%s readers=%u documents=%u bytes_per_reader=%.0f "
           "wake_ups_per_minute=%.2f bytes_in_per_minute=%.0f bytes_out_per_minute=%.0f "
           "server_busy=%.4f\n",
           o->crowd.transport->name, o->crowd.readers, o->crowd.documents,
           ((double)after - (double)before) / (o->crowd.readers - first),
           (double)c.traffic.wake_ups / o->crowd.readers / minutes,
           (double)c.traffic.bytes_in / o->crowd.readers / minutes,
           (double)c.traffic.bytes_out / o->crowd.readers / minutes,
           (server_seconds(o->pid) - cpu) / (minutes * 60));
    crowd_close(&c);
}

void work_cut(const fan_options *o)
{
    crowd c;
    begin(&c, o);
    warm_up(&c);
    crowd_go(&c);
    write_at_rate(&c, SECOND_NS / 500, UINT64_MAX, o->missed, NULL, NULL);
    while (c.acknowledged < c.book.events)
        crowd_turn(&c, UINT64_MAX);
    if (o->pause) {
        char line[16];
        crowd_dismiss_writers(&c);
        printf("away\n");
        fflush(stdout);
        if (fgets(line, sizeof(line), stdin) == NULL)
            load_fail("nobody says when to go on");
    }
    crowd_settle(&c);
    c.traffic = (crowd_traffic){0};
    double cpu = server_seconds(o->pid);
    uint64_t begin_ns = load_now_ns();
    crowd_come(&c, o->crowd.readers);
    crowd_drain(&c);
    double seconds = seconds_since(begin_ns);
    printf("cut transport=%s readers=%u missed=%u caught_up_ms=%.0f bytes_in_per_reader=%.0f "
           "bytes_out_per_reader=%.0f cpu_us_per_reader=%.1f repeated=%" PRIu64 "\n",
           o->crowd.transport->name, o->crowd.readers, o->missed, seconds * 1000,
           (double)c.traffic.bytes_in / o->crowd.readers,
           (double)c.traffic.bytes_out / o->crowd.readers,
           (server_seconds(o->pid) - cpu) * 1e6 / o->crowd.readers, c.book.repeated);
    crowd_close(&c);
}

/* ---- a reader that stops reading ---- */

typedef struct growth {
    const fan_options *options;
    const crowd *crowd;
    uint64_t highest;
    uint64_t unsent_highest;
} growth;

static uint16_t port_of(int fd)
{
    struct sockaddr_in here;
    socklen_t len = sizeof(here);
    if (getsockname(fd, (struct sockaddr *)&here, &len) != 0)
        load_fail("getsockname");
    return ntohs(here.sin_port);
}

static void sample_growth(void *what)
{
    growth *g = what;
    uint64_t bytes = server_bytes(g->options->pid), unsent = 0;
    for (unsigned i = 0; i < g->options->stalled; i++)
        unsent +=
            process_unsent_bytes(g->options->crowd.port, port_of(g->crowd->readers[i].watch.fd));
    if (unsent > g->unsent_highest)
        g->unsent_highest = unsent;
    if (bytes + unsent > g->highest)
        g->highest = bytes + unsent;
}

void work_stall(const fan_options *o)
{
    crowd c;
    begin(&c, o);
    warm_up(&c);
    for (unsigned i = 0; i < o->stalled; i++)
        crowd_stall(&c, &c.readers[i]);
    growth g = {.options = o, .crowd = &c};
    uint64_t before = server_bytes(o->pid);
    write_at_rate(&c, SECOND_NS * 1000 / o->permille_per_s, UINT64_MAX, o->events, sample_growth,
                  &g);
    crowd_settle(&c);
    hist others = c.book.latency_us;
    for (unsigned i = 0; i < o->stalled; i++)
        crowd_resume(&c, &c.readers[i]);
    uint64_t begin_ns = load_now_ns();
    crowd_drain(&c);
    printf("stall transport=%s readers=%u stalled=%u bytes=%zu growth_bytes=%" PRId64
           " kernel_bytes=%" PRIu64 " others_p50_us=%" PRIu64 " others_p99_us=%" PRIu64
           " caught_up_ms=%.0f\n",
           o->crowd.transport->name, o->crowd.readers, o->stalled,
           (size_t)o->events * o->crowd.text_len, (int64_t)(g.highest - before), g.unsent_highest,
           hist_value(&others, 500), hist_value(&others, 990), seconds_since(begin_ns) * 1000);
    crowd_close(&c);
}
