/* The assertion that stays on: for what can only be our own mistake, where carrying on would store
 * or send the damage. */
#ifndef WEFT_BASE_MUST_H
#define WEFT_BASE_MUST_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define must(condition) ((condition) ? (void)0 : must_failed(#condition, __FILE__, __LINE__))

_Noreturn static inline void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "weft: %s:%d: must hold: %s\n", file, line, condition);
    abort();
}

/* From a pointer to an embedded struct to the struct it is embedded in. */
#ifndef container_of
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#endif

#endif
