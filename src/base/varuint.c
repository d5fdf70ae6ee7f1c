#include "base/varuint.h"

/* What JavaScript can count to. */
#define VALUE_MAX ((UINT64_C(1) << 53) - 1)

size_t varuint_write(uint64_t value, char out[VARUINT_LEN_MAX])
{
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (char)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (char)value;
    return len;
}

size_t varuint_read(slice in, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in.len && i < VARUINT_LEN_MAX - 1; i++) {
        value |= (uint64_t)(in.data[i] & 0x7f) << (7 * i);
        if ((in.data[i] & 0x80) == 0) {
            if (value > VALUE_MAX)
                return 0;
            *out = value;
            return i + 1;
        }
    }
    return 0;
}
