#include "typing.h"

#include <string.h>

/* What is typed at a time: with the ids around it, an update of about 30 bytes. */
static const char words[] = "the quick fox";
#define WORDS_LEN (sizeof(words) - 1)

static const char root[] = "content";
#define ROOT_LEN (sizeof(root) - 1)

/* yjs/src/structs/Item.js: ContentString, and whether there is an origin. */
#define INFO_STRING     0x04
#define INFO_HAS_ORIGIN 0x80

static uint8_t *put_varuint(uint8_t *at, uint32_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(0x80 | (value & 0x7f));
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_string(uint8_t *at, const char *text, size_t len)
{
    *at++ = (uint8_t)len;
    memcpy(at, text, len);
    return at + len;
}

size_t typing_next(typing *t, uint8_t out[TYPING_UPDATE_LEN_MAX])
{
    uint8_t *at = out;
    *at++ = 1; /* one client */
    *at++ = 1; /* with one struct */
    at = put_varuint(at, t->client);
    at = put_varuint(at, t->clock);
    if (t->clock == 0) {
        *at++ = INFO_STRING;
        *at++ = 1; /* the parent is a root, by name */
        at = put_string(at, root, ROOT_LEN);
    } else {
        *at++ = INFO_STRING | INFO_HAS_ORIGIN;
        at = put_varuint(at, t->client);
        at = put_varuint(at, t->clock - 1);
    }
    at = put_string(at, words, WORDS_LEN);
    *at++ = 0; /* nothing is deleted */
    t->clock += (uint32_t)WORDS_LEN;
    return (size_t)(at - out);
}
