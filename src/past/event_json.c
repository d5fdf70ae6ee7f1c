/* Written by hand but for the user: everything else needs no escaping, and a history has a million
 * events. */
#include "past/event_json.h"

#include <crdt.h>
#include <jansson.h>

#include "base/base64.h"
#include "base/eventid.h"
#include "base/rfc3339.h"

/* An update that was accepted once and is refused now is damage. */
static err err_of(crdt_err e)
{
    return e == CRDT_OK ? ERR_OK : e == CRDT_NO_MEMORY ? ERR_NO_MEMORY : ERR_STORAGE;
}

static crdt_bytes bytes_of(store_bytes b)
{
    return (crdt_bytes){b.data, b.len};
}

static err append_base64(buf *out, slice bytes)
{
    if (bytes.len > BASE64_IN_MAX)
        return ERR_STORAGE;
    buf_reserve(out, base64_len(bytes.len) + 1);
    base64_encode(bytes, out->data + out->len);
    out->len += base64_len(bytes.len);
    return ERR_OK;
}

static err append_converted(buf *out, store_bytes update)
{
    crdt_buf v2 = {0};
    err failed = err_of(crdt_update_convert(CRDT_V1, bytes_of(update), CRDT_V2, &v2));
    if (failed == ERR_OK)
        failed = append_base64(out, (slice){(const char *)v2.data, v2.len});
    crdt_buf_free(&v2);
    return failed;
}

err event_update_append(buf *out, store_bytes update, event_form form)
{
    switch (form) {
    case EVENT_RECORDED:
        return append_base64(out, (slice){update.data, update.len});
    case EVENT_V2:
        return append_converted(out, update);
    case EVENT_BARE:
        break;
    }
    return ERR_OK;
}

static err append_clients(buf *out, store_bytes update)
{
    crdt_update_client *clients;
    size_t count;
    err failed = err_of(crdt_update_clients(CRDT_V1, bytes_of(update), &clients, &count));
    if (failed != ERR_OK)
        return failed;
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!clients[i].structs)
            continue;
        if (!first)
            buf_append(out, SLICE_LITERAL(","));
        buf_append_uint(out, clients[i].client);
        first = false;
    }
    crdt_update_clients_free(clients, count);
    return ERR_OK;
}

static err append_user(buf *out, store_bytes user)
{
    if (user.len == 0) {
        buf_append(out, SLICE_LITERAL("null"));
        return ERR_OK;
    }
    json_t *string = json_stringn(user.data, user.len);
    if (string == NULL)
        return ERR_STORAGE;
    char *text = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    if (text == NULL)
        return ERR_NO_MEMORY;
    buf_append(out, slice_of(text));
    free(text);
    return ERR_OK;
}

static void append_facts(buf *out, const store_event *event, uint32_t epoch)
{
    char text[RFC3339_TEXT_MAX > EVENT_ID_TEXT_MAX ? RFC3339_TEXT_MAX : EVENT_ID_TEXT_MAX];
    event_id id = {.seq = event->seq, .epoch = epoch, .has_epoch = true};
    buf_append(out, SLICE_LITERAL("{\"id\":\""));
    buf_append(out, (slice){text, event_id_print(id, text)});
    buf_append(out, SLICE_LITERAL("\",\"time\":\""));
    buf_append(out, (slice){text, rfc3339_print(event->time_ms, text)});
    buf_append(out, SLICE_LITERAL("\",\"bytes\":"));
    buf_append_uint(out, event->update.len);
}

static err append_event(buf *out, const store_event *event, uint32_t epoch, event_form form)
{
    append_facts(out, event, epoch);
    buf_append(out, SLICE_LITERAL(",\"clients\":["));
    err failed = append_clients(out, event->update);
    buf_append(out, SLICE_LITERAL("],\"user\":"));
    if (failed == ERR_OK)
        failed = append_user(out, event->user);
    if (failed == ERR_OK && form != EVENT_BARE) {
        buf_append(out, SLICE_LITERAL(",\"update\":\""));
        failed = event_update_append(out, event->update, form);
        buf_append(out, SLICE_LITERAL("\""));
    }
    buf_append(out, SLICE_LITERAL("}"));
    return failed;
}

err event_json_append(buf *out, const store_event *event, uint32_t epoch, event_form form)
{
    size_t len = out->len;
    err failed = append_event(out, event, epoch, form);
    if (failed != ERR_OK)
        out->len = len;
    return failed;
}
