/* Jobs of editors: a program's edits are made again, here. */
#include <stdlib.h>

#include "bench.h"

/* What a replay has at hand: the documents, and the update of each edit. */
typedef struct replay {
    crdt_doc **docs;
    crdt_type *texts;
    crdt_buf *updates;
    size_t made;
} replay;

static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        bench_die("out of memory");
    return memory;
}

static void begin(replay *r, const bench_program *program)
{
    *r = (replay){
        .docs = must_calloc(program->docs, sizeof *r->docs),
        .texts = must_calloc(program->docs, sizeof *r->texts),
        .updates = must_calloc(program->edits, sizeof *r->updates),
    };
    for (size_t i = 0; i < program->docs; i++) {
        r->docs[i] = bench_new_doc();
        bench_must(crdt_doc_set_client(r->docs[i], program->clients[i]));
        bench_must(crdt_doc_root(r->docs[i], crdt_bytes_of("text"), CRDT_TEXT, &r->texts[i]));
    }
}

static void edit(crdt_doc *doc, crdt_type text, const bench_step *step, crdt_buf *update)
{
    bench_must(crdt_doc_begin(doc));
    for (size_t i = 0; i < step->count; i++) {
        const bench_patch *patch = &step->patches[i];
        if (patch->deleted)
            bench_must(crdt_text_delete(doc, text, patch->at, patch->deleted));
        if (patch->inserted.len)
            bench_must(crdt_text_insert(doc, text, patch->at, patch->inserted, NULL));
    }
    bench_must(crdt_doc_commit(doc, CRDT_V1, update));
}

static void end(replay *r, const bench_program *program)
{
    for (size_t i = 0; i < program->docs; i++)
        crdt_doc_free(r->docs[i]);
    for (size_t i = 0; i < program->edits; i++)
        crdt_buf_free(&r->updates[i]);
    free(r->docs);
    free(r->texts);
    free(r->updates);
}

/* Without `capture` no update is written: there must be nobody to take one. */
static void run(const bench_program *program, bool capture)
{
    replay r;
    begin(&r, program);
    for (size_t i = 0; i < program->count; i++) {
        const bench_step *step = &program->steps[i];
        crdt_doc *doc = r.docs[step->doc];
        if (step->patches)
            edit(doc, r.texts[step->doc], step, capture ? &r.updates[r.made++] : NULL);
        else
            bench_must(crdt_doc_apply(doc, CRDT_V1, bench_bytes(&r.updates[step->count]), NULL));
    }
    end(&r, program);
}

static void read_one_writer(bench *b)
{
    bench_read_program(b);
    b->unfit = b->program.docs > 1;
}

static void replay_all(bench *b)
{
    run(&b->program, false);
}

static void replay_updates(bench *b)
{
    run(&b->program, true);
}

const bench_job bench_edit_jobs[] = {
    {"replay", read_one_writer, replay_all},
    {"replay_updates", bench_read_program, replay_updates},
    {0},
};
