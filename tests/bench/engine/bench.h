/* One engine benchmark: the material of a folder, and the jobs done with it.
 *
 * A folder is made by data.mjs. What a job needs of it is read before the clock runs.
 */
#ifndef BENCH_H
#define BENCH_H

#include "crdt.h"

/* Byte strings of one file: count, then length and bytes of each, numbers as 32-bit little-endian.
 */
typedef struct bench_list {
    uint8_t *file;
    crdt_bytes *items;
    size_t count;
} bench_list;

/* One patch: at a position (in UTF-16 units) so many are deleted, then text is inserted. */
typedef struct bench_patch {
    uint64_t at;
    uint64_t deleted;
    crdt_bytes inserted;
} bench_patch;

/* One step of a program: a document makes an edit of patches, or takes in the update of an edit. */
typedef struct bench_step {
    size_t doc;
    const bench_patch *patches; /* NULL: it takes in */
    size_t count;               /* of patches, or the number of the update */
} bench_step;

/* Edits of several documents that hear of each other. */
typedef struct bench_program {
    uint8_t *file;
    uint64_t *clients; /* one for each document */
    size_t docs;
    bench_patch *patches;
    bench_step *steps;
    size_t count;
    size_t edits;
} bench_program;

typedef struct bench {
    const char *folder;
    bench_list updates; /* of format v1, in the order in which they were made */
    bench_list shuffled;
    crdt_buf state;  /* a file's, or that of `doc` */
    crdt_doc *doc;   /* the state, loaded */
    crdt_buf vector; /* the state vector after half of the updates */
    bench_program program;
    bool unfit; /* set by a job that has nothing to do with this folder */
} bench;

/* Measured again and again. `prepare` is not part of it. */
typedef struct bench_job {
    const char *name;
    void (*prepare)(bench *b);
    void (*run)(bench *b);
} bench_job;

/* Looked at once. */
typedef struct bench_fact {
    const char *name;
    void (*prepare)(bench *b);
    double (*look)(bench *b);
} bench_fact;

/* Each ends with a NULL name. */
extern const bench_job bench_doc_jobs[];
extern const bench_job bench_update_jobs[];
extern const bench_job bench_edit_jobs[];
extern const bench_fact bench_facts[];

/* Ends the program. */
_Noreturn void bench_die(const char *why);
void bench_must(crdt_err err);

/* Reads a file of the folder; the program ends if there is none. */
void bench_read(const bench *b, const char *name, crdt_buf *out);
void bench_read_list(const bench *b, const char *name, bench_list *out);
void bench_read_program(bench *b);
void bench_free(bench *b);

/* A new document, and one to which updates were applied one by one. Return owned. */
crdt_doc *bench_new_doc(void);
crdt_doc *bench_applied(crdt_encoding encoding, const crdt_bytes *updates, size_t count);

static inline crdt_bytes bench_bytes(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

#endif
