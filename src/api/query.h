/* Query parameters with a meaning of their own: each is absent, well formed, or answered with 400.
 */
#ifndef WEFT_API_QUERY_H
#define WEFT_API_QUERY_H

#include <crdt.h>

#include "base/frame.h"
#include "http/message.h"
#include "room/room.h"

typedef enum query_result {
    QUERY_ABSENT,
    QUERY_OK,
    QUERY_ANSWERED /* it was malformed, and 400 has been answered */
} query_result;

/* A decimal number up to `max`. */
query_result query_number(http_exchange *ex, const char *name, uint64_t max, uint64_t *out);

/* Percent-decoded bytes. Returns owned (frame_unref). */
query_result query_text(http_exchange *ex, const char *name, frame **out);

/* An epoch. */
query_result query_epoch(http_exchange *ex, const char *name, uint32_t *out);

/* The format of updates, `encoding`; v1 if it is absent. */
query_result query_encoding(http_exchange *ex, crdt_encoding *out);

/* The position `since`: an id, or `latest`. `out` is left alone but for `from` and `id`. */
query_result query_since(http_exchange *ex, room_position *out);

/* The state vector `sv`, sent as base64url. Returns owned (frame_unref). */
query_result query_state_vector(http_exchange *ex, frame **out);

#endif
