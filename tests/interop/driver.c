/* The engine behind a pipe: a request a line on stdin, its answer a line on stdout, in order.
 *
 * Words are parted by spaces. Documents and awarenesses are numbers of the caller's, bytes are
 * base64, no bytes are `-`. An answer is `ok`, with the results behind it, or `err` and a sentence;
 * what the driver does not understand ends it.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"
#include "driver.h"

enum { SLOTS = 64, WORDS_MAX = 4096 };

static struct {
    crdt_doc *docs[SLOTS];
    crdt_awareness *awarenesses[SLOTS];
    char *words[WORDS_MAX];
    crdt_buf bytes[WORDS_MAX]; /* the same words, decoded */
    size_t count;
} driver;

void die(const char *why)
{
    fprintf(stderr, "interop driver: %s: %s\n", why, driver.count ? driver.words[0] : "");
    exit(2);
}

size_t word_count(void)
{
    return driver.count;
}

char *word_text(size_t i)
{
    if (i >= driver.count)
        die("too few words");
    return driver.words[i];
}

const char *word(size_t i)
{
    return word_text(i);
}

uint64_t number(size_t i)
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

crdt_doc *doc_at(size_t i)
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

crdt_bytes bytes(size_t i)
{
    const char *text = word(i);
    crdt_buf *buf = &driver.bytes[i];
    crdt_buf_free(buf);
    if (strcmp(text, "-") != 0 && !b64_decode(text, strlen(text), buf))
        die("not base64");
    return (crdt_bytes){buf->data, buf->len};
}

crdt_encoding encoding_at(size_t i)
{
    return i < driver.count && strcmp(driver.words[i], "v2") == 0 ? CRDT_V2 : CRDT_V1;
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

void answer(crdt_err err)
{
    if (err == CRDT_OK)
        puts("ok");
    else
        printf("err %s\n", crdt_strerror(err));
}

void print_bytes(crdt_bytes text)
{
    char *encoded = b64_encode(text);
    printf(" %s", text.len ? encoded : "-");
    free(encoded);
}

void answer_bytes(crdt_err err, crdt_buf *out)
{
    if (err == CRDT_OK) {
        printf("ok");
        print_bytes((crdt_bytes){out->data, out->len});
        puts("");
    } else {
        answer(err);
    }
    crdt_buf_free(out);
}

/* ---- documents ---- */

/* new DOC gc|nogc cleanup|nocleanup [changes] */
static void do_new(void)
{
    crdt_doc_options options = {
        .gc = strcmp(word(2), "gc") == 0 ? CRDT_GC_ON : CRDT_GC_OFF,
        .cleanup = strcmp(word(3), "cleanup") == 0 ? CRDT_CLEANUP_ON : CRDT_CLEANUP_OFF,
        .changes = driver.count > 4 ? CRDT_CHANGES_ON : CRDT_CHANGES_OFF,
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

/* apply DOC UPDATE [v2]: changed, integrated, pending */
static void do_apply(void)
{
    crdt_applied applied = {0};
    crdt_err err = crdt_doc_apply(doc_at(1), encoding_at(3), bytes(2), &applied);
    if (err == CRDT_OK)
        printf("ok %d %d %d\n", applied.changed, applied.integrated, applied.pending);
    else
        answer(err);
}

/* applyevent DOC UPDATE [v2]: changed, integrated, pending, client taken, the update of it */
static void do_applyevent(void)
{
    crdt_applied applied = {0};
    crdt_buf event = {0};
    crdt_err err = crdt_doc_apply_event(doc_at(1), encoding_at(3), bytes(2), &applied, &event);
    if (err == CRDT_OK) {
        printf("ok %d %d %d %d", applied.changed, applied.integrated, applied.pending,
               applied.client_taken);
        print_bytes((crdt_bytes){event.data, event.len});
        puts("");
    } else {
        answer(err);
    }
    crdt_buf_free(&event);
}

/* state DOC STATE-VECTOR [v2] */
static void do_state(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_doc_encode_state(doc_at(1), encoding_at(3), bytes(2), &out);
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

static crdt_err read_xml(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_YJS, at, out);
}

static crdt_err read_well_formed(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                 crdt_buf *out)
{
    return crdt_read_xml(doc, type, CRDT_XML_WELL_FORMED, at, out);
}

static crdt_err render(crdt_doc *doc, crdt_type type, const char *as, const crdt_snapshot *at,
                       crdt_buf *out)
{
    static const struct {
        const char *name;
        crdt_err (*read)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);
    } renderings[] = {{"json", crdt_read_json},        {"text", crdt_read_text},
                      {"delta", crdt_read_delta},      {"array", crdt_read_array},
                      {"map", crdt_read_map},          {"xml", read_xml},
                      {"wellformed", read_well_formed}};
    for (size_t i = 0; i < sizeof renderings / sizeof renderings[0]; i++)
        if (strcmp(as, renderings[i].name) == 0)
            return renderings[i].read(doc, type, at, out);
    die("no such rendering");
    return CRDT_INVALID;
}

/* read DOC TYPE json|text|delta|array|map|xml|wellformed [SNAPSHOT]: the type, rendered */
static void do_read(void)
{
    crdt_snapshot *at = NULL;
    crdt_buf out = {0};
    crdt_type type = type_at(2);
    crdt_err err = CRDT_OK;
    if (driver.count > 4)
        err = crdt_snapshot_new(CRDT_V1, bytes(4), NULL, &at);
    if (err == CRDT_OK)
        err = render(doc_at(1), type, word(3), at, &out);
    answer_bytes(err, &out);
    crdt_snapshot_free(at);
}

/* changes DOC: what the last transaction changed */
static void do_changes(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_doc_changes(doc_at(1), &out);
    answer_bytes(err, &out);
}

/* ---- updates and state vectors ---- */

/* merge v1|v2 UPDATE... */
static void do_merge(void)
{
    size_t count;
    crdt_bytes *updates = bytes_from(2, &count);
    crdt_buf out = {0};
    crdt_err err = crdt_update_merge(encoding_at(1), updates, count, &out);
    answer_bytes(err, &out);
    free(updates);
}

/* diff UPDATE STATE-VECTOR [v2] */
static void do_diff(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_update_diff(encoding_at(3), bytes(1), bytes(2), &out);
    answer_bytes(err, &out);
}

/* svof UPDATE [v2] */
static void do_svof(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_update_state_vector(encoding_at(2), bytes(1), &out);
    answer_bytes(err, &out);
}

/* rewind v1|v2 STATE-VECTOR UPDATE... */
static void do_rewind(void)
{
    size_t count;
    crdt_bytes *updates = bytes_from(3, &count);
    crdt_buf out = {0};
    crdt_err err = crdt_state_vector_rewind(encoding_at(1), bytes(2), updates, count, &out);
    answer_bytes(err, &out);
    free(updates);
}

/* validate UPDATE [v2]: whether it says nothing */
static void do_validate(void)
{
    crdt_bytes update = bytes(1);
    crdt_err err = crdt_update_validate(encoding_at(2), update);
    if (err == CRDT_OK)
        printf("ok %d\n", crdt_update_is_empty(encoding_at(2), update));
    else
        answer(err);
}

/* convert UPDATE v1|v2: of that format, in the other one */
static void do_convert(void)
{
    crdt_buf out = {0};
    crdt_encoding from = encoding_at(2);
    crdt_err err = crdt_update_convert(from, bytes(1), from == CRDT_V1 ? CRDT_V2 : CRDT_V1, &out);
    answer_bytes(err, &out);
}

/* clients UPDATE [v2]: client, first clock and the one behind the last, of each */
static void do_clients(void)
{
    crdt_update_client *clients = NULL;
    size_t count = 0;
    crdt_err err = crdt_update_clients(encoding_at(2), bytes(1), &clients, &count);
    if (err != CRDT_OK) {
        answer(err);
        return;
    }
    printf("ok");
    for (size_t i = 0; i < count; i++)
        printf(" %" PRIu64 " %" PRIu64 " %" PRIu64, clients[i].client, clients[i].from,
               clients[i].to);
    puts("");
    crdt_update_clients_free(clients, count);
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

static const request doc_requests[] = {
    {"new", do_new},           {"text", do_text},
    {"apply", do_apply},       {"applyevent", do_applyevent},
    {"state", do_state},       {"sv", do_sv},
    {"check", do_check},       {"stats", do_stats},
    {"read", do_read},         {"changes", do_changes},
    {"merge", do_merge},       {"diff", do_diff},
    {"svof", do_svof},         {"rewind", do_rewind},
    {"validate", do_validate}, {"convert", do_convert},
    {"clients", do_clients},   {"anew", do_anew},
    {"aapply", do_aapply},     {"aremove", do_aremove},
    {"aall", do_aall},         {0},
};

static const request *const tables[] = {doc_requests, edit_requests, moment_requests};

static void act(char *line)
{
    driver.count = 0;
    for (char *rest = line, *w; (w = strtok_r(rest, " \n", &rest));) {
        if (driver.count == WORDS_MAX)
            die("too many words");
        driver.words[driver.count++] = w;
    }
    const char *name = word(0);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const request *r = tables[i]; r->name; r++)
            if (strcmp(name, r->name) == 0) {
                r->act();
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
