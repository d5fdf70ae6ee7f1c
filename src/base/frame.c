#include "base/frame.h"

#include <stdlib.h>

#include "base/must.h"

frame *frame_new(size_t len)
{
    if (len > SIZE_MAX - sizeof(frame))
        return NULL;
    frame *f = malloc(sizeof(*f) + len);
    if (f == NULL)
        return NULL;
    f->len = len;
    f->refs = 1;
    return f;
}

frame *frame_copy(slice bytes)
{
    frame *f = frame_new(bytes.len);
    if (f != NULL && bytes.len > 0)
        memcpy(f->data, bytes.data, bytes.len);
    return f;
}

frame *frame_ref(frame *f)
{
    must(f->refs > 0 && f->refs < UINT32_MAX);
    f->refs++;
    return f;
}

void frame_unref(frame *f)
{
    if (f == NULL)
        return;
    must(f->refs > 0);
    if (--f->refs == 0)
        free(f);
}

void frame_release(void *f)
{
    frame_unref(f);
}

slice frame_slice(const frame *f)
{
    return (slice){f->data, f->len};
}
