/* The columns that update format v2 is made of: runs of numbers, bytes and strings, each a small
 * machine with a buffer of its own (lib0/encoding.js and decoding.js: RleEncoder,
 * UintOptRleEncoder, IncUintOptRleEncoder, IntDiffOptRleEncoder, StringEncoder).
 *
 * Readers are as crdt__reader: they remember their first failure in r.ok and yield zeros after it.
 * Reading past the end is a failure. Writers remember that memory ran out.
 */
#ifndef CRDT_BASE_COLUMNS_H
#define CRDT_BASE_COLUMNS_H

#include "base/bytes.h"
#include "base/utf16.h"

/* ---- reading ---- */

/* UintOptRle: a value, or a run of it. */
typedef struct crdt__uint_column {
    crdt__reader r;
    uint64_t value;
    uint64_t left; /* of the run */
} crdt__uint_column;

static inline crdt__uint_column crdt__uint_column_of(crdt_bytes bytes)
{
    return (crdt__uint_column){.r = crdt__reader_of(bytes)};
}

void crdt__uint_column_refill(crdt__uint_column *column);

static inline uint64_t crdt__uint_column_read(crdt__uint_column *column)
{
    if (column->left == 0)
        crdt__uint_column_refill(column);
    column->left--;
    return column->value;
}

/* IncUintOptRle: the same coding, but the values of a run go up by one. No update has such a
 * column. */
uint64_t crdt__rising_column_read(crdt__uint_column *column);

/* IntDiffOptRle: differences, each once or a run of it. Values are clocks. */
typedef struct crdt__diff_column {
    crdt__reader r;
    int64_t value;
    int64_t diff;
    uint64_t left;
} crdt__diff_column;

static inline crdt__diff_column crdt__diff_column_of(crdt_bytes bytes)
{
    return (crdt__diff_column){.r = crdt__reader_of(bytes)};
}

void crdt__diff_column_refill(crdt__diff_column *column);
/* A value that is no clock: fails, and starts anew from 0. */
void crdt__diff_column_fail(crdt__diff_column *column);

static inline uint64_t crdt__diff_column_read(crdt__diff_column *column)
{
    if (column->left == 0)
        crdt__diff_column_refill(column);
    column->left--;
    column->value += column->diff;
    if ((uint64_t)column->value > CRDT_CLOCK_MAX)
        crdt__diff_column_fail(column);
    return (uint64_t)column->value;
}

/* Rle of bytes: a byte and how often, but of the last one, which goes on without end. */
typedef struct crdt__byte_column {
    crdt__reader r;
    uint8_t value;
    bool endless;
    uint64_t left;
} crdt__byte_column;

static inline crdt__byte_column crdt__byte_column_of(crdt_bytes bytes)
{
    return (crdt__byte_column){.r = crdt__reader_of(bytes)};
}

void crdt__byte_column_refill(crdt__byte_column *column);

static inline uint8_t crdt__byte_column_read(crdt__byte_column *column)
{
    if (column->left == 0)
        crdt__byte_column_refill(column);
    column->left--;
    return column->value;
}

/* Strings: all of them as one text, and the length of each in UTF-16 units. The text can be cut
 * inside a pair. */
typedef struct crdt__string_column {
    crdt__reader r; /* the text to come, whole characters */
    uint64_t units; /* in it */
    bool low;       /* the high half of its first character is read already */
    crdt__uint_column lens;
} crdt__string_column;

/* One string: a low half, whole characters, a high half. */
typedef struct crdt__slice {
    uint8_t low[CRDT__HALF_LEN];
    uint8_t high[CRDT__HALF_LEN];
    bool has_low;
    bool has_high;
    crdt_bytes body; /* borrows from the column */
    uint64_t units;
} crdt__slice;

crdt__string_column crdt__string_column_of(crdt_bytes bytes);
void crdt__string_column_read(crdt__string_column *column, crdt__slice *out);

/* Whether something is left that nobody read; a run that has not ended counts. */
static inline bool crdt__uint_column_at_end(const crdt__uint_column *column)
{
    return crdt__reader_at_end(&column->r) && column->left == 0;
}

static inline bool crdt__diff_column_at_end(const crdt__diff_column *column)
{
    return crdt__reader_at_end(&column->r) && column->left == 0;
}

static inline bool crdt__byte_column_at_end(const crdt__byte_column *column)
{
    return crdt__reader_at_end(&column->r) && (column->left == 0 || column->endless);
}

static inline bool crdt__string_column_at_end(const crdt__string_column *column)
{
    return column->r.ok && column->units == 0 && crdt__uint_column_at_end(&column->lens);
}

/* ---- writing ---- */

/* A growing column. Must not be moved; released by crdt__column_out_deinit. */
typedef struct crdt__column_out {
    crdt_buf buf;
    crdt__writer w;
} crdt__column_out;

void crdt__column_out_init(crdt__column_out *out, const crdt_mem *mem);
void crdt__column_out_deinit(crdt__column_out *out);

typedef struct crdt__uint_out {
    crdt__column_out out;
    uint64_t value;
    uint64_t count; /* of the run */
} crdt__uint_out;

typedef struct crdt__diff_out {
    crdt__column_out out;
    uint64_t value;
    int64_t diff;
    uint64_t count;
} crdt__diff_out;

typedef struct crdt__byte_out {
    crdt__column_out out;
    uint8_t value;
    uint64_t count;
} crdt__byte_out;

typedef struct crdt__string_out {
    crdt__column_out out; /* the text */
    bool halves;          /* there may be unpaired ones */
    crdt__uint_out lens;
} crdt__string_out;

/* Each begins as {0} with its `out` (a string_out's lens, too) initialised. The flushes end a run;
 * they are for the inline functions below. */
void crdt__uint_out_flush(crdt__uint_out *column);
void crdt__diff_out_flush(crdt__diff_out *column);
void crdt__byte_out_begin(crdt__byte_out *column, uint8_t value);

static inline void crdt__uint_out_write(crdt__uint_out *column, uint64_t value)
{
    if (column->value == value) {
        column->count++;
        return;
    }
    crdt__uint_out_flush(column);
    column->value = value;
    column->count = 1;
}

static inline void crdt__rising_out_write(crdt__uint_out *column, uint64_t value)
{
    if (column->value + column->count == value) {
        column->count++;
        return;
    }
    crdt__uint_out_flush(column);
    column->value = value;
    column->count = 1;
}

static inline void crdt__diff_out_write(crdt__diff_out *column, uint64_t value)
{
    int64_t diff = (int64_t)value - (int64_t)column->value;
    column->value = value;
    if (column->diff == diff) {
        column->count++;
        return;
    }
    crdt__diff_out_flush(column);
    column->diff = diff;
    column->count = 1;
}

static inline void crdt__byte_out_write(crdt__byte_out *column, uint8_t value)
{
    if (column->count > 0 && column->value == value)
        column->count++;
    else
        crdt__byte_out_begin(column, value);
}

/* Adds a part of a string, WTF-8; a low half joins the high half right before it. `halves`: there
 * may be some. */
void crdt__string_out_put(crdt__string_out *column, crdt_bytes part, bool halves);

/* Ends the string, of so many units. */
static inline void crdt__string_out_end(crdt__string_out *column, uint64_t units)
{
    crdt__uint_out_write(&column->lens, units);
}

/* Ends the column; *bytes is good until it is released. False: out of memory. */
CRDT_MUST_CHECK bool crdt__uint_out_finish(crdt__uint_out *column, crdt_bytes *bytes);
CRDT_MUST_CHECK bool crdt__diff_out_finish(crdt__diff_out *column, crdt_bytes *bytes);
CRDT_MUST_CHECK bool crdt__byte_out_finish(crdt__byte_out *column, crdt_bytes *bytes);
/* A string column is its text, headed by its length, and the lengths; unpaired halves become
 * U+FFFD.
 */
CRDT_MUST_CHECK bool crdt__string_out_finish(crdt__string_out *column, crdt_bytes *text,
                                             crdt_bytes *lens);

#endif
