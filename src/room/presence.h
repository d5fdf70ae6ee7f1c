/* Who is present in one document: awareness states, whose streams keep them alive, and what others
 * must still be told: what changed is counted in versions, and whoever was told of one lacks the
 * clients that have changed since, each as it is now. Times are milliseconds of a clock that only
 * goes forward. */
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
/* That a client has gone can be told for so long: no reader is waited for longer. */
#define PRESENCE_TOLD_MS 60000

typedef struct presence presence;

/* Returns owned (presence_free); nobody is present as of `version`. Aborts when out of memory. */
presence *presence_new(uint32_t version);
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

/* What has changed since the last call is one version, the next; false if nothing has. Never 0. */
bool presence_advance(presence *p, uint32_t *version);

/* Appends as one awareness update what somebody lacks who was told of `version`, null for those who
 * have gone; if that is too long ago, or 0, the present states. Nothing if there is nothing. False:
 * out of memory. */
bool presence_encode_since(const presence *p, uint32_t version, crdt_buf *out);

/* Appends the present states as one awareness update; nothing if nobody is present. False: out of
 * memory. */
bool presence_encode(const presence *p, crdt_buf *out);

/* Forgets every state and every change, untold: the document they belong to is gone. Streams are
 * still to leave. */
void presence_clear(presence *p);

/* Nobody is present and no stream owns a state: nothing is lost with it, but for what others may
 * still have to be told. */
bool presence_is_idle(const presence *p);
bool presence_has_news(const presence *p);

#endif
