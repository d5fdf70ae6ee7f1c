/* Writers: what is acknowledged in a second, and how long one waits. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "load.h"
#include "posting.h"
#include "runtime.h"

#define WARM_UP_NS 1000000000ull
#define EVENTS_MAX 256

/* Microseconds, one for each acknowledged write. */
typedef struct latencies {
    uint32_t *us;
    size_t count;
    size_t cap;
} latencies;

static void note(latencies *l, uint64_t ns)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 65536;
        l->us = load_grow(l->us, l->cap * sizeof(*l->us));
    }
    l->us[l->count++] = (uint32_t)(ns / 1000);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(const latencies *l, unsigned percent)
{
    return l->count ? l->us[(l->count - 1) * percent / 100] : 0;
}

static writer *open_writers(const load_options *options, int epoll)
{
    writer *writers = calloc(options->connections, sizeof(*writers));
    if (writers == NULL)
        load_fail("out of memory");
    for (unsigned i = 0; i < options->connections; i++) {
        writer_open(&writers[i], options->port, i, i % options->documents);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &writers[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, writers[i].fd, &event) != 0)
            load_fail("epoll_ctl");
    }
    return writers;
}

void load_write(const load_options *options)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    writer *writers = open_writers(options, epoll);
    latencies noted = {0};
    uint64_t begin_ns = load_now_ns() + WARM_UP_NS;
    uint64_t end_ns = begin_ns + options->seconds * 1000000000ull;
    for (unsigned i = 0; i < options->connections; i++)
        writer_post(&writers[i], options->in_flight);

    for (uint64_t now_ns = 0; now_ns < end_ns;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, 1000);
        for (int i = 0; i < count; i++) {
            writer *w = events[i].data.ptr;
            unsigned answered = 0;
            writer_read(w);
            now_ns = load_now_ns();
            for (uint64_t sent_ns; (sent_ns = writer_take(w)) > 0; answered++)
                if (now_ns >= begin_ns && now_ns < end_ns)
                    note(&noted, now_ns - sent_ns);
            if (answered > 0)
                writer_post(w, answered);
        }
        now_ns = load_now_ns();
    }

    qsort(noted.us, noted.count, sizeof(*noted.us), by_value);
    printf("write connections=%u documents=%u in_flight=%u writes_per_s=%.0f p50_us=%u p99_us=%u\n",
           options->connections, options->documents, options->in_flight,
           (double)noted.count / options->seconds, percentile(&noted, 50), percentile(&noted, 99));
    free(noted.us);
    free(writers);
}
