/* Text and values on their way into a rendering: JSON, or bare text.
 *
 * Text inside a document may hold unpaired halves of surrogate pairs, as three bytes each. Two
 * halves that meet become their character, as they would in a JavaScript string; what stays alone
 * comes out as U+FFFD.
 */
#ifndef CRDT_TYPES_OUT_H
#define CRDT_TYPES_OUT_H

#include "base/bytes.h"

typedef struct crdt__out {
    crdt__writer w;
    const crdt_mem *mem;
    bool quoted;     /* within a JSON string: text is escaped */
    uint8_t high[3]; /* a high half that the text ended with, which waits for its low half; or 0 */
} crdt__out;

/* Appends to `buf`; `mem` is for what is needed on the way. Ends with crdt__writer_finish of `w`.
 */
crdt__out crdt__out_on(crdt_buf *buf, const crdt_mem *mem);

/* JSON as it stands: brackets, commas, whole values. */
void crdt__out_raw(crdt__out *out, const char *json);

/* The begin and the end of a JSON string. */
void crdt__out_open(crdt__out *out);
void crdt__out_close(crdt__out *out);

/* More text of the string, or of the bare text. */
void crdt__out_text(crdt__out *out, crdt_bytes text);
/* One unit of it that is half of a character cut apart. */
void crdt__out_half(crdt__out *out);
/* What follows does not join what came before: the text ends here, or what is inserted does. */
void crdt__out_settle(crdt__out *out);

/* A whole JSON string. */
void crdt__out_string(crdt__out *out, crdt_bytes text);
/* A whole JSON string of base64. */
void crdt__out_base64(crdt__out *out, crdt_bytes bytes);

/* Values as plain JSON: undefined, NaN and infinities are null, -0 is 0, a BigInt is a number up to
 * 2^53-1 and else a string, bytes are base64. `r` stands at a valid Any, and is left behind it. */
void crdt__out_any(crdt__out *out, crdt__reader *r);
/* One element of a JSON content: JSON text, or the word undefined. */
void crdt__out_json(crdt__out *out, crdt_bytes text);
/* A format or embed, as documents keep them (base/value.h). */
void crdt__out_value(crdt__out *out, crdt_bytes value);

#endif
