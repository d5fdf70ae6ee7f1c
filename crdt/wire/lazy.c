#include "wire/lazy.h"

/* ---- reading ---- */

/* Moves on until a struct lies ahead that is not left out. */
static void settle(crdt__lazy_reader *reader)
{
    for (;;) {
        if (reader->section.left == 0) {
            if (reader->sections_left == 0) {
                reader->done = true;
                return;
            }
            reader->sections_left--;
            crdt__section_follow(&reader->section);
            continue;
        }
        reader->kind = (crdt__kind)(*reader->section.r.pos & CRDT__INFO_KIND_MASK);
        if (reader->kind != CRDT__SKIP || reader->skips == CRDT__SKIPS_KEPT)
            return;
        crdt__wstruct skip;
        crdt__section_next(&reader->section, &skip);
    }
}

crdt__lazy_reader crdt__lazy_reader_of(crdt_bytes update, crdt__skips skips)
{
    crdt__lazy_reader reader = {.skips = skips};
    reader.section.r = crdt__reader_of(update);
    reader.sections_left = crdt__read_varuint(&reader.section.r);
    settle(&reader);
    return reader;
}

void crdt__lazy_read(crdt__lazy_reader *reader, crdt__wstruct *out)
{
    crdt__section_next(&reader->section, out);
    out->has_sub = out->has_sub && out->has_parent;
    settle(reader);
}

/* ---- writing ---- */

void crdt__lazy_writer_init(crdt__lazy_writer *lazy, crdt_encoding encoding, crdt_buf *target)
{
    *lazy = (crdt__lazy_writer){.marks = NULL};
    crdt__encoder_init_apart(&lazy->enc, encoding, target);
}

static void begin_section(crdt__lazy_writer *lazy, const crdt__wstruct *s, uint64_t offset)
{
    if (lazy->count == lazy->cap) {
        size_t cap = lazy->cap == 0 ? 4 : lazy->cap * 2;
        crdt__lazy_mark *marks = crdt__resize(lazy->enc.mem, lazy->marks, lazy->cap * sizeof *marks,
                                              cap * sizeof *marks);
        if (marks == NULL) {
            lazy->enc.out.ok = false;
            return;
        }
        lazy->marks = marks;
        lazy->cap = cap;
    }
    lazy->marks[lazy->count++] = (crdt__lazy_mark){crdt__writer_len(&lazy->enc.out), 0};
    crdt__encode_section_start(&lazy->enc, crdt__id_add(s->id, offset));
}

void crdt__lazy_write(crdt__lazy_writer *lazy, const crdt__wstruct *s, uint64_t offset)
{
    if (lazy->count == 0 || !crdt__id_equal(lazy->next, crdt__id_add(s->id, offset)))
        begin_section(lazy, s, offset);
    if (!lazy->enc.out.ok)
        return;
    crdt__encode_struct(&lazy->enc, s, offset);
    lazy->marks[lazy->count - 1].structs++;
    lazy->next = crdt__id_add(s->id, s->len);
}

/* The body, which ends with the delete set from `deletes_at` on, with the numbers put in. */
static void put_body(const crdt__lazy_writer *lazy, size_t deletes_at, crdt__writer *w)
{
    const crdt_buf *body = &lazy->enc.body;
    crdt__write_varuint(w, lazy->count);
    for (size_t i = 0; i < lazy->count; i++) {
        size_t start = lazy->marks[i].start;
        size_t end = i + 1 < lazy->count ? lazy->marks[i + 1].start : deletes_at;
        crdt__write_varuint(w, lazy->marks[i].structs);
        crdt__write_bytes(w, body->data + start, end - start);
    }
    crdt__write_bytes(w, body->data + deletes_at, body->len - deletes_at);
}

crdt_err crdt__lazy_finish(crdt__lazy_writer *lazy, const crdt__idset *deletes)
{
    crdt__encoder *enc = &lazy->enc;
    size_t deletes_at = crdt__writer_len(&enc->out);
    if (deletes != NULL)
        crdt__encode_deletes(enc, deletes);
    else
        enc->out.ok = false;
    crdt_err err = crdt__writer_finish(&enc->out);
    if (err == CRDT_OK) {
        crdt__writer w = crdt__writer_on(enc->target);
        crdt__encoder_put_head(enc, &w);
        put_body(lazy, deletes_at, &w);
        err = crdt__writer_finish(&w);
    }
    crdt__release(enc->mem, lazy->marks, lazy->cap * sizeof *lazy->marks);
    crdt__encoder_deinit(enc);
    return err;
}
