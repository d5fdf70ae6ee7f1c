/* A document under test, with counted memory, and the questions that these tests ask of it. */
#ifndef TESTS_UNIT_CRDT_CORE_FIXTURE_H
#define TESTS_UNIT_CRDT_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"
#include "wiremake.h"

typedef struct fixture {
    failmem memory;
    crdt_doc *doc;
    crdt_buf update; /* scratch */
} fixture;

/* Opens with these options, but for the memory. */
void fixture_open(fixture *f, crdt_doc_options options);
/* Frees the document, and fails the test if it held on to memory. */
void fixture_close(fixture *f);

/* Applies, and fails the test on an error or a broken invariant. Returns what it did. */
crdt_applied fixture_apply(fixture *f, crdt_bytes update);
/* Applies one struct; deletes one range. */
crdt_applied fixture_put(fixture *f, wm_id id, wm_item item);
crdt_applied fixture_delete(fixture *f, wm_id id, uint64_t len);

/* The state, owned (crdt_buf_free). */
crdt_buf fixture_state(fixture *f);
/* Fails the test unless the state is this update, and the number of structs this. */
void fixture_expect_state(fixture *f, crdt_bytes expected);
void fixture_expect_structs(const fixture *f, size_t count);

#endif
