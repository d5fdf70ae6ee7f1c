#include "wire/small.h"

static void read_range(crdt__reader *r, crdt__small *out)
{
    crdt__range range = {.client = out->range.client};
    range.clock = crdt__read_varuint(r);
    range.len = crdt__read_varuint(r);
    if (range.len > CRDT_CLOCK_MAX - range.clock)
        crdt__reader_fail(r);
    if (out->ds_ranges++ == 0)
        out->range = range;
}

static void read_deletes(crdt__reader *r, crdt__small *out)
{
    const uint8_t *start = r->pos;
    uint64_t clients = crdt__read_varuint(r);
    for (; clients > 0 && r->ok; clients--) {
        uint64_t client = crdt__read_varuint(r);
        if (out->ds_ranges == 0)
            out->range.client = client;
        for (uint64_t ranges = crdt__read_varuint(r); ranges > 0 && r->ok; ranges--)
            read_range(r, out);
    }
    out->ds = (crdt_bytes){start, (size_t)(r->pos - start)};
}

bool crdt__small_read(crdt_bytes update, crdt__small *out)
{
    if (update.len < 2 || update.data[0] > 1 || (update.data[0] == 1 && update.data[1] != 1))
        return false;
    out->has_struct = update.data[0] == 1;
    out->ds_ranges = 0;
    crdt__reader r = {update.data + 1, update.data + update.len, true};
    if (out->has_struct) {
        out->at = crdt__section_open(&r);
        r.pos = out->at.r.pos;
        r.ok = out->at.r.ok;
        crdt__v1_read_struct(&r, out->at.next, CRDT__UNTRUSTED, &out->ws);
    }
    read_deletes(&r, out);
    return crdt__reader_at_end(&r);
}
