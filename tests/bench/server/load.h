/* What the parts of bench_load share: the options, and the runs themselves. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct load_options {
    uint16_t port;
    int pid;              /* of the server, whose memory and time are read; 0: not */
    unsigned connections; /* writers */
    unsigned documents;
    unsigned in_flight; /* updates of each writer */
    unsigned
        rate; /* fanout: events a second, of all writers; 0: as fast as they are acknowledged */
    unsigned readers;
    unsigned seconds;
    const char *dir; /* disk: where the file is made */
    bool sockets;    /* fanout, idle: the readers are WebSockets */
    bool polls;      /* idle, storm: the readers are long polls */
    unsigned events; /* storm: missed */
    bool differ;     /* storm: each reader has missed another number of them */
} load_options;

/* Writers. Prints: writes_per_s p50_us p99_us */
void load_write(const load_options *options);
/* Writers of documents, and readers of them. Prints: writes_per_s events_per_s frames_per_s ... */
void load_fanout(const load_options *options);
/* Readers that hear nothing. Prints: bytes_per_reader */
void load_idle(const load_options *options);
/* Readers cut off together that come back all at once. Prints: caught_up_s ... */
void load_storm(const load_options *options);
/* A file appended to and synced. Prints: syncs_per_s */
void load_disk(const load_options *options);

#endif
