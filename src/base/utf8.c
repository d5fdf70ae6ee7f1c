#include "base/utf8.h"

size_t utf8_decode(slice text, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text.data;
    unsigned char lead = bytes[0];
    if (lead < 0x80) {
        *out = lead;
        return 1;
    }
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc0 || lead >= 0xf8 || len > text.len)
        return 0;
    uint32_t c = lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (bytes[i] & 0x3fu);
    }
    bool surrogate = c >= 0xd800 && c < 0xe000;
    if (c < least[len] || c > 0x10ffff || surrogate)
        return 0;
    *out = c;
    return len;
}
