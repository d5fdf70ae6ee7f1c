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

void crdt__lazy_writer_init(crdt__lazy_writer *lazy, crdt_buf *body)
{
    *lazy = (crdt__lazy_writer){.w = crdt__writer_on(body), .mem = body->mem};
}

void crdt__lazy_writer_deinit(crdt__lazy_writer *lazy)
{
    crdt__release(lazy->mem, lazy->marks, lazy->cap * sizeof *lazy->marks);
}

static void begin_section(crdt__lazy_writer *lazy, const crdt__wstruct *s, uint64_t offset)
{
    if (lazy->count == lazy->cap) {
        size_t cap = lazy->cap == 0 ? 4 : lazy->cap * 2;
        crdt__lazy_mark *marks =
            crdt__resize(lazy->mem, lazy->marks, lazy->cap * sizeof *marks, cap * sizeof *marks);
        if (marks == NULL) {
            lazy->w.ok = false;
            return;
        }
        lazy->marks = marks;
        lazy->cap = cap;
    }
    lazy->marks[lazy->count++] = (crdt__lazy_mark){crdt__writer_len(&lazy->w), 0};
    crdt__write_varuint(&lazy->w, s->id.client);
    crdt__write_varuint(&lazy->w, s->id.clock + offset);
}

void crdt__lazy_write(crdt__lazy_writer *lazy, const crdt__wstruct *s, uint64_t offset)
{
    if (lazy->count == 0 || !crdt__id_equal(lazy->next, crdt__id_add(s->id, offset)))
        begin_section(lazy, s, offset);
    if (!lazy->w.ok)
        return;
    crdt__v1_write_struct(&lazy->w, s, offset, CRDT__V1_PLAIN, lazy->mem);
    lazy->marks[lazy->count - 1].structs++;
    lazy->next = crdt__id_add(s->id, s->len);
}

void crdt__lazy_finish(crdt__lazy_writer *lazy, crdt__writer *out)
{
    size_t len = crdt__writer_len(&lazy->w);
    if (crdt__writer_finish(&lazy->w) != CRDT_OK) {
        out->ok = false;
        return;
    }
    const uint8_t *body = lazy->w.buf->data;
    crdt__write_varuint(out, lazy->count);
    for (size_t i = 0; i < lazy->count; i++) {
        size_t end = i + 1 < lazy->count ? lazy->marks[i + 1].start : len;
        crdt__write_varuint(out, lazy->marks[i].structs);
        crdt__write_bytes(out, body + lazy->marks[i].start, end - lazy->marks[i].start);
    }
}
