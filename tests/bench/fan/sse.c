/* Server-sent events, as weft and nchan send them: both end each with an empty line, and neither
 * uses chunks. */
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "runtime.h"
#include "transport.h"

static void ask_weft(crowd *c, reader *r)
{
    char line[128], fields[256];
    bool first = r->position[0] == '\0';
    snprintf(line, sizeof(line), "GET /docs/%s/events%s", book_name(&c->book, r->entry.document),
             first ? "?since=latest" : "");
    snprintf(fields, sizeof(fields), "Accept: text/event-stream\r\n%s%s%s\r\n",
             first ? "" : "Last-Event-ID: ", r->position, first ? "" : "\r\n");
    reader_request(c, r, line, fields);
}

static void ask_nchan(crowd *c, reader *r)
{
    char line[128], fields[256];
    bool first = r->position[0] == '\0';
    snprintf(line, sizeof(line), "GET /sub/%s", book_name(&c->book, r->entry.document));
    snprintf(fields, sizeof(fields), "Accept: text/event-stream\r\n%s%s%s\r\n",
             first ? "" : "Last-Event-ID: ", r->position, first ? "" : "\r\n");
    reader_request(c, r, line, fields);
}

/* True, and the rest of the line, if it is that field of an event. */
static bool field(const char **line, size_t *len, const char *name)
{
    size_t name_len = strlen(name);
    if (*len < name_len || memcmp(*line, name, name_len) != 0)
        return false;
    *line += name_len;
    *len -= name_len;
    return true;
}

static void keep_position(reader *r, const char *id, size_t len)
{
    if (len >= sizeof(r->position))
        load_fail("an id is too long");
    memcpy(r->position, id, len);
    r->position[len] = '\0';
}

/* One event, its lines ended each. */
static void take_event(crowd *c, reader *r, const char *at, const char *end)
{
    bool update = true, sync = false;
    while (at < end) {
        const char *line = at, *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)(line_end - at);
        at = line_end + 1;
        if (field(&line, &len, "event: ")) {
            sync = len == 4 && memcmp(line, "sync", 4) == 0;
            update = sync || (len == 6 && memcmp(line, "update", 6) == 0);
        } else if (field(&line, &len, "id: ")) {
            keep_position(r, line, len);
        } else if (field(&line, &len, "data: ") && update) {
            reader_hear(c, r, line, len);
        }
    }
    if (sync)
        reader_is_live(c, r);
}

static size_t take(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    if (!r->upgraded) {
        http_head head;
        if (!http_read_head(data, len, &head))
            return 0;
        if (head.status != 200)
            http_refuse(&head, "no event stream");
        r->upgraded = true;
        /* nchan says nothing that tells when one is up to date. */
        if (r->how == &sse_nchan)
            reader_is_live(c, r);
        return head.len;
    }
    const uint8_t *end = memmem(data + r->searched, len - r->searched, "\n\n", 2);
    r->searched = end == NULL ? len - 1 : 0;
    if (end == NULL)
        return 0;
    take_event(c, r, (const char *)data, (const char *)end + 1);
    return (size_t)(end - data) + 2;
}

const transport sse_weft = {
    .name = "sse", .form = BOOK_BASE64, .way = WRITE_POST, .ask = ask_weft, .take = take};
const transport sse_nchan = {
    .name = "nchan-sse", .form = BOOK_BASE64, .way = WRITE_NCHAN, .ask = ask_nchan, .take = take};
