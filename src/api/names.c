#include "api/names.h"

#include "base/utf8.h"

/* Every byte may be sent as %XX. */
#define SEGMENT_LEN_MAX ((size_t)STORE_NAME_LEN_MAX * 3)

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static bool is_dots(slice name)
{
    return slice_equal(name, SLICE_LITERAL(".")) || slice_equal(name, SLICE_LITERAL(".."));
}

bool name_is_valid(slice name)
{
    if (name.len == 0 || name.len > STORE_NAME_LEN_MAX || is_dots(name))
        return false;
    while (name.len > 0) {
        uint32_t c;
        size_t len = utf8_decode(name, &c);
        if (len == 0 || is_control(c))
            return false;
        name.data += len;
        name.len -= len;
    }
    return true;
}

bool name_decode(slice segment, doc_name *out)
{
    char decoded[SEGMENT_LEN_MAX];
    size_t len;
    if (segment.len > sizeof(decoded) || !http_percent_decode(segment, decoded, &len) ||
        !name_is_valid((slice){decoded, len}))
        return false;
    memcpy(out->bytes, decoded, len);
    out->len = len;
    return true;
}

bool name_of_exchange(http_exchange *ex, doc_name *out)
{
    if (name_decode(http_request_of(ex)->params[0], out))
        return true;
    http_respond_problem(ex, 400, "invalid_document_name",
                         "a document's name is 1 to 255 bytes of percent-encoded UTF-8 without "
                         "control characters, and not . or ..");
    return false;
}

slice name_slice(const doc_name *name)
{
    return (slice){name->bytes, name->len};
}
