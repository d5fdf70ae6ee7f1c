/* The book of a run: which events there were, when each was sent, and who has heard of it.
 *
 * Each event is a Yjs update that inserts a text which begins with a mark: the writer's number in
 * its document, and that of the event. However a server merges updates, the marks are in what it
 * sends; so every delivery of every event is counted, and each must come once. The events of one
 * writer must come in order.
 *
 * In a book of replacing each event also deletes the text of the writer's one before it, so that
 * the document stays small however much is written. Whoever is caught up from the document's state
 * is not told then what is there no more: an event brings those before it with it. */
#ifndef FAN_BOOK_H
#define FAN_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hist.h"
#include "typing.h"

#define BOOK_NAME_LEN_MAX 32

/* How updates travel where text must. */
typedef enum book_form { BOOK_BYTES, BOOK_BASE64 } book_form;

typedef struct book {
    struct book_document *documents;
    unsigned document_count;
    unsigned writers; /* of each document */
    size_t text_len;
    bool replaces;
    char *text;
    uint64_t events;
    uint64_t due;        /* deliveries that must come */
    uint64_t deliveries; /* that came */
    uint64_t repeated;   /* that came again */
    hist latency_us;
} book;

/* What one reader has heard: for each writer of its document, how many of its events. */
typedef struct book_reader {
    unsigned document;
    bool counts; /* its deliveries count; a writer that listens for its own events does not */
    uint32_t *heard;
} book_reader;

void book_open(book *b, unsigned documents, unsigned writers, size_t text_len, bool replaces);
void book_close(book *b);

/* Names are new in each run. */
const char *book_name(const book *b, unsigned document);

void book_enter(book *b, book_reader *r, unsigned document, bool counts);
void book_leave(book_reader *r);

/* The next event of a writer, sent now. `out` has room for book_update_len_max(). */
size_t book_write(book *b, unsigned document, unsigned writer, uint8_t *out);
size_t book_update_len_max(const book *b);

/* An update came: enters each event in it that the reader has not heard of. */
void book_hear(book *b, book_reader *r, const void *update, size_t len, book_form form);

/* The state vector of a reader: what Yjs would have, had it applied what it heard. Returns its
 * length; `out` has room for 16 bytes for each writer, and 16 more. */
size_t book_state_vector(const book *b, const book_reader *r, uint8_t *out);

/* Every reader has heard every event. */
bool book_is_even(const book *b);

/* Forgets latencies and counts; it must be even. */
void book_turn_page(book *b);

#endif
