/* An answer whose body is a frame that others may share: it is sent as the peer takes it, so that a
 * hundred slow readers of one state cost one state. */
#ifndef WEFT_API_SHARED_BODY_H
#define WEFT_API_SHARED_BODY_H

#include "base/frame.h"
#include "http/message.h"

/* Bodies up to this long are copied into the answer; of longer ones so much at once. */
#define SHARED_BODY_PIECE_LEN ((size_t)64 * 1024)

/* Answers 200 as http_respond does, with what is in `body` from `at` on; keeps it until the answer
 * ends. */
void respond_shared(http_exchange *ex, const http_field *fields, size_t field_count, frame *body,
                    size_t at);

#endif
