/* lib0 Any values, checked and made canonical: what Yjs writes after it has read them
 * (lib0/encoding.js writeAny).
 *
 * Canonical: the shortest tag for a number (integer, float32, float64), object keys in JavaScript's
 * order (array indices first, ascending; the rest as inserted; the last of equal keys wins at the
 * place of the first), `__proto__` dropped. No recursion: nesting is an explicit stack of at most
 * CRDT_VALUE_DEPTH_MAX.
 */
#ifndef CRDT_BASE_ANY_H
#define CRDT_BASE_ANY_H

#include "base/token.h"

/* Tags (lib0/encoding.js, writeAny). */
typedef enum crdt__any_tag {
    CRDT__ANY_BYTES = 116,
    CRDT__ANY_ARRAY = 117,
    CRDT__ANY_OBJECT = 118,
    CRDT__ANY_STRING = 119,
    CRDT__ANY_TRUE = 120,
    CRDT__ANY_FALSE = 121,
    CRDT__ANY_BIGINT = 122,
    CRDT__ANY_FLOAT64 = 123,
    CRDT__ANY_FLOAT32 = 124,
    CRDT__ANY_INTEGER = 125,
    CRDT__ANY_NULL = 126,
    CRDT__ANY_UNDEFINED = 127
} crdt__any_tag;

/* Steps over one Any value, checking it whole (tags, lengths, UTF-8, depth). Sets *canonical (may
 * be NULL) to whether its bytes are already what Yjs would write; it may say false of an object
 * with very many keys that is. Failure shows in r->ok. */
void crdt__any_skip(crdt__reader *r, bool *canonical);

/* Reads one Any value and writes it canonically. Failure shows in r->ok (malformed) or w->ok
 * (memory). */
void crdt__any_canonicalize(crdt__reader *r, crdt__writer *w, const crdt_mem *mem);

/* Steps over one value that is known to be valid. */
void crdt__any_skip_valid(crdt__reader *r);

/* Reads the options of a sub-document and writes them as Yjs does: an object with only `gc` (if
 * false), `autoLoad` (if true) and `meta` (if not null), in that order; a value that is no object
 * counts as no options, but null and undefined are malformed (yjs/src/structs/ContentDoc.js). */
void crdt__any_doc_options(crdt__reader *r, crdt__writer *w, const crdt_mem *mem);

/* ---- token by token ---- */

typedef struct crdt__any_parser {
    crdt__reader r;
    bool begun;
    size_t depth; /* open objects and arrays */
    struct {
        uint64_t left; /* members to come */
        bool is_object;
        bool at_value; /* of an object: behind a key */
    } levels[CRDT_VALUE_DEPTH_MAX];
} crdt__any_parser;

/* `value` is one valid Any; its strings may be WTF-8. */
void crdt__any_begin(crdt__any_parser *p, crdt_bytes value);
crdt__token crdt__any_next(crdt__any_parser *p);

/* Writes a number with the tag that lib0 chooses. */
void crdt__any_write_number(double number, crdt__writer *w);
/* Writes a BigInt of 64 bits, in two's complement. */
void crdt__any_write_bigint(uint64_t bits, crdt__writer *w);

#endif
