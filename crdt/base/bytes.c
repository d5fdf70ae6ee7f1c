#include "base/bytes.h"

#include <stdlib.h>

#include "base/utf16.h"

/* The smallest buffer worth asking for. */
#define BUF_CAP_MIN 64

/* ---- reading ---- */

/* Adds groups of seven bits to `value`, whose next bit is `shift`, until one says that it is the
 * last. */
static uint64_t read_groups(crdt__reader *r, uint64_t value, unsigned shift, unsigned shift_max)
{
    for (; shift <= shift_max && r->pos < r->end; shift += 7) {
        uint8_t byte = *r->pos++;
        uint64_t group = byte & 0x7f;
        if (group != 0 && shift > 53)
            break;
        value |= group << (shift > 53 ? 0 : shift);
        if (byte < 0x80)
            return value <= CRDT_CLOCK_MAX ? value : crdt__reader_fail(r);
    }
    return crdt__reader_fail(r);
}

uint64_t crdt__read_varuint_slow(crdt__reader *r)
{
    if (crdt__reader_left(r) >= 2 && r->pos[1] < 0x80) { /* the first byte is none that ends */
        uint64_t value = (r->pos[0] & 0x7fu) | (uint64_t)r->pos[1] << 7;
        r->pos += 2;
        return value;
    }
    if (crdt__reader_left(r) >= 8) {
        uint64_t value;
        size_t len = crdt__varuint_of_word(crdt__word_at(r->pos), &value);
        if (len > 0 && value <= CRDT_CLOCK_MAX) {
            r->pos += len;
            return value;
        }
    }
    return read_groups(r, 0, 0, 7 * (CRDT__VARUINT_LEN_MAX - 1));
}

uint64_t crdt__read_varint(crdt__reader *r, bool *negative)
{
    uint8_t first = crdt__read_u8(r);
    *negative = (first & 0x40) != 0;
    if (first < 0x80)
        return first & 0x3f;
    return read_groups(r, first & 0x3f, 6, 6 + 7 * (CRDT__VARUINT_LEN_MAX - 2));
}

crdt_bytes crdt__read_varstring(crdt__reader *r)
{
    crdt_bytes text = crdt__read_varbytes(r);
    if (!crdt__utf8_valid(text, NULL)) {
        crdt__reader_fail(r);
        return (crdt_bytes){NULL, 0};
    }
    return text;
}

/* ---- writing ---- */

crdt__writer crdt__writer_on(crdt_buf *buf)
{
    crdt__writer w = {NULL, NULL, buf, buf->len, true};
    if (buf->cap > 0) {
        w.pos = buf->data + buf->len;
        w.end = buf->data + buf->cap;
    }
    return w;
}

size_t crdt__writer_len(const crdt__writer *w)
{
    return w->pos == NULL ? 0 : (size_t)(w->pos - w->buf->data) - w->start_len;
}

crdt_err crdt__writer_finish(crdt__writer *w)
{
    w->buf->len = w->start_len + (w->ok ? crdt__writer_len(w) : 0);
    return w->ok ? CRDT_OK : CRDT_NO_MEMORY;
}

bool crdt__writer_grow(crdt__writer *w, size_t len)
{
    crdt_buf *buf = w->buf;
    size_t used = w->start_len + crdt__writer_len(w);
    size_t cap = buf->cap < BUF_CAP_MIN / 2 ? BUF_CAP_MIN : buf->cap * 2;
    if (cap < used + len)
        cap = used + len;
    /* Far from overflow: what is written comes from bytes in memory, and grows by a small factor at
     * most. */
    uint8_t *data = w->ok ? crdt__resize(buf->mem, buf->data, buf->cap, cap) : NULL;
    if (data == NULL) {
        w->ok = false;
        w->end = w->pos; /* no room for anything from now on */
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    w->pos = data + used;
    w->end = data + cap;
    return true;
}

void crdt__write_bytes(crdt__writer *w, const void *data, size_t len)
{
    if (len == 0 || !crdt__writer_room(w, len))
        return;
    memcpy(w->pos, data, len);
    w->pos += len;
}

void crdt__write_varbytes(crdt__writer *w, crdt_bytes bytes)
{
    crdt__write_varuint(w, bytes.len);
    crdt__write_bytes(w, bytes.data, bytes.len);
}

/* ---- memory ---- */

void *crdt__resize(const crdt_mem *mem, void *old, size_t old_size, size_t new_size)
{
    return mem != NULL ? mem->resize(mem->ctx, old, old_size, new_size) : realloc(old, new_size);
}

void crdt__release(const crdt_mem *mem, void *ptr, size_t size)
{
    if (mem != NULL)
        mem->release(mem->ctx, ptr, size);
    else
        free(ptr);
}

void crdt_buf_free(crdt_buf *buf)
{
    crdt__release(buf->mem, buf->data, buf->cap);
    *buf = (crdt_buf){.mem = buf->mem};
}
