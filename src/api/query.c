#include "api/query.h"

#include "api/routes.h"
#include "base/base64.h"
#include "base/eventid.h"
#include "base/must.h"

static bool parse_number(slice digits, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.data[i];
        uint64_t digit = (uint64_t)(c - '0');
        if (c < '0' || c > '9' || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static query_result refuse(http_exchange *ex, const char *detail)
{
    api_respond_bad(ex, detail);
    return QUERY_ANSWERED;
}

query_result query_number(http_exchange *ex, const char *name, uint64_t max, uint64_t *out)
{
    slice text = http_query(ex, name);
    if (text.data == NULL)
        return QUERY_ABSENT;
    if (parse_number(text, max, out))
        return QUERY_OK;
    return refuse(ex, "a number in the query is not a decimal number in its range");
}

query_result query_epoch(http_exchange *ex, const char *name, uint32_t *out)
{
    slice text = http_query(ex, name);
    if (text.data == NULL)
        return QUERY_ABSENT;
    if (event_id_parse_epoch(text, out))
        return QUERY_OK;
    return refuse(ex, "an epoch is eight lower-case hexadecimal digits");
}

query_result query_text(http_exchange *ex, const char *name, frame **out)
{
    slice text = http_query(ex, name);
    if (text.data == NULL)
        return QUERY_ABSENT;
    frame *decoded = frame_new(text.len);
    must(decoded != NULL);
    if (http_percent_decode(text, decoded->data, &decoded->len)) {
        *out = decoded;
        return QUERY_OK;
    }
    frame_unref(decoded);
    return refuse(ex, "a value in the query is not percent-encoded as it should be");
}

query_result query_encoding(http_exchange *ex, crdt_encoding *out)
{
    slice text = http_query(ex, "encoding");
    *out = slice_equal(text, SLICE_LITERAL("v2")) ? CRDT_V2 : CRDT_V1;
    if (text.data == NULL)
        return QUERY_ABSENT;
    if (*out == CRDT_V2 || slice_equal(text, SLICE_LITERAL("v1")))
        return QUERY_OK;
    return refuse(ex, "encoding is v1 or v2");
}

static bool is_state_vector(const frame *bytes)
{
    crdt_bytes sv = {(const uint8_t *)bytes->data, bytes->len};
    return crdt_state_vector_validate(sv) == CRDT_OK;
}

query_result query_state_vector(http_exchange *ex, frame **out)
{
    frame *text;
    query_result found = query_text(ex, "sv", &text);
    if (found != QUERY_OK)
        return found;
    frame *bytes = frame_new(text->len + 3);
    must(bytes != NULL);
    bool decoded = base64_url_decode(frame_slice(text), bytes->data, &bytes->len);
    frame_unref(text);
    if (decoded && is_state_vector(bytes)) {
        *out = bytes;
        return QUERY_OK;
    }
    frame_unref(bytes);
    api_respond_err(ex, ERR_MALFORMED_STATE_VECTOR);
    return QUERY_ANSWERED;
}

query_result query_since(http_exchange *ex, room_position *out)
{
    frame *text;
    query_result found = query_text(ex, "since", &text);
    if (found != QUERY_OK)
        return found;
    bool latest = slice_equal(frame_slice(text), SLICE_LITERAL("latest"));
    bool is_id = event_id_parse(frame_slice(text), &out->id);
    frame_unref(text);
    if (latest || is_id) {
        out->from = latest ? ROOM_FROM_LATEST : ROOM_FROM_ID;
        return QUERY_OK;
    }
    api_respond_bad(ex, "since is an event id, like 42.9f3c1a07 or 0, or latest");
    return QUERY_ANSWERED;
}
