#include "types/xml_attributes.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/tokens.h"
#include "base/utf16.h"
#include "types/xml_value.h"

typedef enum attribute_form { FORM_ANY, FORM_JSON, FORM_TEXT, FORM_HALF, FORM_BYTE } attribute_form;

typedef struct attribute {
    size_t name; /* where it is among the names, and how long */
    size_t name_len;
    attribute_form form;
    crdt_bytes value; /* ANY, JSON: one value; TEXT: a character; BYTE: it */
    const struct attributes *all;
} attribute;

typedef struct attributes {
    crdt_buf names; /* one behind the other */
    crdt_xml_style style;
    crdt__budget budget;
    attribute *items;
    size_t count;
    size_t cap;
    bool ok;
} attributes;

static void add(attributes *all, size_t name, attribute_form form, crdt_bytes value)
{
    all->ok = all->ok && crdt__budget_reserve(&all->budget, &all->items, &all->cap, all->count + 1,
                                              sizeof(*all->items));
    if (all->ok)
        all->items[all->count++] = (attribute){.name = name,
                                               .name_len = all->names.len - name,
                                               .form = form,
                                               .value = value,
                                               .all = all};
}

/* Writes a key behind the names; returns where it is. */
static size_t name_key(attributes *all, crdt__token key)
{
    size_t at = all->names.len;
    crdt__writer w = crdt__writer_on(&all->names);
    if (key.is_json)
        crdt__json_unescape(key.text, &w);
    else
        crdt__write_bytes(&w, key.text.data, key.text.len);
    all->ok = crdt__writer_finish(&w) == CRDT_OK && all->ok;
    return at;
}

static size_t name_index(attributes *all, uint64_t index)
{
    char digits[CRDT__NUMBER_LEN_MAX];
    size_t at = all->names.len;
    crdt__writer w = crdt__writer_on(&all->names);
    crdt__write_bytes(&w, digits, crdt__number_print((double)index, digits));
    all->ok = crdt__writer_finish(&w) == CRDT_OK && all->ok;
    return at;
}

static const uint8_t *place_of(const crdt__tokens *tokens)
{
    return tokens->is_any ? tokens->any.r.pos : tokens->json.r.pos;
}

/* The members of the object, or the elements of the array, that was just begun. */
static void collect_members(attributes *all, crdt__tokens *tokens)
{
    for (uint64_t i = 0; all->ok; i++) {
        const uint8_t *start = place_of(tokens);
        crdt__token t = crdt__tokens_next(tokens);
        if (t.kind == CRDT__TOKEN_CLOSE || crdt__token_is_last(t))
            return;
        size_t name = t.kind == CRDT__TOKEN_KEY ? name_key(all, t) : name_index(all, i);
        if (t.kind == CRDT__TOKEN_KEY) {
            start = place_of(tokens);
            t = crdt__tokens_next(tokens);
        }
        crdt__tokens_skip(tokens, t);
        if (!tokens->is_any && *start == ',')
            start++;
        add(all, name, tokens->is_any ? FORM_ANY : FORM_JSON,
            (crdt_bytes){start, (size_t)(place_of(tokens) - start)});
    }
}

static void collect_units(attributes *all, crdt_bytes text)
{
    uint64_t index = 0;
    for (size_t at = 0, len; at < text.len && all->ok; at += len) {
        uint8_t lead = text.data[at];
        len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        bool half = len == 4 || (lead == 0xed && text.data[at + 1] >= 0xa0);
        for (size_t i = 0; i < (len == 4 ? 2u : 1u); i++)
            add(all, name_index(all, index++), half ? FORM_HALF : FORM_TEXT,
                (crdt_bytes){text.data + at, len});
    }
}

static int compare_attributes(const void *a, const void *b)
{
    const attribute *x = a;
    const attribute *y = b;
    const uint8_t *names = x->all->names.data;
    const crdt_bytes x_name = {names + x->name, x->name_len};
    const crdt_bytes y_name = {names + y->name, y->name_len};
    int order = crdt__xml_name_compare(x->all->style, x_name, y_name);
    return order ? order : crdt__utf16_compare(x_name, y_name);
}

static void put_value(crdt__out *out, crdt_xml_style style, const attribute *a)
{
    char digits[CRDT__NUMBER_LEN_MAX];
    switch (a->form) {
    case FORM_TEXT:
        crdt__xml_text(out, style, CRDT__XML_ATTRIBUTE, a->value);
        break;
    case FORM_HALF:
        crdt__out_half(out);
        break;
    case FORM_BYTE:
        crdt__out_text(out, (crdt_bytes){(uint8_t *)digits,
                                         crdt__number_print((double)*a->value.data, digits)});
        break;
    case FORM_ANY:
        crdt__xml_any(out, style, CRDT__XML_ATTRIBUTE, a->value);
        break;
    case FORM_JSON:
        crdt__xml_json(out, style, CRDT__XML_ATTRIBUTE, a->value);
        break;
    }
}

static void put_attributes(crdt__out *out, attributes *all)
{
    if (all->count > 1)
        qsort(all->items, all->count, sizeof(*all->items), compare_attributes);
    crdt_bytes last = {0};
    for (size_t i = 0; i < all->count; i++) {
        const attribute *a = &all->items[i];
        const crdt_bytes name = {all->names.data + a->name, a->name_len};
        if (i > 0 && crdt__xml_name_compare(all->style, last, name) == 0)
            continue; /* the same once its characters fit */
        last = name;
        crdt__out_text(out, crdt_bytes_of(" "));
        crdt__xml_name(out, all->style, name);
        crdt__out_text(out, crdt_bytes_of("=\""));
        put_value(out, all->style, a);
        crdt__out_text(out, crdt_bytes_of("\""));
    }
}

static void collect(attributes *all, crdt_bytes value, crdt_buf *plain)
{
    crdt__tokens tokens;
    crdt__tokens_of_kept(&tokens, value);
    crdt__token t = crdt__tokens_next(&tokens);
    if (crdt__token_opens(t.kind)) {
        collect_members(all, &tokens);
    } else if (t.kind == CRDT__TOKEN_STRING) {
        crdt_bytes text = t.text;
        if (t.is_json) {
            crdt__writer w = crdt__writer_on(plain);
            crdt__json_unescape(t.text, &w);
            all->ok = crdt__writer_finish(&w) == CRDT_OK;
            text = (crdt_bytes){plain->data, plain->len};
        }
        collect_units(all, text);
    } else if (t.kind == CRDT__TOKEN_BYTES) {
        for (size_t i = 0; i < t.text.len; i++)
            add(all, name_index(all, i), FORM_BYTE, (crdt_bytes){t.text.data + i, 1});
    }
}

bool crdt__xml_attributes(crdt__out *out, crdt_xml_style style, crdt_bytes value)
{
    attributes all = {
        .names = {.mem = out->mem}, .style = style, .budget = {.mem = out->mem}, .ok = true};
    crdt_buf plain = {.mem = out->mem};
    collect(&all, value, &plain);
    if (all.ok)
        put_attributes(out, &all);
    crdt__budget_release(&all.budget, all.items, all.cap * sizeof(*all.items));
    crdt_buf_free(&all.names);
    crdt_buf_free(&plain);
    return all.ok;
}
