/* A store in a directory of its own with one document, and the updates to fill it. */
#ifndef TEST_PAST_FIXTURE_H
#define TEST_PAST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <crdt.h>
#include <store.h>

typedef struct fixture {
    char dir[64];
    store *store;
    uint64_t number;
} fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Fills `out`: `text` typed by client 1 in the root "t", its first unit at `clock`, behind the unit
 * before it. */
crdt_bytes typed(crdt_buf *out, uint64_t clock, const char *text);

/* Appends one event, and asserts that it is kept. */
void append(fixture *f, crdt_bytes update);
/* Appends `count` events of one letter each, the first at `clock`. */
void append_letters(fixture *f, uint64_t clock, size_t count);
/* Keeps `value` as the checkpoint after event `seq`. */
void keep(fixture *f, uint64_t seq, crdt_bytes value);
/* Keeps the checkpoint that belongs there. */
void keep_state(fixture *f, uint64_t seq);
void delete_document(fixture *f);

/* Units that client 1 has typed in it. */
uint64_t typed_in(crdt_doc *doc);

#endif
