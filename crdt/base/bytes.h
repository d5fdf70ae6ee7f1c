/* Bounded reader and growing writer for lib0's primitives: varuint, varint, byte strings.
 *
 * A reader remembers its first failure, yields zeros after it, and is asked once per record (`ok`).
 * Numbers above 2^53-1 fail; overlong forms up to CRDT__VARUINT_LEN_MAX bytes are accepted
 * (lib0/decoding.js readVarUint). A writer remembers that memory ran out, and is asked once at the
 * end (crdt__writer_finish).
 */
#ifndef CRDT_BASE_BYTES_H
#define CRDT_BASE_BYTES_H

#include <string.h>

#include "crdt.h"

#define CRDT__VARUINT_LEN_MAX 10

typedef struct crdt__reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool ok;
} crdt__reader;

static inline crdt__reader crdt__reader_of(crdt_bytes bytes)
{
    /* NULL + 0 is undefined in C. */
    return (crdt__reader){bytes.data, bytes.len > 0 ? bytes.data + bytes.len : bytes.data, true};
}

static inline size_t crdt__reader_left(const crdt__reader *r)
{
    return (size_t)(r->end - r->pos);
}

static inline bool crdt__reader_at_end(const crdt__reader *r)
{
    return r->ok && r->pos == r->end;
}

/* Marks the record as bad and lets nothing more be read. Returns 0 for use in expressions. */
static inline uint64_t crdt__reader_fail(crdt__reader *r)
{
    r->ok = false;
    r->pos = r->end;
    return 0;
}

uint64_t crdt__read_varuint_slow(crdt__reader *r);

/* A word whose first byte in memory is its lowest, and back. Known to the compiler. */
static inline uint64_t crdt__first_lowest(uint64_t word)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, sizeof first);
    return first ? word : __builtin_bswap64(word);
}

/* Eight bytes, the first one lowest. */
static inline uint64_t crdt__word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return crdt__first_lowest(word);
}

/* The varuint whose bytes the word begins with, and how many they are: 0, and nothing, for one that
 * goes on behind the eighth. Without a branch, since no two lengths come in turn. */
static inline size_t crdt__varuint_of_word(uint64_t word, uint64_t *value)
{
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (ends == 0)
        return 0;
    word &= ends ^ (ends - 1);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    *value = (word & UINT64_C(0x0fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    return ((size_t)__builtin_ctzll(ends) >> 3) + 1;
}

/* The bytes of a varuint, the first one lowest, and how many they are. `value` is below 2^56. */
static inline size_t crdt__word_of_varuint(uint64_t value, uint64_t *word)
{
    value = (value & UINT64_C(0x000000000fffffff)) | (value & UINT64_C(0x00fffffff0000000)) << 4;
    value = (value & UINT64_C(0x00003fff00003fff)) | (value & UINT64_C(0x0fffc0000fffc000)) << 2;
    value = (value & UINT64_C(0x007f007f007f007f)) | (value & UINT64_C(0x3f803f803f803f80)) << 1;
    size_t len = (71 - (size_t)__builtin_clzll(value | 1)) >> 3;
    *word = value | (UINT64_C(0x8080808080808080) & ((UINT64_C(1) << (8 * (len - 1))) - 1));
    return len;
}

static inline uint8_t crdt__read_u8(crdt__reader *r)
{
    return r->pos < r->end ? *r->pos++ : (uint8_t)crdt__reader_fail(r);
}

static inline uint64_t crdt__read_varuint(crdt__reader *r)
{
    if (r->pos < r->end && *r->pos < 0x80)
        return *r->pos++;
    return crdt__read_varuint_slow(r);
}

/* Signed number: the magnitude is returned, the sign goes to `negative` (negative zero exists). */
uint64_t crdt__read_varint(crdt__reader *r, bool *negative);

/* `len` raw bytes, borrowed from the input. */
static inline crdt_bytes crdt__read_bytes(crdt__reader *r, uint64_t len)
{
    if (len > crdt__reader_left(r)) {
        crdt__reader_fail(r);
        return (crdt_bytes){NULL, 0};
    }
    crdt_bytes bytes = {r->pos, (size_t)len};
    if (len > 0) /* NULL + 0 is undefined in C */
        r->pos += len;
    return bytes;
}

/* varuint length, then the bytes; borrowed from the input. */
static inline crdt_bytes crdt__read_varbytes(crdt__reader *r)
{
    return crdt__read_bytes(r, crdt__read_varuint(r));
}

/* The same, checked to be UTF-8 as a fatal TextDecoder checks it. */
crdt_bytes crdt__read_varstring(crdt__reader *r);

/* ---- writing ---- */

typedef struct crdt__writer {
    uint8_t *pos; /* next byte; within buf->data */
    uint8_t *end;
    crdt_buf *buf;
    size_t start_len; /* buf->len at the beginning, restored on failure */
    bool ok;
} crdt__writer;

/* Writes behind what `buf` holds; `buf` must not be touched until crdt__writer_finish. */
crdt__writer crdt__writer_on(crdt_buf *buf);
/* Makes what was written part of the buffer, or drops it: CRDT_OK or CRDT_NO_MEMORY. */
CRDT_MUST_CHECK crdt_err crdt__writer_finish(crdt__writer *w);
/* Bytes written so far. */
size_t crdt__writer_len(const crdt__writer *w);
/* Makes room for `len` more bytes; false once memory ran out. */
bool crdt__writer_grow(crdt__writer *w, size_t len);

static inline bool crdt__writer_room(crdt__writer *w, size_t len)
{
    return (size_t)(w->end - w->pos) >= len || crdt__writer_grow(w, len);
}

static inline void crdt__write_u8(crdt__writer *w, uint8_t byte)
{
    if (crdt__writer_room(w, 1))
        *w->pos++ = byte;
}

/* Eight bytes, the lowest first. */
static inline void crdt__put_word(uint8_t *p, uint64_t word)
{
    word = crdt__first_lowest(word);
    memcpy(p, &word, sizeof word);
}

/* The rest of crdt__put_varuint, without a branch. */
static inline uint8_t *crdt__put_long_varuint(uint8_t *p, uint64_t value)
{
    uint64_t word;
    size_t len = crdt__word_of_varuint(value, &word);
    crdt__put_word(p, word);
    return p + len;
}

/* Writes a number of up to 2^53-1 where there is room for a word; returns the place behind it. The
 * clocks of one document are mostly of one length, so that branches cost least. */
static inline uint8_t *crdt__put_varuint(uint8_t *p, uint64_t value)
{
    if (value >= UINT64_C(1) << 21)
        return crdt__put_long_varuint(p, value);
    if (value < 0x80) {
        *p = (uint8_t)value;
        return p + 1;
    }
    p[0] = (uint8_t)(0x80 | value);
    p[1] = (uint8_t)(value >> 7);
    if (value < 0x4000)
        return p + 2;
    p[1] = (uint8_t)(0x80 | value >> 7);
    p[2] = (uint8_t)(value >> 14);
    return p + 3;
}

static inline void crdt__write_varuint(crdt__writer *w, uint64_t value)
{
    if (crdt__writer_room(w, CRDT__VARUINT_LEN_MAX))
        w->pos = crdt__put_varuint(w->pos, value);
}

/* A signed number: one bit for the sign and six of the magnitude, then the rest as a varuint. */
static inline void crdt__write_varint(crdt__writer *w, uint64_t magnitude, bool negative)
{
    if (!crdt__writer_room(w, 1 + CRDT__VARUINT_LEN_MAX))
        return;
    uint64_t rest = magnitude >> 6;
    *w->pos++ = (uint8_t)((rest > 0 ? 0x80 : 0) | (negative ? 0x40 : 0) | (magnitude & 0x3f));
    if (rest > 0)
        w->pos = crdt__put_varuint(w->pos, rest);
}

void crdt__write_bytes(crdt__writer *w, const void *data, size_t len);
void crdt__write_varbytes(crdt__writer *w, crdt_bytes bytes);

/* Bytes that `value` takes as a varuint. */
static inline size_t crdt__varuint_len(uint64_t value)
{
    size_t len = 1;
    for (; value > 0x7f; value >>= 7)
        len++;
    return len;
}

/* ---- memory ---- */

/* As realloc and free, through `mem` (NULL: malloc). A `new_size` of 0 is never asked for. */
void *crdt__resize(const crdt_mem *mem, void *old, size_t old_size, size_t new_size);
void crdt__release(const crdt_mem *mem, void *ptr, size_t size);

static inline bool crdt__bytes_equal(crdt_bytes a, crdt_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
