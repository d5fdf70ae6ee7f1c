/* Structs of an update one after the other, and sections of an update from structs one after the
 * other (yjs/src/utils/updates.js, LazyStructReader and LazyStructWriter).
 */
#ifndef CRDT_WIRE_LAZY_H
#define CRDT_WIRE_LAZY_H

#include "wire/encoder.h"

typedef enum crdt__skips { CRDT__SKIPS_KEPT, CRDT__SKIPS_LEFT_OUT } crdt__skips;

/* Stands before one struct, whose place is known and whose rest is not read yet. A plain value: a
 * copy is a place to come back to. */
typedef struct crdt__lazy_reader {
    crdt__section section;
    uint64_t sections_left; /* behind this one */
    crdt__skips skips;
    crdt__kind kind; /* of the struct */
    bool done;       /* there is none */
    int64_t turn;    /* of whoever keeps several in order */
} crdt__lazy_reader;

/* Begins at the first struct of a valid update, which is borrowed until the reader is forgotten. */
crdt__lazy_reader crdt__lazy_reader_of(crdt_bytes update, crdt__skips skips);

/* The ID of the struct ahead. */
static inline crdt_id crdt__lazy_id(const crdt__lazy_reader *reader)
{
    return reader->section.next;
}

/* Reads the struct and stands before the next one. Must not be `done`. Of an item without a parent
 * the mark of a key (bit 5) is dropped, as in Yjs. */
void crdt__lazy_read(crdt__lazy_reader *reader, crdt__wstruct *out);

/* ---- writing ---- */

typedef struct crdt__lazy_mark {
    size_t start; /* of a section, in the body */
    uint64_t structs;
} crdt__lazy_mark;

typedef struct crdt__lazy_writer {
    crdt__encoder enc; /* enc.out.ok: memory did not run out */
    crdt__lazy_mark *marks;
    size_t count;
    size_t cap;
    crdt_id next; /* what would continue the section */
} crdt__lazy_writer;

/* Begins an update that will be appended to `target`. Must not be moved. */
void crdt__lazy_writer_init(crdt__lazy_writer *lazy, crdt_encoding encoding, crdt_buf *target);

/* Writes a struct from `offset` on; a new section begins where it does not continue the last one.
 */
void crdt__lazy_write(crdt__lazy_writer *lazy, const crdt__wstruct *s, uint64_t offset);

/* Adds the delete set (NULL: memory for it ran out), appends the update to `target`, and releases
 * everything else; on failure `target` is as it was. CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__lazy_finish(crdt__lazy_writer *lazy, const crdt__idset *deletes);

#endif
