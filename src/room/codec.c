#include "room/codec.h"

#include <crdt.h>
#include <stdlib.h>
#include <string.h>

static store_err translate(crdt_err e)
{
    return e == CRDT_OK ? STORE_OK : e == CRDT_NO_MEMORY ? STORE_NO_MEMORY : STORE_CORRUPT;
}

/* Both kinds of buffer are malloc's: one is filled as the other, and handed back. */
static crdt_buf lend(const store_buf *buf)
{
    return (crdt_buf){.data = buf->data, .len = buf->len, .cap = buf->cap};
}

static void give_back(const crdt_buf *lent, store_buf *buf)
{
    *buf = (store_buf){.data = lent->data, .len = lent->len, .cap = lent->cap};
}

static store_err pack(const store_bytes *updates, size_t count, store_buf *out)
{
    crdt_bytes *copies = malloc(count * sizeof(*copies));
    if (copies == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        copies[i] = (crdt_bytes){updates[i].data, updates[i].len};
    crdt_buf buf = lend(out);
    store_err failed = translate(crdt_updates_pack(copies, count, &buf));
    give_back(&buf, out);
    free(copies);
    return failed;
}

static store_err unpack(store_bytes piece, size_t count, store_buf *out, size_t *lens)
{
    crdt_buf buf = lend(out);
    crdt_bytes bytes = {piece.data, piece.len};
    store_err failed = translate(crdt_updates_unpack(bytes, count, &buf, lens));
    give_back(&buf, out);
    return failed;
}

const store_codec room_codec = {pack, unpack};
