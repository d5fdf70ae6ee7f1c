#include "richtwin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

static bool is_high(uint16_t code)
{
    return code >= 0xd800 && code < 0xdc00;
}

/* ---- the text ---- */

static uint32_t next_char(const char **string)
{
    const uint8_t *s = (const uint8_t *)*string;
    const unsigned len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (unsigned i = 1; i < len; i++)
        c = c << 6 | (s[i] & 0x3fu);
    *string += len;
    return c;
}

size_t richtwin_units(const char *string)
{
    size_t units = 0;
    while (*string)
        units += next_char(&string) > 0xffff ? 2 : 1;
    return units;
}

bool richtwin_splits_pair(const richtwin *t, size_t index)
{
    return index > 0 && index < t->text_count && !t->text[index - 1].embed &&
           is_high(t->text[index - 1].code);
}

/* Something comes between the units before and at `index`. */
static void cut(richtwin *t, size_t index)
{
    if (richtwin_splits_pair(t, index))
        t->text[index - 1].code = t->text[index].code = REPLACEMENT;
}

static void put_unit(richtwin *t, size_t index, richtwin_unit unit)
{
    memmove(&t->text[index + 1], &t->text[index], (t->text_count - index) * sizeof *t->text);
    t->text[index] = unit;
    t->text_count++;
}

void richtwin_insert(richtwin *t, size_t index, const char *string, richtwin_formats formats)
{
    if (*string)
        cut(t, index);
    while (*string) {
        uint32_t c = next_char(&string);
        richtwin_unit unit = {.code = (uint16_t)c, .formats = formats};
        if (c > 0xffff) {
            c -= 0x10000;
            unit.code = (uint16_t)(0xd800 + (c >> 10));
            put_unit(t, index++, unit);
            unit.code = (uint16_t)(0xdc00 + (c & 0x3ff));
        }
        put_unit(t, index++, unit);
    }
}

void richtwin_insert_embed(richtwin *t, size_t index, uint8_t embed, richtwin_formats formats)
{
    cut(t, index);
    put_unit(t, index, (richtwin_unit){.embed = embed, .formats = formats});
}

void richtwin_delete(richtwin *t, size_t index, size_t length)
{
    if (length == 0)
        return;
    if (length > t->text_count - index)
        length = t->text_count - index;
    cut(t, index);
    cut(t, index + length);
    memmove(&t->text[index], &t->text[index + length],
            (t->text_count - index - length) * sizeof *t->text);
    t->text_count -= length;
}

void richtwin_format(richtwin *t, size_t index, size_t length, unsigned keys,
                     richtwin_formats formats)
{
    if (length == 0)
        return;
    cut(t, index);
    cut(t, index + length);
    for (size_t i = index; i < index + length; i++) {
        if (i == t->text_count) /* newlines come behind the end, with these formats alone */
            put_unit(t, i, (richtwin_unit){.code = '\n'});
        for (size_t k = 0; k < RICHTWIN_FORMATS; k++)
            if (keys & 1u << k)
                t->text[i].formats.value[k] = formats.value[k];
    }
}

richtwin_formats richtwin_around(const richtwin *t, size_t index)
{
    return index > 0 ? t->text[index - 1].formats : (richtwin_formats){{0}};
}

/* ---- the list ---- */

void richtwin_list_insert(richtwin *t, size_t index, const richtwin_value *values, size_t count)
{
    memmove(&t->list[index + count], &t->list[index], (t->list_count - index) * sizeof *t->list);
    memcpy(&t->list[index], values, count * sizeof *values);
    t->list_count += count;
}

void richtwin_list_delete(richtwin *t, size_t index, size_t length)
{
    memmove(&t->list[index], &t->list[index + length],
            (t->list_count - index - length) * sizeof *t->list);
    t->list_count -= length;
}

/* ---- printing ---- */

static void put(crdt_buf *out, const char *text, size_t len)
{
    if (out->cap - out->len < len) {
        out->cap = (out->cap + len) * 2;
        out->data = realloc(out->data, out->cap);
        if (!out->data)
            abort();
    }
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

static void put_text(crdt_buf *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_char(crdt_buf *out, uint32_t c)
{
    char utf8[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6)
        utf8[i] = (char)(0x80 | (c & 0x3f));
    static const uint32_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    utf8[0] = (char)(marks[len] | c);
    put(out, utf8, len);
}

/* The character at `i`; returns the index behind it. */
static size_t char_at(const richtwin *t, size_t i, uint32_t *c)
{
    *c = t->text[i].code;
    if (!is_high(t->text[i].code))
        return i + 1;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (t->text[i + 1].code - 0xdc00u);
    return i + 2;
}

void richtwin_print_text(const richtwin *t, crdt_buf *out)
{
    for (size_t i = 0; i < t->text_count;) {
        uint32_t c;
        if (t->text[i].embed) {
            i++;
            continue;
        }
        i = char_at(t, i, &c);
        put_char(out, c);
    }
}

static bool same_formats(const richtwin_unit *a, const richtwin_unit *b)
{
    return memcmp(&a->formats, &b->formats, sizeof a->formats) == 0;
}

static void put_formats(crdt_buf *out, const richtwin_formats *formats)
{
    const char *before = ",\"attributes\":{";
    for (size_t k = 0; k < RICHTWIN_FORMATS; k++) {
        char text[48];
        if (formats->value[k] == 0)
            continue;
        snprintf(text, sizeof text, "%s\"f%zu\":%u", before, k, formats->value[k]);
        put_text(out, text);
        before = ",";
    }
    if (before[1] == '\0')
        put_text(out, "}");
}

/* A run of text with the same formats, from `i` on; returns the index behind it. */
static size_t put_run(const richtwin *t, size_t i, crdt_buf *out)
{
    const richtwin_unit *first = &t->text[i];
    put_text(out, "{\"insert\":\"");
    while (i < t->text_count && !t->text[i].embed && same_formats(first, &t->text[i])) {
        uint32_t c;
        i = char_at(t, i, &c);
        if (c == '\n')
            put_text(out, "\\n");
        else
            put_char(out, c);
    }
    put_text(out, "\"");
    put_formats(out, &first->formats);
    return i;
}

void richtwin_print_delta(const richtwin *t, crdt_buf *out)
{
    put_text(out, "[");
    for (size_t i = 0; i < t->text_count;) {
        put_text(out, i > 0 ? "," : "");
        if (t->text[i].embed) {
            char text[32];
            snprintf(text, sizeof text, "{\"insert\":{\"e\":%u}", t->text[i].embed);
            put_text(out, text);
            put_formats(out, &t->text[i].formats);
            i++;
        } else {
            i = put_run(t, i, out);
        }
        put_text(out, "}");
    }
    put_text(out, "]");
}

void richtwin_print_list(const richtwin *t, crdt_buf *out)
{
    put_text(out, "[");
    for (size_t i = 0; i < t->list_count; i++) {
        put_text(out, i > 0 ? "," : "");
        put_text(out, t->list[i].json);
    }
    put_text(out, "]");
}

void richtwin_print_map(const richtwin *t, crdt_buf *out)
{
    const char *before = "";
    put_text(out, "{");
    for (size_t k = 0; k < RICHTWIN_KEYS; k++) {
        char text[32];
        if (!t->map[k].json[0])
            continue;
        snprintf(text, sizeof text, "%s\"k%zu\":%s", before, k, t->map[k].json);
        put_text(out, text);
        before = ",";
    }
    put_text(out, "}");
}
