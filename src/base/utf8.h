/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. (RFC 3629) */
#ifndef WEFT_BASE_UTF8_H
#define WEFT_BASE_UTF8_H

#include "base/slice.h"

/* Reads the first character; returns its bytes, or 0 if it is none. `text` is not empty. */
size_t utf8_decode(slice text, uint32_t *out);

#endif
