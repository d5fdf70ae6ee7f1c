#include "base/base64.h"

#include <openssl/evp.h>

#include "base/must.h"

/* EVP_EncodeBlock and EVP_DecodeBlock count in int. */
#define BLOCK_CHARS ((size_t)4)

size_t base64_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

void base64_encode(slice bytes, char *out)
{
    must(bytes.len <= BASE64_IN_MAX);
    int len =
        EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.data, (int)bytes.len);
    must(len >= 0 && (size_t)len == base64_len(bytes.len));
}

static bool is_standard(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* The standard alphabet's character for one of the URL-safe alphabet; 0 if it is none. */
static char standard(char c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return c;
    if (c == '-')
        return '+';
    return c == '_' ? '/' : '\0';
}

static size_t without_padding(slice text)
{
    size_t len = text.len;
    while (len > 0 && text.len - len < 2 && text.data[len - 1] == '=')
        len--;
    return len;
}

bool base64_decode(slice text, char *out, size_t *out_len)
{
    size_t len = without_padding(text);
    if (text.len > INT32_MAX || text.len % BLOCK_CHARS != 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_standard(text.data[i]))
            return false;
    int got =
        EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text.data, (int)text.len);
    if (got < 0)
        return false;
    *out_len = (size_t)got - (text.len - len);
    return true;
}

bool base64_url_decode(slice text, char *out, size_t *out_len)
{
    size_t len = without_padding(text);
    bool padded = len < text.len;
    if (text.len > INT32_MAX || len % BLOCK_CHARS == 1 || (padded && text.len % BLOCK_CHARS != 0))
        return false;
    size_t total = 0;
    for (size_t i = 0; i < len; i += BLOCK_CHARS) {
        char block[4] = {'A', 'A', 'A', 'A'};
        size_t count = len - i < BLOCK_CHARS ? len - i : BLOCK_CHARS;
        for (size_t k = 0; k < count; k++) {
            block[k] = standard(text.data[i + k]);
            if (block[k] == '\0')
                return false;
        }
        unsigned char bytes[3];
        int got = EVP_DecodeBlock(bytes, (const unsigned char *)block, (int)sizeof(block));
        if (got != 3)
            return false;
        memcpy(out + total, bytes, 3);
        total += count - 1;
    }
    *out_len = total;
    return true;
}
