/* As much of HTTP/1.1 as answers to a load program need: heads, and bodies of a known length. */
#ifndef FAN_HTTP_H
#define FAN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct http_head {
    const char *at;
    size_t len; /* with the empty line */
    unsigned status;
    size_t body_len; /* Content-Length, else 0 */
} http_head;

/* Reads a head; false: it is not whole yet. */
bool http_read_head(const uint8_t *data, size_t len, http_head *head);

/* Copies the value of a field to `out`, terminated; empty if it is not there. */
void http_field(const http_head *head, const char *name, char *out, size_t out_len);

/* Ends the program, and prints the head: it is not the answer one expects. */
_Noreturn void http_refuse(const http_head *head, const char *what);

/* What a browser sends along with every request (Chromium 140, a page of the same origin): for
 * measuring what a request weighs. */
extern const char http_browser_fields[];

#endif
