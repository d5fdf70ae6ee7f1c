#include "types/xml.h"

#include "base/utf16.h"

/* ---- characters ---- */

/* One character of valid (W)UTF-8. */
typedef struct character {
    uint32_t code;
    size_t len;
} character;

static character character_at(crdt_bytes text, size_t at)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *p = text.data + at;
    size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    uint32_t code = *p & lead_bits[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3f);
    return (character){code, len};
}

static bool is_between(uint32_t code, uint32_t low, uint32_t high)
{
    return code >= low && code <= high;
}

/* XML 1.0, production [2]. Unpaired halves are seen to where text is written. */
static bool is_char(uint32_t code)
{
    return code >= 0x20 ? code != 0xfffe && code != 0xffff
                        : code == '\t' || code == '\n' || code == '\r';
}

/* Productions [4] and [4a]. */
static bool begins_name(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {'A', 'Z'},       {'_', '_'},       {'a', 'z'},       {0xc0, 0xd6},     {0xd8, 0xf6},
        {0xf8, 0x2ff},    {0x370, 0x37d},   {0x37f, 0x1fff},  {0x200c, 0x200d}, {0x2070, 0x218f},
        {0x2c00, 0x2fef}, {0x3001, 0xd7ff}, {0xf900, 0xfdcf}, {0xfdf0, 0xfffd}, {0x10000, 0xeffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (is_between(code, ranges[i][0], ranges[i][1]))
            return true;
    return false;
}

static bool continues_name(uint32_t code)
{
    return begins_name(code) || is_between(code, '0', '9') || code == '-' || code == '.' ||
           code == 0xb7 || is_between(code, 0x300, 0x36f) || is_between(code, 0x203f, 0x2040);
}

/* ---- text ---- */

/* What a character is written as; NULL: as it is. Line ends and tabs would be read as other white
 * space, were they not escaped. */
static const char *escape_of(uint32_t code, crdt__xml_place place)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    case '"':
        return place == CRDT__XML_ATTRIBUTE ? "&quot;" : NULL;
    case '\n':
        return place == CRDT__XML_ATTRIBUTE ? "&#10;" : NULL;
    case '\t':
        return place == CRDT__XML_ATTRIBUTE ? "&#9;" : NULL;
    default:
        return is_char(code) ? NULL : "\xef\xbf\xbd";
    }
}

void crdt__xml_text(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes text)
{
    size_t start = 0;
    size_t at = 0;
    while (style == CRDT_XML_WELL_FORMED && at < text.len) {
        character c = character_at(text, at);
        const char *escape = escape_of(c.code, place);
        if (escape) {
            crdt__out_text(out, (crdt_bytes){text.data + start, at - start});
            crdt__out_text(out, crdt_bytes_of(escape));
            start = at + c.len;
        }
        at += c.len;
    }
    if (start < text.len)
        crdt__out_text(out, (crdt_bytes){text.data + start, text.len - start});
}

/* ---- names ---- */

/* The character of a name at `*at`, as it is written; steps behind it. An empty name is `_`. */
static uint32_t name_code(crdt_bytes name, size_t *at)
{
    if (name.len == 0)
        return '_';
    character c = character_at(name, *at);
    bool fits = *at == 0 ? begins_name(c.code) : continues_name(c.code);
    *at += c.len;
    return fits ? c.code : '_';
}

void crdt__xml_name(crdt__out *out, crdt_xml_style style, crdt_bytes name)
{
    if (style == CRDT_XML_YJS) {
        crdt__out_text(out, name);
        return;
    }
    size_t at = 0;
    do {
        size_t from = at;
        bool replaced = name.len == 0 || name_code(name, &at) != character_at(name, from).code;
        crdt__out_text(out,
                       replaced ? crdt_bytes_of("_") : (crdt_bytes){name.data + from, at - from});
    } while (at < name.len);
}

int crdt__xml_name_compare(crdt_xml_style style, crdt_bytes a, crdt_bytes b)
{
    if (style == CRDT_XML_YJS)
        return crdt__utf16_compare(a, b);
    size_t at_a = 0;
    size_t at_b = 0;
    do {
        uint32_t code_a = name_code(a, &at_a);
        uint32_t code_b = name_code(b, &at_b);
        if (code_a != code_b)
            return code_a < code_b ? -1 : 1;
    } while (at_a < a.len && at_b < b.len);
    return (at_a < a.len) - (at_b < b.len);
}
