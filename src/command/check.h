/* Whether what is in a document's events and checkpoints makes sense: what a store's own checks
 * cannot know. */
#ifndef WEFT_COMMAND_CHECK_H
#define WEFT_COMMAND_CHECK_H

#include <store.h>

#include "base/err.h"

typedef struct check check;
struct check {
    /* Something is not as it should be. `what` borrows. */
    void (*found)(check *c, uint64_t seq, const char *what);
    /* Called after every event. */
    void (*step)(check *c, uint64_t bytes);
};

/* Applies all events of a document in order, and compares each of its checkpoints with what they
 * come to. ERR_STORAGE: not all of it can be read, which store_verify tells. ERR_NO_MEMORY. Memory:
 * the document, and one checkpoint at a time. */
ERR_MUST_CHECK err check_document(store *s, const store_doc *doc, check *c);

#endif
