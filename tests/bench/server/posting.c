#include "posting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "runtime.h"

#define REQUEST_LEN_MAX 512

/* What is typed at a time: with the ids around it, an update of about 30 bytes. */
static const char words[] = "the quick fox";
#define WORDS_LEN (sizeof(words) - 1)

void writer_open(writer *w, uint16_t port, unsigned index, unsigned document)
{
    *w = (writer){.fd = connection_open(port, index), .document = document};
    w->typing = typing_start(index);
}

/* Writes one request, and returns its length. */
static size_t put_request(writer *w, char out[REQUEST_LEN_MAX])
{
    uint8_t update[WORDS_LEN + TYPING_OVERHEAD_MAX];
    size_t update_len = typing_next(&w->typing, words, WORDS_LEN, update);
    int head_len = snprintf(out, REQUEST_LEN_MAX - sizeof(update),
                            "POST /docs/bench-%u/updates HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n",
                            w->document, update_len);
    memcpy(out + head_len, update, update_len);
    return (size_t)head_len + update_len;
}

void writer_post(writer *w, unsigned count)
{
    char requests[WRITER_IN_FLIGHT_MAX * REQUEST_LEN_MAX];
    size_t len = 0;
    uint64_t now_ns = load_now_ns();
    for (unsigned i = 0; i < count; i++) {
        len += put_request(w, requests + len);
        w->sent_ns[(w->first + w->in_flight++) % WRITER_IN_FLIGHT_MAX] = now_ns;
    }
    connection_send(w->fd, requests, len);
}

void writer_read(writer *w)
{
    ssize_t got = recv(w->fd, w->in + w->in_len, sizeof(w->in) - 1 - w->in_len, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("the server closed a connection");
    w->in_len += (size_t)got;
}

/* Bytes of the first answer once its head is there, else 0. */
static size_t answer_len(writer *w)
{
    w->in[w->in_len] = '\0';
    const char *end = strstr(w->in, "\r\n\r\n");
    if (end == NULL)
        return 0;
    const char *length = strcasestr(w->in, "\r\ncontent-length:");
    if (strncmp(w->in, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end) {
        fprintf(stderr, "%s\n", w->in);
        load_fail("not the answer of an accepted write");
    }
    return (size_t)(end + 4 - w->in) + strtoul(length + 17, NULL, 10);
}

uint64_t writer_take(writer *w)
{
    size_t len = answer_len(w);
    if (len == 0 || w->in_len < len)
        return 0;
    const char *id = strstr(w->in, "\"id\":\"");
    if (id == NULL || sscanf(id, "\"id\":\"%31[0-9a-f.]", w->id) != 1)
        load_fail("no id in the answer of a write");
    w->seq = strtoull(w->id, NULL, 10);
    w->in_len -= len;
    memmove(w->in, w->in + len, w->in_len);
    uint64_t sent_ns = w->sent_ns[w->first];
    w->first = (w->first + 1) % WRITER_IN_FLIGHT_MAX;
    w->in_flight--;
    w->answered++;
    return sent_ns;
}
