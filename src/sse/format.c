#include "sse/format.h"

#include "base/base64.h"

/* Where text is put together: the room for it has been measured before. */
typedef struct writer {
    char *at;
} writer;

static void put(writer *w, slice text)
{
    memcpy(w->at, text.data, text.len);
    w->at += text.len;
}

static slice name_of(sink_kind kind)
{
    switch (kind) {
    case SINK_RESET:
        return SLICE_LITERAL("event: reset\n");
    case SINK_SYNC:
        return SLICE_LITERAL("event: sync\n");
    case SINK_UPDATE:
        return SLICE_LITERAL("event: update\n");
    case SINK_AWARENESS:
        return SLICE_LITERAL("event: awareness\n");
    case SINK_DELETED:
        return SLICE_LITERAL("event: deleted\n");
    }
    return SLICE_LITERAL("");
}

/* An event made of `parts`, and the base64 of `data` if it is not empty, which follows the last of
 * them. */
static frame *assemble(const slice *parts, size_t count, slice data)
{
    static const char end[] = "\n\n";
    size_t len = base64_len(data.len) + 2;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    frame *f = frame_new(len);
    if (f == NULL)
        return NULL;
    writer w = {f->data};
    for (size_t i = 0; i < count; i++)
        put(&w, parts[i]);
    if (data.len > 0) {
        base64_encode(data, w.at); /* its NUL falls on the end */
        w.at += base64_len(data.len);
    }
    put(&w, (slice){end, 2});
    return f;
}

static frame *with_id(const sink_event *event)
{
    char id[EVENT_ID_TEXT_MAX];
    size_t id_len = event_id_print(event->id, id);
    slice parts[] = {
        name_of(event->kind), SLICE_LITERAL("id: "), {id, id_len}, SLICE_LITERAL("\ndata: ")};
    return assemble(parts, 4, event->data);
}

frame *sse_format(const sink_event *event)
{
    slice name = name_of(event->kind);
    switch (event->kind) {
    case SINK_SYNC:
    case SINK_UPDATE:
        return with_id(event);
    case SINK_AWARENESS: {
        slice parts[] = {name, SLICE_LITERAL("data: ")};
        return assemble(parts, 2, event->data);
    }
    case SINK_RESET: {
        slice parts[] = {name, SLICE_LITERAL("data: {\"reason\":\""), event->data,
                         SLICE_LITERAL("\"}")};
        return assemble(parts, 4, (slice){0});
    }
    case SINK_DELETED: {
        slice parts[] = {name, SLICE_LITERAL("data: {}")};
        return assemble(parts, 2, (slice){0});
    }
    }
    return NULL;
}
