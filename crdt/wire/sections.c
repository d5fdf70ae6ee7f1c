#include "wire/sections.h"

#include <stdlib.h>

/* The bytes of a section, its header included. */
typedef struct span {
    uint64_t client;
    crdt_bytes bytes;
} span;

static int compare_spans(const void *a, const void *b)
{
    const span *x = a;
    const span *y = b;
    if (x->client != y->client)
        return x->client < y->client ? 1 : -1;
    return x->bytes.data < y->bytes.data ? 1 : -1; /* the last one of a client first */
}

static void find_spans(crdt_bytes update, span *spans, size_t count)
{
    crdt__section section = {.r = crdt__reader_of(update)};
    crdt__read_varuint(&section.r);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *start = section.r.pos;
        crdt__section_follow(&section);
        spans[i].client = section.next.client;
        crdt__wstruct s;
        while (section.left > 0)
            crdt__section_next(&section, &s);
        spans[i].bytes = (crdt_bytes){start, (size_t)(section.r.pos - start)};
    }
}

/* Leaves the first of each client; returns how many. */
static size_t drop_repeated(span *spans, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || spans[kept - 1].client != spans[i].client)
            spans[kept++] = spans[i];
    return kept;
}

crdt_err crdt__v1_sort_sections(crdt_bytes update, const crdt__v1_shape *shape, crdt_buf *out)
{
    size_t count = (size_t)shape->sections; /* above 0: no sections are in order */
    span *spans = crdt__resize(out->mem, NULL, 0, count * sizeof *spans);
    if (!spans)
        return CRDT_NO_MEMORY;
    find_spans(update, spans, count);
    qsort(spans, count, sizeof *spans, compare_spans);
    size_t kept = drop_repeated(spans, count);
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, kept);
    for (size_t i = 0; i < kept; i++)
        crdt__write_bytes(&w, spans[i].bytes.data, spans[i].bytes.len);
    crdt__write_bytes(&w, shape->ds.data, shape->ds.len);
    crdt__release(out->mem, spans, count * sizeof *spans);
    return crdt__writer_finish(&w);
}
