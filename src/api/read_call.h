/* An exchange that waits for one read of a room. */
#ifndef WEFT_API_READ_CALL_H
#define WEFT_API_READ_CALL_H

#include "api/api.h"
#include "api/names.h"

typedef struct read_call read_call;
struct read_call {
    api_call call;
    room *room;
    frame *sv;   /* for read.sv, or NULL; unref'd at the end */
    frame *root; /* for read.root, likewise */
    room_read read;
    /* Answers `ex`. The read has succeeded, and the document's name is not deleted. */
    void (*respond)(read_call *c, http_exchange *ex);
    /* Answers for a deleted name; NULL: 410 document_deleted. */
    void (*respond_deleted)(read_call *c, http_exchange *ex);
    uint64_t number; /* the handler's own */
    void *arg;       /* the handler's own; freed at the end */
};

/* Starts the read that `what` describes (its kind, sv, respond, respond_deleted, number, arg) on
 * the document in the path, and answers errors. Takes what `what` points to. */
void read_call_start(api *a, http_exchange *ex, const read_call *what);

#endif
