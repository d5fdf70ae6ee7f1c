/* The events of a document as text, a stretch at a time, so that a history of any length costs the
 * memory of one stretch, and no read transaction is open between two. No libuv; blocking; any
 * thread, one at a time. */
#ifndef WEFT_PAST_HISTORY_H
#define WEFT_PAST_HISTORY_H

#include <store.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/eventid.h"
#include "past/event_json.h"

/* Text of events that is made at once; one that is longer is made alone. */
#define HISTORY_STRETCH_BYTES ((size_t)256 << 10)
/* Text that is handed out at once: a longer event comes in parts, and is read anew for each. */
#define HISTORY_TEXT_BYTES_MAX ((size_t)4 << 20)

typedef enum history_format {
    HISTORY_JSON,  /* {"events":[...],"next":ID|null} */
    HISTORY_LINES, /* one event a line */
    HISTORY_STREAM /* server-sent events: each an `update` with its own id */
} history_format;

/* {0} but for what is said; freed with history_free. */
typedef struct history {
    /* in: set before history_open */
    history_format format;
    event_form form;
    event_id after; /* exclusive */
    event_id until; /* inclusive, if has_until; else up to the head */
    bool has_until;
    uint64_t limit; /* events at most; at least 1 */

    /* out: of history_open */
    uint64_t number; /* of the document; 0: the name never had one */
    uint32_t epoch;
    uint64_t until_seq; /* the last event that may come */

    /* out: of history_next */
    buf text;
    uint64_t events; /* whole, in all texts up to here */
    bool whole;      /* the text ends with an event's end */
    bool ended;      /* this was the last text */

    /* its own */
    store *store;
    uint64_t seq; /* events up to this one have been handed out whole */
    size_t part;  /* bytes of the next one's text that have been, too */
} history;

/* Looks up what is asked for. ERR_EVENT_GONE, ERR_EVENT_UNKNOWN: an id that does not fit, as for
 * any moment. ERR_DELETED; ERR_STORAGE. */
ERR_MUST_CHECK err history_open(history *h, store *s, slice name);

/* Puts the next text in place of the last one; until `ended`. It may be empty only if `ended`.
 * ERR_STORAGE: an event is damaged; those before it have been handed out. ERR_DELETED: the document
 * has gone meanwhile. ERR_NO_MEMORY. */
ERR_MUST_CHECK err history_next(history *h);

void history_free(history *h);

#endif
