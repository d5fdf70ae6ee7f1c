#include "b64.h"

#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool b64_decode(const char *text, size_t len, crdt_buf *out)
{
    while (len > 0 && text[len - 1] == '=')
        len--;
    *out = (crdt_buf){0};
    if (len % 4 == 1)
        return false;
    out->cap = len / 4 * 3 + 3;
    out->data = malloc(out->cap);
    if (!out->data)
        abort();
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        int d = digit(text[i]);
        if (d < 0) {
            crdt_buf_free(out);
            return false;
        }
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 != 0)
            out->data[out->len++] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    return true;
}

char *b64_encode(crdt_bytes bytes)
{
    char *text = malloc((bytes.len + 2) / 3 * 4 + 1);
    if (!text)
        abort();
    char *to = text;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes.data[i + 2] : 0;
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *to = 0;
    return text;
}
