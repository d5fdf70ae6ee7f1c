/* The answer of a write, as JSON. Written by hand in this one place: it is small, its parts need no
 * escaping, and at a hundred thousand writes a second a JSON library is what the server would
 * mostly do. */
#ifndef WEFT_API_ANSWER_H
#define WEFT_API_ANSWER_H

#include "http/message.h"
#include "room/room.h"

/* Returns owned the JSON: {"id","changed","pending"}, "missing" if the write left something
 * pending, and "epoch" if `epoch` is not NULL. Aborts when out of memory. */
frame *answer_of_write(const room_write *w, const uint32_t *epoch);

/* Answers `ex` with that of a write that succeeded: 200. */
void answer_respond(http_exchange *ex, const room_write *w);

#endif
