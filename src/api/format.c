#include "api/format.h"

#include <crdt.h>
#include <stdlib.h>

#include "past/errs.h"

/* On the way there are the structs, spelled out at up to twice their length, and what is made of
 * them, each in a buffer that may be twice what is in it: six times the result, and a little more.
 */
#define FORMAT_ROOM_FACTOR 8
#define FORMAT_ROOM_MIN    ((size_t)64 << 10)

/* malloc up to a limit. */
typedef struct room_left {
    size_t bytes;
    bool refused;
} room_left;

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    room_left *left = ctx;
    if (new_size > old_size && new_size - old_size > left->bytes) {
        left->refused = true;
        return NULL;
    }
    void *new = realloc(old, new_size);
    if (new != NULL)
        left->bytes = left->bytes + old_size - new_size;
    return new;
}

static void release(void *ctx, void *ptr, size_t size)
{
    room_left *left = ctx;
    if (ptr != NULL)
        left->bytes += size;
    free(ptr);
}

static size_t room_for(size_t bytes_max)
{
    if (bytes_max > (SIZE_MAX - FORMAT_ROOM_MIN) / FORMAT_ROOM_FACTOR)
        return SIZE_MAX;
    return bytes_max * FORMAT_ROOM_FACTOR + FORMAT_ROOM_MIN;
}

static err convert(slice v2, crdt_buf *out, const room_left *left, size_t bytes_max)
{
    crdt_bytes update = {(const uint8_t *)v2.data, v2.len};
    err failed = err_of_crdt(crdt_update_convert(CRDT_V2, update, CRDT_V1, out));
    if (failed == ERR_NO_MEMORY && left->refused)
        return ERR_UPDATE_LIMIT;
    return failed == ERR_OK && out->len > bytes_max ? ERR_UPDATE_LIMIT : failed;
}

err format_to_v1(slice v2, size_t bytes_max, frame **out)
{
    room_left left = {.bytes = room_for(bytes_max)};
    crdt_mem mem = {.resize = resize, .release = release, .ctx = &left};
    crdt_buf v1 = {.mem = &mem};
    err failed = convert(v2, &v1, &left, bytes_max);
    frame *made = failed == ERR_OK ? frame_copy((slice){(const char *)v1.data, v1.len}) : NULL;
    crdt_buf_free(&v1);
    if (failed != ERR_OK)
        return failed;
    if (made == NULL)
        return ERR_NO_MEMORY;
    *out = made;
    return ERR_OK;
}
