/* Whether a client's id is of an event that a document has: what history and `at=` begin with. */
#ifndef WEFT_PAST_KNOWN_H
#define WEFT_PAST_KNOWN_H

#include <store.h>

#include "base/err.h"
#include "base/eventid.h"

/* Holds `id` against what store_find said of the name: `found`, and if that is STORE_OK `doc`.
 * Before everything (0) is known of any name that is not deleted. ERR_EVENT_GONE: of another epoch.
 * ERR_EVENT_UNKNOWN: ahead of the head. ERR_DELETED, and what the store's failure comes to. */
ERR_MUST_CHECK err known_event(const event_id *id, store_err found, const store_doc *doc);

#endif
