/* The cases of a .jsonl file, one at a time, and the verdicts on them.
 *
 * A case is an object with a name and a kind; README.md says what each kind holds. A test reads
 * every case of its kinds, notes what does not hold, and fails at the end with all of them told.
 */
#ifndef TESTS_GOLDEN_VECTOR_H
#define TESTS_GOLDEN_VECTOR_H

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crdt.h"

typedef struct vector {
    json_t *json;
    const char *name;
    const char *kind;
} vector;

/* Calls `use` with every case of every file; returns how many there were. Aborts the test on a file
 * that cannot be read. */
size_t vectors_each(void (*use)(const vector *v));

/* Makes U+FFFD of each escaped half of a surrogate pair, which jansson refuses; readings of a case
 * may hold them. (A whole pair is never escaped.) */
void vector_soften(char *line);

/* True if the case has this kind. */
bool vector_is(const vector *v, const char *kind);
/* The format of its updates; v1 where the case does not say. */
crdt_encoding vector_encoding(const vector *v);

/* A base64 field decoded, kept until the case is done. `path` names members, parted by dots. */
crdt_bytes vector_bytes(const vector *v, const char *path);
/* The member at `path`, or NULL. */
json_t *vector_at(const vector *v, const char *path);
/* Element `i` of the array of base64 texts at `path`; its count. */
crdt_bytes vector_bytes_i(const vector *v, const char *path, size_t i);
size_t vector_count(const vector *v, const char *path);

/* Notes a failure of the case, as printf; prints the case's name in front. */
void vector_fail(const vector *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Notes a failure, with both in base64, unless the bytes are the same. */
void vector_same(const vector *v, const char *what, crdt_bytes got, crdt_bytes expected);
/* Notes a failure unless err is as expected. */
void vector_err(const vector *v, const char *what, crdt_err got, crdt_err expected);
/* Fails the running test if anything was noted since the last call. */
void vectors_assert_none_failed(void);

/* True if the state of an `apply` case is told in v1, which Yjs cannot do with every value. */
static inline bool vector_has_v1(const vector *v)
{
    return vector_is(v, "apply") && vector_at(v, "expect.v1");
}

/* True if the name of the case begins so. */
bool vector_named(const vector *v, const char *start);

/* Where weft is stricter than Yjs on purpose: why, or NULL. */
const char *vector_stricter(const vector *v);

static inline crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

#endif
