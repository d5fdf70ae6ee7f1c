/* One line of an exported history, taken apart: the reverse of past/event_json.h. */
#ifndef WEFT_COMMAND_HISTORY_LINE_H
#define WEFT_COMMAND_HISTORY_LINE_H

#include <store.h>

#include "base/buf.h"
#include "base/eventid.h"

typedef struct history_line {
    event_id id;
    int64_t time_ms;
    buf user;
    buf update;
} history_line;

/* Fills `out`, whose buffers are used again. NULL, or what is wrong: a static sentence. The update
 * is a valid one in format v1. */
const char *history_line_parse(slice text, history_line *out);

void history_line_deinit(history_line *line);

#endif
