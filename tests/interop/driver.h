/* What the files of the interop driver share: the words of a request, and answers. */
#ifndef DRIVER_H
#define DRIVER_H

#include "crdt.h"

/* What a request's first word asks for. Tables end with a NULL name. */
typedef struct request {
    const char *name;
    void (*act)(void);
} request;

extern const request edit_requests[];
extern const request moment_requests[];

/* Ends the driver: the request is not understood. */
_Noreturn void die(const char *why);

/* The words of the request; the first is its name. */
size_t word_count(void);
const char *word(size_t i);
char *word_text(size_t i); /* to be taken apart */
uint64_t number(size_t i);
crdt_doc *doc_at(size_t i);
crdt_type type_at(size_t i);
crdt_bytes bytes(size_t i);          /* decoded, good until the next request */
crdt_encoding encoding_at(size_t i); /* v2 if the word is there and says so */

/* Answers with `ok` or `err`; the bytes are freed. */
void answer(crdt_err err);
void answer_bytes(crdt_err err, crdt_buf *out);
void print_bytes(crdt_bytes text); /* behind an `ok`: a space, and base64 */

#endif
