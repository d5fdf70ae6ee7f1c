#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LOG_LINE_MAX 1024 /* longer ones are cut */

/* One write a line, so that lines of different threads do not mix. */
static void write_line(const char *level, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(line + len, sizeof(line) - len, ".%03ldZ %s ", now.tv_nsec / 1000000,
                            level);
    int written = vsnprintf(line + len, sizeof(line) - len, format, args);
    len += written > 0 ? (size_t)written : 0;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    fwrite(line, 1, len, stderr);
}

#define LOG_LEVEL(name, level)                                                                     \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        write_line(level, format, args);                                                           \
        va_end(args);                                                                              \
    }

LOG_LEVEL(log_info, "info")
LOG_LEVEL(log_warn, "warn")
LOG_LEVEL(log_error, "error")
