/* Points in time as people and machines read them: RFC 3339, UTC, milliseconds. */
#ifndef WEFT_BASE_RFC3339_H
#define WEFT_BASE_RFC3339_H

#include "base/slice.h"

/* 2026-11-21T10:53:15.042Z, with room for years that are longer, and the end. */
#define RFC3339_TEXT_MAX 40

/* Writes the time so many milliseconds after 1970, ended by NUL; returns the length without it. */
size_t rfc3339_print(int64_t unix_ms, char out[RFC3339_TEXT_MAX]);

/* Reads what rfc3339_print writes of the years 0 to 9999, and nothing else. */
bool rfc3339_parse(slice text, int64_t *unix_ms);

#endif
