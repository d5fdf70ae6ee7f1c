/* Immutable bytes shared by all who must send or keep them; freed by the last unref. Loop thread
 * only, but a worker may make one and hand it over. */
#ifndef WEFT_BASE_FRAME_H
#define WEFT_BASE_FRAME_H

#include "base/slice.h"

typedef struct frame {
    size_t len;
    uint32_t refs;
    char data[];
} frame;

/* Returns owned (frame_unref), `len` bytes to be filled in before it is shared; NULL when out of
 * memory. */
frame *frame_new(size_t len);

/* The same with a copy of `bytes` (borrowed). */
frame *frame_copy(slice bytes);

/* Returns its argument, for one more holder. */
frame *frame_ref(frame *f);

/* Accepts NULL. */
void frame_unref(frame *f);

/* frame_unref for callbacks that are handed a void pointer. */
void frame_release(void *f);

slice frame_slice(const frame *f);

#endif
