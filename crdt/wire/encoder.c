#include "wire/encoder.h"

#include "wire/update_v2.h"

void crdt__encoder_init(crdt__encoder *enc, crdt_encoding encoding, crdt_buf *target)
{
    if (encoding == CRDT_V2) {
        crdt__encoder_init_apart(enc, encoding, target);
        return;
    }
    *enc = (crdt__encoder){.encoding = encoding, .mem = target->mem, .target = target};
    enc->out = crdt__writer_on(target);
}

void crdt__encoder_init_apart(crdt__encoder *enc, crdt_encoding encoding, crdt_buf *target)
{
    *enc = (crdt__encoder){.encoding = encoding, .mem = target->mem, .target = target};
    enc->body = (crdt_buf){.mem = target->mem};
    enc->out = crdt__writer_on(&enc->body);
    if (encoding != CRDT_V2)
        return;
    enc->columns = crdt__columns_new(enc->mem);
    if (!enc->columns)
        enc->out.ok = false;
}

void crdt__encoder_deinit(crdt__encoder *enc)
{
    crdt_buf_free(&enc->body);
    if (enc->columns)
        crdt__columns_free(enc->columns);
    enc->columns = NULL;
}

void crdt__encode_section_start(crdt__encoder *enc, crdt_id first)
{
    if (enc->columns)
        crdt__columns_write_client(enc->columns, first.client);
    else
        crdt__write_varuint(&enc->out, first.client);
    crdt__write_varuint(&enc->out, first.clock);
}

void crdt__encode_section(crdt__encoder *enc, uint64_t structs, crdt_id first)
{
    crdt__write_varuint(&enc->out, structs);
    crdt__encode_section_start(enc, first);
}

void crdt__encode_struct(crdt__encoder *enc, const crdt__wstruct *s, uint64_t offset)
{
    if (enc->encoding == CRDT_V1)
        crdt__v1_write_struct(&enc->out, s, offset, CRDT__V1_PLAIN, enc->mem);
    else if (enc->encoding == CRDT__EXTENDED)
        crdt__v1_write_struct(&enc->out, s, offset, CRDT__V1_EXTENDED, enc->mem);
    else if (enc->columns)
        crdt__v2_write_struct(enc->columns, &enc->out, s, offset);
}

/* ---- deletes ---- */

/* Whether no range of a client begins before the end of the one before it. */
static bool is_ascending(const crdt__idset *set)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    for (size_t i = 1; i < crdt__idset_count(set); i++)
        if (ranges[i].client == ranges[i - 1].client &&
            ranges[i].clock < ranges[i - 1].clock + ranges[i - 1].len)
            return false;
    return true;
}

static void write_normalized_v2(const crdt__idset *deletes, crdt__writer *w)
{
    crdt__idset sorted;
    crdt__idset_init(&sorted, deletes->mem);
    const crdt__range *ranges = crdt__idset_ranges(deletes);
    bool ok = true;
    for (size_t i = 0; i < crdt__idset_count(deletes) && ok; i++)
        ok = crdt__idset_add(&sorted, ranges[i].client, ranges[i].clock, ranges[i].len);
    if (ok && crdt__idset_normalize(&sorted))
        crdt__idset_write_v2(&sorted, w);
    else
        w->ok = false;
    crdt__idset_deinit(&sorted);
}

void crdt__encode_deletes(crdt__encoder *enc, const crdt__idset *deletes)
{
    if (enc->encoding != CRDT_V2)
        crdt__idset_write_v1(deletes, &enc->out);
    else if (is_ascending(deletes))
        crdt__idset_write_v2(deletes, &enc->out);
    else
        write_normalized_v2(deletes, &enc->out);
}

/* ---- the end ---- */

void crdt__encoder_put_head(crdt__encoder *enc, crdt__writer *w)
{
    if (enc->columns)
        crdt__columns_put(enc->columns, w);
}

crdt_err crdt__encoder_finish(crdt__encoder *enc)
{
    crdt_err err = crdt__writer_finish(&enc->out);
    if (enc->out.buf == enc->target)
        return err;
    if (err == CRDT_OK) {
        crdt__writer w = crdt__writer_on(enc->target);
        crdt__encoder_put_head(enc, &w);
        crdt__write_bytes(&w, enc->body.data, enc->body.len);
        err = crdt__writer_finish(&w);
    }
    crdt__encoder_deinit(enc);
    return err;
}
