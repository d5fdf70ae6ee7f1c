/* What new items hold, made from the values that callers give: checked whole, before anything is
 * made of it (yjs/src/types/AbstractType.js, typeListInsertGenericsAfter and typeMapSet). */
#ifndef CRDT_TYPES_CONTENTS_H
#define CRDT_TYPES_CONTENTS_H

#include "core/doc.h"

/* Where values go. Undefined and BigInt may be entries, not elements. In a text values are embeds:
 * no strings, nothing of null. */
typedef enum crdt__contents_use {
    CRDT__CONTENTS_ELEMENTS,
    CRDT__CONTENTS_ENTRY,
    CRDT__CONTENTS_EMBED
} crdt__contents_use;

/* One item's content, by its place among the bytes of all. */
typedef struct crdt__content_part {
    uint8_t kind;     /* crdt__kind */
    uint8_t type_ref; /* of a TYPE */
    uint64_t len;
    size_t start;
    size_t middle; /* of a DOC: behind its guid */
    size_t end;
} crdt__content_part;

typedef struct crdt__contents {
    crdt__budget *budget;
    crdt_buf bytes;
    crdt__content_part *parts;
    size_t count;
    size_t cap;
} crdt__contents;

void crdt__contents_init(crdt__contents *contents, crdt_doc *doc);
void crdt__contents_free(crdt__contents *contents);

/* Adds `count` values, neighbours of which share an item where Yjs would have it so. CRDT_INVALID,
 * CRDT_MALFORMED, CRDT_LIMIT, CRDT_NO_MEMORY: to be freed. */
CRDT_MUST_CHECK crdt_err crdt__contents_add(crdt__contents *contents, crdt__contents_use use,
                                            const crdt_value *values, size_t count);

/* Tells the i-th content; its bytes are lent. */
crdt__wstruct crdt__contents_at(const crdt__contents *contents, size_t i);

#endif
