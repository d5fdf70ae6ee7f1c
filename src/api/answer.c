#include "api/answer.h"

#include "base/base64.h"
#include "base/must.h"

/* All but `missing`. */
#define ANSWER_LEN_MAX 160

static void put(frame *f, slice text)
{
    memcpy(f->data + f->len, text.data, text.len);
    f->len += text.len;
}

static void put_missing(frame *f, const frame *missing)
{
    put(f, SLICE_LITERAL(",\"missing\":\""));
    base64_encode(frame_slice(missing), f->data + f->len);
    f->len += base64_len(missing->len);
    put(f, SLICE_LITERAL("\""));
}

static void put_bool(frame *f, bool value)
{
    put(f, value ? SLICE_LITERAL("true") : SLICE_LITERAL("false"));
}

frame *answer_of_write(const room_write *w, const uint32_t *epoch)
{
    size_t missing_len = w->missing == NULL ? 0 : base64_len(w->missing->len);
    frame *f = frame_new(ANSWER_LEN_MAX + missing_len);
    must(f != NULL);
    f->len = 0;
    char text[EVENT_ID_TEXT_MAX];
    put(f, SLICE_LITERAL("{\"id\":\""));
    put(f, (slice){text, event_id_print(w->id, text)});
    put(f, SLICE_LITERAL("\",\"changed\":"));
    put_bool(f, w->changed);
    put(f, SLICE_LITERAL(",\"pending\":"));
    put_bool(f, w->pending);
    if (w->missing != NULL)
        put_missing(f, w->missing);
    if (epoch != NULL) {
        event_id_print_epoch(*epoch, text);
        put(f, SLICE_LITERAL(",\"epoch\":\""));
        put(f, (slice){text, 8});
        put(f, SLICE_LITERAL("\""));
    }
    put(f, SLICE_LITERAL("}"));
    return f;
}

void answer_respond(http_exchange *ex, const room_write *w)
{
    http_field type = {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json")};
    frame *json = answer_of_write(w, NULL);
    http_respond(ex, 200, &type, 1, frame_slice(json));
    frame_unref(json);
}
