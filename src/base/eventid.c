#include "base/eventid.h"

#define EPOCH_DIGITS 8

static bool parse_seq(slice digits, uint64_t *out)
{
    if (digits.len == 0 || (digits.len > 1 && digits.data[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.data[i];
        if (c < '0' || c > '9')
            return false;
        uint64_t digit = (uint64_t)(c - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool event_id_parse_epoch(slice text, uint32_t *out)
{
    if (text.len != EPOCH_DIGITS)
        return false;
    uint32_t value = 0;
    for (size_t i = 0; i < EPOCH_DIGITS; i++) {
        char c = text.data[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

bool event_id_parse(slice text, event_id *out)
{
    event_id id = {0};
    const char *point = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
    slice seq = text;
    if (point != NULL) {
        seq.len = (size_t)(point - text.data);
        slice epoch = {point + 1, text.len - seq.len - 1};
        if (!event_id_parse_epoch(epoch, &id.epoch))
            return false;
        id.has_epoch = true;
    }
    if (!parse_seq(seq, &id.seq))
        return false;
    *out = id;
    return true;
}

void event_id_print_epoch(uint32_t epoch, char out[9])
{
    for (size_t i = 0; i < EPOCH_DIGITS; i++)
        out[i] = "0123456789abcdef"[epoch >> (28 - 4 * i) & 15];
    out[EPOCH_DIGITS] = '\0';
}

size_t event_id_print(event_id id, char out[EVENT_ID_TEXT_MAX])
{
    char digits[20];
    size_t count = 0;
    uint64_t rest = id.seq;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    size_t len = 0;
    while (count > 0)
        out[len++] = digits[--count];
    if (id.seq > 0) {
        out[len++] = '.';
        event_id_print_epoch(id.epoch, out + len);
        len += EPOCH_DIGITS;
    }
    out[len] = '\0';
    return len;
}
