/* The two ways of an update into an empty document: loaded (crdt/wire/load.h), or applied as any
 * other, which it is when somebody asks for the event. Whatever can be asked afterwards has the
 * same answer. */
#ifndef TESTS_LIB_LOADING_H
#define TESTS_LIB_LOADING_H

#include "crdt.h"

/* Puts the update into a document of these options in both ways, then `more` (may be empty), which
 * may hang on anything in the first. NULL, or a static sentence saying what differs. */
const char *loading_differs(crdt_encoding encoding, crdt_bytes update, crdt_bytes more,
                            crdt_doc_options options);

/* The same with every prefix of the update, and with each byte of it changed in turn, `step` bytes
 * apart. */
const char *loading_differs_when_broken(crdt_encoding encoding, crdt_bytes update, size_t step);

/* Updates of a few clients, from a seed, in the order in which they were made: text and marks,
 * values under keys, nested types, deletions. */
typedef struct loading_log {
    crdt_buf *updates;
    size_t count;
} loading_log;

loading_log loading_make_log(uint64_t seed, size_t count);
void loading_free_log(loading_log *log);

#endif
