/* What a client would like to be answered with: the header Accept (RFC 9110, section 12.5.1). */
#ifndef WEFT_HTTP_ACCEPT_H
#define WEFT_HTTP_ACCEPT_H

#include "base/slice.h"

/* Which of `count` media types (in lower case, without parameters) the value of Accept likes best,
 * by quality, then by how closely it names them, then by its order, then by ours; `count` if it
 * accepts none of them. Absent, empty, or nothing in it well-formed: the first. Parameters other
 * than `q` are not looked at. */
size_t http_accept(slice accept, const slice *offers, size_t count);

#endif
