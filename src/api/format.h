/* Updates that come in format v2: everything inside speaks v1, so they are told anew at the door.
 */
#ifndef WEFT_API_FORMAT_H
#define WEFT_API_FORMAT_H

#include "base/err.h"
#include "base/frame.h"

/* *out is owned: the update `v2` in format v1. Any thread; keeps nothing. ERR_MALFORMED_UPDATE: it
 * is none. ERR_UPDATE_LIMIT: it would take more than `bytes_max` (its runs may stand for a great
 * deal: what is made of them on the way is bounded, too). ERR_NO_MEMORY. */
ERR_MUST_CHECK err format_to_v1(slice v2, size_t bytes_max, frame **out);

#endif
