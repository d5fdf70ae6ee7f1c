/* Jobs with a document: applying, loading, encoding. */
#include <string.h>

#include "bench.h"

static void read_updates(bench *b)
{
    bench_read_list(b, "updates", &b->updates);
}

static void apply(bench *b)
{
    crdt_doc_free(bench_applied(CRDT_V1, b->updates.items, b->updates.count));
}

static void apply_event(bench *b)
{
    crdt_doc *doc = bench_new_doc();
    size_t bytes = 0; /* an update that deletes what is deleted has no event */
    for (size_t i = 0; i < b->updates.count; i++) {
        crdt_buf event = {0};
        bench_must(crdt_doc_apply_event(doc, CRDT_V1, b->updates.items[i], NULL, &event));
        bytes += event.len;
        crdt_buf_free(&event);
    }
    crdt_doc_free(doc);
    if (bytes == 0)
        bench_die("no event");
}

static void read_shuffled(bench *b)
{
    bench_read_list(b, "shuffled", &b->shuffled);
}

static void apply_shuffled(bench *b)
{
    crdt_doc_free(bench_applied(CRDT_V1, b->shuffled.items, b->shuffled.count));
}

static void read_state(bench *b)
{
    bench_read(b, "state.v1", &b->state);
}

static void load(bench *b)
{
    const crdt_bytes state = bench_bytes(&b->state);
    crdt_doc_free(bench_applied(CRDT_V1, &state, 1));
}

static void read_state_v2(bench *b)
{
    bench_read(b, "state.v2", &b->state);
}

static void load_v2(bench *b)
{
    const crdt_bytes state = bench_bytes(&b->state);
    crdt_doc_free(bench_applied(CRDT_V2, &state, 1));
}

static void read_text(crdt_doc *doc, crdt_buf *out)
{
    crdt_type text;
    bench_must(crdt_doc_root(doc, crdt_bytes_of("text"), CRDT_TEXT, &text));
    bench_must(crdt_read_text(doc, text, NULL, out));
}

static void load_text(bench *b)
{
    const crdt_bytes state = bench_bytes(&b->state);
    crdt_doc *doc = bench_applied(CRDT_V1, &state, 1);
    crdt_buf out = {0};
    read_text(doc, &out);
    crdt_buf_free(&out);
    crdt_doc_free(doc);
}

static void read_state_and_text(bench *b)
{
    read_state(b);
    crdt_buf expected = {0};
    crdt_buf out = {0};
    const crdt_bytes state = bench_bytes(&b->state);
    crdt_doc *doc = bench_applied(CRDT_V1, &state, 1);
    bench_read(b, "text", &expected);
    read_text(doc, &out);
    if (out.len != expected.len || memcmp(out.data, expected.data, out.len) != 0)
        bench_die("another text came out");
    crdt_buf_free(&expected);
    crdt_buf_free(&out);
    crdt_doc_free(doc);
}

static void load_state(bench *b)
{
    read_state(b);
    const crdt_bytes state = bench_bytes(&b->state);
    b->doc = bench_applied(CRDT_V1, &state, 1);
}

static size_t encode_as(const bench *b, crdt_encoding encoding, crdt_bytes known)
{
    crdt_buf out = {0};
    bench_must(crdt_doc_encode_state(b->doc, encoding, known, &out));
    size_t len = out.len;
    crdt_buf_free(&out);
    return len;
}

static void encode(bench *b)
{
    encode_as(b, CRDT_V1, (crdt_bytes){0});
}

static void encode_v2(bench *b)
{
    encode_as(b, CRDT_V2, (crdt_bytes){0});
}

static void load_and_halve(bench *b)
{
    load_state(b);
    bench_read(b, "half.sv", &b->vector);
}

static void diff(bench *b)
{
    encode_as(b, CRDT_V1, bench_bytes(&b->vector));
}

const bench_job bench_doc_jobs[] = {
    {"apply", read_updates, apply},
    {"apply_event", read_updates, apply_event},
    {"apply_shuffled", read_shuffled, apply_shuffled},
    {"load", read_state, load},
    {"load_text", read_state_and_text, load_text},
    {"load_v2", read_state_v2, load_v2},
    {"encode", load_state, encode},
    {"encode_v2", load_state, encode_v2},
    {"diff", load_and_halve, diff},
    {0},
};

static double memory(bench *b)
{
    return (double)crdt_doc_memory_bytes(b->doc);
}

static double size_v1(bench *b)
{
    return (double)encode_as(b, CRDT_V1, (crdt_bytes){0});
}

static double size_v2(bench *b)
{
    return (double)encode_as(b, CRDT_V2, (crdt_bytes){0});
}

static double structs(bench *b)
{
    return (double)crdt_doc_struct_count(b->doc);
}

const bench_fact bench_facts[] = {
    {"memory", load_state, memory},
    {"size_v1", load_state, size_v1},
    {"size_v2", load_state, size_v2},
    {"structs", load_state, structs},
    {0},
};
