#include "command/history_line.h"

#include <crdt.h>
#include <jansson.h>

#include "base/base64.h"
#include "base/rfc3339.h"

static slice string_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (slice){json_string_value(value), json_string_length(value)}
                                 : (slice){NULL, 0};
}

static void set(buf *out, slice bytes)
{
    out->len = 0;
    buf_append(out, bytes);
}

static const char *parse_user(const json_t *object, buf *out)
{
    slice user = string_of(object, "user");
    if (user.data == NULL && !json_is_null(json_object_get(object, "user")))
        return "its user is neither a string nor null";
    if (user.len > STORE_USER_LEN_MAX)
        return "its user is longer than 1024 bytes";
    set(out, user);
    return NULL;
}

static const char *parse_update(const json_t *object, buf *out)
{
    slice text = string_of(object, "update");
    const json_t *bytes = json_object_get(object, "bytes");
    if (text.data == NULL)
        return "it has no update; export the history whole";
    out->len = 0;
    buf_reserve(out, text.len + 1);
    if (!base64_decode(text, out->data, &out->len))
        return "its update is not base64";
    if (!json_is_integer(bytes) || json_integer_value(bytes) != (json_int_t)out->len)
        return "its update does not have as many bytes as it says";
    if (out->len > STORE_UPDATE_LEN_MAX)
        return "its update is longer than 1 GiB";
    crdt_bytes update = {(const uint8_t *)out->data, out->len};
    return crdt_update_validate(CRDT_V1, update) == CRDT_OK
               ? NULL
               : "its update is not a Yjs update in format v1";
}

static const char *parse_object(const json_t *object, history_line *out)
{
    if (!json_is_object(object))
        return "it is not a JSON object";
    slice id = string_of(object, "id");
    if (id.data == NULL || !event_id_parse(id, &out->id) || !out->id.has_epoch)
        return "it has no id like 42.9f3c1a07";
    slice time = string_of(object, "time");
    if (time.data == NULL || !rfc3339_parse(time, &out->time_ms))
        return "it has no time like 2026-11-21T10:53:15.042Z";
    const char *wrong = parse_user(object, &out->user);
    return wrong != NULL ? wrong : parse_update(object, &out->update);
}

const char *history_line_parse(slice text, history_line *out)
{
    json_t *object = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (object == NULL)
        return "it is not JSON";
    const char *wrong = parse_object(object, out);
    json_decref(object);
    return wrong;
}

void history_line_deinit(history_line *line)
{
    buf_free(&line->user);
    buf_free(&line->update);
}
