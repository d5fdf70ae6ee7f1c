#include "room/content.h"

#include <stdlib.h>

/* Memory from malloc, up to a bound. */
typedef struct bounded {
    crdt_mem mem;
    size_t used;
    bool passed; /* more was asked for */
} bounded;

static void *bounded_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    bounded *b = ctx;
    if (new_size > CONTENT_BYTES_MAX || b->used - old_size > CONTENT_BYTES_MAX - new_size) {
        b->passed = true;
        return NULL;
    }
    void *resized = realloc(old, new_size);
    if (resized != NULL)
        b->used = b->used - old_size + new_size;
    return resized;
}

static void bounded_release(void *ctx, void *ptr, size_t size)
{
    bounded *b = ctx;
    if (ptr != NULL)
        b->used -= size;
    free(ptr);
}

static crdt_err read_root(crdt_doc *doc, crdt_type root, content_as as, crdt_buf *out)
{
    switch (as) {
    case CONTENT_JSON:
        return crdt_read_json(doc, root, NULL, out);
    case CONTENT_TEXT:
        return crdt_read_text(doc, root, NULL, out);
    case CONTENT_DELTA:
        return crdt_read_delta(doc, root, NULL, out);
    case CONTENT_MAP:
        return crdt_read_map(doc, root, NULL, out);
    case CONTENT_ARRAY:
        return crdt_read_array(doc, root, NULL, out);
    case CONTENT_XML:
        return crdt_read_xml(doc, root, CRDT_XML_WELL_FORMED, NULL, out);
    }
    return CRDT_INVALID;
}

static slice empty(content_as as)
{
    switch (as) {
    case CONTENT_JSON:
        return SLICE_LITERAL("null");
    case CONTENT_DELTA:
    case CONTENT_ARRAY:
        return SLICE_LITERAL("[]");
    case CONTENT_MAP:
        return SLICE_LITERAL("{}");
    case CONTENT_TEXT:
    case CONTENT_XML:
        break;
    }
    return (slice){"", 0};
}

static err frame_of(slice bytes, frame **out)
{
    *out = frame_copy(bytes);
    return *out == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err content_read(crdt_doc *doc, slice name, content_as as, frame **out)
{
    crdt_type root;
    crdt_bytes bytes = {(const uint8_t *)name.data, name.len};
    if (doc == NULL || !crdt_doc_find_root(doc, bytes, &root))
        return frame_of(empty(as), out);
    bounded b = {.mem = {bounded_resize, bounded_release, &b}};
    crdt_buf text = {.mem = &b.mem};
    err result = ERR_NO_MEMORY;
    if (read_root(doc, root, as, &text) == CRDT_OK)
        result = frame_of((slice){(const char *)text.data, text.len}, out);
    else if (b.passed)
        result = ERR_CONTENT_LIMIT;
    crdt_buf_free(&text);
    return result;
}
