/* One event as JSON, as history shows it and as it is exported:
 *
 *     {"id":"42.9f3c1a07","time":"2026-11-21T10:53:15.042Z","bytes":17,"clients":[5],"user":null,
 *      "update":"<base64>"}
 *
 * on one line. `bytes` counts the update as it was recorded; `clients` are those with structs in
 * it. Any thread. */
#ifndef WEFT_PAST_EVENT_JSON_H
#define WEFT_PAST_EVENT_JSON_H

#include <store.h>

#include "base/buf.h"
#include "base/err.h"

typedef enum event_form {
    EVENT_RECORDED, /* with the update's very bytes */
    EVENT_V2,       /* with the update in format v2 */
    EVENT_BARE      /* without "update" */
} event_form;

/* Appends the JSON of `event`, of a document with `epoch`. ERR_STORAGE: its update is none, or its
 * user no UTF-8; ERR_NO_MEMORY. `out` is then as it was. */
ERR_MUST_CHECK err event_json_append(buf *out, const store_event *event, uint32_t epoch,
                                     event_form form);

/* Appends what the form has for "update", in base64 without quotes; nothing for EVENT_BARE. Errors
 * likewise. */
ERR_MUST_CHECK err event_update_append(buf *out, store_bytes update, event_form form);

#endif
