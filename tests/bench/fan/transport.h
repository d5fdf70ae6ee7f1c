/* The transports: how a reader asks, and what it makes of the bytes that come. One file for each
 * kind of parsing. */
#ifndef FAN_TRANSPORT_H
#define FAN_TRANSPORT_H

#include "crowd.h"

typedef enum write_way {
    WRITE_POST,  /* weft: an update is POSTed */
    WRITE_NCHAN, /* a message is published */
    WRITE_SOCKET /* on a socket of this transport */
} write_way;

struct transport {
    const char *name;
    book_form form; /* in which updates come */
    write_way way;
    /* The connection stands, or it is time again: asks for what comes after the position. */
    void (*ask)(crowd *c, reader *r);
    /* Takes what is whole at the beginning of the bytes, and returns how many those were; 0: it is
     * not whole yet. */
    size_t (*take)(crowd *c, reader *r, const uint8_t *data, size_t len);
    /* WebSocket: what to say first; a message came; an update as a message, whose length is
     * returned, in `out`, which has room for 128 bytes more than the update. */
    void (*greet)(crowd *c, reader *r);
    void (*message)(crowd *c, reader *r, const uint8_t *data, size_t len);
    size_t (*wrap)(const crowd *c, const reader *r, const uint8_t *update, size_t len,
                   uint8_t *out);
};

/* Sends a message on a WebSocket. */
void socket_send(crowd *c, reader *r, const uint8_t *message, size_t len);

/* The one of that name; ends the program if there is none. */
const transport *transport_find(const char *name);

extern const transport sse_weft, sse_nchan;
extern const transport poll_long, poll_short, poll_nchan;
extern const transport socket_y, socket_hocuspocus, socket_nchan;

#endif
