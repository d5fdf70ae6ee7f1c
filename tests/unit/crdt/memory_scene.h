/* What the test of ending memory begins with: bytes, and documents that have memory to lose. */
#ifndef TESTS_UNIT_CRDT_MEMORY_SCENE_H
#define TESTS_UNIT_CRDT_MEMORY_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failmem.h"

enum { CLIENT = 7, OTHER_CLIENT = 9 };

/* What all calls begin with, made once: bytes that need no memory that fails. */
struct memory_given {
    crdt_buf state;    /* of a document with some of everything */
    crdt_buf state_v2; /* the same */
    crdt_buf first;    /* somebody's edits of it, one behind the other */
    crdt_buf second;
    crdt_buf second_v2;
    crdt_buf waiting; /* a document in which some of them wait for others */
    crdt_buf snapshot;
    crdt_buf sv;
    crdt_buf position;
    crdt_buf piece; /* two updates, packed */
    crdt_buf presence;
};
extern struct memory_given given;

/* Set up and torn down by cmocka. */
int give(void **state);
int take_away(void **state);

typedef enum scene_kind {
    EMPTY,   /* a document that knows nothing */
    FULL,    /* one with some of everything */
    TIDYING, /* the same, and marks are tidied */
    BEHIND,  /* the same, and something waits */
    EDITING  /* one in a transaction */
} scene_kind;

typedef struct scene {
    failmem memory;
    crdt_doc *doc;
    crdt_type text;
    crdt_type list;
    crdt_type map;
    crdt_type xml;
    crdt_snapshot *at;
    crdt_awareness *presence;
    crdt_buf out; /* all that the call writes */
} scene;

void open_scene(scene *s, scene_kind kind);
/* Frees everything, and fails the test if something is still held. */
void close_scene(scene *s);

/* All that can be asked of a scene, while memory is there. Owned (crdt_buf_free). */
crdt_buf everything(scene *s);

void expect_ok(crdt_err err);

static inline crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

#endif
