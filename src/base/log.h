/* Lines for operators, on standard error: time, level, message. Any thread. */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))

LOG_PRINTF void log_info(const char *format, ...);
LOG_PRINTF void log_warn(const char *format, ...);
LOG_PRINTF void log_error(const char *format, ...);

#endif
