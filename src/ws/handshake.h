/* Opening a socket: the request that asks for it, and the answer (RFC 6455, section 4.2). */
#ifndef WEFT_WS_HANDSHAKE_H
#define WEFT_WS_HANDSHAKE_H

#include "http/message.h"

/* Characters of Sec-WebSocket-Accept. */
#define HANDSHAKE_ACCEPT_LEN 28

/* What answers a Sec-WebSocket-Key; ended by a NUL. False: the key is none, 16 bytes as base64. */
bool handshake_accept_of(slice key, char out[HANDSHAKE_ACCEPT_LEN + 1]);

/* Whether the value of a header is a list that has this token, in any case. */
bool handshake_has_token(slice list, slice token);

/* The request may open a socket; else an error has been answered: 426 upgrade_required, 400, 403
 * forbidden_origin. */
bool handshake_check(http_exchange *ex);

/* Answers a request that may with 101, choosing the first of the sub-protocols offered, since some
 * clients hang up when they offered one and none is chosen. Returns the stream as http_upgrade
 * does. */
stream *handshake_answer(http_exchange *ex, slice *behind);

#endif
