#include "room/span.h"

#include "base/must.h"

span span_of(uint64_t after, uint64_t until, frame *update)
{
    return (span){.after = after, .until = until, .update = update};
}

void span_clear(span *s)
{
    frame_unref(s->update);
    for (size_t kind = 0; kind < SPAN_KINDS; kind++)
        for (size_t wire = 0; wire < SINK_WIRES; wire++)
            frame_unref(s->encoded[kind][wire]);
    *s = (span){0};
}

bool span_continues(const span *s, uint64_t seq)
{
    return s->update != NULL && s->after <= seq && seq < s->until;
}

frame *span_frame(span *s, sink_kind kind, const sink_ops *ops, uint32_t epoch)
{
    must(s->update != NULL && (kind == SINK_SYNC || kind == SINK_UPDATE));
    frame **slot = &s->encoded[kind == SINK_SYNC][ops->wire];
    if (*slot == NULL) {
        sink_event event = {.kind = kind,
                            .id = {.seq = s->until, .epoch = epoch, .has_epoch = true},
                            .data = frame_slice(s->update)};
        *slot = ops->encode(&event);
    }
    return *slot;
}

size_t span_weight(const span *s)
{
    size_t bytes = s->update == NULL ? 0 : s->update->len;
    for (size_t kind = 0; kind < SPAN_KINDS; kind++)
        for (size_t wire = 0; wire < SINK_WIRES; wire++)
            bytes += s->encoded[kind][wire] == NULL ? 0 : s->encoded[kind][wire]->len;
    return bytes;
}
