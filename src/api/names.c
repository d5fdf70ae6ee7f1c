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

static bool take(slice decoded, doc_name *out)
{
    if (!name_is_valid(decoded))
        return false;
    memcpy(out->bytes, decoded.data, decoded.len);
    out->len = decoded.len;
    return true;
}

bool name_decode(slice segment, doc_name *out)
{
    char decoded[SEGMENT_LEN_MAX];
    size_t len;
    return segment.len <= sizeof(decoded) && http_percent_decode(segment, decoded, &len) &&
           take((slice){decoded, len}, out);
}

bool name_decode_loosely(slice rest, doc_name *out)
{
    char decoded[SEGMENT_LEN_MAX];
    size_t len = 0;
    if (rest.len > sizeof(decoded))
        return false;
    for (size_t i = 0; i < rest.len; len++) {
        slice escape = {rest.data + i, 3};
        size_t one;
        if (rest.data[i] == '%' && rest.len - i >= escape.len &&
            http_percent_decode(escape, decoded + len, &one))
            i += escape.len;
        else
            decoded[len] = rest.data[i++];
    }
    return take((slice){decoded, len}, out);
}

static bool is_of_socket(const http_request *request)
{
    static const char prefix[] = "/ws/";
    size_t len = sizeof(prefix) - 1;
    return request->path.len > len && memcmp(request->path.data, prefix, len) == 0;
}

bool name_of_exchange(http_exchange *ex, doc_name *out)
{
    const http_request *request = http_request_of(ex);
    slice given = request->params[0];
    if (is_of_socket(request) ? name_decode_loosely(given, out) : name_decode(given, out))
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
