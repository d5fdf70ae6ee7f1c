/* What `at=ID` means: a document as it was right after one of its events. */
#ifndef WEFT_API_MOMENT_H
#define WEFT_API_MOMENT_H

#include "api/api.h"
#include "api/names.h"
#include "api/query.h"
#include "base/err.h"
#include "base/eventid.h"

/* One look at it; first member of what a handler allocates for its answer. */
typedef struct moment moment;
struct moment {
    api_call call;
    doc_name name;
    event_id id; /* as the client gave it; shown: with the epoch that is meant, unless there is no
                    document */
    past_read read; /* its `use` is the handler's, in the pool */
    /* The document was found, and `use` went well; the peer is still there. The moment is the
     * handler's again. */
    void (*shown)(moment *m, http_exchange *ex);
    /* An error has been answered, or the peer has gone: frees the moment, nothing else. */
    void (*drop)(moment *m);

    bool exists; /* shown: there is such a document; else id.seq is 0 */
    bool fixed;  /* shown: the client gave the epoch, so that the answer will never be another */
};

static inline moment *moment_of(past_read *r)
{
    return container_of(r, moment, read);
}

/* Parses an id given as `at`. False: 400 bad_request has been answered. */
bool moment_parse(http_exchange *ex, slice text, event_id *out);

/* The id in the query, as `at`. */
query_result moment_query(http_exchange *ex, event_id *out);

/* Looks up m->id (moment_parse) in the document m->name, with `read.use`, `shown` and `drop` set,
 * and makes the document as it was then. Answers 410 event_gone (of another epoch), 404
 * event_unknown (ahead of the head), 410 document_deleted, and what `use` or the look at the past
 * came to. `shown` or `drop` is called once, perhaps at once. The document need not be loaded, and
 * is not. */
void moment_start(moment *m, api *a, http_exchange *ex);

#endif
