/* Base64 for vectors and for the interop driver's lines. */
#ifndef TESTS_LIB_B64_H
#define TESTS_LIB_B64_H

#include "crdt.h"

/* Decodes into *out (crdt_buf_free), which must be empty. False: `text` is not base64. */
bool b64_decode(const char *text, size_t len, crdt_buf *out);

/* Returns owned (free) text, terminated. Aborts when out of memory. */
char *b64_encode(crdt_bytes bytes);

#endif
