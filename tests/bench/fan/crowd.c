#include "crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"
#include "transport.h"

#define EVENTS_MAX   512
#define TURN_NS_MAX  100000000ull
#define DRAIN_NS_MAX 60000000000ull
#define SETTLE_NS    200000000ull
/* Connections that are begun before the loop turns again. */
#define COME_AT_ONCE 64

struct crowd_delayed {
    reader *reader;
    uint64_t due_ns;
};

void crowd_watch(crowd *c, watch *w, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    if (epoll_ctl(c->epoll, operation, w->fd, &event) != 0)
        load_fail("epoll_ctl");
}

/* ---- delays ---- */

static void delay_push(crowd_delay *d, reader *r)
{
    if (d->count == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 64;
        struct crowd_delayed *items = load_grow(NULL, cap * sizeof(*items));
        for (size_t i = 0; i < d->count; i++)
            items[i] = d->items[(d->first + i) & (d->cap - 1)];
        free(d->items);
        *d = (crowd_delay){.ns = d->ns, .items = items, .count = d->count, .cap = cap};
    }
    d->items[(d->first + d->count++) & (d->cap - 1)] =
        (struct crowd_delayed){r, load_now_ns() + d->ns};
}

/* The next one that is due, or NULL. */
static reader *delay_pop(crowd_delay *d)
{
    if (d->count == 0 || d->items[d->first].due_ns > load_now_ns())
        return NULL;
    reader *r = d->items[d->first].reader;
    d->first = (d->first + 1) & (d->cap - 1);
    d->count--;
    return r;
}

static uint64_t delay_due_ns(const crowd_delay *d)
{
    return d->count > 0 ? d->items[d->first].due_ns : UINT64_MAX;
}

void reader_ask_again(crowd *c, reader *r)
{
    if (c->asking.ns > 0 && r->state == READER_LIVE)
        delay_push(&c->asking, r);
    else
        r->how->ask(c, r);
}

/* ---- the loop ---- */

static void serve_delays(crowd *c)
{
    for (reader *r; (r = delay_pop(&c->asking)) != NULL;)
        if (r->state == READER_LIVE)
            r->how->ask(c, r);
    for (reader *r; (r = delay_pop(&c->arriving)) != NULL;) {
        reader_receive(c, r);
        crowd_watch(c, &r->watch, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    }
}

static void serve(crowd *c, watch *w, uint32_t events)
{
    reader *r = (reader *)w;
    bool is_reader = r >= c->readers && r < c->readers + c->options.readers;
    if (!is_reader || c->options.transit_ns == 0 || r->state == READER_CONNECTING) {
        w->on_ready(c, w, events);
    } else if (r->state == READER_LIVE) {
        delay_push(&c->arriving, r);
    } else {
        w->on_ready(c, w, events);
        crowd_watch(c, w, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    }
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void crowd_turn(crowd *c, uint64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now_ns = load_now_ns();
    uint64_t wake_ns = earliest(earliest(until_ns, now_ns + TURN_NS_MAX),
                                earliest(delay_due_ns(&c->asking), delay_due_ns(&c->arriving)));
    struct timespec wait = {.tv_nsec = wake_ns > now_ns ? (long)(wake_ns - now_ns) : 0};
    int count = epoll_pwait2(c->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        serve(c, events[i].data.ptr, events[i].events);
    serve_delays(c);
}

void crowd_drain(crowd *c)
{
    uint64_t give_up_ns = load_now_ns() + DRAIN_NS_MAX;
    while (!book_is_even(&c->book) || c->acknowledged < c->book.events) {
        crowd_turn(c, give_up_ns);
        if (load_now_ns() > give_up_ns) {
            fprintf(stderr,
                    "%" PRIu64 " events, %" PRIu64 " acknowledged; %" PRIu64 " of %" PRIu64
                    " deliveries\n",
                    c->book.events, c->acknowledged, c->book.deliveries, c->book.due);
            load_fail("not everyone heard everything");
        }
    }
}

void crowd_settle(crowd *c)
{
    uint64_t seen, until_ns;
    do {
        seen = c->traffic.wake_ups;
        until_ns = load_now_ns() + SETTLE_NS;
        while (load_now_ns() < until_ns)
            crowd_turn(c, until_ns);
    } while (c->traffic.wake_ups != seen && c->asking.count == 0);
}

/* ---- coming and going ---- */

void crowd_open(crowd *c, const crowd_options *options)
{
    *c = (crowd){.options = *options,
                 .epoll = epoll_create1(EPOLL_CLOEXEC),
                 .readers = calloc(options->readers + 1, sizeof(*c->readers)),
                 .writer_count = options->documents * options->writers};
    c->writers = calloc(c->writer_count + 1, sizeof(*c->writers));
    if (c->epoll < 0 || c->readers == NULL || c->writers == NULL)
        load_fail("cannot begin");
    book_open(&c->book, options->documents, options->writers, options->text_len, options->replaces);
    c->update = load_grow(NULL, book_update_len_max(&c->book));
    c->out = load_grow(NULL, 2 * book_update_len_max(&c->book) + 1024);
    c->asking.ns = options->transit_ns + options->poll_ns;
    c->arriving.ns = options->transit_ns;
    for (unsigned i = 0; i < options->readers; i++) {
        reader *r = &c->readers[i];
        *r = (reader){.watch.fd = -1, .how = options->transport, .index = i};
        book_enter(&c->book, &r->entry, i % options->documents, true);
    }
    writer_open_all(c);
}

void crowd_come(crowd *c, unsigned to)
{
    unsigned begun = 0;
    for (unsigned i = 0; i < to; i++) {
        if (c->readers[i].state != READER_AWAY)
            continue;
        reader_come(c, &c->readers[i], i);
        if (++begun % COME_AT_ONCE == 0)
            crowd_turn(c, 0);
    }
    while (c->live < to)
        crowd_turn(c, UINT64_MAX);
}

static void leave(reader *r)
{
    if (r->state != READER_AWAY)
        close(r->watch.fd);
    free(r->rest);
    r->rest = NULL;
    r->rest_len = r->rest_cap = 0;
    r->state = READER_AWAY;
}

void crowd_go(crowd *c)
{
    for (unsigned i = 0; i < c->options.readers; i++)
        leave(&c->readers[i]);
    c->asking.count = c->arriving.count = 0;
    c->live = 0;
}

void crowd_dismiss_writers(crowd *c)
{
    for (unsigned i = 0; i < c->writer_count; i++) {
        writer *w = &c->writers[i];
        if (w->watch.fd > 0)
            close(w->watch.fd);
        w->watch.fd = -1;
        leave(&w->listener);
    }
}

void crowd_close(crowd *c)
{
    crowd_go(c);
    crowd_dismiss_writers(c);
    for (unsigned i = 0; i < c->options.readers; i++)
        book_leave(&c->readers[i].entry);
    for (unsigned i = 0; i < c->writer_count; i++)
        book_leave(&c->writers[i].listener.entry);
    book_close(&c->book);
    close(c->epoll);
    free(c->asking.items);
    free(c->arriving.items);
    free(c->readers);
    free(c->writers);
    free(c->in);
    free(c->update);
    free(c->out);
}

void crowd_stall(crowd *c, reader *r)
{
    crowd_watch(c, &r->watch, EPOLL_CTL_DEL, 0);
}

void crowd_resume(crowd *c, reader *r)
{
    crowd_watch(c, &r->watch, EPOLL_CTL_ADD, EPOLLIN);
}
