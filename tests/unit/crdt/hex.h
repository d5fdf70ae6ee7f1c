/* Bytes written as hexadecimal text, so that a table of cases reads as the wire does. Spaces are
 * for the eye. */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <assert.h>
#include <string.h>

#include "crdt.h"

#define HEX_LEN_MAX 4096

typedef struct hex_bytes {
    uint8_t data[HEX_LEN_MAX];
    size_t len;
} hex_bytes;

static inline uint8_t hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c);
    assert(found != NULL);
    return (uint8_t)(found - digits);
}

static inline crdt_bytes hex_read(const char *text, hex_bytes *out)
{
    out->len = 0;
    for (const char *p = text; *p != '\0';) {
        if (*p == ' ') {
            p++;
            continue;
        }
        assert(out->len < HEX_LEN_MAX);
        out->data[out->len++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
        p += 2;
    }
    return (crdt_bytes){out->data, out->len};
}

#endif
