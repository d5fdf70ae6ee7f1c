/* Lower-casing as JavaScript's toLowerCase does it, for the names of XML elements. */
#ifndef CRDT_BASE_LOWER_H
#define CRDT_BASE_LOWER_H

#include "base/bytes.h"

/* Writes valid (W)UTF-8 in lower case. Every character is mapped as Unicode maps it, U+0130 to two.
 * A capital sigma at the end of a word becomes the final one; there, letters are those that have a
 * case to change and ª, º; of the marks that may lie between, the combining marks
 * U+0300...U+036F and the apostrophes, points and colons of Latin text are known. */
void crdt__lower_write(crdt__writer *w, crdt_bytes text);

#endif
