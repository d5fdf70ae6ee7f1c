#include "wire/encoder.h"

#include "wire/text.h"
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

void crdt__encoder_reserve(crdt__encoder *enc, size_t structs, size_t text_len)
{
    const size_t head_len = 10; /* of most structs in v1, with their share of the delete set */
    if (enc->columns)
        crdt__columns_reserve(enc->columns, text_len);
    else
        (void)crdt__writer_room(&enc->out, structs * head_len + text_len);
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

/* ---- halves of pairs in extended v1 ---- */

static uint8_t *written_at(const crdt__encoder *enc, size_t at)
{
    return enc->out.pos - crdt__writer_len(&enc->out) + at;
}

/* The high half that the last string ended with stays alone. */
static void settle_high(crdt__encoder *enc)
{
    if (enc->high_end > 0 && enc->out.ok)
        memcpy(written_at(enc, enc->high_end - CRDT__HALF_LEN), crdt__replacement, CRDT__HALF_LEN);
    enc->high_end = 0;
}

/* The text that was just written, from `start` to the end. */
static void settle_text(crdt__encoder *enc, size_t start)
{
    size_t end = crdt__writer_len(&enc->out);
    bool meets = enc->high_end > 0 &&
                 crdt__wtf8_begins_low((crdt_bytes){written_at(enc, start), end - start});
    if (meets)
        start += CRDT__HALF_LEN;
    else
        settle_high(enc);
    bool high = crdt__wtf8_ends_high((crdt_bytes){written_at(enc, start), end - start});
    crdt__wtf8_to_utf8(written_at(enc, start), end - start - (high ? CRDT__HALF_LEN : 0));
    enc->high_end = high ? end : 0;
}

static void encode_extended(crdt__encoder *enc, const crdt__wstruct *s, uint64_t offset)
{
    crdt__v1_write_struct(&enc->out, s, offset, CRDT__V1_EXTENDED, enc->mem);
    bool halves = s->kind == CRDT__STRING && (s->halves || s->low || offset > 0);
    if (enc->high_end == 0 && !halves)
        return;
    if (crdt__wstruct_says_names(s, offset))
        settle_high(enc);
    if (s->kind == CRDT__STRING && enc->out.ok) {
        crdt__text text = crdt__text_from(s, offset); /* the last field */
        settle_text(enc, crdt__writer_len(&enc->out) - text.head_len - text.body.len);
    }
}

void crdt__encode_struct(crdt__encoder *enc, const crdt__wstruct *s, uint64_t offset)
{
    if (enc->columns)
        crdt__v2_write_struct(enc->columns, &enc->out, s, offset);
    else if (enc->encoding == CRDT__EXTENDED)
        encode_extended(enc, s, offset);
    else
        crdt__v1_write_struct(&enc->out, s, offset, CRDT__V1_PLAIN, enc->mem);
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
    settle_high(enc);
    if (enc->encoding != CRDT_V2)
        crdt__idset_write_v1(deletes, &enc->out);
    else if (is_ascending(deletes))
        crdt__idset_write_v2(deletes, &enc->out);
    else
        write_normalized_v2(deletes, &enc->out);
}

void crdt__encode_deletes_start(crdt__encoder *enc, uint64_t clients)
{
    settle_high(enc);
    crdt__write_varuint(&enc->out, clients);
}

/* ---- the end ---- */

void crdt__encoder_put_head(crdt__encoder *enc, crdt__writer *w)
{
    if (enc->columns)
        crdt__columns_put(enc->columns, enc->body.len, w);
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
