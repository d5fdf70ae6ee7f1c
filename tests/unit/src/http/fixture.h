/* A server with a few routes, and one client of it, on one loop: what the client sends, in pieces
 * of any size, and what it gets back. */
#ifndef WEFT_TESTS_HTTP_FIXTURE_H
#define WEFT_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/inside.h"
#include "net/listener.h"

typedef struct fixture {
    loop *loop;
    tcp_streams *streams;
    http_server *server;
    listener *listener;
    http_exchange *waiting; /* what /later, /pieces or /chunks has not answered yet */
    http_wait *wait;        /* of /wait, likewise */
    http_exchange *owed[2 * HTTP_OWED_MAX]; /* of /owed: all that were asked for */
    size_t owed_count;
    int aborted;
    int echoed;
    int rooms; /* times that /pieces or /chunks was asked for a piece */
    stream *handed_over;
    bool drained;

    uv_tcp_t client;
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    buf received;
    bool client_ended;
    const char *to_send;
    size_t piece; /* bytes sent at once */
} fixture;

/* Bytes of the answer of /pieces, and of each piece: more than a connection's buffers hold. */
#define PIECES_LEN ((uint64_t)32 * 1024 * 1024)
#define PIECE_LEN  ((size_t)64 * 1024)
/* Pieces of the answer of /chunks; of each, chunk_len(i) letters. */
#define CHUNKS 300
size_t chunk_len(int i);
char chunk_letter(int i);

/* The routes: POST /echo answers with its body; POST /small the same, of at most 4 bytes; GET and
 * POST /later leave the exchange in `waiting`; POST /owed leaves in `owed` what http_owe made of
 * it, which may be answered with its body; GET /wait makes a wait of it; GET /pieces answers
 * PIECES_LEN bytes in pieces; GET /chunks answers CHUNKS pieces of other lengths, without saying
 * how long they are; GET /stream is handed over, and says "streamed"; GET /alive answers while the
 * server drains; GET /header answers with the value of "x-list", asked for twice. `static_dir` may
 * be NULL. */
void begin(fixture *f, const char *request, size_t piece);
void begin_static(fixture *f, const char *request, const char *static_dir);
/* Ends the server too, if it has not, and proves that the loop closes clean. */
void end(fixture *f);

/* One turn of the loop; waits for something to happen. */
void turn(fixture *f);
/* One turn that does not wait. */
void turn_at_once(fixture *f);
/* Turns until the server has taken the connection; it has no other. */
http_exchange *connection(fixture *f);
/* The client sends more. */
void send_more(fixture *f, const char *text);
/* The client ends its sending side. */
void send_end(fixture *f);
void read_stop(fixture *f);
void read_start(fixture *f);
/* Lets the time pass, and time-outs with it. */
void let_pass(fixture *f, uint64_t ms);

bool has_received(const fixture *f, const char *text);
/* Answers that have begun. */
size_t answers(const fixture *f);
/* Sends a request, waits until the connection ends, and wants that status as its only answer. */
void expect_last_answer(const char *request, const char *status);

#endif
