/* A registry over a real store in a directory of its own, sinks that write down what they are sent,
 * and one-line ways to use them. The loop is turned until what is waited for has happened. */
#ifndef TEST_ROOM_FIXTURE_H
#define TEST_ROOM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "room/registry.h"
#include "wiremake.h"

typedef struct fixture {
    char dir[64];
    loop *loop;
    store *store;
    persist *persist;
    registry *rooms;
} fixture;

/* cmocka setup and teardown; the second has a store that holds little. */
int fixture_setup(void **state);
int fixture_setup_small(void **state);
int fixture_teardown(void **state);

/* Unloads every room and opens the registry anew, on the same store: what a restart does. */
void fixture_restart(fixture *f);

room *find_room(fixture *f, const char *name);

/* ---- updates: text by one client ---- */

/* Returns owned: units deleted. */
frame *deleted(uint64_t client, uint64_t clock, uint64_t len);
/* Returns owned: `text` by `client` in the root "t", its first unit at `clock`, after the unit
 * before it. */
frame *typed(uint64_t client, uint64_t clock, const char *text);

/* ---- writes ---- */

typedef struct written {
    room_write w;
    bool done;
    err result;
} written;

/* Starts a write; takes `update`. */
void write_start(fixture *f, written *w, const char *doc, room_write_kind kind, frame *update);
/* Turns the loop until it is done. */
void write_wait(fixture *f, written *w);
void written_free(written *w);
/* All of it, and asserts success; returns the event's seq (or the head). Takes `update`. */
uint64_t write_ok(fixture *f, const char *doc, room_write_kind kind, frame *update);
/* The same for one that must fail. */
err write_err(fixture *f, const char *doc, room_write_kind kind, frame *update);

/* ---- reads ---- */

room_facts facts_of(fixture *f, const char *doc);
/* The whole state's text in the root "t", as far as it was typed by `typed`: only its length is
 * told. */
frame *state_of(fixture *f, const char *doc);

/* ---- readers ---- */

typedef struct reader {
    sink sink;
    fixture *f;
    char log[1024];   /* "sync:1 update:2 deleted end": kind and seq */
    sink_sent answer; /* of the next sends */
    size_t sends;
    bool ended;
    slice last; /* data of the last sync, update or awareness */
    char data[4096];
} reader;

void reader_join(fixture *f, reader *r, const char *doc, room_position position);
/* Turns the loop until the log is this. */
void reader_expect(reader *r, const char *log);
/* The pending write has gone. */
void reader_drain(reader *r);
void reader_leave(reader *r);

/* Frames made for readers so far, in this process. */
size_t frames_encoded(void);

/* Turns the loop once, waiting for something to happen. */
void turn_loop(fixture *f);
/* Lets everything that is under way end: until nothing is left to do but timers. */
void settle(fixture *f);

#endif
