/* What every load program needs. Failures end the program: a benchmark that goes on after one
 * measures something else. */
#ifndef BENCH_RUNTIME_H
#define BENCH_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

/* Ends the program with a message. */
_Noreturn void load_fail(const char *what);

uint64_t load_now_ns(void);

/* As many descriptors as may be had. */
void load_raise_file_limit(void);

/* What a flag says: a number up to ten million, or the end. */
unsigned load_number(const char *text);

/* realloc, or the end. */
void *load_grow(void *old, size_t len);

#endif
