#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

const char http_browser_fields[] =
    "Connection: keep-alive\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\", \"Google Chrome\";v=\"140\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://localhost/documents/minutes\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n";

/* Where the value of a field begins, NULL if it is not there. */
static const char *find_field(const http_head *head, const char *name)
{
    size_t name_len = strlen(name);
    const char *line = head->at, *end = head->at + head->len;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        line++;
        if ((size_t)(end - line) > name_len && strncasecmp(line, name, name_len) == 0 &&
            line[name_len] == ':')
            return line + name_len + 1 + strspn(line + name_len + 1, " ");
    }
    return NULL;
}

bool http_read_head(const uint8_t *data, size_t len, http_head *head)
{
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    *head = (http_head){.at = (const char *)data, .len = (size_t)(end - data) + 4};
    if (sscanf(head->at, "HTTP/1.%*c %u", &head->status) != 1)
        load_fail("not an answer of HTTP/1.1");
    const char *body_len = find_field(head, "Content-Length");
    head->body_len = body_len != NULL ? strtoull(body_len, NULL, 10) : 0;
    return true;
}

void http_field(const http_head *head, const char *name, char *out, size_t out_len)
{
    const char *value = find_field(head, name);
    size_t len = value != NULL ? strcspn(value, "\r") : 0;
    if (len >= out_len)
        load_fail("a field is too long");
    memcpy(out, value != NULL ? value : "", len);
    out[len] = '\0';
}

void http_refuse(const http_head *head, const char *what)
{
    fprintf(stderr, "%.*s", (int)head->len, head->at);
    load_fail(what);
}
