/* The engine behind a pipe: a request a line on stdin, its answer a line on stdout, in order.
 *
 * Words are parted by spaces. Documents and awarenesses are numbers of the caller's, bytes are
 * base64, no bytes are `-`. An answer is `ok`, with the results behind it, or `err` and a sentence;
 * what the driver does not understand ends it.
 *
 * Local edits. TYPE names a type: `@CLIENT.CLOCK`, the item that holds it, or a root's name in
 * base64 with the way from there behind it, `:#3` for an element and `:a2V5` for a key. VALUE is
 * `j:` or `a:` and JSON or Any in base64, `b:` and bytes, `d:` and a guid and maybe `:` and options
 * as Any, or `t:KIND` with the number of a kind of type, and maybe `:` and its node name. ATTRS are
 * a VALUE; left out, `*`: those around, or none for an embed.
 *
 *     client DOC NUMBER                     begin DOC          commit DOC [v2]: the update
 *     insert DOC TYPE INDEX TEXT ATTRS      embed DOC TYPE INDEX VALUE ATTRS
 *     delete DOC TYPE INDEX LENGTH          format DOC TYPE INDEX LENGTH ATTRS
 *     delta DOC TYPE DELTA [drop]           (DELTA: base64 of JSON)
 *     linsert DOC TYPE INDEX VALUE...       lpush DOC TYPE VALUE...
 *     lafter DOC TYPE CHILD|- VALUE...      ldelete DOC TYPE INDEX LENGTH
 *     set DOC TYPE KEY VALUE                unset DOC TYPE KEY     clear DOC TYPE
 *     applyevent DOC UPDATE: changed, integrated, pending, client taken, the update of it
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

/* read DOC NAME json|text|delta|array|map|xml|wellformed [SNAPSHOT]: the root, rendered */
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

/* ---- local edits ---- */

/* Ends the word at the next `:` and returns what is behind it, or NULL. */
static char *split(char *text)
{
    char *colon = strchr(text, ':');
    if (colon)
        *colon++ = '\0';
    return colon;
}

static crdt_bytes decode(const char *text, crdt_buf *buf)
{
    crdt_buf_free(buf);
    if (strcmp(text, "-") != 0 && !b64_decode(text, strlen(text), buf))
        die("not base64");
    return (crdt_bytes){buf->data, buf->len};
}

/* The child of a type that one step leads to. */
static crdt_type child_of(crdt_doc *doc, crdt_type parent, const char *step)
{
    crdt_value value = {0};
    crdt_buf key = {0};
    crdt_err err = *step == '#' ? crdt_list_get(doc, parent, strtoull(step + 1, NULL, 10), &value)
                                : crdt_map_get(doc, parent, decode(step, &key), &value);
    crdt_buf_free(&key);
    if (err != CRDT_OK || value.kind != CRDT_VALUE_TYPE)
        die("no such type");
    return value.handle;
}

static crdt_type type_at(size_t i)
{
    crdt_doc *doc = doc_at(1);
    char *step = driver.words[i];
    crdt_type type = {0};
    if (*word(i) == '@') {
        type.item.client = strtoull(step + 1, &step, 10);
        type.item.clock = strtoull(step + 1, NULL, 10);
        return type;
    }
    char *rest = split(step);
    crdt_buf name = {0};
    if (crdt_doc_root(doc, decode(step, &name), CRDT_ARRAY, &type) != CRDT_OK)
        die("no root");
    crdt_buf_free(&name);
    while ((step = rest)) {
        rest = split(step);
        type = child_of(doc, type, step);
    }
    return type;
}

/* A value, and what it borrows from. */
typedef struct given {
    crdt_value value;
    crdt_buf bytes;
    crdt_buf options;
} given;

static given value_at(size_t i)
{
    given g = {0};
    (void)word(i);
    char *first = split(driver.words[i]);
    char *second = first ? split(first) : NULL;
    if (!first)
        die("no value");
    switch (*word(i)) {
    case 'j':
        g.value.kind = CRDT_VALUE_JSON;
        break;
    case 'a':
        g.value.kind = CRDT_VALUE_ANY;
        break;
    case 'b':
        g.value.kind = CRDT_VALUE_BINARY;
        break;
    case 'd':
        g.value.kind = CRDT_VALUE_DOC;
        if (second)
            g.value.options = decode(second, &g.options);
        break;
    case 't':
        g.value.kind = CRDT_VALUE_TYPE;
        g.value.type = (crdt_type_kind)strtoul(first, NULL, 10);
        first = second;
        break;
    default:
        die("no such value");
    }
    if (first)
        g.value.bytes = decode(first, &g.bytes);
    return g;
}

static void forget(given *g)
{
    crdt_buf_free(&g->bytes);
    crdt_buf_free(&g->options);
}

/* Attributes, or NULL for `*`. */
static const crdt_value *attributes_at(size_t i, given *g)
{
    if (strcmp(word(i), "*") == 0)
        return NULL;
    *g = value_at(i);
    return &g->value;
}

static void do_client(void)
{
    answer(crdt_doc_set_client(doc_at(1), number(2)));
}

static void do_begin(void)
{
    answer(crdt_doc_begin(doc_at(1)));
}

static void do_commit(void)
{
    crdt_buf out = {0};
    bool is_v2 = driver.count > 2 && strcmp(word(2), "v2") == 0;
    crdt_err err = crdt_doc_commit(doc_at(1), is_v2 ? CRDT_V2 : CRDT_V1, &out);
    answer_bytes(err, &out);
}

static void do_insert(void)
{
    given attributes = {0};
    const crdt_value *with = attributes_at(5, &attributes);
    answer(crdt_text_insert(doc_at(1), type_at(2), number(3), bytes(4), with));
    forget(&attributes);
}

static void do_embed(void)
{
    given attributes = {0};
    given embed = value_at(4);
    const crdt_value *with = attributes_at(5, &attributes);
    answer(crdt_text_insert_embed(doc_at(1), type_at(2), number(3), &embed.value, with));
    forget(&attributes);
    forget(&embed);
}

static void do_delete(void)
{
    answer(crdt_text_delete(doc_at(1), type_at(2), number(3), number(4)));
}

static void do_format(void)
{
    given attributes = value_at(5);
    answer(crdt_text_format(doc_at(1), type_at(2), number(3), number(4), &attributes.value));
    forget(&attributes);
}

static void do_delta(void)
{
    bool drops = driver.count > 4 && strcmp(word(4), "drop") == 0;
    answer(crdt_text_apply_delta(doc_at(1), type_at(2), bytes(3),
                                 drops ? CRDT_DELTA_DROP_LAST_NEWLINE : CRDT_DELTA_AS_IS));
}

/* The values from the i-th word on, as long as `use` runs. */
static void with_values(size_t i, void (*use)(const crdt_value *values, size_t count))
{
    size_t count = driver.count > i ? driver.count - i : 0;
    given *all = calloc(count + 1, sizeof *all);
    crdt_value *values = calloc(count + 1, sizeof *values);
    if (!all || !values)
        die("out of memory");
    for (size_t k = 0; k < count; k++) {
        all[k] = value_at(i + k);
        values[k] = all[k].value;
    }
    use(values, count);
    for (size_t k = 0; k < count; k++)
        forget(&all[k]);
    free(all);
    free(values);
}

static void use_linsert(const crdt_value *values, size_t count)
{
    answer(crdt_list_insert(doc_at(1), type_at(2), number(3), values, count));
}

static void use_lpush(const crdt_value *values, size_t count)
{
    answer(crdt_list_push(doc_at(1), type_at(2), values, count));
}

static void use_lafter(const crdt_value *values, size_t count)
{
    bool at_start = strcmp(word(3), "-") == 0;
    crdt_type child = at_start ? (crdt_type){0} : type_at(3);
    answer(crdt_list_insert_after(doc_at(1), type_at(2), at_start ? NULL : &child, values, count));
}

static void do_linsert(void)
{
    with_values(4, use_linsert);
}

static void do_lpush(void)
{
    with_values(3, use_lpush);
}

static void do_lafter(void)
{
    with_values(4, use_lafter);
}

static void do_ldelete(void)
{
    answer(crdt_list_delete(doc_at(1), type_at(2), number(3), number(4)));
}

static void do_set(void)
{
    given value = value_at(4);
    answer(crdt_map_set(doc_at(1), type_at(2), bytes(3), &value.value));
    forget(&value);
}

static void do_unset(void)
{
    answer(crdt_map_delete(doc_at(1), type_at(2), bytes(3)));
}

static void do_clear(void)
{
    answer(crdt_map_clear(doc_at(1), type_at(2)));
}

static void do_applyevent(void)
{
    crdt_applied applied = {0};
    crdt_buf event = {0};
    crdt_err err = crdt_doc_apply_event(doc_at(1), CRDT_V1, bytes(2), &applied, &event);
    if (err == CRDT_OK) {
        char *text = b64_encode((crdt_bytes){event.data, event.len});
        printf("ok %d %d %d %d %s\n", applied.changed, applied.integrated, applied.pending,
               applied.client_taken, event.len ? text : "-");
        free(text);
    } else {
        answer(err);
    }
    crdt_buf_free(&event);
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
    {"new", do_new},       {"text", do_text},       {"apply", do_apply},
    {"state", do_state},   {"sv", do_sv},           {"check", do_check},
    {"stats", do_stats},   {"merge", do_merge},     {"diff", do_diff},
    {"svof", do_svof},     {"rewind", do_rewind},   {"validate", do_validate},
    {"anew", do_anew},     {"aapply", do_aapply},   {"aremove", do_aremove},
    {"aall", do_aall},     {"read", do_read},       {"client", do_client},
    {"begin", do_begin},   {"commit", do_commit},   {"insert", do_insert},
    {"embed", do_embed},   {"delete", do_delete},   {"format", do_format},
    {"delta", do_delta},   {"linsert", do_linsert}, {"lpush", do_lpush},
    {"lafter", do_lafter}, {"ldelete", do_ldelete}, {"set", do_set},
    {"unset", do_unset},   {"clear", do_clear},     {"applyevent", do_applyevent},
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
