/* A document as it was right after one of its events: from the nearest checkpoint before it, and
 * the events behind that. Blocking; any thread but the loop's. */
#ifndef WEFT_PAST_REPLAY_H
#define WEFT_PAST_REPLAY_H

#include <crdt.h>
#include <store.h>

#include "base/err.h"

/* What a replay took. */
typedef struct replay {
    uint64_t checkpoint_seq; /* 0: there was none of use */
    uint64_t checkpoint_len; /* bytes of its state, not compressed */
    uint64_t events;         /* applied after it */
    uint64_t weight;         /* of theirs (checkpoint_weight) */
} replay;

/* Returns owned (crdt_doc_free) an empty document as the server holds them, or NULL: how it hashes
 * is anybody's guess, so that nobody can send numbers and names that collide. At most so many bytes
 * may wait in it (0: no limit). */
crdt_doc *replay_new_doc(size_t pending_bytes_max);

/* *out is owned (crdt_doc_free): the document of `number` as it was after event `seq`; 0 is before
 * everything, and asks nothing of the store. `pending_bytes_max` bounds what may wait in it, for
 * whoever writes to it afterwards; where more waits already, it is raised. `took` may be NULL. A
 * checkpoint that is damaged is passed over. ERR_DELETED: no living document has the number.
 * ERR_STORAGE: damage, or there is no such event. ERR_NO_MEMORY. */
ERR_MUST_CHECK err replay_doc(store *s, uint64_t number, uint64_t seq, size_t pending_bytes_max,
                              crdt_doc **out, replay *took);

#endif
