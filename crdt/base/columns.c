#include "base/columns.h"

/* ---- reading ---- */

/* A column that failed yields zeros, one at a time. */
static void uint_column_fail(crdt__uint_column *column)
{
    crdt__reader_fail(&column->r);
    column->value = 0;
    column->left = 1;
}

void crdt__uint_column_refill(crdt__uint_column *column)
{
    bool run; /* the sign says that a count follows, also that of zero */
    column->value = crdt__read_varint(&column->r, &run);
    column->left = run ? crdt__read_varuint(&column->r) + 2 : 1;
    if (!column->r.ok)
        uint_column_fail(column);
}

uint64_t crdt__rising_column_read(crdt__uint_column *column)
{
    uint64_t value = crdt__uint_column_read(column);
    column->value = value + 1;
    return value;
}

/* Differences are told doubled, and so reach farther than clocks do. Beyond what lib0 reads, but
 * within what it would have to write. */
#define DOUBLED_MAX (2 * CRDT_CLOCK_MAX + 1)

/* As crdt__read_varint, up to DOUBLED_MAX. */
static uint64_t read_doubled(crdt__reader *r, bool *negative)
{
    uint8_t byte = crdt__read_u8(r);
    uint64_t value = byte & 0x3f;
    *negative = (byte & 0x40) != 0;
    for (unsigned shift = 6; byte >= 0x80; shift += 7) {
        if (shift > 6 + 7 * (CRDT__VARUINT_LEN_MAX - 2))
            return crdt__reader_fail(r);
        byte = crdt__read_u8(r);
        uint64_t group = byte & 0x7f;
        if (group != 0 && shift > 48)
            return crdt__reader_fail(r);
        value |= group << (shift > 48 ? 0 : shift);
    }
    return value <= DOUBLED_MAX ? value : crdt__reader_fail(r);
}

void crdt__diff_column_fail(crdt__diff_column *column)
{
    crdt__reader_fail(&column->r);
    column->value = 0;
    column->diff = 0;
    column->left = 0;
}

void crdt__diff_column_refill(crdt__diff_column *column)
{
    bool negative;
    uint64_t doubled = read_doubled(&column->r, &negative);
    bool run = (doubled & 1) != 0;
    /* The lowest bit was added to twice the difference: halving rounds down, below zero too. */
    column->diff = negative ? -(int64_t)((doubled + 1) / 2) : (int64_t)(doubled / 2);
    column->left = run ? crdt__read_varuint(&column->r) + 2 : 1;
    if (!column->r.ok) {
        crdt__diff_column_fail(column);
        column->left = 1;
    }
}

void crdt__byte_column_refill(crdt__byte_column *column)
{
    column->value = crdt__read_u8(&column->r);
    column->endless = crdt__reader_left(&column->r) == 0;
    column->left = column->endless ? UINT64_MAX : crdt__read_varuint(&column->r) + 1;
    if (!column->r.ok) {
        column->value = 0;
        column->left = 1;
    }
}

crdt__string_column crdt__string_column_of(crdt_bytes bytes)
{
    crdt__string_column column = {.r = crdt__reader_of(bytes)};
    crdt_bytes text = crdt__read_varbytes(&column.r);
    crdt_bytes lens = {column.r.pos, crdt__reader_left(&column.r)};
    bool ok = column.r.ok && crdt__utf8_valid(text, &column.units);
    column.lens = crdt__uint_column_of(lens);
    column.r = crdt__reader_of(text);
    if (!ok) {
        crdt__reader_fail(&column.r);
        column.units = 0;
    }
    return column;
}

/* Reads `units` of what lies ahead, up to the high half of a pair if that is where they end. */
static void read_slice(crdt__string_column *column, uint64_t units, crdt__slice *out)
{
    crdt_bytes rest = {column->r.pos, crdt__reader_left(&column->r)};
    size_t len = crdt__utf16_offset(rest, column->units, units, &out->has_high);
    out->body = (crdt_bytes){rest.data, len};
    if (len > 0)
        column->r.pos += len;
    if (out->has_high)
        crdt__wtf8_high_of(column->r.pos, out->high);
    column->low = out->has_high;
    column->units -= out->has_high ? units - 1 : units;
}

void crdt__string_column_read(crdt__string_column *column, crdt__slice *out)
{
    uint64_t units = crdt__uint_column_read(&column->lens);
    out->has_low = out->has_high = false;
    out->body = (crdt_bytes){NULL, 0};
    out->units = units;
    if (units > column->units - (column->low ? 1 : 0)) {
        crdt__reader_fail(&column->r);
        column->units = 0;
        column->low = false;
        out->units = 0;
        return;
    }
    if (units == 0)
        return;
    if (column->low) {
        crdt__wtf8_low_of(column->r.pos, out->low);
        out->has_low = true;
        column->r.pos += 4;
        column->units -= 2;
        column->low = false;
        units--;
    }
    read_slice(column, units, out);
}

/* ---- writing ---- */

void crdt__column_out_init(crdt__column_out *out, const crdt_mem *mem)
{
    out->buf = (crdt_buf){.mem = mem};
    out->w = crdt__writer_on(&out->buf);
}

void crdt__column_out_deinit(crdt__column_out *out)
{
    crdt_buf_free(&out->buf);
}

static bool finish(crdt__column_out *out, crdt_bytes *bytes)
{
    bool ok = crdt__writer_finish(&out->w) == CRDT_OK;
    *bytes = (crdt_bytes){out->buf.data, out->buf.len};
    return ok;
}

void crdt__uint_out_flush(crdt__uint_out *column)
{
    if (column->count == 0)
        return;
    crdt__write_varint(&column->out.w, column->value, column->count > 1);
    if (column->count > 1)
        crdt__write_varuint(&column->out.w, column->count - 2);
}

bool crdt__uint_out_finish(crdt__uint_out *column, crdt_bytes *bytes)
{
    crdt__uint_out_flush(column);
    return finish(&column->out, bytes);
}

void crdt__diff_out_flush(crdt__diff_out *column)
{
    if (column->count == 0)
        return;
    int64_t doubled = column->diff * 2 + (column->count > 1 ? 1 : 0);
    crdt__write_varint(&column->out.w, (uint64_t)(doubled < 0 ? -doubled : doubled), doubled < 0);
    if (column->count > 1)
        crdt__write_varuint(&column->out.w, column->count - 2);
}

bool crdt__diff_out_finish(crdt__diff_out *column, crdt_bytes *bytes)
{
    crdt__diff_out_flush(column);
    return finish(&column->out, bytes);
}

void crdt__byte_out_begin(crdt__byte_out *column, uint8_t value)
{
    if (column->count > 0)
        crdt__write_varuint(&column->out.w, column->count - 1);
    crdt__write_u8(&column->out.w, value);
    column->value = value;
    column->count = 1;
}

bool crdt__byte_out_finish(crdt__byte_out *column, crdt_bytes *bytes)
{
    return finish(&column->out, bytes);
}

/* The text so far ends with a high half, and `part` begins with a low one: they become a pair. */
static crdt_bytes join_halves(crdt__writer *w, crdt_bytes part)
{
    uint8_t pair[4];
    w->pos -= CRDT__HALF_LEN;
    crdt__wtf8_join(w->pos, part.data, pair);
    crdt__write_bytes(w, pair, sizeof pair);
    return (crdt_bytes){part.data + CRDT__HALF_LEN, part.len - CRDT__HALF_LEN};
}

void crdt__string_out_put(crdt__string_out *column, crdt_bytes part, bool halves)
{
    crdt__writer *w = &column->out.w;
    if (halves && column->halves && w->ok && crdt__wtf8_begins_low(part)) {
        size_t len = crdt__writer_len(w);
        if (crdt__wtf8_ends_high((crdt_bytes){w->pos - len, len}))
            part = join_halves(w, part);
    }
    crdt__write_bytes(w, part.data, part.len);
    column->halves = column->halves || halves;
}

bool crdt__string_out_finish(crdt__string_out *column, crdt_bytes *text, crdt_bytes *lens)
{
    bool ok = finish(&column->out, text);
    if (column->halves && ok)
        crdt__wtf8_to_utf8(column->out.buf.data, column->out.buf.len);
    return crdt__uint_out_finish(&column->lens, lens) && ok;
}
