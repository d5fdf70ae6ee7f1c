/* Event ids as clients see them: `SEQ.EPOCH`, `0` before everything. */
#ifndef WEFT_BASE_EVENTID_H
#define WEFT_BASE_EVENTID_H

#include "base/slice.h"

typedef struct event_id {
    uint64_t seq; /* 0: before everything */
    uint32_t epoch;
    bool has_epoch; /* a client may leave it out: today's is meant */
} event_id;

/* 20 digits, a point, 8 digits, and the end. */
#define EVENT_ID_TEXT_MAX 30

/* `SEQ` or `SEQ.EPOCH`: decimal digits without a leading zero but for 0 itself, eight lower-case
 * hex digits. */
bool event_id_parse(slice text, event_id *out);

/* Eight lower-case hex digits. */
bool event_id_parse_epoch(slice text, uint32_t *out);

/* Writes `0` for seq 0, `SEQ.EPOCH` for all else, ended by NUL; returns the length without it. */
size_t event_id_print(event_id id, char out[EVENT_ID_TEXT_MAX]);

/* Eight hex digits and NUL. */
void event_id_print_epoch(uint32_t epoch, char out[9]);

#endif
