/* Frames of a WebSocket from anybody. The first byte of the input says in which pieces the others
 * come: what is read must not depend on it, nor on a fresh reader going on where one is clean. */
#include "fuzz.h"

#include "base/buf.h"
#include "ws/reader.h"

#define MESSAGE_LEN_MAX 2048

/* The kinds, codes and data of all events, one after the other. */
static bool take_events(ws_reader *r, buf *out)
{
    for (;;) {
        ws_event event = ws_reader_next(r);
        if (event.kind == WS_NOTHING)
            return true;
        fuzz_expect(event.data.len <= MESSAGE_LEN_MAX, "a message is longer than it may be");
        const char head[] = {(char)event.kind, (char)(event.code >> 8), (char)event.code};
        buf_append(out, (slice){head, sizeof(head)});
        buf_append_uint(out, event.data.len);
        buf_append(out, event.data);
        if (event.kind == WS_CLOSE || event.kind == WS_FAILED)
            return false;
        if (event.kind == WS_MESSAGE && event.data.len > 1 && event.data.data[0] == 'h')
            ws_reader_hold(r, event.data.len - 1);
    }
}

static buf read_in(slice bytes, size_t piece)
{
    buf out = {0};
    ws_reader *r = ws_reader_new(MESSAGE_LEN_MAX);
    bool open = true;
    for (size_t at = 0; at < bytes.len && open; at += piece) {
        size_t left = bytes.len - at;
        ws_reader_give(r, (slice){bytes.data + at, left < piece ? left : piece});
        if (piece % 2 == 0)
            ws_reader_keep(r);
        open = take_events(r, &out);
        if (open && ws_reader_is_clean(r)) {
            ws_reader_free(r);
            r = ws_reader_new(MESSAGE_LEN_MAX);
        }
    }
    ws_reader_free(r);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    slice bytes = {(const char *)data + 1, size - 1};
    buf whole = read_in(bytes, bytes.len);
    buf pieces = read_in(bytes, (size_t)data[0] + 1);
    fuzz_expect(slice_equal(buf_slice(&whole), buf_slice(&pieces)), "pieces are read otherwise");
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
