/* Long and short polls, of weft and of nchan. */
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "transport.h"

/* Seconds that a long poll may wait; what weft-client asks for. */
#define WAIT_S 25

static void ask(crowd *c, reader *r, const char *more)
{
    char line[256];
    snprintf(line, sizeof(line), "GET /docs/%s/updates?since=%s%s",
             book_name(&c->book, r->entry.document), r->position[0] ? r->position : "latest", more);
    reader_request(c, r, line, "\r\n");
}

static void ask_short(crowd *c, reader *r)
{
    ask(c, r, "");
}

static void ask_long(crowd *c, reader *r)
{
    char wait[16];
    snprintf(wait, sizeof(wait), "&wait=%d", WAIT_S);
    /* The first one does not wait: it fetches the position. */
    ask(c, r, r->position[0] ? wait : "");
}

static void ask_nchan(crowd *c, reader *r)
{
    char line[128], fields[256] = "\r\n";
    snprintf(line, sizeof(line), "GET /sub/%s", book_name(&c->book, r->entry.document));
    if (r->position[0])
        snprintf(fields, sizeof(fields), "If-Modified-Since: %s\r\nIf-None-Match: %s\r\n\r\n",
                 r->position, r->tag);
    reader_request(c, r, line, fields);
    /* The first one waits too; that it was asked is all one knows. */
    reader_is_live(c, r);
}

static size_t take(crowd *c, reader *r, const uint8_t *data, size_t len)
{
    http_head head;
    if (!http_read_head(data, len, &head) || len - head.len < head.body_len)
        return 0;
    if (head.status != 200 && head.status != 204)
        http_refuse(&head, "not the answer to a poll");
    if (r->how == &poll_nchan) {
        http_field(&head, "Last-Modified", r->position, sizeof(r->position));
        http_field(&head, "Etag", r->tag, sizeof(r->tag));
    } else {
        http_field(&head, "Event-Id", r->position, sizeof(r->position));
        reader_is_live(c, r);
    }
    if (head.status == 200)
        reader_hear(c, r, data + head.len, head.body_len);
    else
        c->traffic.empty++;
    reader_ask_again(c, r);
    return head.len + head.body_len;
}

const transport poll_long = {
    .name = "long-poll", .form = BOOK_BYTES, .way = WRITE_POST, .ask = ask_long, .take = take};
const transport poll_short = {
    .name = "poll", .form = BOOK_BYTES, .way = WRITE_POST, .ask = ask_short, .take = take};
const transport poll_nchan = {.name = "nchan-long-poll",
                              .form = BOOK_BYTES,
                              .way = WRITE_NCHAN,
                              .ask = ask_nchan,
                              .take = take};
