#include "xmlcheck.h"

#include <stdlib.h>
#include <string.h>

typedef struct checker {
    const char *p;
    const char *end;
    crdt_bytes *open; /* names of the open elements */
    size_t depth;
    size_t cap;
    const char *wrong;
} checker;

static void fail(checker *c, const char *wrong)
{
    c->wrong = c->wrong ? c->wrong : wrong;
    c->p = c->end;
}

static bool accept(checker *c, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
        return false;
    c->p += len;
    return true;
}

static bool same(crdt_bytes a, crdt_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (unsigned char)byte >= 0x80;
}

static crdt_bytes name(checker *c)
{
    const char *start = c->p;
    if (c->p == c->end || !is_letter(*c->p))
        fail(c, "no name");
    while (c->p < c->end && (is_letter(*c->p) || (*c->p && strchr("-.0123456789", *c->p))))
        c->p++;
    return (crdt_bytes){(const uint8_t *)start, (size_t)(c->p - start)};
}

static void character(checker *c)
{
    static const char *const escapes[] = {"&amp;", "&lt;",  "&gt;", "&quot;",
                                          "&#13;", "&#10;", "&#9;"};
    unsigned char byte = (unsigned char)*c->p;
    if (byte == '&') {
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
            if (accept(c, escapes[i]))
                return;
        fail(c, "an & that escapes nothing");
    } else if (byte < 0x20 && byte != '\t' && byte != '\n') {
        fail(c, "a control character");
    } else if (accept(c, "\xef\xbf\xbe") || accept(c, "\xef\xbf\xbf")) {
        fail(c, "no character");
    } else {
        c->p++;
    }
}

static void attributes(checker *c)
{
    enum { NAMES_MAX = 4096 };
    static crdt_bytes names[NAMES_MAX];
    for (size_t count = 0; count < NAMES_MAX && accept(c, " "); count++) {
        names[count] = name(c);
        for (size_t i = 0; i < count; i++)
            if (same(names[i], names[count]))
                fail(c, "an attribute twice");
        if (!accept(c, "=\""))
            fail(c, "no value");
        while (c->p < c->end && *c->p != '"' && *c->p != '<')
            character(c);
        if (!accept(c, "\""))
            fail(c, "a value without an end");
    }
}

static void open_tag(checker *c)
{
    if (c->depth == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->open = realloc(c->open, c->cap * sizeof *c->open);
        if (!c->open)
            abort();
    }
    c->open[c->depth++] = name(c);
    attributes(c);
    if (!accept(c, ">"))
        fail(c, "a tag without an end");
}

static void close_tag(checker *c)
{
    crdt_bytes closed = name(c);
    if (c->depth == 0 || !same(c->open[c->depth - 1], closed))
        fail(c, "a tag that closes nothing");
    else
        c->depth--;
    if (!accept(c, ">"))
        fail(c, "a closing tag without an end");
}

const char *xmlcheck(crdt_bytes xml)
{
    const char *text = xml.len > 0 ? (const char *)xml.data : "";
    checker c = {.p = text, .end = text + xml.len};
    while (c.p < c.end) {
        if (accept(&c, "</"))
            close_tag(&c);
        else if (accept(&c, "<"))
            open_tag(&c);
        else if (*c.p == '>')
            fail(&c, "a > that is not escaped");
        else
            character(&c);
    }
    if (c.depth > 0)
        fail(&c, "an element that is not closed");
    free(c.open);
    return c.wrong;
}
