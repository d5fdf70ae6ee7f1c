#include "http/head.h"

#include <strings.h>

size_t head_leading_lines(slice bytes)
{
    size_t len = 0;
    while (len + 1 < bytes.len && bytes.data[len] == '\r' && bytes.data[len + 1] == '\n')
        len += 2;
    return len;
}

size_t head_len(slice bytes, size_t from)
{
    size_t i = from > 3 ? from - 3 : 0;
    while (i < bytes.len) {
        const char *lf = memchr(bytes.data + i, '\n', bytes.len - i);
        if (lf == NULL)
            return 0;
        size_t at = (size_t)(lf - bytes.data);
        if (at >= 2 && memcmp(bytes.data + at - 2, "\n\r\n", 3) == 0)
            return at + 1;
        i = at + 1;
        if (at + 1 < bytes.len && bytes.data[at + 1] == '\n')
            return at + 2; /* two bare line feeds: ended, and refused by head_check */
    }
    return 0;
}

/* The line that begins at `from`, without its CRLF; false where a line does not end in CRLF. */
static bool next_line(slice head, size_t *from, slice *line)
{
    const char *lf = memchr(head.data + *from, '\n', head.len - *from);
    if (lf == NULL)
        return false;
    size_t end = (size_t)(lf - head.data);
    if (end == *from || head.data[end - 1] != '\r')
        return false;
    *line = (slice){head.data + *from, end - 1 - *from};
    *from = end + 1;
    return true;
}

static bool has_control(slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static const char *check_field(slice line, unsigned *hosts)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return "a header field is folded over two lines";
    if (colon == NULL || colon == line.data)
        return "a header line has no field name";
    size_t len = (size_t)(colon - line.data);
    if (colon[-1] == ' ' || colon[-1] == '\t')
        return "there is white space between a field name and its colon";
    *hosts += len == 4 && strncasecmp(line.data, "host", 4) == 0;
    return NULL;
}

const char *head_check(slice head)
{
    size_t at = 0;
    slice line;
    unsigned hosts = 0;
    if (!next_line(head, &at, &line) || has_control(line) || line.len == 0)
        return "the request line is not one line that ends in CR LF";
    bool http_1_0 = line.len >= 8 && memcmp(line.data + line.len - 8, "HTTP/1.0", 8) == 0;
    while (next_line(head, &at, &line) && line.len > 0) {
        if (has_control(line))
            return "there is a control character in a header line";
        const char *wrong = check_field(line, &hosts);
        if (wrong != NULL)
            return wrong;
    }
    if (at != head.len || line.len != 0)
        return "a header line does not end in CR LF";
    if (hosts > 1)
        return "there is more than one Host";
    if (hosts == 0 && !http_1_0)
        return "Host is missing";
    return NULL;
}
