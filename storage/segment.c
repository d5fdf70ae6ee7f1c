#include "segment.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "key.h"

/* Packing is background work, and what is packed is kept for ever. */
#define COMPRESSION_LEVEL 9

#define AT_COUNT     0u
#define AT_BYTES     4u
#define AT_DIGEST    12u
#define AT_FORM      20u
#define AT_PLAIN_LEN 21u
_Static_assert(AT_PLAIN_LEN + 4 == STORE__SEGMENT_HEAD_LEN, "the head of a segment");

typedef enum form { FORM_PLAIN = 0, FORM_CODEC = 1 } form;

/* ---- growing bytes ---- */

static bool reserve(store_buf *buf, size_t more)
{
    if (more <= buf->cap - buf->len)
        return true;
    size_t cap = buf->cap * 2 > buf->len + more ? buf->cap * 2 : buf->len + more;
    void *data = realloc(buf->data, cap);
    if (!data)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

static bool put_bytes(store_buf *buf, store_bytes bytes)
{
    if (!reserve(buf, bytes.len))
        return false;
    if (bytes.len)
        memcpy((uint8_t *)buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
    return true;
}

static bool put_varint(store_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[len++] = (uint8_t)(0x80 | (value & 0x7f));
    bytes[len++] = (uint8_t)value;
    return put_bytes(buf, (store_bytes){bytes, len});
}

store_err store__buf_put(store_buf *buf, store_bytes bytes)
{
    return put_bytes(buf, bytes) ? STORE_OK : STORE_NO_MEMORY;
}

void store_buf_free(store_buf *buf)
{
    free(buf->data);
    *buf = (store_buf){0};
}

/* ---- bounded reading ---- */

typedef struct cursor {
    const uint8_t *pos;
    const uint8_t *end;
    bool ok;
} cursor;

static store_bytes take_bytes(cursor *c, uint64_t len)
{
    if (len > (uint64_t)(c->end - c->pos)) {
        c->ok = false;
        len = 0;
    }
    store_bytes bytes = {c->pos, (size_t)len};
    c->pos += len;
    return bytes;
}

static uint64_t take_varint(cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->pos < c->end; shift += 7) {
        uint8_t byte = *c->pos++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    c->ok = false;
    return 0;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t coded)
{
    return (int64_t)(coded >> 1) ^ -(int64_t)(coded & 1);
}

/* ---- the digest ---- */

/* An event's checksum: of everything that it is. */
static uint64_t event_checksum(uint64_t number, const store_event *event)
{
    uint8_t head[26];
    store__put_u64(head, number);
    store__put_u64(head + 8, event->seq);
    store__put_u64(head + 16, (uint64_t)event->time_ms);
    store__put_u16(head + 24, (uint16_t)event->user.len);
    XXH64_hash_t sum = XXH3_64bits(head, sizeof(head));
    sum = XXH3_64bits_withSeed(event->user.data, event->user.len, sum);
    return XXH3_64bits_withSeed(event->update.data, event->update.len, sum);
}

static uint64_t digest_of(uint64_t number, const store_event *events, size_t count)
{
    uint64_t digest = count;
    for (size_t i = 0; i < count; i++) {
        uint8_t sum[8];
        store__put_u64(sum, event_checksum(number, &events[i]));
        digest = XXH3_64bits_withSeed(sum, sizeof(sum), digest);
    }
    return digest;
}

/* ---- encoding ---- */

static bool same_user(const store_event *a, const store_event *b)
{
    return a->user.len == b->user.len &&
           (a->user.len == 0 || memcmp(a->user.data, b->user.data, a->user.len) == 0);
}

static bool put_users(store_buf *out, const store_event *events, size_t count)
{
    for (size_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && same_user(&events[i], &events[i + run]);)
            run++;
        if (!put_varint(out, run) || !put_varint(out, events[i].user.len) ||
            !put_bytes(out, events[i].user))
            return false;
    }
    return true;
}

static bool put_times(store_buf *out, const store_event *events, size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (!put_varint(out, zigzag((int64_t)((uint64_t)events[i].time_ms - (uint64_t)last))))
            return false;
        last = events[i].time_ms;
    }
    return true;
}

static bool put_plain_updates(store_buf *out, const store_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!put_varint(out, events[i].update.len))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!put_bytes(out, events[i].update))
            return false;
    return true;
}

static bool put_coded_updates(const store_codec *codec, store_buf *out, const store_event *events,
                              size_t count)
{
    store_bytes *updates = malloc(count * sizeof(*updates));
    if (!updates)
        return false;
    for (size_t i = 0; i < count; i++)
        updates[i] = events[i].update;
    bool ok = codec->pack(updates, count, out) == STORE_OK;
    free(updates);
    return ok;
}

static store_err compress(const store_buf *plain, store_buf *out)
{
    size_t bound = ZSTD_compressBound(plain->len);
    if (!reserve(out, bound))
        return STORE_NO_MEMORY;
    size_t len = ZSTD_compress((uint8_t *)out->data + out->len, bound, plain->data, plain->len,
                               COMPRESSION_LEVEL);
    if (ZSTD_isError(len))
        return STORE_NO_MEMORY;
    out->len += len;
    return STORE_OK;
}

static uint64_t update_bytes(const store_event *events, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += events[i].update.len;
    return bytes;
}

store_err store__segment_encode(const store_codec *codec, uint64_t number,
                                const store_event *events, size_t count, store_buf *out)
{
    store_buf plain = {0};
    uint8_t head[STORE__SEGMENT_HEAD_LEN];
    bool ok = put_users(&plain, events, count) && put_times(&plain, events, count) &&
              (codec ? put_coded_updates(codec, &plain, events, count)
                     : put_plain_updates(&plain, events, count));
    store__put_u32(head + AT_COUNT, (uint32_t)count);
    store__put_u64(head + AT_BYTES, update_bytes(events, count));
    store__put_u64(head + AT_DIGEST, digest_of(number, events, count));
    head[AT_FORM] = codec ? FORM_CODEC : FORM_PLAIN;
    store__put_u32(head + AT_PLAIN_LEN, (uint32_t)plain.len);
    store_err err = !ok ? STORE_NO_MEMORY : plain.len > UINT32_MAX ? STORE_INVALID : STORE_OK;
    if (err == STORE_OK && !put_bytes(out, (store_bytes){head, sizeof(head)}))
        err = STORE_NO_MEMORY;
    if (err == STORE_OK)
        err = compress(&plain, out);
    store_buf_free(&plain);
    return err;
}

/* ---- decoding ---- */

bool store__segment_peek(store_bytes segment, store__segment_head *out)
{
    const uint8_t *at = segment.data;
    if (segment.len < STORE__SEGMENT_HEAD_LEN)
        return false;
    *out = (store__segment_head){.count = store__get_u32(at + AT_COUNT),
                                 .update_bytes = store__get_u64(at + AT_BYTES),
                                 .digest = store__get_u64(at + AT_DIGEST)};
    return true;
}

static store_err decompress(store_bytes segment, store__segment *out, cursor *columns)
{
    const uint8_t *at = segment.data;
    size_t plain_len = store__get_u32(at + AT_PLAIN_LEN);
    out->plain = malloc(plain_len + 1);
    if (!out->plain)
        return STORE_NO_MEMORY;
    size_t len = ZSTD_decompress(out->plain, plain_len, at + STORE__SEGMENT_HEAD_LEN,
                                 segment.len - STORE__SEGMENT_HEAD_LEN);
    if (ZSTD_isError(len) || len != plain_len)
        return STORE_CORRUPT;
    *columns = (cursor){out->plain, (const uint8_t *)out->plain + len, true};
    return STORE_OK;
}

static void take_users(cursor *c, store__segment *out)
{
    for (size_t i = 0; i < out->count && c->ok;) {
        uint64_t run = take_varint(c);
        store_bytes user = take_bytes(c, take_varint(c));
        if (run == 0 || run > out->count - i || user.len > STORE_USER_LEN_MAX)
            c->ok = false;
        for (; c->ok && run > 0; run--)
            out->events[i++].user = user;
    }
}

static void take_times(cursor *c, store__segment *out)
{
    uint64_t last = 0;
    for (size_t i = 0; i < out->count; i++) {
        last += (uint64_t)unzigzag(take_varint(c));
        out->events[i].time_ms = (int64_t)last;
    }
}

static void take_plain_updates(cursor *c, store__segment *out)
{
    for (size_t i = 0; i < out->count; i++)
        out->events[i].update.len = take_varint(c);
    for (size_t i = 0; i < out->count; i++)
        out->events[i].update = take_bytes(c, out->events[i].update.len);
    if (c->pos != c->end)
        c->ok = false;
}

static store_err take_coded_updates(const store_codec *codec, cursor *c, store__segment *out)
{
    if (!codec)
        return STORE_CORRUPT;
    size_t *lens = malloc(out->count * sizeof(*lens));
    if (!lens)
        return STORE_NO_MEMORY;
    store_bytes piece = {c->pos, (size_t)(c->end - c->pos)};
    store_err err = codec->unpack(piece, out->count, &out->updates, lens);
    cursor all = {out->updates.data, NULL, true};
    if (err == STORE_OK && out->updates.len)
        all.end = all.pos + out->updates.len;
    for (size_t i = 0; i < out->count && err == STORE_OK; i++)
        out->events[i].update = out->updates.len ? take_bytes(&all, lens[i]) : (store_bytes){0};
    if (!all.ok)
        err = STORE_CORRUPT;
    free(lens);
    return err;
}

static store_err take_updates(const store_codec *codec, uint8_t how, cursor *c, store__segment *out)
{
    if (how == FORM_CODEC)
        return take_coded_updates(codec, c, out);
    if (how != FORM_PLAIN)
        return STORE_CORRUPT;
    take_plain_updates(c, out);
    return c->ok ? STORE_OK : STORE_CORRUPT;
}

static store_err decode(const store_codec *codec, uint64_t number, uint64_t first_seq,
                        store_bytes segment, store__segment *out)
{
    store__segment_head head;
    cursor columns;
    if (!store__segment_peek(segment, &head) || head.count == 0)
        return STORE_CORRUPT;
    store_err err = decompress(segment, out, &columns);
    /* Each event takes a byte of the columns at least. */
    if (err == STORE_OK && head.count > (uint64_t)(columns.end - columns.pos))
        err = STORE_CORRUPT;
    if (err != STORE_OK)
        return err;
    out->count = head.count;
    out->events = calloc(out->count, sizeof(*out->events));
    if (!out->events)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < out->count; i++)
        out->events[i].seq = first_seq + i;
    take_users(&columns, out);
    take_times(&columns, out);
    if (!columns.ok)
        return STORE_CORRUPT;
    err = take_updates(codec, ((const uint8_t *)segment.data)[AT_FORM], &columns, out);
    if (err == STORE_OK && digest_of(number, out->events, out->count) != head.digest)
        err = STORE_CORRUPT;
    return err;
}

store_err store__segment_decode(const store_codec *codec, uint64_t number, uint64_t first_seq,
                                store_bytes segment, store__segment *out)
{
    *out = (store__segment){0};
    store_err err = decode(codec, number, first_seq, segment, out);
    if (err != STORE_OK)
        store__segment_deinit(out);
    return err;
}

void store__segment_deinit(store__segment *segment)
{
    free(segment->events);
    free(segment->plain);
    store_buf_free(&segment->updates);
    *segment = (store__segment){0};
}
