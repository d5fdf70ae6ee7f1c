#include "api/shared_body.h"

#include <stdlib.h>

#include "base/must.h"

typedef struct sending {
    http_exchange *ex;
    frame *body;
    size_t sent;
} sending;

static void finish(void *arg)
{
    sending *s = arg;
    frame_unref(s->body);
    free(s);
}

static void on_room(void *arg)
{
    sending *s = arg;
    size_t left = s->body->len - s->sent;
    slice piece = {s->body->data + s->sent,
                   left < SHARED_BODY_PIECE_LEN ? left : SHARED_BODY_PIECE_LEN};
    s->sent += piece.len;
    http_respond_piece(s->ex, piece);
    if (piece.len == left)
        finish(s);
}

void respond_shared(http_exchange *ex, const http_field *fields, size_t field_count, frame *body,
                    size_t at)
{
    slice bytes = {body->data + at, body->len - at};
    if (bytes.len <= SHARED_BODY_PIECE_LEN) {
        http_respond(ex, 200, fields, field_count, bytes);
        return;
    }
    sending *s = calloc(1, sizeof(*s));
    must(s != NULL);
    *s = (sending){.ex = ex, .body = frame_ref(body), .sent = at};
    http_on_abort(ex, finish, s);
    if (!http_respond_begin(ex, 200, fields, field_count, bytes.len, on_room, s))
        finish(s);
}
