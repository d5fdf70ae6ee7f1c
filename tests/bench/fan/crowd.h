/* A crowd of readers and writers around one server: connections, the loop that serves them, and
 * what goes over the wire. How a reader asks and understands is its transport's (transport.h). */
#ifndef FAN_CROWD_H
#define FAN_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book.h"

#define CROWD_POSITION_LEN_MAX 96

typedef struct crowd crowd;
typedef struct transport transport;

/* What epoll tells of. */
typedef struct watch {
    int fd;
    void (*on_ready)(crowd *c, struct watch *w, uint32_t events);
} watch;

typedef enum reader_state {
    READER_AWAY,
    READER_CONNECTING,
    READER_ASKED, /* no answer yet */
    READER_LIVE   /* hears what happens from now on */
} reader_state;

typedef struct reader {
    watch watch;
    const transport *how;
    struct writer *writer; /* that listens here for its own events, or NULL */
    book_reader entry;
    unsigned index;
    reader_state state;
    bool upgraded;                         /* WebSocket: the handshake is over */
    char position[CROWD_POSITION_LEN_MAX]; /* what to resume from; empty: nothing yet */
    char tag[16];                          /* nchan: the second half of it */
    uint8_t *rest;                         /* bytes of something that is not whole yet */
    size_t rest_len;
    size_t rest_cap;
    size_t searched; /* of these bytes, for the end of what is not whole */
} reader;

typedef struct writer {
    watch watch; /* of requests; a writer on a socket has that of its `listener` */
    reader listener;
    unsigned document;
    unsigned index; /* in its document */
    unsigned in_flight;
    uint8_t in[2048];
    size_t in_len;
} writer;

/* What readers sent and received; of all of them. */
typedef struct crowd_traffic {
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t requests;
    uint64_t empty;    /* answers that held nothing */
    uint64_t wake_ups; /* times that a reader had something to read */
} crowd_traffic;

/* Readers that do something after the same time: first in, first out. */
typedef struct crowd_delay {
    uint64_t ns;
    struct crowd_delayed *items;
    size_t first;
    size_t count;
    size_t cap; /* a power of two */
} crowd_delay;

typedef struct crowd_options {
    uint16_t port;
    const transport *transport;
    bool post; /* writers POST, whatever the readers' transport */
    bool browser_fields;
    unsigned readers;
    unsigned documents;
    unsigned writers; /* of each document */
    unsigned depth;   /* events in flight of each writer */
    size_t text_len;
    bool replaces;       /* an event's text takes the place of the writer's one before */
    uint64_t poll_ns;    /* between two short polls */
    uint64_t transit_ns; /* what the way to the readers, and back, takes */
} crowd_options;

struct crowd {
    crowd_options options;
    book book;
    int epoll;
    reader *readers;
    writer *writers;
    unsigned writer_count;
    unsigned live;
    bool writing; /* what is acknowledged is followed by the next */
    uint64_t acknowledged;
    crowd_delay asking;
    crowd_delay arriving;
    crowd_traffic traffic;
    uint8_t *in;
    uint8_t *update;
    uint8_t *out;
};

void crowd_open(crowd *c, const crowd_options *options);
void crowd_close(crowd *c);

/* Opens those that are away, from the first to the one before `to`, and waits until they are live.
 * The first time they begin with what comes from then on, later where they were. */
void crowd_come(crowd *c, unsigned to);
/* Closes all readers' connections. */
void crowd_go(crowd *c);

/* Sends a writer's next event. */
void crowd_write(crowd *c, writer *w);
/* A writer that may send one; NULL: each has as many in flight as it may. */
writer *crowd_free_writer(crowd *c);

/* Closes the writers' connections: nothing is written any more. */
void crowd_dismiss_writers(crowd *c);

/* Serves what is ready; waits for it until `until_ns`, and a tenth of a second at most. */
void crowd_turn(crowd *c, uint64_t until_ns);
/* Until everyone has heard everything, and nothing is in flight. */
void crowd_drain(crowd *c);
/* Until nothing has come for a fifth of a second. */
void crowd_settle(crowd *c);

/* A reader stops reading, and reads again. */
void crowd_stall(crowd *c, reader *r);
void crowd_resume(crowd *c, reader *r);

/* ---- for transports ---- */

/* Sends bytes to the server, in two parts; the second may be empty. */
void reader_send(crowd *c, reader *r, const void *head, size_t head_len, const void *data,
                 size_t len);
/* Sends a request, with the fields that a browser sends if the run wants them; `fields` end with an
 * empty line. */
void reader_request(crowd *c, reader *r, const char *line, const char *fields);
/* Asks again, now or when it is time. */
void reader_ask_again(crowd *c, reader *r);
void reader_is_live(crowd *c, reader *r);
void reader_hear(crowd *c, reader *r, const void *update, size_t len);

/* ---- inside ---- */

void crowd_watch(crowd *c, watch *w, int operation, uint32_t events);
/* Opens the connection of a reader, or of a writer that is on a socket. */
void reader_come(crowd *c, reader *r, unsigned index);
void reader_receive(crowd *c, reader *r);
void writer_open_all(crowd *c);
/* Some of a writer's events are acknowledged. */
void writer_is_told(crowd *c, writer *w, unsigned events);

#endif
