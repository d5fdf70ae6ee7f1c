#include "typing.h"

#include <string.h>

#include "runtime.h"
#include "varuint.h"

static const char root[] = "content";
#define ROOT_LEN (sizeof(root) - 1)

/* yjs/src/structs/Item.js: ContentString, and whether there is an origin. */
#define INFO_STRING     0x04
#define INFO_HAS_ORIGIN 0x80

static uint8_t *put_string(uint8_t *at, const char *text, size_t len)
{
    at = varuint_put(at, len);
    memcpy(at, text, len);
    return at + len;
}

typing typing_start(unsigned index)
{
    return (typing){
        .client = 0x10000000u + (uint32_t)(load_now_ns() >> 10) % 0x10000000u + index,
    };
}

/* The update's structs; returns where they end. */
static uint8_t *put_insertion(const typing *t, const char *text, size_t text_len, uint8_t *at)
{
    *at++ = 1; /* one client */
    *at++ = 1; /* with one struct */
    at = varuint_put(at, t->client);
    at = varuint_put(at, t->clock);
    if (t->clock == 0) {
        *at++ = INFO_STRING;
        *at++ = 1; /* the parent is a root, by name */
        at = put_string(at, root, ROOT_LEN);
    } else {
        *at++ = INFO_STRING | INFO_HAS_ORIGIN;
        at = varuint_put(at, t->client);
        at = varuint_put(at, t->clock - 1);
    }
    return put_string(at, text, text_len);
}

size_t typing_next(typing *t, const char *text, size_t text_len, uint8_t *out)
{
    uint8_t *at = put_insertion(t, text, text_len, out);
    *at++ = 0; /* nothing is deleted */
    t->clock += (uint32_t)text_len;
    return (size_t)(at - out);
}

size_t typing_replace(typing *t, const char *text, size_t text_len, uint8_t *out)
{
    if (t->clock == 0)
        return typing_next(t, text, text_len, out);
    uint8_t *at = put_insertion(t, text, text_len, out);
    *at++ = 1; /* of one client */
    at = varuint_put(at, t->client);
    *at++ = 1; /* one range is deleted */
    at = varuint_put(at, t->clock - (uint32_t)text_len);
    at = varuint_put(at, text_len);
    t->clock += (uint32_t)text_len;
    return (size_t)(at - out);
}
