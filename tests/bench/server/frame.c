#include "frame.h"

#include <string.h>

#include "runtime.h"

#define FIN    0x80
#define MASKED 0x80

static size_t big_endian(const uint8_t *at, size_t len)
{
    size_t value = 0;
    while (len-- > 0)
        value = value << 8 | *at++;
    return value;
}

bool frame_read_head(const uint8_t *data, size_t len, frame *f)
{
    if (len < 2)
        return false;
    size_t head = 2, payload = data[1];
    if (payload >= MASKED || (data[0] & FIN) == 0)
        load_fail("a server's frame is masked, or in pieces");
    if (payload >= 126) {
        size_t digits = payload == 126 ? 2 : 8;
        head += digits;
        if (len < head)
            return false;
        payload = big_endian(data + 2, digits);
    }
    *f = (frame){.kind = (frame_kind)(data[0] & 15), .head_len = head, .len = payload};
    return true;
}

size_t frame_head(uint8_t *out, frame_kind kind, size_t len)
{
    size_t digits = len < 126 ? 0 : len < 65536 ? 2 : 8;
    out[0] = (uint8_t)(FIN | kind);
    out[1] = (uint8_t)(MASKED | (digits == 0 ? len : digits == 2 ? 126 : 127));
    for (size_t i = 0; i < digits; i++)
        out[2 + i] = (uint8_t)(len >> 8 * (digits - 1 - i));
    memset(out + 2 + digits, 0, 4);
    return 2 + digits + 4;
}
