/* What a document is or was, as an answer: with its position, a tag, and how long it may be kept.
 */
#ifndef WEFT_API_SHOWN_H
#define WEFT_API_SHOWN_H

#include "base/eventid.h"
#include "base/frame.h"
#include "http/message.h"

typedef struct shown {
    event_id id; /* as of */
    slice type;  /* of the bytes */
    uint64_t
        asked; /* tells questions apart that may have the same bytes as their answer, for the tag */
    frame *bytes; /* kept until the answer ends */
    bool fixed;   /* they will never be other ones */
} shown;

/* Answers 200, or 304 if the peer has it. */
void respond_shown(http_exchange *ex, const shown *what);

#endif
