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
