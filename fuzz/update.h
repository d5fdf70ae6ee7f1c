/* What update_v1.c and update_v2.c have in common. */
#ifndef FUZZ_UPDATE_H
#define FUZZ_UPDATE_H

#include "fuzz.h"

/* An update from anybody, to a document with some content: refused and nothing changed, or taken,
 * and then the document's invariants hold, its state loads again in either format, and the same
 * update says nothing new. Told in the other format, it stays what it is. The first byte chooses
 * the document. */
void fuzz_update(crdt_encoding encoding, const uint8_t *data, size_t size);

#endif
