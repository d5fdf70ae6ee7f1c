/* Reading requests: what handlers ask of a message. */
#include "http/message.h"

#include <strings.h>

#include "http/inside.h"

const http_request *http_request_of(const http_exchange *ex)
{
    return &ex->request;
}

static bool has_name(const http_field *field, slice name)
{
    return field->name.len == name.len && strncasecmp(field->name.data, name.data, name.len) == 0;
}

/* Fields of one name, joined behind the body's bytes, where they live as long as the exchange. */
static slice join_fields(http_exchange *ex, slice name)
{
    buf joined = {0};
    for (size_t i = 0; i < ex->field_count; i++) {
        if (!has_name(&ex->fields[i], name))
            continue;
        if (joined.len > 0)
            buf_append(&joined, SLICE_LITERAL(", "));
        buf_append(&joined, ex->fields[i].value);
    }
    loop_free_later(ex->server->loop, joined.data);
    return buf_slice(&joined);
}

slice http_header(const http_exchange *ex, const char *name)
{
    slice wanted = slice_of(name);
    const http_field *found = NULL;
    for (size_t i = 0; i < ex->field_count; i++) {
        if (!has_name(&ex->fields[i], wanted))
            continue;
        if (found != NULL)
            return join_fields((http_exchange *)(uintptr_t)ex, wanted);
        found = &ex->fields[i];
    }
    return found != NULL ? found->value : (slice){NULL, 0};
}

slice http_query(const http_exchange *ex, const char *name)
{
    slice rest = ex->request.query;
    size_t name_len = strlen(name);
    while (rest.len > 0) {
        const char *amp = memchr(rest.data, '&', rest.len);
        size_t len = amp ? (size_t)(amp - rest.data) : rest.len;
        const char *equals = memchr(rest.data, '=', len);
        size_t key_len = equals ? (size_t)(equals - rest.data) : len;
        if (key_len == name_len && memcmp(rest.data, name, name_len) == 0) {
            size_t skip = equals ? key_len + 1 : key_len;
            return (slice){rest.data + skip, len - skip};
        }
        size_t used = amp ? len + 1 : len;
        rest = (slice){rest.data + used, rest.len - used};
    }
    return (slice){NULL, 0};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool http_percent_decode(slice in, char *out, size_t *out_len)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        if (c == '%') {
            if (in.len - i < 3)
                return false;
            int high = hex_digit(in.data[i + 1]);
            int low = hex_digit(in.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[len++] = c;
    }
    *out_len = len;
    return true;
}

void http_body_limit(http_exchange *ex, size_t bytes)
{
    if (bytes < ex->body_len_max)
        ex->body_len_max = bytes;
}

void http_on_abort(http_exchange *ex, void (*on_abort)(void *arg), void *arg)
{
    ex->on_abort = on_abort;
    ex->abort_arg = arg;
}
