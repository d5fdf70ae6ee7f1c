/* Document names: one percent-encoded path segment. */
#ifndef WEFT_API_NAMES_H
#define WEFT_API_NAMES_H

#include <store.h>

#include "http/message.h"

/* A name, decoded. */
typedef struct doc_name {
    size_t len;
    char bytes[STORE_NAME_LEN_MAX];
} doc_name;

/* 1 to 255 bytes of UTF-8, no control characters (C0, DEL, C1), not `.` or `..`. */
bool name_is_valid(slice name);

/* Decodes `segment`; false if it is no valid name. */
bool name_decode(slice segment, doc_name *out);

/* The same for what follows /ws/, which the stock provider does not encode: a % that begins no
 * escape stands for itself, as it does for browsers (WHATWG URL, section 1.3). */
bool name_decode_loosely(slice rest, doc_name *out);

/* The name in the route's first placeholder; false: 400 invalid_document_name has been answered. */
bool name_of_exchange(http_exchange *ex, doc_name *out);

slice name_slice(const doc_name *name);

#endif
