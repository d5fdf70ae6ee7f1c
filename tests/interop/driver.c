/* The engine behind a pipe: a request a line on stdin, its answer a line on stdout, in order.
 *
 * Words are parted by spaces. Documents and awarenesses are numbers of the caller's, bytes are
 * base64, no bytes are `-`. An answer is `ok`, with the results behind it, or `err` and a sentence;
 * what the driver does not understand ends it.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"

enum { SLOTS = 64, WORDS_MAX = 4096 };

static struct {
    crdt_doc *docs[SLOTS];
    crdt_awareness *awarenesses[SLOTS];
    char *words[WORDS_MAX];
    crdt_buf bytes[WORDS_MAX]; /* the same words, decoded */
    size_t count;
} driver;

static void die(const char *why)
{
    fprintf(stderr, "interop driver: %s: %s\n", why, driver.count ? driver.words[0] : "");
    exit(2);
}

static const char *word(size_t i)
{
    if (i >= driver.count)
        die("too few words");
    return driver.words[i];
}

static uint64_t number(size_t i)
{
    return strtoull(word(i), NULL, 10);
}

static size_t slot(size_t i)
{
    uint64_t n = number(i);
    if (n >= SLOTS)
        die("no such slot");
    return (size_t)n;
}

static crdt_doc *doc_at(size_t i)
{
    crdt_doc *doc = driver.docs[slot(i)];
    if (!doc)
        die("no such document");
    return doc;
}

static crdt_awareness *awareness_at(size_t i)
{
    crdt_awareness *awareness = driver.awarenesses[slot(i)];
    if (!awareness)
        die("no such awareness");
    return awareness;
}

static crdt_bytes bytes(size_t i)
{
    const char *text = word(i);
    crdt_buf *buf = &driver.bytes[i];
    crdt_buf_free(buf);
    if (strcmp(text, "-") != 0 && !b64_decode(text, strlen(text), buf))
        die("not base64");
    return (crdt_bytes){buf->data, buf->len};
}

/* The words from the i-th on, decoded; NULL-safe for none. Owned (free). */
static crdt_bytes *bytes_from(size_t i, size_t *count)
{
    *count = driver.count > i ? driver.count - i : 0;
    crdt_bytes *list = calloc(*count + 1, sizeof *list);
    if (!list)
        die("out of memory");
    for (size_t k = 0; k < *count; k++)
        list[k] = bytes(i + k);
    return list;
}

/* ---- answers ---- */

static void answer(crdt_err err)
{
    if (err == CRDT_OK)
        puts("ok");
    else
        printf("err %s\n", crdt_strerror(err));
}

static void answer_bytes(crdt_err err, crdt_buf *out)
{
    if (err == CRDT_OK) {
        char *text = b64_encode((crdt_bytes){out->data, out->len});
        printf("ok %s\n", out->len ? text : "-");
        free(text);
    } else {
        answer(err);
    }
    crdt_buf_free(out);
}

/* ---- documents ---- */

/* new DOC gc|nogc cleanup|nocleanup */
static void do_new(void)
{
    crdt_doc_options options = {
        .gc = strcmp(word(2), "gc") == 0 ? CRDT_GC_ON : CRDT_GC_OFF,
        .cleanup = strcmp(word(3), "cleanup") == 0 ? CRDT_CLEANUP_ON : CRDT_CLEANUP_OFF,
    };
    crdt_doc **doc = &driver.docs[slot(1)];
    crdt_doc_free(*doc);
    *doc = crdt_doc_new(&options);
    answer(*doc ? CRDT_OK : CRDT_NO_MEMORY);
}

/* text DOC NAME: a root that is a text */
static void do_text(void)
{
    crdt_type type;
    answer(crdt_doc_root(doc_at(1), bytes(2), CRDT_TEXT, &type));
}

/* apply DOC UPDATE: changed, integrated, pending */
static void do_apply(void)
{
    crdt_applied applied = {0};
    crdt_err err = crdt_doc_apply(doc_at(1), CRDT_V1, bytes(2), &applied);
    if (err == CRDT_OK)
        printf("ok %d %d %d\n", applied.changed, applied.integrated, applied.pending);
    else
        answer(err);
}

/* state DOC STATE-VECTOR */
static void do_state(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_doc_encode_state(doc_at(1), CRDT_V1, bytes(2), &out);
    answer_bytes(err, &out);
}

/* sv DOC */
static void do_sv(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_doc_encode_state_vector(doc_at(1), &out);
    answer_bytes(err, &out);
}

/* check DOC */
static void do_check(void)
{
    const char *broken = crdt_doc_check(doc_at(1));
    if (broken)
        printf("err %s\n", broken);
    else
        answer(CRDT_OK);
}

/* stats DOC: structs, bytes, bytes waiting, whether something waits */
static void do_stats(void)
{
    const crdt_doc *doc = doc_at(1);
    printf("ok %zu %zu %zu %d\n", crdt_doc_struct_count(doc), crdt_doc_memory_bytes(doc),
           crdt_doc_pending_bytes(doc), crdt_doc_pending(doc));
}

/* ---- readings ---- */

static crdt_err render(crdt_doc *doc, crdt_type type, const char *as, const crdt_snapshot *at,
                       crdt_buf *out)
{
    static const struct {
        const char *name;
        crdt_err (*read)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);
    } renderings[] = {{"json", crdt_read_json},
                      {"text", crdt_read_text},
                      {"delta", crdt_read_delta},
                      {"array", crdt_read_array},
                      {"map", crdt_read_map}};
    for (size_t i = 0; i < sizeof renderings / sizeof renderings[0]; i++)
        if (strcmp(as, renderings[i].name) == 0)
            return renderings[i].read(doc, type, at, out);
    die("no such rendering");
    return CRDT_INVALID;
}

/* read DOC NAME json|text|delta|array|map [SNAPSHOT]: the root, rendered */
static void do_read(void)
{
    crdt_doc *doc = doc_at(1);
    crdt_type type;
    crdt_snapshot *at = NULL;
    crdt_buf out = {0};
    crdt_err err = crdt_doc_root(doc, bytes(2), CRDT_ARRAY, &type);
    if (err == CRDT_OK && driver.count > 4)
        err = crdt_snapshot_new(CRDT_V1, bytes(4), NULL, &at);
    if (err == CRDT_OK)
        err = render(doc, type, word(3), at, &out);
    answer_bytes(err, &out);
    crdt_snapshot_free(at);
}

/* ---- updates and state vectors ---- */

/* merge UPDATE... */
static void do_merge(void)
{
    size_t count;
    crdt_bytes *updates = bytes_from(1, &count);
    crdt_buf out = {0};
    crdt_err err = crdt_update_merge(CRDT_V1, updates, count, &out);
    answer_bytes(err, &out);
    free(updates);
}

/* diff UPDATE STATE-VECTOR */
static void do_diff(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_update_diff(CRDT_V1, bytes(1), bytes(2), &out);
    answer_bytes(err, &out);
}

/* svof UPDATE */
static void do_svof(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_update_state_vector(CRDT_V1, bytes(1), &out);
    answer_bytes(err, &out);
}

/* rewind STATE-VECTOR UPDATE... */
static void do_rewind(void)
{
    size_t count;
    crdt_bytes *updates = bytes_from(2, &count);
    crdt_buf out = {0};
    crdt_err err = crdt_state_vector_rewind(CRDT_V1, bytes(1), updates, count, &out);
    answer_bytes(err, &out);
    free(updates);
}

/* validate UPDATE: whether it says nothing */
static void do_validate(void)
{
    crdt_bytes update = bytes(1);
    crdt_err err = crdt_update_validate(CRDT_V1, update);
    if (err == CRDT_OK)
        printf("ok %d\n", crdt_update_is_empty(CRDT_V1, update));
    else
        answer(err);
}

/* ---- awareness ---- */

/* anew AWARENESS */
static void do_anew(void)
{
    crdt_awareness **awareness = &driver.awarenesses[slot(1)];
    crdt_awareness_free(*awareness);
    *awareness = crdt_awareness_new(NULL);
    answer(*awareness ? CRDT_OK : CRDT_NO_MEMORY);
}

/* aapply AWARENESS UPDATE NOW: what changed */
static void do_aapply(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_awareness_apply(awareness_at(1), bytes(2), number(3), &out);
    answer_bytes(err, &out);
}

/* aremove AWARENESS CLIENT NOW: what changed */
static void do_aremove(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_awareness_remove(awareness_at(1), number(2), number(3), &out);
    answer_bytes(err, &out);
}

/* aall AWARENESS: everybody present */
static void do_aall(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_awareness_encode(awareness_at(1), &out);
    answer_bytes(err, &out);
}

static const struct {
    const char *name;
    void (*act)(void);
} requests[] = {
    {"new", do_new},   {"text", do_text},     {"apply", do_apply},     {"state", do_state},
    {"sv", do_sv},     {"check", do_check},   {"stats", do_stats},     {"merge", do_merge},
    {"diff", do_diff}, {"svof", do_svof},     {"rewind", do_rewind},   {"validate", do_validate},
    {"anew", do_anew}, {"aapply", do_aapply}, {"aremove", do_aremove}, {"aall", do_aall},
    {"read", do_read},
};

static void act(char *line)
{
    driver.count = 0;
    for (char *rest = line, *w; (w = strtok_r(rest, " \n", &rest));) {
        if (driver.count == WORDS_MAX)
            die("too many words");
        driver.words[driver.count++] = w;
    }
    const char *name = word(0);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (strcmp(name, requests[i].name) == 0) {
            requests[i].act();
            return;
        }
    die("no such request");
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        act(line);
        fflush(stdout);
    }
    free(line);
    for (size_t i = 0; i < SLOTS; i++) {
        crdt_doc_free(driver.docs[i]);
        crdt_awareness_free(driver.awarenesses[i]);
    }
    for (size_t i = 0; i < WORDS_MAX; i++)
        crdt_buf_free(&driver.bytes[i]);
    return 0;
}
