/* Reading requests: what handlers ask of a message. */
#include "http/message.h"

#include <strings.h>

#include "http/inside.h"

const http_request *http_request_of(const http_exchange *ex)
{
    return &ex->request;
}

/* Most requests have fewer. */
#define FIELDS_FIRST 8

bool exchange_add_field(http_exchange *ex, http_field field)
{
    if (ex->field_count == HTTP_FIELDS_MAX)
        return false;
    if (ex->field_count == ex->field_max) {
        ex->field_max = ex->field_max == 0 ? FIELDS_FIRST : 2 * ex->field_max;
        ex->fields = realloc(ex->fields, ex->field_max * sizeof(*ex->fields));
        must(ex->fields != NULL);
    }
    ex->fields[ex->field_count++] = field;
    return true;
}

static bool has_name(const http_field *field, slice name)
{
    return field->name.len == name.len && strncasecmp(field->name.data, name.data, name.len) == 0;
}

/* Fields of one name as one value, which lives as long as the exchange. */
static slice join_fields(http_exchange *ex, slice name)
{
    size_t room = 0;
    for (size_t i = 0; i < ex->field_count; i++)
        if (has_name(&ex->fields[i], name))
            room += ex->fields[i].value.len + 2;
    joined_value *joined = malloc(sizeof(*joined) + room);
    must(joined != NULL);
    char *end = joined->text;
    for (size_t i = 0; i < ex->field_count; i++) {
        slice value = ex->fields[i].value;
        if (!has_name(&ex->fields[i], name))
            continue;
        memcpy(end, value.data, value.len);
        memcpy(end + value.len, ", ", 2);
        end += value.len + 2;
    }
    joined->next = ex->joined;
    ex->joined = joined;
    return (slice){joined->text, room - 2};
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

bool http_etag_matches(slice if_none_match, slice tag)
{
    if (slice_equal(if_none_match, SLICE_LITERAL("*")))
        return true;
    /* Quotes begin and end a tag and cannot be in one, so it can be looked for as it is. */
    for (size_t i = 0; i + tag.len <= if_none_match.len; i++)
        if (memcmp(if_none_match.data + i, tag.data, tag.len) == 0)
            return true;
    return false;
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
