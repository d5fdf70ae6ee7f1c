/* Reading what data.mjs wrote. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

void bench_die(const char *why)
{
    fprintf(stderr, "bench_engine: %s\n", why);
    exit(1);
}

void bench_must(crdt_err err)
{
    if (err != CRDT_OK)
        bench_die(crdt_strerror(err));
}

static void *must_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        bench_die("out of memory");
    return memory;
}

void bench_read(const bench *b, const char *name, crdt_buf *out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", b->folder, name) >= (int)sizeof path)
        bench_die("the folder's name is too long");
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        bench_die("the folder lacks a file of this job");
    long size = ftell(file);
    rewind(file);
    if (size < 0)
        bench_die("cannot tell a file's size");
    crdt_buf_free(out);
    *out = (crdt_buf){.data = must_alloc((size_t)size), .len = (size_t)size, .cap = (size_t)size};
    if (fread(out->data, 1, out->len, file) != out->len)
        bench_die("cannot read a file");
    fclose(file);
}

static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void bench_read_list(const bench *b, const char *name, bench_list *out)
{
    crdt_buf bytes = {0};
    bench_read(b, name, &bytes);
    out->file = bytes.data;
    out->count = number_at(bytes.data);
    out->items = must_alloc(out->count * sizeof *out->items);
    const uint8_t *pos = bytes.data + 4;
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = (crdt_bytes){pos + 4, number_at(pos)};
        pos += 4 + number_at(pos);
    }
}

/* Numbers and bytes of a program, one behind the other. */
typedef struct cursor {
    const uint8_t *pos;
} cursor;

static uint32_t next(cursor *c)
{
    uint32_t number = number_at(c->pos);
    c->pos += 4;
    return number;
}

static bench_patch next_patch(cursor *c)
{
    bench_patch patch = {.at = next(c), .deleted = next(c)};
    size_t len = next(c);
    patch.inserted = (crdt_bytes){c->pos, len};
    c->pos += len;
    return patch;
}

/* A patch takes twelve bytes or more, so there are not more of them than that. */
static size_t patches_max(const crdt_buf *bytes)
{
    return bytes->len / 12 + 1;
}

void bench_read_program(bench *b)
{
    bench_program *program = &b->program;
    crdt_buf bytes = {0};
    bench_read(b, "program", &bytes);
    program->file = bytes.data;
    cursor c = {bytes.data};
    program->docs = next(&c);
    program->clients = must_alloc(program->docs * sizeof *program->clients);
    for (size_t i = 0; i < program->docs; i++)
        program->clients[i] = next(&c);
    program->count = next(&c);
    program->steps = must_alloc(program->count * sizeof *program->steps);
    bench_patch *patch = program->patches = must_alloc(patches_max(&bytes) * sizeof *patch);
    for (size_t i = 0; i < program->count; i++) {
        bool takes = next(&c) == 1;
        bench_step *step = &program->steps[i];
        *step = (bench_step){.doc = next(&c), .patches = takes ? NULL : patch, .count = next(&c)};
        for (size_t k = 0; !takes && k < step->count; k++)
            *patch++ = next_patch(&c);
        program->edits += !takes;
    }
}

static void free_program(bench_program *program)
{
    free(program->patches);
    free(program->steps);
    free(program->clients);
    free(program->file);
}

static void free_list(bench_list *list)
{
    free(list->items);
    free(list->file);
}

void bench_free(bench *b)
{
    free_list(&b->updates);
    free_list(&b->shuffled);
    crdt_buf_free(&b->state);
    crdt_buf_free(&b->vector);
    free_program(&b->program);
    crdt_doc_free(b->doc);
}

crdt_doc *bench_new_doc(void)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    if (!doc)
        bench_die("out of memory");
    return doc;
}

crdt_doc *bench_applied(crdt_encoding encoding, const crdt_bytes *updates, size_t count)
{
    crdt_doc *doc = bench_new_doc();
    for (size_t i = 0; i < count; i++)
        bench_must(crdt_doc_apply(doc, encoding, updates[i], NULL));
    return doc;
}
