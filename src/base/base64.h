/* Base64 (RFC 4648) by OpenSSL's libcrypto: the standard alphabet out; it and the URL-safe one in.
 */
#ifndef WEFT_BASE_BASE64_H
#define WEFT_BASE_BASE64_H

#include "base/slice.h"

/* Bytes that base64_encode may be given at once. */
#define BASE64_IN_MAX (UINT32_C(3) << 28)

/* Characters that `len` bytes become, padding included. */
size_t base64_len(size_t len);

/* Writes base64_len(bytes.len) characters, and one NUL after them. bytes.len <= BASE64_IN_MAX. */
void base64_encode(slice bytes, char *out);

/* Decodes base64 as base64_encode writes it, into `out`, which has room for text.len + 1 bytes.
 * False: not base64. */
bool base64_decode(slice text, char *out, size_t *out_len);

/* Decodes base64url, with or without padding, into `out`, which has room for text.len + 3 bytes.
 * False: not base64url. */
bool base64_url_decode(slice text, char *out, size_t *out_len);

#endif
