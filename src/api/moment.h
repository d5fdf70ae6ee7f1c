/* What `at=ID` means: which document, after which of its events. */
#ifndef WEFT_API_MOMENT_H
#define WEFT_API_MOMENT_H

#include <store.h>
#include <uv.h>

#include "api/api.h"
#include "api/names.h"
#include "api/query.h"
#include "base/err.h"
#include "base/eventid.h"

/* One look-up; first member of what a handler allocates for its answer. */
typedef struct moment moment;
struct moment {
    api_call call;
    doc_name name;
    event_id id; /* as the client gave it; found: with the epoch that is meant, unless there is no
                    document */
    bool fixed;  /* found: the client gave the epoch, so that the answer will never be another */
    /* Found, and the peer is still there. The moment is the handler's again. */
    void (*found)(moment *m, http_exchange *ex);
    /* An error has been answered, or the peer has gone: frees the moment, nothing else. */
    void (*drop)(moment *m);

    uint64_t number; /* found: of the document; 0: there is none, and id.seq is 0 */

    /* the look-up's */
    uv_work_t work;
    store_doc doc;
    store_err failed;
};

/* Parses an id given as `at`. False: 400 bad_request has been answered. */
bool moment_parse(http_exchange *ex, slice text, event_id *out);

/* The id in the query, as `at`. */
query_result moment_query(http_exchange *ex, event_id *out);

/* Looks up m->id (moment_parse) in the document m->name, with `found` and `drop` set, and answers
 * 410 event_gone (of another epoch), 404 event_unknown (ahead of the head), 410 document_deleted.
 * One of the two is called once, in a later turn. The document need not be loaded, and is not. */
void moment_start(moment *m, api *a, http_exchange *ex);

#endif
