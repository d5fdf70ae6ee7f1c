/* Unsigned numbers of variable length, as Yjs writes them: seven bits a byte, the lowest first, the
 * top bit set on all bytes but the last. (lib0/encoding.js, writeVarUint) */
#ifndef WEFT_BASE_VARUINT_H
#define WEFT_BASE_VARUINT_H

#include "base/slice.h"

#define VARUINT_LEN_MAX 10

/* Returns the bytes written. */
size_t varuint_write(uint64_t value, char out[VARUINT_LEN_MAX]);

/* Returns the bytes read, or 0: `in` ends too early, or it is no number up to 2^53-1. */
size_t varuint_read(slice in, uint64_t *out);

#endif
