/* Presence, inside: what is known of each client, and what the last call did.
 *
 * Entries are one array sorted by client: a room has tens of clients, messages name one or two, and
 * no choice of client numbers makes a search slow; whoever comes moves those with higher numbers,
 * all newcomers of one message together. A client that left keeps its entry without a state, so
 * that its last clock does not bring it back.
 */
#ifndef CRDT_SYNC_AWARENESS_H
#define CRDT_SYNC_AWARENESS_H

#include "base/bytes.h"

/* Bytes of states one awareness may hold. */
#define CRDT__AWARENESS_BYTES_MAX ((size_t)64 << 20)

typedef struct crdt__person {
    uint64_t client;
    uint64_t clock;
    uint64_t renewed_ms; /* or when it left */
    uint8_t *state;      /* JSON; NULL: not present */
    size_t state_len;
} crdt__person;

struct crdt_awareness {
    const crdt_mem *mem;
    crdt__person *people; /* by client, ascending */
    size_t count;
    size_t cap;
    size_t present;
    size_t state_bytes;
    bool has_own;
    uint64_t own;                  /* has_own: the number of this side's own state */
    crdt_presence_change *changes; /* of the last call */
    size_t change_count;
    size_t change_cap;
};

crdt__person *crdt__awareness_find(const crdt_awareness *aw, uint64_t client);

static inline bool crdt__awareness_is_own(const crdt_awareness *aw, uint64_t client)
{
    return aw->has_own && aw->own == client;
}

/* Makes room for `people` more, and for `changes` in place of the last call's, so that adding them
 * cannot fail. CRDT_NO_MEMORY, or CRDT_LIMIT: too many clients, even after those that left long ago
 * are forgotten. */
CRDT_MUST_CHECK crdt_err crdt__awareness_reserve(crdt_awareness *aw, size_t people, size_t changes,
                                                 uint64_t now_ms);
/* Adds somebody who is not there, in room that was reserved. */
crdt__person *crdt__awareness_add(crdt_awareness *aw, uint64_t client);

/* Gives a person another state, which is taken (NULL: none). */
void crdt__awareness_put(crdt_awareness *aw, crdt__person *person, uint8_t *state,
                         size_t state_len);
/* What a new state is after the one that a person, who was known, had: CHANGED, or RENEWED if it is
 * equal. */
crdt_presence crdt__awareness_compare(const crdt_awareness *aw, const crdt__person *person,
                                      crdt_bytes state);
/* Notes what happened, in room that was reserved. */
void crdt__awareness_note(crdt_awareness *aw, uint64_t client, crdt_presence what);

/* Sets the own state to a canonical JSON text that is not null, or takes it away (NULL), at the
 * next clock, and appends the update that says so. There must be an own client. Borrows `state`. On
 * failure nothing changed. */
CRDT_MUST_CHECK crdt_err crdt__awareness_set_own(crdt_awareness *aw, const crdt_bytes *state,
                                                 uint64_t now_ms, crdt_buf *changed);

void crdt__awareness_write_person(crdt__writer *w, uint64_t client, uint64_t clock,
                                  crdt_bytes json);

/* Whether a valid JSON text is the value null. */
bool crdt__awareness_is_null(crdt_bytes json);

static const crdt_bytes crdt__null_text = {(const uint8_t *)"null", 4};

static inline crdt_bytes crdt__person_state(const crdt__person *person)
{
    return person->state ? (crdt_bytes){person->state, person->state_len} : crdt__null_text;
}

#endif
