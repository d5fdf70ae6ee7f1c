#include "ws/handshake.h"

#include <openssl/sha.h>
#include <strings.h>

#include "base/base64.h"
#include "base/must.h"

/* RFC 6455, section 1.3. */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/* 16 bytes as base64. */
#define KEY_LEN       24
#define KEY_BYTES     16
#define GUID_LEN      (sizeof(guid) - 1)
#define ANSWER_FIELDS 3

/* ---- values of headers ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next element off a list (RFC 9110, section 5.6.1), which may be empty. */
static slice take_element(slice *list)
{
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
    slice element = {list->data, len};
    size_t used = comma == NULL ? len : len + 1;
    *list = (slice){list->data + used, list->len - used};
    while (element.len > 0 && is_space(element.data[0]))
        element = (slice){element.data + 1, element.len - 1};
    while (element.len > 0 && is_space(element.data[element.len - 1]))
        element.len--;
    return element;
}

bool handshake_has_token(slice list, slice token)
{
    while (list.len > 0) {
        slice element = take_element(&list);
        if (element.len == token.len && strncasecmp(element.data, token.data, token.len) == 0)
            return true;
    }
    return false;
}

static bool is_token(slice text)
{
    static const char separators[] = "()<>@,;:\\\"/[]?={} \t";
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr(separators, text.data[i]) != NULL)
            return false;
    return text.len > 0;
}

bool handshake_accept_of(slice key, char out[HANDSHAKE_ACCEPT_LEN + 1])
{
    char nonce[KEY_LEN + 1];
    size_t nonce_len;
    if (key.len != KEY_LEN || !base64_decode(key, nonce, &nonce_len) || nonce_len != KEY_BYTES)
        return false;
    char text[KEY_LEN + GUID_LEN];
    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, guid, GUID_LEN);
    unsigned char digest[SHA_DIGEST_LENGTH];
    must(SHA1((const unsigned char *)text, sizeof(text), digest) != NULL);
    base64_encode((slice){(const char *)digest, sizeof(digest)}, out);
    return true;
}

/* ---- the request ---- */

static bool asks_for_socket(const http_exchange *ex)
{
    return handshake_has_token(http_header(ex, "connection"), SLICE_LITERAL("upgrade")) &&
           handshake_has_token(http_header(ex, "upgrade"), SLICE_LITERAL("websocket")) &&
           http_request_of(ex)->method == HTTP_GET;
}

static bool refuse(http_exchange *ex, int status, const char *code, const char *detail)
{
    const http_field fields[] = {
        {SLICE_LITERAL("Upgrade"), SLICE_LITERAL("websocket")},
        {SLICE_LITERAL("Sec-WebSocket-Version"), SLICE_LITERAL("13")},
    };
    http_respond_problem_with(ex, status, code, detail, fields, status == 426 ? 2 : 0);
    return false;
}

bool handshake_check(http_exchange *ex)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    if (!asks_for_socket(ex))
        return refuse(
            ex, 426, "upgrade_required",
            "this path is for WebSocket; open it as one, or follow the document's events");
    if (!http_may_upgrade(ex))
        return refuse(ex, 400, "bad_request",
                      "a WebSocket is opened with HTTP/1.1, and a request without a body");
    if (!slice_equal(http_header(ex, "sec-websocket-version"), SLICE_LITERAL("13")))
        return refuse(ex, 426, "upgrade_required", "the version of WebSocket spoken here is 13");
    if (!handshake_accept_of(http_header(ex, "sec-websocket-key"), accept))
        return refuse(ex, 400, "bad_request", "Sec-WebSocket-Key must be 16 bytes as base64");
    if (!http_origin_is_known(ex))
        return refuse(ex, 403, "forbidden_origin",
                      "pages of this origin may not open sockets here; serve with --cors ORIGIN");
    return true;
}

stream *handshake_answer(http_exchange *ex, slice *behind)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    must(handshake_accept_of(http_header(ex, "sec-websocket-key"), accept));
    slice offered = http_header(ex, "sec-websocket-protocol");
    slice chosen = offered.len == 0 ? offered : take_element(&offered);
    const http_field fields[ANSWER_FIELDS] = {
        {SLICE_LITERAL("Upgrade"), SLICE_LITERAL("websocket")},
        {SLICE_LITERAL("Sec-WebSocket-Accept"), {accept, HANDSHAKE_ACCEPT_LEN}},
        {SLICE_LITERAL("Sec-WebSocket-Protocol"), chosen},
    };
    return http_upgrade(ex, fields, is_token(chosen) ? ANSWER_FIELDS : ANSWER_FIELDS - 1, behind);
}
