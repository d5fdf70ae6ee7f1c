#include "past/kept.h"

#include <stdlib.h>
#include <string.h>

#include "persist/persist.h"

/* One value on its way out of a read transaction. */
typedef struct copying {
    uint64_t seq;
    crdt_buf bytes;
    bool short_of_memory;
} copying;

static void copy(void *arg, uint64_t seq, store_bytes state)
{
    copying *c = arg;
    c->seq = seq;
    c->bytes.data = malloc(state.len + 1);
    c->short_of_memory = c->bytes.data == NULL;
    if (c->short_of_memory)
        return;
    if (state.len > 0)
        memcpy(c->bytes.data, state.data, state.len);
    c->bytes.len = state.len;
    c->bytes.cap = state.len + 1;
}

/* None is ERR_OK, and leaves *out as it is. */
static err find(store *s, uint64_t number, uint64_t until, copying *out)
{
    store_err found = store_checkpoint_find(s, number, until, copy, out);
    if (found == STORE_NOT_FOUND)
        return ERR_OK;
    if (found != STORE_OK)
        return persist_err(found);
    return out->short_of_memory ? ERR_NO_MEMORY : ERR_OK;
}

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static err find_base(store *s, uint64_t number, kept *k)
{
    copying base = {0};
    err failed = find(s, number, k->base_seq, &base);
    if (failed == ERR_OK && base.seq == k->base_seq)
        k->base = base.bytes;
    else
        crdt_buf_free(&base.bytes);
    return failed;
}

err kept_find(store *s, uint64_t number, uint64_t until, kept *out)
{
    copying c = {0};
    err failed = find(s, number, until, &c);
    *out = (kept){.seq = c.seq, .bytes = c.bytes};
    if (failed == ERR_OK)
        out->base_seq = checkpoint_base_seq(bytes_of(&out->bytes));
    if (failed == ERR_OK && out->base_seq > 0)
        failed = find_base(s, number, out);
    if (failed != ERR_OK) {
        kept_free(out);
        *out = (kept){0};
    }
    return failed;
}

void kept_free(kept *k)
{
    crdt_buf_free(&k->bytes);
    crdt_buf_free(&k->base);
}

err kept_apply(const kept *k, crdt_doc *doc, uint64_t *len)
{
    return checkpoint_apply(doc, bytes_of(&k->bytes), bytes_of(&k->base), len);
}

checkpoint_base kept_base(const kept *k)
{
    if (k->base_seq > 0)
        return (checkpoint_base){k->base_seq, bytes_of(&k->base)};
    return (checkpoint_base){k->seq, bytes_of(&k->bytes)};
}
