/* JSON text as JavaScript would print it again: JSON.stringify(JSON.parse(text)).
 *
 * No white space; keys in JavaScript's order (array indices first), last of equal keys wins at the
 * first one's place,
 * `__proto__` an ordinary key; numbers as ECMAScript Number::toString (overflow to infinity prints
 * null, -0 prints 0); unpaired surrogate escapes kept as \udxxx in lower case. Depth bounded by
 * CRDT_VALUE_DEPTH_MAX, without recursion.
 */
#ifndef CRDT_BASE_JSON_H
#define CRDT_BASE_JSON_H

#include "base/token.h"

typedef enum crdt__json_kind {
    CRDT__JSON_INVALID,
    CRDT__JSON_CANONICAL, /* valid, and already as JavaScript prints it */
    CRDT__JSON_VALID      /* valid, but would be printed otherwise */
} crdt__json_kind;

/* Judges a whole text (one JSON value, white space around it allowed). Never allocates; may say
 * VALID for a text that would come out the same (say, an object whose keys would have to be
 * compared). */
crdt__json_kind crdt__json_check(crdt_bytes text);

/* Appends the canonical form of a text that crdt__json_check did not call invalid. CRDT_MALFORMED
 * or CRDT_NO_MEMORY show as false with w->ok telling memory. */
bool crdt__json_canonicalize(crdt_bytes text, crdt__writer *w, const crdt_mem *mem);

/* The same, but that what JavaScript reads and does not print is written so that it is read again:
 * `-0`, and `1e400` and `-1e400` for infinities. */
bool crdt__json_canonicalize_exact(crdt_bytes text, crdt__writer *w, const crdt_mem *mem);

/* ---- token by token ---- */

typedef enum crdt__json_state {
    CRDT__JSON_WANT_VALUE,
    CRDT__JSON_WANT_FIRST,
    CRDT__JSON_WANT_NEXT
} crdt__json_state;

typedef struct crdt__json_parser {
    crdt__reader r;
    bool same; /* so far every token stands as JavaScript would print it */
    crdt__json_state state;
    size_t depth; /* open objects and arrays */
    bool is_object[CRDT_VALUE_DEPTH_MAX];
} crdt__json_parser;

void crdt__json_begin(crdt__json_parser *p, crdt_bytes text);
/* The next token; checks all but UTF-8. Behind a BAD one nothing more is to be asked. */
crdt__token crdt__json_next(crdt__json_parser *p);
/* Steps over the value that is next, whole, and returns its text, white space before it included.
 */
crdt_bytes crdt__json_skip(crdt__json_parser *p);

/* ---- strings and numbers ---- */

/* Writes what the text of a KEY or STRING token of JSON stands for, as WTF-8: an unpaired surrogate
 * takes three bytes. */
void crdt__json_unescape(crdt_bytes inside, crdt__writer *w);
/* Whether it stands for the WTF-8 text `plain`. */
bool crdt__json_stands_for(crdt_bytes inside, crdt_bytes plain);
/* Writes a WTF-8 text as a JSON string, with its quotes. */
void crdt__json_write_string(crdt_bytes plain, crdt__writer *w);
/* Writes a number as JSON.stringify does: what is not finite is `null`. */
void crdt__json_write_number(double number, crdt__writer *w);

#endif
