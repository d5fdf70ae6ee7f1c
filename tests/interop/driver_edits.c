/* The driver's local edits. TYPE names a type: `@CLIENT.CLOCK`, the item that holds it, or a root's
 * name in base64 with the way from there behind it, `:#3` for an element and `:a2V5` for a key.
 * VALUE is `j:` or `a:` and JSON or Any in base64, `b:` and bytes, `d:` and a guid and maybe `:`
 * and options as Any, or `t:KIND` with the number of a kind of type, and maybe `:` and its node
 * name. ATTRS are a VALUE; left out, `*`: those around, or none for an embed.
 *
 *     client DOC NUMBER                     begin DOC          commit DOC [v2]: the update
 *     insert DOC TYPE INDEX TEXT ATTRS      embed DOC TYPE INDEX VALUE ATTRS
 *     delete DOC TYPE INDEX LENGTH          format DOC TYPE INDEX LENGTH ATTRS
 *     delta DOC TYPE DELTA [drop]           (DELTA: base64 of JSON)
 *     linsert DOC TYPE INDEX VALUE...       lpush DOC TYPE VALUE...
 *     lafter DOC TYPE CHILD|- VALUE...      ldelete DOC TYPE INDEX LENGTH
 *     set DOC TYPE KEY VALUE                unset DOC TYPE KEY     clear DOC TYPE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"
#include "driver.h"

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

crdt_type type_at(size_t i)
{
    crdt_doc *doc = doc_at(1);
    char *step = word_text(i);
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
    char *first = split(word_text(i));
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
    crdt_err err = crdt_doc_commit(doc_at(1), encoding_at(2), &out);
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
    bool drops = word_count() > 4 && strcmp(word(4), "drop") == 0;
    answer(crdt_text_apply_delta(doc_at(1), type_at(2), bytes(3),
                                 drops ? CRDT_DELTA_DROP_LAST_NEWLINE : CRDT_DELTA_AS_IS));
}

/* The values from the i-th word on, as long as `use` runs. */
static void with_values(size_t i, void (*use)(const crdt_value *values, size_t count))
{
    size_t count = word_count() > i ? word_count() - i : 0;
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

const request edit_requests[] = {
    {"client", do_client},   {"begin", do_begin},   {"commit", do_commit}, {"insert", do_insert},
    {"embed", do_embed},     {"delete", do_delete}, {"format", do_format}, {"delta", do_delta},
    {"linsert", do_linsert}, {"lpush", do_lpush},   {"lafter", do_lafter}, {"ldelete", do_ldelete},
    {"set", do_set},         {"unset", do_unset},   {"clear", do_clear},   {0},
};
