/* A document that is edited, and what these tests ask of it. */
#ifndef TESTS_UNIT_CRDT_TYPES_SCENE_H
#define TESTS_UNIT_CRDT_TYPES_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"

typedef struct scene {
    failmem memory;
    crdt_doc *doc;
    crdt_type text; /* roots */
    crdt_type list;
    crdt_type map;
} scene;

/* Opens a document with the client 7. */
void scene_open(scene *s, crdt_doc_options options);
/* Frees it, and fails the test if it held on to memory. */
void scene_close(scene *s);

void scene_begin(scene *s);
/* Commits, and returns the update, owned (crdt_buf_free). */
crdt_buf scene_commit(scene *s);
/* Everything the document holds, owned. */
crdt_buf scene_state(scene *s);

/* A rendering of crdt.h. */
typedef crdt_err (*scene_reader)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                 crdt_buf *out);

/* Fails the test unless the type reads so, as of `at` (NULL: now). */
void scene_expect(scene *s, crdt_type type, scene_reader read, const crdt_snapshot *at,
                  const char *expected);

/* Each fails the test unless the document holds this, as crdt.h renders it. */
void scene_expect_text(scene *s, const char *expected);
void scene_expect_delta(scene *s, const char *expected);
void scene_expect_list(scene *s, const char *expected);
void scene_expect_map(scene *s, const char *expected);

void expect_ok(crdt_err err);
void expect_same(const crdt_buf *a, const crdt_buf *b);

#endif
