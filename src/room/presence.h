/* Who is present in one document: awareness states, whose streams keep them alive, and what others
 * must still be told. Times are milliseconds of a clock that only goes forward. */
#ifndef WEFT_ROOM_PRESENCE_H
#define WEFT_ROOM_PRESENCE_H

#include <crdt.h>

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"

/* A state that is not renewed for this long is dropped. (y-protocols: outdatedTimeout) */
#define PRESENCE_EXPIRY_MS 30000
/* A state whose last stream has gone is dropped after this, unless renewed meanwhile. */
#define PRESENCE_LEAVE_MS 5000

typedef struct presence presence;

/* Returns owned (presence_free). Aborts when out of memory. */
presence *presence_new(void);
void presence_free(presence *p); /* accepts NULL */

/* Applies an awareness update, whole or not at all. ERR_MALFORMED_AWARENESS, ERR_AWARENESS_LIMIT,
 * ERR_NO_MEMORY. */
ERR_MUST_CHECK err presence_apply(presence *p, slice update, uint64_t now_ms);

/* A stream has come that owns the state of `client`; it has gone. */
void presence_enter(presence *p, uint64_t client);
void presence_leave(presence *p, uint64_t client, uint64_t now_ms);

/* Walks the clients that the last presence_apply has told of: *cursor = 0 first; false at the end.
 * Nothing else may be called in between but the two above. *here: they are present. */
bool presence_next_told(const presence *p, size_t *cursor, uint64_t *client, bool *here);

/* Whether an awareness update that was applied speaks of one client alone, who is present: then
 * *client says which. */
bool presence_is_one(const presence *p, slice update, uint64_t *client);

/* Drops what was not renewed in time. */
void presence_tick(presence *p, uint64_t now_ms);

/* Moves to `out` one awareness update with all that has changed since the last call; false if
 * nothing has. */
bool presence_take_changes(presence *p, crdt_buf *out);

/* Appends the present states as one awareness update; nothing if nobody is present. False: out of
 * memory. */
bool presence_encode(const presence *p, crdt_buf *out);

/* Forgets every state, untold: the document they belong to is gone. Streams are still to leave. */
void presence_clear(presence *p);

/* Nobody is present and no stream owns a state: nothing is lost with it. */
bool presence_is_idle(const presence *p);

#endif
