/* One root of a document, read: as text, JSON or XML. Yjs' roots carry no type, so who reads says
 * how to look. Any thread. */
#ifndef WEFT_ROOM_CONTENT_H
#define WEFT_ROOM_CONTENT_H

#include <crdt.h>

#include "base/err.h"
#include "base/frame.h"

/* Bytes that reading may take: a text with very many formats, or a type in very many places, reads
 * as far more than it is. */
#define CONTENT_BYTES_MAX ((size_t)64 << 20)

typedef enum content_as {
    CONTENT_JSON, /* whatever is in it */
    CONTENT_TEXT,
    CONTENT_DELTA,
    CONTENT_MAP,
    CONTENT_ARRAY,
    CONTENT_XML
} content_as;

/* Returns owned in *out (frame_unref) what the root `name` (UTF-8) is now; an empty one if it, or
 * `doc` (NULL), is not there. ERR_CONTENT_LIMIT, ERR_NO_MEMORY. */
ERR_MUST_CHECK err content_read(crdt_doc *doc, slice name, content_as as, frame **out);

#endif
