/* The head of a request as raw bytes: where it ends, and what in it no server should guess at.
 *
 * llhttp parses; what it lets pass and RFC 9112 forbids or warns of is refused here, before
 * anything is parsed.
 */
#ifndef WEFT_HTTP_HEAD_H
#define WEFT_HTTP_HEAD_H

#include "base/slice.h"

/* The length of the head that begins at `bytes`, its empty line included; 0 if the end has not
 * come. A bare LF never ends a line; `from` is how much was searched before. */
size_t head_len(slice bytes, size_t from);

/* Bytes of empty lines before a request, which are to be skipped (RFC 9112, section 2.2). */
size_t head_leading_lines(slice bytes);

/* NULL if the raw head is acceptable, or a sentence that says what is not: a bare CR or LF,
 * obsolete line folding, a control character, white space around a field's name, Host missing
 * (HTTP/1.1) or twice. */
const char *head_check(slice head);

#endif
