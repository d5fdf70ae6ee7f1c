#include "base/rfc3339.h"

#include <stdio.h>
#include <time.h>

#include "base/must.h"

size_t rfc3339_print(int64_t unix_ms, char out[RFC3339_TEXT_MAX])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    int ms = (int)(unix_ms % 1000);
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    struct tm utc;
    must(gmtime_r(&seconds, &utc) != NULL);
    size_t len = strftime(out, RFC3339_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    int rest = snprintf(out + len, RFC3339_TEXT_MAX - len, ".%03dZ", ms);
    must(len > 0 && rest == 5);
    return len + (size_t)rest;
}

/* So many digits at `*at`, which moves on. */
static bool read_digits(slice text, size_t *at, size_t count, int *out)
{
    *out = 0;
    for (size_t end = *at + count; *at < end; ++*at) {
        char c = text.data[*at];
        if (c < '0' || c > '9')
            return false;
        *out = *out * 10 + (c - '0');
    }
    return true;
}

bool rfc3339_parse(slice text, int64_t *unix_ms)
{
    static const struct {
        size_t digits;
        char behind;
    } parts[] = {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '.'}, {3, 'Z'}};
    int numbers[7];
    size_t at = 0;
    if (text.len != sizeof("2026-11-21T10:53:15.042Z") - 1)
        return false;
    for (size_t i = 0; i < 7; i++)
        if (!read_digits(text, &at, parts[i].digits, &numbers[i]) ||
            text.data[at++] != parts[i].behind)
            return false;
    struct tm utc = {.tm_year = numbers[0] - 1900,
                     .tm_mon = numbers[1] - 1,
                     .tm_mday = numbers[2],
                     .tm_hour = numbers[3],
                     .tm_min = numbers[4],
                     .tm_sec = numbers[5]};
    int64_t ms = (int64_t)timegm(&utc) * 1000 + numbers[6];
    /* Days and hours that there are not come out as others. */
    char back[RFC3339_TEXT_MAX];
    if (!slice_equal((slice){back, rfc3339_print(ms, back)}, text))
        return false;
    *unix_ms = ms;
    return true;
}
